import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { basename, dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FlvDemuxer } from '../src/media/flv/demux.ts';
import { Batch, isVideo } from '../src/media/packet.ts';
import { type RawAnswer, sendRaw } from './lab/api.ts';
import { run } from './lab/child.ts';
import { CountedSource } from './lab/counted-source.ts';
import { readCount } from './lab/counted-stream.ts';
import { frames, media, videoOf } from './lab/ffmpeg.ts';
import { Millrace } from './lab/millrace.ts';
import { Oracle } from './lab/oracle.ts';
import { type Kept, keep } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// What a task on air shows: its rates and series, its picture live and still, and the node that carries it.

const FPS = 25;
const FRAME_MS = 1_000 / FPS;
const TIMEOUT = { timeout: 60_000 };

let place: Place;
let millrace: Millrace;
let source: CountedSource;
let oracle: Oracle;
let token: string;
let taskId: string;
/** With B-frames, as files have them. */
let film: string;

const headers = (): { readonly authorization: string } => ({ authorization: `Bearer ${token}` });
const ask = (url: string, more: object = {}): Promise<RawAnswer> =>
  sendRaw(millrace.api, { method: 'GET', url, headers: headers(), ...more });

async function makeTask(more: object = {}): Promise<string> {
  const wish = {
    source: { kind: 'live', url: source.url() },
    destination: { kind: 'url', url: oracle.url('out') },
    ...more,
  };
  const { status, body } = await ask('/api/v1/tasks', {
    ...{ method: 'POST', body: JSON.stringify(wish) },
    headers: { ...headers(), 'content-type': 'application/json' },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.id;
}

/** A packet with the time at which it was seen, by the camera. */
type Seen = Kept & { readonly cameraMs: number; readonly number: number };

/** Somebody who looks, and reads as long as he is told to. */
class Viewer {
  readonly seen: Seen[] = [];
  readonly response: IncomingMessage;
  #bytes: Buffer[] = [];
  #isOver = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    const demuxer = new FlvDemuxer();
    const batch = new Batch();
    response.on('data', (bytes: Buffer) => {
      this.#bytes.push(bytes);
      batch.clear();
      demuxer.push(bytes, batch);
      for (const packet of batch.packets.slice(0, batch.count)) {
        const kept = keep(packet);
        this.seen.push({ ...kept, cameraMs: source.headMs, number: readCount(kept.body)?.number ?? -1 });
      }
    });
    response.on('close', () => {
      this.#isOver = true;
    });
    response.on('error', () => {});
  }

  /** Rejects with the status of a refusal. */
  static async open(id: string): Promise<Viewer> {
    const url = `${millrace.api}/api/v1/tasks/${id}/live.flv`;
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      get(url, { headers: headers(), agent: false }, resolve).on('error', reject),
    );
    if (response.statusCode === 200) return place.own(new Viewer(response), it => it.close());
    response.destroy();
    throw new Error(String(response.statusCode));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#bytes);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get pictures(): readonly Seen[] {
    return this.seen.filter(({ kind }) => isVideo(kind));
  }

  sees(pictures: number): Promise<unknown> {
    return until(`${pictures} pictures are seen`, () => this.pictures.length >= pictures);
  }

  close(): void {
    this.response.destroy();
  }
}

/** How many pictures a decoder makes of what was seen, which it must not complain of. */
async function decode(viewer: Viewer): Promise<number> {
  const file = place.path(`${randomUUID()}.flv`);
  writeFileSync(file, viewer.bytes);
  // Whatever is wrong is said at this level, and ends it.
  await run('ffmpeg', ['-v', 'error', '-xerror', '-err_detect', 'explode', '-i', file, '-f', 'null', '-']);
  return videoOf(await frames(file, 'decode')).length;
}

const onAir = (id: string): Promise<unknown> =>
  until('the task is on air', async () => {
    const { body } = await ask(`/api/v1/tasks/${id}`);
    return body.status.word === 'running' && body.on_air?.out.fps > 0;
  });

beforeAll(async () => {
  place = new Place();
  film = await media({ seconds: 30 });
  millrace = await Millrace.start(place, {
    flags: [
      '--workers',
      '1',
      '--rtmp',
      'off',
      '--network',
      'lab',
      '--media',
      dirname(film),
      '--native-calls-per-second',
      '0',
    ],
  });
  token = JSON.parse(await millrace.command('key', 'create', '--api', '--json')).apiKey;
  source = await CountedSource.start(place, { shape: { fps: FPS, gop: 25, videoKbit: 1_500 } });
  oracle = await Oracle.start(place);
  taskId = await makeTask();
  await onAir(taskId);
}, 60_000);
afterAll(() => place[Symbol.asyncDispose]());

describe('the figures of a task on air', () => {
  it('are its rates of the last second, in and out', TIMEOUT, async () => {
    const rates = await until('the rates are even', async () => {
      const { on_air: now } = (await ask(`/api/v1/tasks/${taskId}`)).body;
      return Math.abs(now.in.fps - FPS) <= 2 && Math.abs(now.out.fps - FPS) <= 2 ? now : undefined;
    });
    expect(rates.in.kbit).toBeGreaterThan(1_200);
    expect(rates.out.kbit).toBeLessThan(2_400);
    expect(rates).toMatchObject({ on_slate: false, item: null, push_epoch: 1 });
  });

  it('are kept by the second, in columns that are named', TIMEOUT, async () => {
    const columnOf = (signal: RawAnswer['body'], name: string): number[] =>
      signal.rows.map((row: number[] | null) => row?.[signal.columns.indexOf(name)] ?? 0);
    const signal = await until('there are some rows', async () => {
      const { status, body } = await ask(`/api/v1/tasks/${taskId}/signal?span=15m`);
      expect(status).toBe(200);
      return columnOf(body, 'in_fps').filter(fps => Math.abs(fps - FPS) <= 3).length >= 5 ? body : undefined;
    });
    expect(signal.step_s).toBe(1);
    expect(Date.parse(signal.from)).toBeGreaterThan(Date.now() - 120_000);
    expect(Math.max(...columnOf(signal, 'out_kbit'))).toBeGreaterThan(1_200);
    expect(Math.max(...columnOf(signal, 'key_frame_s'))).toBeGreaterThanOrEqual(0.9);
  });

  it('are asked for in words that there are', TIMEOUT, async () => {
    const { status, body } = await ask(`/api/v1/tasks/${taskId}/signal?span=1h&to=2`);
    expect(status).toBe(400);
    expect(body.errors.map(({ field }: { field: string }) => field).toSorted()).toEqual(['span', 'to']);
  });
});

describe('the live picture', () => {
  it(
    'begins with a key frame, misses none, is less than two seconds behind, and decodes without an error',
    TIMEOUT,
    async () => {
      const viewer = await Viewer.open(taskId);
      await viewer.sees(8 * FPS);
      viewer.close();
      const { pictures } = viewer;
      expect(pictures[0]?.kind).toBe('key');
      expect(pictures.map(({ number }) => number)).toEqual(pictures.map((_, i) => (pictures[0]?.number ?? 0) + i));
      const behind = pictures.slice(FPS).map(({ number, cameraMs }) => cameraMs - number * FRAME_MS);
      behind.sort((a, b) => a - b);
      const at = (share: number): number => Math.round(behind[Math.floor((behind.length - 1) * share)] ?? Number.NaN);
      console.log(`live picture: ${at(0.5)} ms behind the camera, p95 ${at(0.95)} ms, at most ${at(1)} ms`);
      expect(at(1)).toBeLessThan(2_000);
      expect(await decode(viewer)).toBeGreaterThanOrEqual(8 * FPS - 1);
    },
  );

  it('is there at once for who comes while another looks', TIMEOUT, async () => {
    const first = await Viewer.open(taskId);
    await first.sees(FPS);
    const second = await Viewer.open(taskId);
    await second.sees(1);
    const [picture] = second.pictures;
    expect(picture?.kind).toBe('key');
    expect((picture?.cameraMs ?? 0) - (picture?.number ?? 0) * FRAME_MS).toBeLessThan(1_000 + 700);
    first.close();
    second.close();
  });

  it('ends with the run', TIMEOUT, async () => {
    const id = await makeTask({ destination: { kind: 'url', url: oracle.url('other') } });
    await onAir(id);
    const viewer = await Viewer.open(id);
    await viewer.sees(5);
    await ask(`/api/v1/tasks/${id}/stop`, { method: 'POST' });
    await until('the viewer is told', () => viewer.isOver);
    await expect(Viewer.open(id)).rejects.toThrow('409');
  });

  it('of a list is that of the file on air, of which the task tells how far it has come', TIMEOUT, async () => {
    const url = `media://${basename(film)}`;
    const list = { kind: 'list', items: [{ url, in_s: 2 }, { url }], rounds: 2 };
    const id = await makeTask({ source: list, destination: { kind: 'url', url: oracle.url('list') } });
    await onAir(id);
    const viewer = await Viewer.open(id);
    await viewer.sees(4 * FPS);
    viewer.close();
    expect(viewer.pictures[0]?.kind).toBe('key');
    expect(await decode(viewer)).toBeGreaterThanOrEqual(4 * FPS - 3);
    const { on_air: now } = (await ask(`/api/v1/tasks/${id}?reveal=true`)).body;
    expect(now).toMatchObject({ source: null, item: { index: 0, round: 0, rounds: 2, url }, next: { index: 1, url } });
    expect(now.item.duration_s).toBeCloseTo(28, 0);
    expect(now.item.position_s).toBeGreaterThan(3);
    expect(now.item.position_s).toBeLessThan(28);
    await ask(`/api/v1/tasks/${id}`, { method: 'DELETE' });
  });

  it('is for four at a time, and again for the next when one leaves', TIMEOUT, async () => {
    const viewers = await Promise.all([1, 2, 3, 4].map(() => Viewer.open(taskId)));
    await expect(Viewer.open(taskId)).rejects.toThrow('429');
    viewers[0]?.close();
    const next = await until('there is room', () => Viewer.open(taskId).catch(() => undefined));
    for (const viewer of [...viewers, next]) viewer.close();
  });

  it.each([
    ['live.flv', '00000000-0000-4000-8000-000000000000', 404],
    ['still', '00000000-0000-4000-8000-000000000000', 404],
    ['signal', '00000000-0000-4000-8000-000000000000', 404],
  ])('is not to be had: %s of %s', TIMEOUT, async (what, id, wanted) => {
    expect((await ask(`/api/v1/tasks/${id}/${what}`)).status).toBe(wanted);
  });

  it.each(['live.flv', 'still', 'signal'])('shows nothing to nobody: %s', TIMEOUT, async what => {
    expect((await ask(`/api/v1/tasks/${taskId}/${what}`, { headers: {} })).status).toBe(401);
  });
});

describe('a still', () => {
  it('is one picture, of the last ten seconds', TIMEOUT, async () => {
    const response = await fetch(`${millrace.api}/api/v1/tasks/${taskId}/still`, { headers: headers() });
    expect([response.status, response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual([
      200,
      'video/x-flv',
      'no-store',
    ]);
    const bytes = Buffer.from(await response.arrayBuffer());
    const batch = new Batch();
    new FlvDemuxer().push(bytes, batch);
    const [header, picture] = batch.packets.slice(0, batch.count).map(keep);
    expect([batch.count, header?.kind, picture?.kind]).toEqual([2, 'videoHeader', 'key']);
    const number = readCount(picture?.body ?? Buffer.alloc(0))?.number ?? 0;
    expect(source.headMs - number * FRAME_MS).toBeLessThan(10_000);
    const file = place.path('still.flv');
    writeFileSync(file, bytes);
    expect(videoOf(await frames(file, 'decode'))).toHaveLength(1);
  });

  it('of a task that is not on air is refused', TIMEOUT, async () => {
    const id = await makeTask({ start_at: new Date(Date.now() + 3_600_000).toISOString() });
    const { status, body } = await ask(`/api/v1/tasks/${id}/still`);
    expect([status, body.code]).toEqual([409, 'WRONG_STATUS']);
  });
});

describe('a run that is looked at', () => {
  it('sends its destination every picture once, whoever comes, goes or does not read', TIMEOUT, async () => {
    const seen = oracle.stream('out').video;
    const from = seen.length;
    const deaf = await Viewer.open(taskId);
    deaf.response.pause();
    for (let i = 0; i < 12; i++) {
      const viewer = await until('there is room', () => Viewer.open(taskId).catch(() => undefined));
      await viewer.sees(10);
      viewer.close();
    }
    await until('some time has passed', () => seen.length >= from + 10 * FPS);
    const numbers = seen.numbers.slice(from);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
    expect(oracle.stream('out').pushes).toHaveLength(1);
    deaf.close();
  });
});

describe('the nodes', () => {
  it('are one, with its processes, what they cost and what it carries', TIMEOUT, async () => {
    const node = await until('the worker has told twice', async () => {
      const { status, body } = await ask('/api/v1/nodes');
      expect([status, body.nodes.length]).toEqual([200, 1]);
      return body.nodes[0].workers[0].cpu === null ? undefined : body.nodes[0];
    });
    expect(node).toMatchObject({ state: 'ready', region: 'default', tasks: { running: 1, recovering: 0 } });
    expect(node.workers).toMatchObject([{ slot: 0, state: 'up', runs: 1 }]);
    expect(node.workers[0].rss_mb).toBeGreaterThan(20);
    expect(node.control).toMatchObject({ pid: millrace.pid });
    expect(node.kbit_in).toBeGreaterThan(1_000);
  });

  it('go on telling of a worker that was adopted, and so do the series and the picture', TIMEOUT, async () => {
    await millrace.replace();
    // Where the code has changed meanwhile, the run moves to another worker.
    await until('the picture is back', async () => {
      const viewer = await Viewer.open(taskId);
      await until('a second is seen', () => viewer.pictures.length >= FPS || viewer.isOver);
      viewer.close();
      return viewer.pictures.length >= FPS;
    });
    const { body } = await until('there is a row', async () => {
      const answer = await ask(`/api/v1/tasks/${taskId}/signal`);
      return answer.body.rows.length > 0 ? answer : undefined;
    });
    expect(Date.parse(body.from)).toBeGreaterThan(Date.now() - 60_000);
  });
});
