import { beforeEach, describe, expect, it } from 'vitest';
import type { Conversation, Peer, RunOrder, RunReport, ToWorker } from '../worker/channel.ts';
import { Supervisor } from './supervisor.ts';

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

describe('the lease of a node', () => {
  let supervisor: Supervisor;
  let accept: (peer: Peer<ToWorker>) => Conversation;
  let told: ToWorker[][];
  let talks: Conversation[];
  let offered: string[];
  let losses: string[];

  const dial = (slot: number, runs: readonly RunReport[] = []): void => {
    const talk = accept({ send: message => told[slot]?.push(message), close: () => {} });
    talks[slot] = talk;
    talk.message({ t: 'hello', role: 'worker', slot, pid: slot + 1, runs });
  };
  /** What each was told since it was asked last. */
  const take = (): ToWorker[][] => told.map(messages => messages.splice(0));

  beforeEach(() => {
    told = [[], []];
    talks = [];
    offered = [];
    losses = [];
    supervisor = new Supervisor({
      socketPath: '',
      childrenFile: '',
      workers: 2,
      spawn: slot => ({ pid: slot + 1, exited: new Promise(() => {}), kill: () => {} }),
      listener: {
        ...{ news: () => {}, carried: () => {}, reported: () => {}, progress: () => {}, reached: () => {} },
        lost: taskId => losses.push(taskId),
        adopt: async reports => {
          offered.push(...reports.map(({ taskId }) => taskId));
          return offered;
        },
      },
      now: () => 0,
      log: () => {},
      machine: {
        listen: async (_, take) => {
          accept = take;
          return { close: async () => {} };
        },
        every: () => () => {},
        birthOf: pid => `${pid}`,
        kill: () => {},
        survivors: () => ({ read: () => [], write: () => {}, remove: () => {} }),
      },
    });
    void supervisor.start();
  });

  it('is told to every worker at once', () => {
    for (const slot of [0, 1]) dial(slot);
    supervisor.lease(5_000);
    expect(take()).toEqual(told.map(() => [{ t: 'lease', untilMs: 5_000 }]));
  });

  it('is told to who comes, in front of any order', () => {
    supervisor.lease(5_000);
    supervisor.place(order('a'));
    dial(0);
    expect(take()[0]).toEqual([
      { t: 'lease', untilMs: 5_000 },
      { t: 'start', order: order('a') },
    ]);
  });

  it('of a node that is alone is told as one that needs no end', () => {
    supervisor.lease(null);
    dial(0);
    expect(take()[0]).toEqual([{ t: 'lease', untilMs: null }]);
  });

  it('brings each worker its share of the dials, which stays until it is another', () => {
    supervisor.lease(5_000, 18);
    dial(0);
    supervisor.lease(6_000);
    supervisor.lease(7_000, 9);
    expect(take()[0]).toEqual([
      { t: 'lease', untilMs: 5_000, dialsPerSecond: 9 },
      { t: 'lease', untilMs: 6_000, dialsPerSecond: 9 },
      { t: 'lease', untilMs: 7_000, dialsPerSecond: 4.5 },
    ]);
  });

  it('that is lost is over since ever, and nothing is lost with it that could be claimed anew', () => {
    for (const slot of [0, 1]) dial(slot);
    supervisor.lease(5_000);
    supervisor.place(order('a'));
    take();
    supervisor.cut();
    talks[0]?.message({ t: 'ended', taskId: 'a', epoch: 1, cut: true });
    supervisor.lease(9_000);
    expect(take()).toEqual(
      told.map(() => [
        { t: 'lease', untilMs: 0 },
        { t: 'lease', untilMs: 9_000 },
      ]),
    );
    expect(losses).toEqual([]);
  });

  it('is not brought back to the runs of a worker that was away when it was lost', () => {
    for (const slot of [0, 1]) dial(slot);
    supervisor.lease(5_000);
    supervisor.place(order('a'));
    talks[0]?.closed();
    supervisor.cut();
    supervisor.lease(9_000);
    take();
    dial(0, [report('a')]);
    expect(take()[0]).toEqual([
      { t: 'lease', untilMs: 0 },
      { t: 'lease', untilMs: 9_000 },
    ]);
    expect([offered, losses]).toEqual([[], []]);
  });
});
