import { beforeEach, describe, expect, it } from 'vitest';
import { Fence } from '../media/fence.ts';
import type { DialListener, FromWorker, RunOrder, ToWorker } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Worker } from './worker.ts';

const ORPHAN_MS = 30_000;
const order = (taskId: string, epoch = 1): RunOrder => ({
  taskId,
  epoch,
  source: { kind: 'live', url: `rtmp://source.example/live/${taskId}` },
  destination: `rtmp://destination.example/live/${taskId}`,
});

/** A worker of a node that is one of several, with a control process that says what the test says. */
class Leased {
  readonly clock = new HandClock();
  readonly heard: FromWorker[] = [];
  readonly sinks: HandSink[] = [];
  readonly paces: number[] = [];
  readonly cuts: number[] = [];
  endedFor = '';
  readonly fence: Fence;
  #listener: DialListener | undefined;
  readonly #ticks: { readonly ms: number; readonly act: () => void; nextMs: number }[] = [];

  constructor(isLeased = true) {
    const { clock } = this;
    const now = (): number => clock.nowMs;
    this.fence = new Fence({ sinceBoot: now, now, wall: now, isLeased });
    new Worker({
      slot: 0,
      pid: 1,
      orphanMs: ORPHAN_MS,
      fence: this.fence,
      paceDials: perSecond => this.paces.push(perSecond),
      cuts: runs => this.cuts.push(runs),
      beating: () => ({
        add: relay => void clock.relays.add(relay),
        remove: relay => void clock.relays.delete(relay),
        close: () => clock.relays.clear(),
      }),
      openSource: async url => new HandSource(url, clock),
      openItem: () => Promise.reject(new Error('no file is asked for')),
      openSink: async url => {
        const sink = new HandSink(url);
        this.sinks.push(sink);
        return sink;
      },
      dial: listener => {
        this.#listener = listener;
        return { send: message => void this.heard.push(message), close: () => {} };
      },
      dialTap: () => Promise.reject(new Error('nobody looks')),
      now,
      sleep: clock.sleep,
      every: (ms, act) => {
        this.#ticks.push({ ms, act, nextMs: clock.nowMs + ms });
        return () => this.#ticks.splice(0);
      },
      random: () => 0,
      ends: reason => {
        this.endedFor = reason;
      },
      over: () => {},
      log: () => {},
    });
  }

  connect(): void {
    this.#listener?.hello();
    this.#listener?.connected?.();
  }

  hangUp(): void {
    this.#listener?.closed?.();
  }

  tell(...messages: readonly ToWorker[]): void {
    for (const message of messages) this.#listener?.message(message);
  }

  /** For so long from now on. */
  lease(ms: number, dialsPerSecond?: number): void {
    const untilMs = this.clock.nowMs + ms;
    this.tell({ t: 'lease', untilMs, ...(dialsPerSecond === undefined ? {} : { dialsPerSecond }) });
  }

  async pass(ms: number): Promise<void> {
    for (const endMs = this.clock.nowMs + ms; this.clock.nowMs < endMs; ) {
      await this.clock.advance(50);
      for (const tick of this.#ticks) if (this.clock.nowMs >= tick.nextMs) this.#act(tick);
    }
  }

  #act(tick: { readonly ms: number; readonly act: () => void; nextMs: number }): void {
    tick.nextMs = this.clock.nowMs + tick.ms;
    tick.act();
  }

  get ends() {
    return this.heard.filter(message => message.t === 'ended');
  }

  get news(): readonly string[] {
    return this.heard.flatMap(message => (message.t === 'news' ? [message.news.type] : []));
  }

  get flowing(): number {
    return this.sinks.filter(sink => sink.flowing && sink.closedWithin === undefined).length;
  }
}

describe('a worker of a node that is one of several', () => {
  let worker: Leased;

  beforeEach(() => {
    worker = new Leased();
    worker.connect();
  });

  it('pushes nothing before it has been told until when it may', async () => {
    worker.tell({ t: 'start', order: order('a') });
    await worker.pass(1_000);
    expect([worker.sinks.length, worker.ends]).toEqual([0, [{ t: 'ended', taskId: 'a', epoch: 1, cut: true }]]);
  });

  it('makes nothing ready before that either', () => {
    worker.tell({ t: 'prepare', order: order('a') });
    expect(worker.heard.at(-1)).toEqual({ t: 'prepared', taskId: 'a', epoch: 1, isReady: false });
  });

  it('goes on for as long as its lease is renewed', async () => {
    worker.lease(2_000);
    worker.tell({ t: 'start', order: order('a') });
    for (let i = 0; i < 20; i++) {
      await worker.pass(1_000);
      worker.lease(2_000);
    }
    expect([worker.flowing, worker.sinks.length, worker.ends]).toEqual([1, 1, []]);
  });

  it('cuts every run at the deadline, and says so without a word of a loss', async () => {
    worker.lease(5_000);
    worker.tell({ t: 'start', order: order('a') }, { t: 'start', order: order('b', 7) });
    await worker.pass(4_900);
    expect(worker.flowing).toBe(2);
    await worker.pass(200);
    expect([worker.flowing, worker.cuts]).toEqual([0, [2]]);
    expect(worker.ends).toEqual([
      { t: 'ended', taskId: 'a', epoch: 1, cut: true },
      { t: 'ended', taskId: 'b', epoch: 7, cut: true },
    ]);
    expect(worker.news).toEqual(['flowing', 'flowing']);
  });

  it('tries nothing again behind the deadline', async () => {
    worker.lease(2_000);
    worker.tell({ t: 'start', order: order('a') });
    await worker.pass(60_000);
    expect([worker.sinks.length, worker.clock.relays.size]).toEqual([1, 0]);
  });

  it('lives on without a lease, and takes what is ordered under the next one', async () => {
    worker.lease(2_000);
    worker.tell({ t: 'start', order: order('a') });
    await worker.pass(4_000);
    worker.lease(5_000);
    worker.tell({ t: 'start', order: order('a', 2) });
    await worker.pass(2_000);
    expect([worker.flowing, worker.endedFor]).toEqual([1, '']);
  });

  it('begins the next run of a task only when the one that was cut has ended', async () => {
    worker.lease(2_000);
    worker.tell({ t: 'start', order: order('a') });
    await worker.pass(1_000);
    worker.tell({ t: 'lease', untilMs: 0 });
    worker.lease(5_000);
    worker.tell({ t: 'start', order: order('a', 2) });
    await worker.pass(2_000);
    expect([worker.flowing, worker.sinks.length]).toEqual([1, 2]);
    expect(worker.ends).toEqual([{ t: 'ended', taskId: 'a', epoch: 1, cut: true }]);
  });

  it('tells the end of what was to follow the run that was cut, too', async () => {
    worker.lease(2_000);
    worker.tell({ t: 'start', order: order('a') });
    await worker.pass(1_000);
    worker.tell({ t: 'start', order: order('a', 2) }, { t: 'lease', untilMs: 0 });
    await worker.pass(1_000);
    expect(worker.ends.map(({ epoch, cut }) => [epoch, cut])).toEqual([
      [1, true],
      [2, true],
    ]);
  });

  it('refuses an order that it reads before it has noticed that its time is over', async () => {
    worker.lease(2_000);
    worker.clock.nowMs += 8_000;
    worker.tell({ t: 'start', order: order('a') });
    await worker.pass(100);
    expect([worker.sinks.length, worker.ends]).toEqual([0, [{ t: 'ended', taskId: 'a', epoch: 1, cut: true }]]);
  });

  it('ends at the deadline when there is no control process', async () => {
    worker.lease(5_000);
    worker.tell({ t: 'start', order: order('a') });
    await worker.pass(1_000);
    worker.hangUp();
    await worker.pass(3_900);
    expect([worker.flowing, worker.endedFor]).toEqual([1, '']);
    await worker.pass(200);
    expect([worker.flowing, worker.endedFor]).toEqual([0, 'no control process, and the lease is over']);
  });

  it('ends when the control process goes that could have brought another lease', async () => {
    worker.lease(2_000);
    await worker.pass(3_000);
    worker.hangUp();
    await worker.pass(1_100);
    expect(worker.endedFor).toBe('no control process, and the lease is over');
  });

  it('has as much time to find its control process as any when it has just been started', async () => {
    const fresh = new Leased();
    await fresh.pass(ORPHAN_MS - 1_000);
    expect(fresh.endedFor).toBe('');
    await fresh.pass(2_000);
    expect(fresh.endedFor).toBe('no control process');
  });

  it('has another share of the dials when it is told so', () => {
    worker.lease(2_000, 9);
    worker.lease(2_000);
    worker.lease(2_000, 4.5);
    expect(worker.paces).toEqual([9, 4.5]);
  });

  it('needs no lease any more when it is told that its node is alone', async () => {
    worker.lease(2_000);
    worker.tell({ t: 'start', order: order('a') }, { t: 'lease', untilMs: null });
    await worker.pass(60_000);
    expect([worker.flowing, worker.ends]).toEqual([1, []]);
  });
});

it('a worker of a node that is alone needs no lease, and outlives its control process for a while', async () => {
  const worker = new Leased(false);
  worker.connect();
  worker.tell({ t: 'start', order: order('a') });
  await worker.pass(1_000);
  worker.hangUp();
  await worker.pass(ORPHAN_MS - 1_100);
  expect([worker.flowing, worker.endedFor]).toEqual([1, '']);
  await worker.pass(2_000);
  expect(worker.endedFor).toBe('no control process');
});
