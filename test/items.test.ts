import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../src/media/fault.ts';
import type { Item } from '../src/media/item.ts';
import { Dialler } from '../src/media/net.ts';
import { openItem } from '../src/media/open-item.ts';
import { Child, run } from './lab/child.ts';
import { media } from './lab/ffmpeg.ts';
import { serveFiles } from './lab/file-server.ts';
import { audioIn, byteStreamOf, ctsOf, flvOf, type Kept, playAll, videoIn } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

/** What ffprobe says of a packet, in ms from the file's first. */
interface Told {
  readonly track: string;
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly key: boolean;
}

const SECONDS = 6;
const QUIET = ['-hide_banner', '-loglevel', 'error', '-y'];
const place = new Place();
let source = '';
let web = '';

beforeAll(async () => {
  source = await media({ seconds: SECONDS, gop: 50 });
  const make = (...args: readonly string[]) => run('ffmpeg', [...QUIET, '-i', source, ...args]);
  const copy = ['-c', 'copy'];
  const hls = [...copy, '-f', 'hls', '-hls_time', '2', '-hls_list_size', '0'];
  writeFileSync(place.path('key'), Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'));
  writeFileSync(place.path('key.info'), `key\n${place.path('key')}\n`);
  for (const name of ['ts', 'fmp4', 'aes', 'ranges', 'split']) mkdirSync(place.path(name));
  await make(...copy, place.path('plain.ts'));
  await make(...copy, place.path('plain.mkv'));
  await make(...copy, '-flvflags', 'add_keyframe_index', place.path('plain.flv'));
  await make(...copy, '-movflags', 'faststart', place.path('plain.mp4'));
  await make(...hls, place.path('ts/list.m3u8'));
  await make(...hls, '-hls_segment_type', 'fmp4', place.path('fmp4/list.m3u8'));
  await make(...hls, '-hls_key_info_file', place.path('key.info'), place.path('aes/list.m3u8'));
  writeFileSync(place.path('aes/key'), readFileSync(place.path('key')));
  await make(...hls, '-hls_flags', 'single_file', place.path('ranges/list.m3u8'));
  await make(
    ...['-map', '0:v', '-map', '0:a', ...hls, '-hls_segment_type', 'fmp4', '-master_pl_name', 'master.m3u8'],
    ...['-var_stream_map', 'v:0,agroup:sound a:0,agroup:sound', place.path('split/s%v.m3u8')],
  );
  web = await serveFiles(place, place.dir);
}, 120_000);

afterAll(() => place[Symbol.asyncDispose]());

async function open(url: string, startMs = 0): Promise<Item> {
  const dialler = new Dialler({ preset: 'lab' });
  const signal = AbortSignal.timeout(20_000);
  return place.own(await openItem(url, { dialler, mediaDir: place.dir, startMs, signal }), item => item.close());
}

function probe(file: string): Told[] {
  const entries = ['-show_entries', 'packet=codec_type,pts_time,dts_time,flags', '-of', 'json'];
  const { packets } = JSON.parse(
    execFileSync('ffprobe', ['-v', 'error', '-show_packets', ...entries, file]).toString(),
  ) as { packets: { codec_type: string; pts_time: string; dts_time: string; flags: string }[] };
  const baseMs = Math.min(...packets.map(({ dts_time }) => Number(dts_time) * 1000));
  return packets.map(({ codec_type, pts_time, dts_time, flags }) => ({
    track: codec_type,
    dtsMs: Number(dts_time) * 1000 - baseMs,
    ptsMs: Number(pts_time) * 1000 - baseMs,
    key: flags.startsWith('K'),
  }));
}

/** How many packets are not where and what the probe says, of the newest that were given. */
function mismatches(kept: readonly Kept[], told: readonly Told[]): number {
  const video = told.filter(({ track }) => track === 'video').slice(-videoIn(kept).length);
  const audio = told.filter(({ track }) => track === 'audio').slice(-audioIn(kept).length);
  const near = (a: number, b = Number.NaN): boolean => Math.abs(a - b) <= 1.01;
  const badVideo = videoIn(kept).filter((packet, i) => {
    const one = video[i];
    const sameTimes = near(packet.dtsMs, one?.dtsMs) && near(packet.dtsMs + ctsOf(packet), one?.ptsMs);
    return !sameTimes || (packet.kind === 'key') !== one?.key;
  });
  return badVideo.length + audioIn(kept).filter(({ dtsMs }, i) => !near(dtsMs, audio[i]?.dtsMs)).length;
}

/** Hashes of the decoded pictures; fails where the decoder finds anything wrong. */
async function decoded(file: string, format: readonly string[] = []): Promise<string[]> {
  const child = new Child('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-xerror', ...format, '-i', file, '-map', '0:v'],
    ...['-fps_mode', 'passthrough', '-f', 'framemd5', '-'],
  ]);
  const hashes: string[] = [];
  child.onLine(line => {
    if (!line.startsWith('#')) hashes.push(line.split(',').at(-1)?.trim() ?? '');
  });
  expect(await child.exited, child.output.slice(-500)).toBe(0);
  await child.drained;
  return hashes;
}

async function decodedFrom(kept: readonly Kept[]): Promise<string[]> {
  const file = place.path('given.flv');
  writeFileSync(file, flvOf(kept));
  const sound = await run('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-map', '0:a', '-f', 'null', '-']);
  expect(sound).toBe('');
  return decoded(file);
}

const CONTAINERS = {
  'a transport stream': 'plain.ts',
  'FLV with a list of key frames': 'plain.flv',
  MP4: 'plain.mp4',
  'HLS of transport streams': 'ts/list.m3u8',
  'HLS of fragmented MP4': 'fmp4/list.m3u8',
  'HLS encrypted by AES-128': 'aes/list.m3u8',
  'HLS of byte ranges': 'ranges/list.m3u8',
  'HLS with its sound apart': 'split/master.m3u8',
  Matroska: 'plain.mkv',
} as const;

describe.each(Object.entries(CONTAINERS))('%s', (_, name) => {
  it('is given over HTTP as ffprobe reads the media, and decodes to the same pictures', async () => {
    const kept = await playAll(await open(`${web}/${name}`));
    expect(videoIn(kept)).toHaveLength(SECONDS * 25);
    expect(mismatches(kept, probe(source))).toBe(0);
    expect(await decodedFrom(kept)).toEqual(await decoded(source));
  });

  it('started in the middle of a file of this machine begins at the key frame before', async () => {
    const item = await open(`media://${name}`, 4_700);
    const kept = await playAll(item);
    expect(Math.abs(item.startMs - 4_000)).toBeLessThanOrEqual(80);
    expect(videoIn(kept)).toHaveLength(50);
    expect(videoIn(kept)[0]?.kind).toBe('key');
    expect(await decodedFrom(kept)).toEqual((await decoded(source)).slice(100));
  });
});

describe('a file', () => {
  it('of H.265 decodes to the same pictures', async () => {
    const file = place.path('hevc.ts');
    const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25:bframes=2'];
    await run('ffmpeg', [...QUIET, '-i', source, '-t', '2', ...x265, '-c:a', 'copy', file]);
    const kept = await playAll(await open('media://hevc.ts'));
    expect(mismatches(kept, probe(file))).toBe(0);
    writeFileSync(place.path('given.hevc'), byteStreamOf(kept));
    expect(await decoded(place.path('given.hevc'), ['-f', 'hevc'])).toEqual(await decoded(file));
  });

  it.each([
    ['MP3', 'libmp3lame', 2 << 4],
    ['Opus', 'libopus', 9 << 4],
  ])('with sound in %s has it at the times that ffprobe tells', async (_, codec, first) => {
    const file = place.path(`${codec}.ts`);
    await run('ffmpeg', [...QUIET, '-i', source, '-t', '3', '-c:v', 'copy', '-c:a', codec, file]);
    const kept = await playAll(await open(`media://${codec}.ts`));
    expect(mismatches(kept, probe(file))).toBe(0);
    expect(audioIn(kept).every(({ body }) => (body.readUInt8(0) & 0xf0) === first)).toBe(true);
  });

  it.each(['plain.ts', 'plain.flv', 'plain.mkv'])('of a server without ranges is played: %s', async name => {
    const server = createServer((request, response) => {
      createReadStream(join(place.dir, request.url ?? '')).pipe(response);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    place.own(server, it => it.closeAllConnections() ?? it.close());
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    for (const startMs of [0, 2_500]) {
      const kept = await playAll(await open(`http://127.0.0.1:${address.port}/${name}`, startMs));
      expect(videoIn(kept)).toHaveLength(startMs === 0 ? 150 : 100);
    }
  });

  it.each([
    ['is empty', Buffer.alloc(0)],
    ['is noise', Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 7919) % 251))],
    ['is a page', Buffer.from('<!doctype html><html><body>Not found</body></html>'.repeat(50))],
    ['names other files', Buffer.from(`ffconcat version 1.0\nfile '/etc/passwd'\n`)],
    ['begins like Matroska', Buffer.concat([Buffer.from('1a45dfa3', 'hex'), Buffer.alloc(5000, 0x42)])],
    ['begins like FLV', Buffer.concat([Buffer.from('464c56010500000009', 'hex'), Buffer.alloc(5000, 0x42)])],
    ['begins like a transport stream', Buffer.alloc(188 * 400, 0x47)],
    ['begins like a playlist', Buffer.from('#EXTM3U\n#EXTINF:4\n'.repeat(100))],
  ])('that %s is refused at once', async (what, bytes) => {
    const name = `${what.replaceAll(' ', '-')}.ts`;
    writeFileSync(place.path(name), bytes);
    const startMs = performance.now();
    const fault = await open(`media://${name}`).then(
      item => playAll(item),
      (error: unknown) => error,
    );
    expect(fault).toBeInstanceOf(Fault);
    expect(fault).toMatchObject({ side: 'pull' });
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});

describe('ffmpeg as a reader', () => {
  const children = (pid: number): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  const readers = (pid: number): number[] =>
    children(pid).filter(child => readFileSync(`/proc/${child}/cmdline`, 'latin1').startsWith('ffmpeg\0'));

  it('is gone when its item is closed', async () => {
    const before = readers(process.pid);
    const item = await open(`${web}/plain.mkv`);
    const [pid] = readers(process.pid).filter(child => !before.includes(child));
    item.close();
    item.close();
    await until('the child is gone', () => pid === undefined || !existsSync(`/proc/${pid}`));
  });

  it.each(['http', 'media'])('is gone when the process that plays from %s is killed', async scheme => {
    // Long enough that the child still has much to give.
    const file = place.path('long.mkv');
    if (!existsSync(file)) await run('ffmpeg', [...QUIET, '-stream_loop', '40', '-i', source, '-c', 'copy', file]);
    const url = scheme === 'http' ? `${web}/long.mkv` : 'media://long.mkv';
    const script = `
      const { openItem } = await import(${JSON.stringify(new URL('../src/media/open-item.ts', import.meta.url).href)});
      const { Dialler } = await import(${JSON.stringify(new URL('../src/media/net.ts', import.meta.url).href)});
      const signal = AbortSignal.timeout(20_000);
      const dialler = new Dialler({ preset: 'lab' });
      await openItem(${JSON.stringify(url)}, { dialler, mediaDir: ${JSON.stringify(place.dir)}, startMs: 0, signal });
      console.log('open');
      setInterval(() => {}, 1000);`;
    const player = place.own(new Child(process.execPath, ['--input-type=module', '-e', script]), it =>
      it.stop('SIGKILL'),
    );
    await until('the item is open', () => player.output.includes('open'));
    const [pid] = readers(player.pid);
    if (pid === undefined) throw new Error('there is no child');
    player.process.kill('SIGKILL');
    await until('the child is gone', () => !existsSync(`/proc/${pid}`), { timeoutMs: 5_000 });
  });
});
