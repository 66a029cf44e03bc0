import { afterEach, expect, it, vi } from 'vitest';
import { Node } from './node.ts';
import type { ProcessFacts } from './supervisor.ts';

const WORKER: ProcessFacts = {
  ...{ role: 'worker', slot: 0, pid: 4711, isUp: true, isWanted: true, runs: 2 },
  load: { cpu: 0.02, rssBytes: 70_000_000, lagMs: 1 },
  ...{ uptimeMs: 60_000, losses: 0 },
};

let node: Node | undefined;
afterEach(() => {
  node?.close();
  vi.useRealTimers();
});

function build({ ready = true } = {}): { readonly node: Node; readonly pass: (ms: number, cpuMs: number) => void } {
  vi.useFakeTimers();
  let nowMs = 1_000;
  let cpuMs = 500;
  node = new Node({
    ...{ name: 'n1', version: '1', region: 'default' },
    supervisor: { processes: [WORKER], ready, viewers: 3 },
    carried: () => ({ inKbit: 2_000, outKbit: 1_000 }),
    usage: () => ({ cpuMs, rssBytes: 90_000_000 }),
    now: () => nowMs,
  });
  const pass = (ms: number, used: number): void => {
    nowMs += ms;
    cpuMs += used;
    vi.advanceTimersByTime(1_000);
  };
  return { node, pass };
}

it('tells what it is, its processes, and what they carry together', () => {
  const { node, pass } = build();
  pass(5_000, 100);
  expect(node.facts).toMatchObject({
    ...{ name: 'n1', version: '1', region: 'default', state: 'ready', uptimeMs: 5_000 },
    ...{ processes: [WORKER], inKbit: 2_000, outKbit: 1_000, viewers: 3 },
  });
});

it('tells what the control process cost in the last second, and how late it was', () => {
  const { node, pass } = build();
  expect(node.facts.control).toMatchObject({ pid: process.pid, cpu: undefined, rssBytes: 90_000_000 });
  pass(1_000, 250);
  expect(node.facts.control).toMatchObject({ cpu: 0.25, lagMs: 0 });
  pass(1_500, 30);
  expect(node.facts.control).toMatchObject({ cpu: 0.02, lagMs: 500 });
});

it('is starting while a process that is wanted is not connected', () => {
  expect(build({ ready: false }).node.facts.state).toBe('starting');
});
