import { beforeEach, describe, expect, it } from 'vitest';
import type { FromWorker, Peer, RunNews, RunOrder, RunReport, ToWorker } from '../worker/channel.ts';
import { Placements } from './placements.ts';
import { type Hello, Slot } from './slot.ts';

type ToBeHeard = Exclude<FromWorker, Hello>;

const order = (taskId: string, epoch = 1): RunOrder => ({
  taskId,
  epoch,
  source: { kind: 'live', url: 'rtmp://src.example/live/a' },
  destination: 'rtmp://dst.example/live/b',
});
const report = (taskId: string, epoch = 1): RunReport => ({
  ...{ taskId, epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
  ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
});
const news = (type: RunNews['type']): ToBeHeard => ({
  t: 'news',
  news: { taskId: 'a', epoch: 1, type, side: 'run', reason: '' },
});

/** A worker that is a list of what it was told. */
class Told {
  readonly slot: Slot;
  heard: ToWorker[] = [];
  #peer: Peer<ToWorker> | undefined;

  constructor(number: number, isWanted: boolean) {
    const child = { pid: number + 1, exited: new Promise<never>(() => {}), kill: () => {} };
    this.slot = new Slot({
      role: 'worker',
      number,
      spawn: isWanted ? () => child : undefined,
      now: () => 0,
      machine: { birthOf: () => 'born', kill: () => {} },
      died: () => {},
      changed: () => {},
    });
    this.slot.start();
  }

  /** Introduces itself with the runs. */
  dial(placements: Placements, runs: readonly RunReport[] = []): void {
    this.#peer = { send: message => this.heard.push(message), close: () => {} };
    const hello: Hello = { t: 'hello', role: 'worker', slot: this.slot.number, pid: this.slot.number + 1, runs };
    expect(this.slot.greet(hello, this.#peer)).toBe(true);
    placements.reconcile(this.slot, this.#peer, runs);
  }

  hangUp(): void {
    if (this.#peer !== undefined) this.slot.hungUp(this.#peer);
  }

  /** What it was told since it was asked last. */
  take(): ToWorker[] {
    return this.heard.splice(0);
  }
}

describe('a worker that is not wanted any more', () => {
  let old: Told;
  let fresh: Told;
  let placements: Placements;
  let losses: string[];
  const stop = (taskId: string, epoch = 1): ToWorker => ({ t: 'stop', taskId, epoch });
  const ended = (taskId: string, epoch = 1): ToBeHeard => ({ t: 'ended', taskId, epoch });

  beforeEach(async () => {
    losses = [];
    old = new Told(0, false);
    fresh = new Told(1, true);
    placements = new Placements({
      slots: () => [old.slot, fresh.slot],
      listener: {
        news: () => {},
        carried: () => {},
        reported: () => {},
        progress: () => {},
        reached: () => {},
        lost: (taskId, epoch, reason) => losses.push(`${taskId} ${epoch}: ${reason}`),
        adopt: reports => Promise.resolve(reports.map(({ taskId }) => taskId)),
      },
      log: () => {},
    });
    old.dial(placements, [report('a'), report('b')]);
    fresh.dial(placements);
    await placements.adopted();
  });

  it('gives up its runs one after the other, each claimed anew only when it has ended', () => {
    placements.drain();
    expect(old.take()).toEqual([stop('a')]);
    placements.drain();
    expect(old.take()).toEqual([stop('b')]);
    placements.drain();
    expect(old.take()).toEqual([]);
    expect(losses).toEqual([]);
    placements.hear(old.slot, ended('a'));
    expect(losses).toEqual(['a 1: moved to another worker']);
    placements.place(order('a', 2));
    expect(fresh.take()).toEqual([{ t: 'start', order: order('a', 2) }]);
  });

  it('has each live run made ready elsewhere, and gives it up only then', () => {
    placements.place(order('a'));
    old.take();
    placements.drain();
    expect(old.take()).toEqual([]);
    expect(fresh.take()).toEqual([{ t: 'prepare', order: order('a') }]);
    placements.hear(fresh.slot, { t: 'prepared', taskId: 'a', epoch: 1, isReady: true });
    expect(old.take()).toEqual([stop('a')]);
    placements.hear(old.slot, ended('a'));
    placements.place(order('a', 2));
    expect(fresh.take()).toEqual([{ t: 'start', order: order('a', 2) }]);
  });

  it('has one made ready after the other, and waits for none of them with the next', () => {
    for (const taskId of ['a', 'b']) placements.place(order(taskId));
    for (let i = 0; i < 3; i++) placements.drain();
    expect(fresh.take()).toEqual(['a', 'b'].map(taskId => ({ t: 'prepare', order: order(taskId) })));
  });

  it('gives up a run as well that could not be made ready', () => {
    placements.place(order('a'));
    placements.drain();
    old.take();
    placements.hear(fresh.slot, { t: 'prepared', taskId: 'a', epoch: 1, isReady: false });
    expect(old.take()).toEqual([stop('a')]);
  });

  it('has it made ready anew where the other worker was away meanwhile', () => {
    placements.place(order('a'));
    placements.drain();
    fresh.take();
    fresh.hangUp();
    fresh.dial(placements);
    placements.drain();
    expect(fresh.take()).toEqual([{ t: 'prepare', order: order('a') }]);
  });

  it('moves no run that was stopped while it was made ready, and lets nobody wait for it', () => {
    placements.place(order('a'));
    placements.drain();
    fresh.take();
    placements.stop('a', 1);
    expect(fresh.take()).toEqual([stop('a')]);
    old.take();
    placements.hear(fresh.slot, { t: 'prepared', taskId: 'a', epoch: 1, isReady: false });
    placements.hear(old.slot, ended('a'));
    expect(old.take()).toEqual([]);
    expect(losses).toEqual([]);
  });

  it('keeps a run for which another was made ready under an older claim', () => {
    placements.place(order('a'));
    placements.drain();
    placements.place(order('a', 2));
    old.take();
    placements.hear(fresh.slot, { t: 'prepared', taskId: 'a', epoch: 1, isReady: true });
    expect(old.take()).toEqual([]);
  });

  it('is told to end when it carries nothing any more, once', () => {
    for (const taskId of ['a', 'b']) {
      placements.drain();
      placements.hear(old.slot, ended(taskId));
    }
    old.take();
    for (let i = 0; i < 3; i++) placements.drain();
    expect(old.take()).toEqual([{ t: 'exit' }]);
  });

  it('keeps its runs while there is no other worker to take them', () => {
    fresh.hangUp();
    placements.drain();
    expect(old.take()).toEqual([]);
  });

  it('keeps its runs while it is being asked which of them are wanted', () => {
    fresh.hangUp();
    fresh.dial(placements, [report('c')]);
    placements.drain();
    expect(old.take()).toEqual([]);
  });

  it('is not given a change in the middle of a move, which the next claim brings with it', () => {
    placements.drain();
    old.take();
    placements.place({ ...order('a'), destination: 'rtmp://dst.example/live/other' });
    expect(old.take()).toEqual([]);
    placements.hear(old.slot, ended('a'));
    expect(losses).toHaveLength(1);
  });

  it('gives up no run that its user stops in the middle of the move', () => {
    placements.drain();
    placements.stop('a', 1);
    placements.hear(old.slot, ended('a'));
    expect(losses).toEqual([]);
    expect(placements.totals.runs).toBe(1);
  });

  it.each(['finished', 'gaveUp'] as const)('gives up no run that has %s by itself before it could be moved', type => {
    placements.drain();
    placements.hear(old.slot, news(type));
    placements.hear(old.slot, ended('a'));
    expect(losses).toEqual([]);
    expect(placements.totals.runs).toBe(1);
  });

  it('carries a newer claim of a run in the middle of its move, and is rid of it the next time', () => {
    placements.drain();
    placements.drain();
    old.take();
    placements.place(order('a', 2));
    placements.hear(old.slot, ended('a', 1));
    expect(old.take()).toEqual([{ t: 'start', order: order('a', 2) }]);
    placements.drain();
    expect(old.take()).toEqual([stop('a', 2)]);
    placements.hear(old.slot, ended('a', 2));
    expect(losses).toEqual(['a 2: moved to another worker']);
  });

  it('that was away in the middle of a move is told again what it carries still, and has given up what it does not', () => {
    placements.drain();
    placements.drain();
    old.take();
    old.hangUp();
    old.dial(placements, [report('b')]);
    expect(old.take()).toEqual([stop('b')]);
    expect(losses).toEqual(['a 1: moved to another worker']);
  });

  it('that dies in the middle of a move has lost the run once', () => {
    placements.drain();
    placements.bury(old.slot, 'gone');
    expect(losses).toEqual(['a 1: its worker was lost: gone', 'b 1: its worker was lost: gone']);
  });
});

describe('a node that loses its lease', () => {
  let worker: Told;
  let placements: Placements;
  let losses: string[];
  const cut = (taskId: string, epoch = 1): ToBeHeard => ({ t: 'ended', taskId, epoch, cut: true });

  beforeEach(async () => {
    losses = [];
    worker = new Told(0, true);
    placements = new Placements({
      slots: () => [worker.slot],
      listener: {
        ...{ news: () => {}, carried: () => {}, reported: () => {}, progress: () => {}, reached: () => {} },
        lost: (taskId, epoch, reason) => losses.push(`${taskId} ${epoch}: ${reason}`),
        adopt: async () => [],
      },
      log: () => {},
    });
    worker.dial(placements);
    for (const taskId of ['a', 'b']) placements.place(order(taskId));
    worker.take();
  });

  it('forgets what it has placed, and hears of no loss of it', () => {
    placements.cut();
    for (const taskId of ['a', 'b']) placements.hear(worker.slot, cut(taskId));
    placements.renewed();
    expect([losses, placements.totals.runs, worker.slot.runs.size]).toEqual([[], 0, 0]);
  });

  it('has heard of no loss either when a worker has noticed it first', () => {
    placements.hear(worker.slot, cut('a'));
    expect(losses).toEqual([]);
    placements.cut();
    expect(losses).toEqual([]);
  });

  it('places anew what it places under its next lease', () => {
    placements.cut();
    placements.place(order('a', 2));
    expect(worker.take()).toEqual([{ t: 'start', order: order('a', 2) }]);
  });

  it('forgets what waits for a worker, too', () => {
    worker.hangUp();
    placements.bury(worker.slot, 'gone');
    placements.place(order('c'));
    placements.cut();
    worker.dial(placements);
    expect(worker.take()).toEqual([]);
  });

  it('and finds that it has it still has lost what a worker that stood still has cut, once', () => {
    for (let i = 0; i < 2; i++) placements.hear(worker.slot, cut('a'));
    placements.renewed();
    placements.renewed();
    expect(losses).toEqual(['a 1: its worker had not heard in time that it may go on']);
    expect(placements.totals.runs).toBe(1);
  });
});
