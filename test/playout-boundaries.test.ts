import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isVideo } from '../src/media/packet.ts';
import { Child, run } from './lab/child.ts';
import { keepAll } from './lab/collector.ts';
import { serveFiles } from './lab/file-server.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { audioIn, byteStreamOf, flvOf, type Kept, videoIn } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];
const AAC = ['-c:a', 'aac', '-b:a', '64k'];
const SOUND = ['-ar', '48000', '-ac', '2'];
const HEVC = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:bframes=0:keyint=25'];

/** One encoding each: size and rate of the picture, and what ffmpeg is told. */
const ENCODINGS: Readonly<Record<string, { size?: string; rate?: number; args: readonly string[] }>> = {
  plain: { args: [...H264, ...AAC, ...SOUND] },
  larger: { size: '640x360', args: [...H264, ...AAC, ...SOUND] },
  faster: { rate: 50, args: [...H264, ...AAC, ...SOUND] },
  'high profile': {
    args: ['-c:v', 'libx264', '-profile:v', 'high', '-g', '25', '-bf', '0', '-pix_fmt', 'yuv420p', ...AAC, ...SOUND],
  },
  'B-frames': { args: [...H264, '-bf', '3', '-b_strategy', '0', ...AAC, ...SOUND] },
  '44.1 kHz': { args: [...H264, ...AAC, '-ar', '44100', '-ac', '2'] },
  mono: { args: [...H264, ...AAC, '-ar', '48000', '-ac', '1'] },
  silent: { args: [...H264, '-an'] },
  'H.265': { args: [...HEVC, ...AAC, ...SOUND] },
};
const NAMES = Object.keys(ENCODINGS);

/** Every encoding behind and in front of the first, then each behind its neighbour: 24 pairs. */
function order(): string[] {
  const [first = '', ...others] = NAMES;
  return [first, ...others.flatMap(other => [other, first]), ...others, first];
}

const fileOf = (name: string): string => `${name.replaceAll(/[^a-z0-9]/gi, '-')}.mp4`;

async function makeFiles(place: Place): Promise<void> {
  for (const [name, { size = '320x180', rate = 25, args }] of Object.entries(ENCODINGS)) {
    const sources = [
      '-f',
      'lavfi',
      '-i',
      `testsrc2=size=${size}:rate=${rate}`,
      '-f',
      'lavfi',
      '-i',
      'sine=frequency=440',
    ];
    await run('ffmpeg', ['-v', 'error', ...sources, '-t', '1.2', ...args, '-y', place.path(fileOf(name))]);
  }
}

/** Pieces of one video codec configuration each. */
function pieces(kept: readonly Kept[]): Kept[][] {
  const found: Kept[][] = [];
  for (const packet of kept) {
    if (packet.kind === 'videoHeader') found.push([]);
    found.at(-1)?.push(packet);
  }
  return found;
}

const isHevc = ({ body }: Kept): boolean => (body.readUInt8(0) & 0x80) !== 0;

async function decodeErrors(file: string): Promise<string> {
  const child = new Child('ffmpeg', ['-v', 'error', '-nostdin', '-i', file, '-f', 'null', '-']);
  await child.drained;
  return child.output;
}

const rises = (times: readonly number[]): boolean => times.every((ms, i) => i === 0 || ms > (times[i - 1] ?? 0));

it('goes over 24 boundaries between unlike files in one push, each decodable behind it', async () => {
  await using place = new Place();
  await makeFiles(place);
  const base = await serveFiles(place, place.dir);
  const nginx = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  const list = order();
  const { kept, ended } = await keepAll(place, nginx.url('out'));
  const answer = await millrace.huawei.call({
    method: 'POST',
    body: {
      source_type: 'PullVodPushLive',
      source_urls: list.map(name => `${base}/${fileOf(name)}`),
      destination_url: nginx.url('out'),
      vod_loop_time: '1',
    },
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  const taskId: string = answer.body.task_id;
  await until('it runs', async () => (await millrace.huawei.status(taskId)) === 'running');
  const pusher = await nginx.publisherOf('out');
  let last = pusher;
  await until(
    'all is played',
    async () => {
      if ((await millrace.huawei.status(taskId)) !== 'running') return true;
      last = (await nginx.publisherOf('out')) || last;
      expect(last).toBe(pusher);
      return false;
    },
    { timeoutMs: 90_000, everyMs: 200 },
  );
  await Promise.race([ended, pass(2_000)]);

  expect(rises(videoIn(kept).map(it => it.dtsMs))).toBe(true);
  expect(rises(audioIn(kept).map(it => it.dtsMs))).toBe(true);
  const all = pieces(kept);
  for (const [i, piece] of all.entries()) {
    const [header] = piece;
    const first = piece.find(it => isVideo(it.kind));
    expect(first?.kind, `piece ${i} begins with a key frame`).toBe('key');
    const hevc = header !== undefined && isHevc(header);
    const file = place.path(hevc ? `piece${i}.h265` : `piece${i}.flv`);
    writeFileSync(
      file,
      hevc ? byteStreamOf(piece) : flvOf(piece.filter(it => isVideo(it.kind) || it.kind === 'videoHeader')),
    );
    expect(await decodeErrors(file), `piece ${i} of ${list.join(', ')}`).toBe('');
  }
  const sound = place.path('sound.flv');
  writeFileSync(sound, flvOf(kept.filter(it => it.kind === 'audio' || it.kind === 'audioHeader')));
  expect(await decodeErrors(sound)).toBe('');
  const frames = videoIn(kept).length;
  const wanted = list.reduce((sum, name) => sum + Math.round((ENCODINGS[name]?.rate ?? 25) * 1.2), 0);
  expect(frames).toBe(wanted);
  console.log(`${list.length - 1} boundaries, ${all.length} codec headers, ${frames} of ${wanted} pictures, one push`);
});
