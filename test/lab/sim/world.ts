import type { Event } from '../../../src/task/event.ts';
import type { FromWorker, RunReport } from '../../../src/worker/channel.ts';
import { type BeatListener, Worker } from '../../../src/worker/worker.ts';
import { Beats } from './beats.ts';
import { Chance } from './chance.ts';
import { Computer, type SimProcess } from './computer.ts';
import { ControlNode } from './control-node.ts';
import { Field, type Visitor } from './field.ts';
import { Ledger } from './ledger.ts';
import { MemoryDisk } from './memory-store.ts';
import { SAID } from './past.ts';
import { Receivers } from './receivers.ts';
import { Road } from './road.ts';
import { assetUrlOf, DOMAIN } from './storm.ts';
import { Life, ProcessClock, Timeline } from './timeline.ts';
import { Umpire } from './umpire.ts';
import { Weather } from './weather.ts';
import { keyOf } from './whose.ts';

/** A law of the house that did not hold, with when. */
export interface Breach {
  readonly law: string;
  readonly atMs: number;
}

const WORKERS = 2;
const ORPHAN_MS = 30_000;
/** In a calm a worker tells how it is, and looks whether a list needs its standby, as on a computer that is slow. */
const LATE_MS: ReadonlyMap<number, number> = new Map([
  [1_000, 27_000],
  [500, 10_000],
]);
/** Kept for whoever asks with SIM_TRACE how a law came to be broken. */
const MOST_TRACED = Number(process.env.SIM_TRACE ?? 0);
const SPRING = Date.UTC(2027, 2, 1);

/**
 * A node of ours with everything around it, on one clock and one seed: the rooms that decide, two workers with their
 * runs, a disk, a road between them, and the world that they pull from, push to and tell.
 */
export class World {
  readonly chance: Chance;
  readonly timeline = new Timeline(SPRING);
  readonly weather: Weather;
  readonly disk: MemoryDisk;
  readonly ledger: Ledger;
  readonly umpire: Umpire;
  readonly field: Field;
  readonly receivers: Receivers;
  readonly computer: Computer;
  readonly road: Road;
  /** What is not a process of ours goes on for ever. */
  readonly nature = new Life('nature');
  breach: Breach | undefined;
  readonly traced: string[] = [];
  /** Of everything that was traced: the same seed gives the same. */
  hash = 0;
  node: ControlNode | undefined;
  nodes = 0;
  /** The media assets there should be. */
  readonly assets = new Set<string>();
  readonly #beats = new Map<Life, Beats>();
  #ids = 0;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.weather = new Weather(this.chance.fork());
    const { timeline, weather } = this;
    const broken = (law: string): void => this.broken(law);
    this.ledger = new Ledger({
      broken,
      trace: line => this.trace(line),
      receiptOf: id => this.receivers.receiptOf(id),
    });
    this.disk = new MemoryDisk(this.ledger);
    this.umpire = new Umpire({ timeline, broken, disk: this.disk, trace: line => this.trace(line) });
    this.field = new Field({
      ...{ timeline, weather, broken },
      chance: this.chance.fork(),
      umpire: this.umpire,
    });
    this.receivers = new Receivers({
      ...{ weather, broken },
      chance: this.chance.fork(),
      firstUntried: taskId => this.disk.firstUntried(taskId),
    });
    this.road = new Road({
      ...{ timeline, weather },
      chance: this.chance.fork(),
      marked: message => {
        this.#notePlaces(message);
        return marked(message);
      },
      ordered: message => {
        if (message.t === 'start') this.umpire.ordered(message.order);
        if (message.t !== 'exit') this.trace(`${message.t} ${JSON.stringify(message).slice(0, 200)}`);
      },
    });
    this.computer = new Computer({
      ...{ timeline, weather },
      chance: this.chance.fork(),
      road: this.road,
      begin: process => this.#beginWorker(process),
    });
  }

  /** The first breach counts, and ends the simulation. */
  broken(law: string): void {
    this.trace(`BROKEN ${law}`);
    this.breach ??= { law, atMs: this.timeline.elapsed() };
  }

  trace(line: string): void {
    for (let at = 0; at < line.length; at++) this.hash = (Math.imul(this.hash, 31) + line.charCodeAt(at)) | 0;
    this.traced.push(`${(this.timeline.elapsed() / 1000).toFixed(3)} ${line}`);
    if (this.traced.length > MOST_TRACED) this.traced.shift();
  }

  /** Lets so much time pass, or less where a law breaks. */
  async pass(ms: number): Promise<void> {
    await this.timeline.run(this.timeline.elapsed() + ms, () => this.breach !== undefined);
  }

  /** A control process, and another behind it whenever one ends, as a service supervisor sees to it. */
  startNode(): void {
    const { timeline, weather, computer, receivers, disk, chance } = this;
    const node = new ControlNode(++this.nodes, {
      ...{ timeline, weather, computer, receivers, disk, chance },
      workers: WORKERS,
      newId: () => `id${String(++this.#ids).padStart(9, '0')}`,
      told: event => this.#noteEvent(event),
      log: (message, facts) => this.#log(message, facts),
    });
    this.trace(`${node.life.name} starts`);
    this.ledger.startOver(disk.tasks.values());
    this.node = node;
    node.life.onEnd(() => {
      this.trace(`${node.life.name} ends`);
      const pauseMs = weather.rough && chance.happens(0.05) ? chance.whole(20_000, 60_000) : chance.whole(300, 4_000);
      timeline.after(pauseMs, this.nature, () => this.startNode());
    });
    void node.start();
  }

  #noteEvent(event: Event): void {
    if (event.reason.startsWith(SAID)) this.broken(`event ${event.seq} of ${event.taskId} is told of an older run`);
    this.ledger.told(event);
  }

  /** Nothing unsettled is left; or it is over with that. */
  setCalm(calm: boolean): void {
    this.weather.calm = calm;
    if (!calm) for (const beats of this.#beats.values()) beats.wake();
  }

  /** The operator has put everything back where it belongs. */
  healDisk(): void {
    this.disk.domains.set(DOMAIN.name, DOMAIN);
    for (const id of this.assets) this.addAsset(id);
  }

  addAsset(id: string): void {
    const { disk, timeline, assets } = this;
    const { accountId } = DOMAIN;
    assets.add(id);
    disk.assets.set(`${accountId}/${id}`, {
      id,
      accountId,
      url: assetUrlOf(id, 60),
      createdAt: timeline.now(),
      probe: null,
    });
    disk.assetsRevision++;
  }

  #beginWorker(process: SimProcess): Worker {
    const { timeline, weather, field, road, chance } = this;
    const { life } = process;
    const clock = new ProcessClock(
      timeline,
      life,
      ms => weather.lateMs() + (weather.calm ? (LATE_MS.get(ms) ?? 0) : 0),
    );
    let isLeaving = false;
    let beats: Beats | undefined;
    const beating = (on: BeatListener): Beats => {
      beats = new Beats({ timeline, life, on, hasSpare: key => field.hasSpare(key), isCalm: () => weather.calm });
      this.#beats.set(life, beats);
      return beats;
    };
    const here = (): Visitor => {
      if (beats === undefined) throw new TypeError('a worker pulls before it beats');
      return { life, clock, beats, isLeaving: () => isLeaving };
    };
    life.onEnd(() => this.#beats.delete(life));
    this.trace(`${life.name} starts`);
    life.onEnd(() => this.trace(`${life.name} ends ${JSON.stringify(process.end)}`));
    return new Worker({
      slot: process.slot,
      pid: process.pid,
      orphanMs: ORPHAN_MS,
      beating,
      openSource: (url, signal) => field.openSource(url, signal, here()),
      openItem: (item, startMs, signal) => field.openItem(item, startMs, { signal, visitor: here() }),
      openSink: (url, signal) => field.openSink(url, signal, here()),
      dial: listener => road.dial(life, listener),
      dialTap: () => Promise.reject(new Error('nobody looks')),
      now: timeline.elapsed,
      sleep: clock.sleep,
      every: clock.every,
      random: chance.fork().next,
      ends: () => {
        isLeaving = true;
      },
      over: () => void timeline.after(1_000, life, () => process.exit({ code: 0, signal: null })),
      log: (message, cause) => this.#log(message, { cause }),
    });
  }

  #notePlaces(message: FromWorker): void {
    if (message.t === 'hello') for (const report of message.runs) this.#notePlace(report);
    else if (message.t === 'reports') for (const report of message.reports) this.#notePlace(report);
    else if (message.t === 'places') for (const place of message.places) this.#notePlace(place);
    else if (message.t === 'ended') this.#notePlace(message);
  }

  /** A break point is never in front of what the destination has taken. */
  #notePlace({ taskId, epoch, breakpoint }: Pick<RunReport, 'taskId' | 'epoch' | 'breakpoint'>): void {
    if (breakpoint === undefined) return;
    this.ledger.place({ taskId, epoch, breakpoint });
    const { url, offsetMs } = breakpoint;
    const key = keyOf(url);
    if (key === '' || this.field.hasReached(key, url, offsetMs)) return;
    this.trace(`reached: ${this.field.reachedOf(key)}`);
    this.broken(`a run of ${taskId} is said to be at ${offsetMs} ms of ${url}, which nobody has taken yet`);
  }

  #log(message: string, facts: unknown): void {
    const cause = facts instanceof Object && 'cause' in facts ? facts.cause : undefined;
    this.trace(`log: ${message} ${cause instanceof Error ? `${cause.name}: ${cause.message}` : (cause ?? '')}`);
    // Our own mistakes only: the world's failures have names of their own.
    if (cause instanceof TypeError && cause.message !== 'a planted mistake') this.broken(cause.stack ?? cause.message);
  }
}

/** What a run says carries its epoch: see ledger.ts. */
function marked(message: FromWorker): FromWorker {
  if (message.t === 'news') return { ...message, news: withMark(message.news) };
  return message.t === 'hello' ? { ...message, runs: message.runs.map(withMark) } : message;
}

const withMark = <T extends { readonly reason: string; readonly epoch: number }>(told: T): T => ({
  ...told,
  reason: `${told.reason} #${told.epoch}`,
});
