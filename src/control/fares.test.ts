import { expect, it } from 'vitest';
import type { Hearing } from '../cluster/cluster.ts';
import type { RunReport } from '../worker/channel.ts';
import { Fares } from './fares.ts';
import { healthOf } from './health.ts';

const report = (taskId: string, epoch = 1): RunReport => ({
  ...{ taskId, epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
  ...{ bytesIn: 1, bytesOut: 1, mediaMs: 1, dropped: {}, queuedMs: 0 },
});

function stage(own: readonly string[] = []) {
  let [now, heard] = [1_000, (() => {}) as Hearing];
  const said: unknown[] = [];
  const noted: string[] = [];
  const cluster = {
    members: [{}, {}] as never,
    say: (_topic: string, message: unknown) => void said.push(message),
    hear: (_topic: string, hearing: Hearing) => {
      heard = hearing;
      return () => {};
    },
  };
  const health = (taskId: string) => (own.includes(taskId) ? healthOf(report(taskId), now) : undefined);
  const fares = new Fares({
    ...{ cluster, now: () => now },
    claims: {
      get held() {
        return own.map(taskId => ({ task: {} as never, health: health(taskId) }));
      },
      runOf: health,
    },
    signals: { note: ({ taskId }) => void noted.push(taskId) },
  });
  fares.start();
  fares.close();
  const pass = (ms: number): void => {
    now += ms;
  };
  return { fares, said, noted, pass, hear: (message: unknown) => heard(message, 'b') };
}

it('knows how a run of another node fares, until that node is silent', () => {
  const { fares, noted, pass, hear } = stage();
  hear([report('t')]);
  expect([fares.runOf('t')?.report.taskId, noted]).toEqual(['t', ['t']]);
  pass(4_900);
  expect(fares.runOf('t')).toBeDefined();
  pass(200);
  expect(fares.runOf('t')).toBeUndefined();
});

it('believes its own runs before what others say of them', () => {
  const { noted, hear } = stage(['t']);
  hear([report('t')]);
  expect(noted).toEqual([]);
});

it('does not go back to a run of an older epoch', () => {
  const { fares, hear } = stage();
  hear([report('t', 2)]);
  hear([report('t', 1)]);
  expect(fares.runOf('t')?.report.epoch).toBe(2);
});

it('tells the others its runs, in portions', () => {
  const { fares, said } = stage(Array.from({ length: 450 }, (_, i) => `t${i}`));
  fares.tell();
  expect(said.map(message => (message as readonly unknown[]).length)).toEqual([200, 200, 50]);
});

it('passes over what is no report', () => {
  const { fares, hear } = stage();
  for (const message of [null, 'x', {}, [null, 7, {}, { ...report('t'), bytesIn: 'many' }]]) hear(message);
  expect(fares.runOf('t')).toBeUndefined();
});
