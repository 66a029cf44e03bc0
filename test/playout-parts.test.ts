import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Cursor, firstCursor, type Playlist, resumeCursor } from '../src/task/playlist.ts';
import { type Child, type FromWorker, listenChannel, type RunOrder, type ToWorker } from '../src/worker/channel.ts';
import { workerProcess } from '../src/worker/spawn.ts';
import { run } from './lab/child.ts';
import { keepAll } from './lab/collector.ts';
import { type Films, FRAME_MS, GOP, makeFilms } from './lab/films.ts';
import { Nginx } from './lab/nginx.ts';
import { flvOf, type Kept, videoIn } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const AVC_HEAD_BYTES = 5;
/** At a joint the picture waits for the sound, which ends as much later as the pictures are reordered. */
const MOST_STEP_MS = 4 * FRAME_MS;

/** Between key frames, twice; up to a picture between two others; the rest of a file, from the middle on. */
const partsOf = ([first = '', second = '', third = '']: readonly string[]): Playlist => ({
  items: [
    { url: first, inMs: 1_000, outMs: 3_000, repeats: 2 },
    { url: second, outMs: 1_500 },
    { url: third, inMs: 4_500 },
  ],
  rounds: 2,
  startIndex: 0,
  startSeconds: 2,
  refresh: 'breakpoint',
});

/** A worker as control has it, with what it tells. */
class Control {
  readonly heard: FromWorker[] = [];
  #tell: (message: ToWorker) => void = () => {};
  #worker: Child | undefined;
  readonly #dir: string;

  private constructor(place: Place) {
    this.#dir = place.path('control');
    mkdirSync(this.#dir, { recursive: true });
  }

  static async start(place: Place): Promise<Control> {
    const control = new Control(place);
    const channel = await listenChannel(`${control.#dir}/control.sock`, peer => {
      control.#tell = message => peer.send(message);
      return { message: message => control.heard.push(message), closed: () => {} };
    });
    place.own(channel, it => it.close());
    place.own(control, it => it.kill());
    await control.fork();
    return control;
  }

  async fork(): Promise<void> {
    const hellos = this.#hellos;
    const socket = `${this.#dir}/control.sock`;
    this.#worker = workerProcess({ channel: socket, slot: 0, logFolder: this.#dir, network: 'lab' });
    await until('a worker is there', () => this.#hellos > hellos);
  }

  order(order: RunOrder): void {
    this.#tell({ t: 'start', order });
  }

  async kill(): Promise<void> {
    this.#worker?.kill('SIGKILL');
    await this.#worker?.exited;
  }

  get #hellos(): number {
    return this.heard.filter(({ t }) => t === 'hello').length;
  }

  get news(): string[] {
    return this.heard.flatMap(message => {
      if (message.t !== 'news') return [];
      const { type, item } = message.news;
      return item === undefined ? [type] : [`${type} ${item.round}.${item.index} ${item.durationMs}`];
    });
  }

  /** The newest place that a crash would go on from. */
  get place(): (Cursor & { readonly version: number; readonly url: string }) | undefined {
    const places = this.heard.flatMap(message => (message.t === 'places' ? message.places : []));
    return places.at(-1)?.breakpoint;
  }
}

const orderOf = (list: Playlist, destination: string, more: { epoch: number; from: Cursor }): RunOrder => ({
  taskId: 'parts',
  epoch: more.epoch,
  source: { kind: 'list', version: 1, list, from: more.from },
  destination,
});

const range = (file: number, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${file}:${from + i}`);
/** In the order of decoding. B-frames of the second file in front of its out point want a frame behind it. */
const ROUND = [...range(0, GOP, 3 * GOP), ...range(0, GOP, 3 * GOP), ...range(1, 0, 38), ...range(2, 4 * GOP, 6 * GOP)];
const WHOLE = [...ROUND.slice(GOP), ...ROUND];

const spotsOf = (films: Films, kept: readonly Kept[]): string[] =>
  videoIn(kept).map(({ body }) => {
    const spot = films.find(createHash('md5').update(body.subarray(AVC_HEAD_BYTES)).digest('hex'));
    return spot === undefined ? '?' : `${spot.file}:${spot.frame}`;
  });

const newsOf = (round: number): string[] =>
  ['0 2000', '0 2000', '1 1500', '2 1537'].flatMap(told => [
    `itemStarted ${round}.${told}`,
    `itemFinished ${round}.${told}`,
  ]);

it('plays parts of files as often as the list says, in one push, and tells each', async () => {
  await using place = new Place();
  const films = await makeFilms(place, 3);
  const nginx = await Nginx.start(place);
  const control = await Control.start(place);
  const { kept } = await keepAll(place, nginx.url('parts'));
  const list = partsOf(films.urls);
  control.order(orderOf(list, nginx.url('parts'), { epoch: 1, from: firstCursor(list) }));
  await until('all is played', () => control.news.includes('finished'), { timeoutMs: 60_000 });
  await until('all has come', () => spotsOf(films, kept).length >= WHOLE.length);
  expect(spotsOf(films, kept)).toEqual(WHOLE);
  const steps = videoIn(kept).flatMap(({ dtsMs }, i, all) => (i === 0 ? [] : [dtsMs - (all[i - 1]?.dtsMs ?? 0)]));
  expect(Math.min(...steps)).toBeGreaterThan(0);
  expect(Math.max(...steps)).toBeLessThanOrEqual(MOST_STEP_MS);
  const file = place.path('seen.flv');
  writeFileSync(file, flvOf(kept));
  expect(await run('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-f', 'null', '-'])).toBe('');
  expect(control.news).toEqual(['flowing', ...newsOf(0), ...newsOf(1), 'finished']);
});

it('goes on in the same repeat when its worker is killed in it', async () => {
  await using place = new Place();
  const films = await makeFilms(place, 3);
  const nginx = await Nginx.start(place);
  const control = await Control.start(place);
  const list = partsOf(films.urls);
  const before = await keepAll(place, nginx.url('killed'));
  control.order(orderOf(list, nginx.url('killed'), { epoch: 1, from: firstCursor(list) }));
  await until('it is in the second repeat', () => control.place?.repeat === 1);
  await control.kill();
  const { place: left } = control;
  if (left === undefined) throw new Error('no place was told');
  expect(left).toMatchObject({ round: 0, index: 0, repeat: 1 });
  await until('the push is gone', async () => (await nginx.streams()).get('killed')?.publisher === '');
  const seen = spotsOf(films, before.kept);
  expect(seen).toEqual(WHOLE.slice(0, seen.length));
  const after = await keepAll(place, nginx.url('again'));
  await control.fork();
  control.order(orderOf(list, nginx.url('again'), { epoch: 2, from: resumeCursor(left) }));
  await until('all is played', () => control.news.includes('finished'), { timeoutMs: 60_000 });
  const rest = WHOLE.length - seen.length;
  await until('all has come', () => spotsOf(films, after.kept).length >= rest);
  const resumed = spotsOf(films, after.kept);
  expect(resumed).toEqual(WHOLE.slice(-resumed.length));
  expect(resumed.length - rest).toBeLessThanOrEqual(GOP);
  const told = newsOf(0).slice(1);
  expect(control.news.filter(words => words.includes(' 0.'))).toEqual(['itemStarted 0.0 2000', ...told]);
});
