import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figure } from './faults/figure.ts';
import { run } from './lab/child.ts';
import { frames, media, record, videoOf } from './lab/ffmpeg.ts';
import { serveFiles } from './lab/file-server.ts';
import { makeFiles } from './lab/four-files.ts';
import { Millrace } from './lab/millrace.ts';
import { type NativeAsk, nativeAsk } from './lab/native.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// A plan says what would become of a task: here the task is made, and what became of it is looked at at its destination.

const ROUNDS = 3;
const GOP_MS = 1_000;

let place: Place;
let base: string;
let nginx: Nginx;
let ask: NativeAsk;
let names: readonly string[];

beforeAll(async () => {
  place = new Place();
  ({ names } = await makeFiles(place.dir));
  base = await serveFiles(place, place.dir);
  nginx = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  const { apiKey } = JSON.parse(await millrace.command('key', 'create', '--api', '--json'));
  ask = nativeAsk(millrace.api, apiKey);
});
afterAll(() => place[Symbol.asyncDispose]());

const filesOf = (...wanted: readonly string[]) => wanted.map(name => ({ url: `${base}/${name}` }));
const wish = (source: object, change: object = {}) => ({
  source: { kind: 'list', ...source },
  destination: { kind: 'url', url: nginx.url('planned') },
  ...change,
});

async function plan(body: object) {
  const answer = await ask('plan', { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
}

const codesOf = async (body: object): Promise<string[]> =>
  (await plan(body)).warnings.map(({ code }: { code: string }) => code);

describe('a plan', () => {
  it('tells when each file of each round begins, as the destination sees it then', async () => {
    const items = filesOf(...names);
    const body = wish(
      { items, rounds: ROUNDS, start_index: 1, start_s: 2 },
      { destination: { kind: 'url', url: nginx.url('out') } },
    );
    const planned = await plan(body);
    expect(planned.timeline).toHaveLength(ROUNDS * names.length - 1);
    const recording = place.path('out.flv');
    const recorder = record(place, nginx.url('out'), recording, { quietSeconds: 8 });
    await until('the recorder is there', async () => (await nginx.streams()).has('out'));
    const { body: task } = await ask('tasks', { body });
    const wordOf = async (): Promise<string> => (await ask(`tasks/${task.id}`)).body.status.word;
    await until('it is on air', async () => (await wordOf()) === 'running');
    await until('it is played', async () => (await wordOf()) === 'stopped', {
      timeoutMs: 90_000,
      everyMs: 250,
    });
    await recorder.exited;
    const pictures = videoOf(await frames(recording, 'copy')).map(({ pts }) => pts);
    const wrongMs = planned.timeline.map(({ starts_at: at }: { starts_at: string }, nth: number) => {
      const predictedMs = Date.parse(at) - Date.parse(planned.starts_at);
      return Math.abs(startOf(pictures, nth) - predictedMs);
    });
    figure('PLAN', 'start of a file against its plan, at most', Math.max(...wrongMs), { unit: 'ms', atMost: GOP_MS });
    const endMs = Date.parse(planned.ends_at) - Date.parse(planned.starts_at);
    expect(Math.abs((pictures.at(-1) ?? 0) - (pictures[0] ?? 0) + 40 - endMs)).toBeLessThanOrEqual(GOP_MS);
  });

  it('says nothing against what is well', async () => {
    expect(await codesOf(wish({ items: filesOf('faststart.mp4', 'plain.flv', 'hls/index.m3u8') }))).toEqual([]);
    expect(await codesOf(wish({ items: filesOf('plain.flv'), rounds: 'endless' }))).toEqual([]);
  });

  it('leaves nothing behind', async () => {
    const { body: before } = await ask('tasks');
    await plan(wish({ items: filesOf('plain.flv') }));
    const { body: after } = await ask('tasks');
    expect(after.total).toBe(before.total);
  });

  it('refuses what a task would be refused for', async () => {
    const answer = await ask('plan', { body: wish({ items: [] }) });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'source.items' }] } });
  });
});

/** The output time of the first picture of the nth file, the first of all being 0: each but the first has 100. */
function startOf(pictures: readonly number[], nth: number): number {
  const firstHas = pictures.length - (ROUNDS * 4 - 2) * 100;
  const at = nth === 0 ? 0 : firstHas + (nth - 1) * 100;
  return (pictures[at] ?? Number.NaN) - (pictures[0] ?? 0);
}

describe('a plan warns of', () => {
  const make = async (name: string, ...args: readonly string[]): Promise<string> => {
    await run('ffmpeg', ['-v', 'error', '-y', ...args, '-movflags', '+faststart', `${place.dir}/${name}`]);
    return name;
  };
  const of = (...items: readonly object[]) => wish({ items });
  const url = (name: string) => `${base}/${name}`;
  const plain = { url: '' };
  beforeAll(() => {
    plain.url = url('plain.flv');
  });

  it('an index at the end of its file', async () => {
    expect(await codesOf(of({ url: url('moov-last.mp4') }))).toEqual(['index_last']);
  });

  it('key frames that are far apart, and a start far from one', async () => {
    const film = await media({ seconds: 16, gop: 300 });
    await make('long-gop.mp4', '-i', film, '-c', 'copy');
    expect(await codesOf(of({ url: url('long-gop.mp4') }))).toEqual(['long_gop']);
    expect(await codesOf(of({ url: url('long-gop.mp4'), in_s: 9 }))).toEqual(['long_gop', 'no_key_frame_near_start']);
  });

  it('a start and an end behind the end of the file', async () => {
    expect(await codesOf(of({ ...plain, in_s: 4.5 }, plain))).toEqual(['start_behind_end']);
    expect(await codesOf(of({ ...plain, out_s: 60 }))).toEqual(['out_behind_end']);
  });

  it('another sample rate', async () => {
    await make(
      'slow-sound.mp4',
      '-i',
      await media({ seconds: 4, bframes: 0 }),
      '-c:v',
      'copy',
      '-c:a',
      'aac',
      '-ar',
      '44100',
    );
    expect(await codesOf(of(plain, { url: url('slow-sound.mp4') }))).toEqual(['sample_rate_changes']);
  });

  it('a file without sound, unless it is given silence, and one without a picture', async () => {
    const film = await media({ seconds: 4, bframes: 0 });
    await make('mute.mp4', '-i', film, '-c', 'copy', '-an');
    await make('blind.mp4', '-i', film, '-c', 'copy', '-vn');
    expect(await codesOf(of({ url: url('mute.mp4') }))).toEqual(['no_audio']);
    expect(await codesOf(wish({ items: [{ url: url('mute.mp4') }], silence: true }))).toEqual([]);
    expect(await codesOf(of({ url: url('blind.mp4') }))).toEqual(['no_video']);
  });

  it('a codec that plain RTMP does not carry, and a change of the codec', async () => {
    const film = await media({ seconds: 4, bframes: 0 });
    await make(
      'new.mp4',
      '-i',
      film,
      '-c:v',
      'libx265',
      '-x265-params',
      'keyint=25:log-level=none',
      '-tag:v',
      'hvc1',
      '-c:a',
      'copy',
    );
    expect(await codesOf(of({ url: url('new.mp4') }))).toEqual(['codec_not_for_destination']);
    expect(await codesOf(of(plain, { url: url('new.mp4') }))).toEqual(['codec_not_for_destination', 'codec_changes']);
  });

  it('a signature that ends too soon', async () => {
    const soon = Math.floor(Date.now() / 1_000) + 2;
    expect(await codesOf(of(plain, { url: `${plain.url}?Expires=${soon}` }))).toEqual(['url_expires']);
    expect(await codesOf(of(plain, { url: `${plain.url}?Expires=${soon + 3_600}` }))).toEqual([]);
  });

  it('a file that is not there, a server that refuses, and a stream that nobody sends', async () => {
    expect(await codesOf(of(plain, { url: url('none.mp4') }))).toEqual(['unreadable']);
    expect(await codesOf(of({ url: 'http://127.0.0.1:9/a.mp4' }))).toEqual(['unreadable', 'nothing_to_play']);
    const live = {
      source: { kind: 'live', url: nginx.url('nobody') },
      destination: { kind: 'url', url: nginx.url('x') },
    };
    expect(await codesOf(live)).toEqual(['unreadable']);
  });

  it('a server that is slower than the file is played', async () => {
    const slow = await serveSlowly(place, `${place.dir}/faststart.mp4`);
    expect(await codesOf(of({ url: slow }))).toEqual(['slower_than_real_time']);
  });

  it('a destination that is taken, and one that is the source', async () => {
    const body = wish({ items: [plain] }, { destination: { kind: 'url', url: nginx.url('taken?key=1') } });
    await ask('tasks', { body: { ...body, start_at: new Date(Date.now() + 3_600_000).toISOString() } });
    expect(await codesOf(body)).toEqual(['destination_in_use']);
    const circle = { kind: 'url', url: nginx.url('circle') };
    expect(await codesOf({ source: { ...circle, kind: 'live' }, destination: circle })).toContain(
      'destination_is_source',
    );
  });
});

const SLOW_BYTES = 6_000;

/** Two thirds of what playing needs: the file has 87 kB a second. */
async function serveSlowly(at: Place, file: string): Promise<string> {
  const server = createServer((request, response) => {
    const bytes = createReadStream(file, { highWaterMark: SLOW_BYTES });
    response.writeHead(200, { 'content-length': statSync(file).size });
    if (request.method === 'HEAD') response.end();
    const timer = setInterval(() => {
      const part = bytes.read(SLOW_BYTES) as Buffer | null;
      if (part !== null) response.write(part);
      if (bytes.readableEnded) response.end();
    }, 100);
    response.on('close', () => {
      clearInterval(timer);
      bytes.destroy();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  at.own(server, it => {
    it.closeAllConnections();
    return new Promise(resolve => it.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/slow.mp4`;
}
