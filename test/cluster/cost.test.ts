import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { eachOf } from '../faults/node.ts';
import { LabCluster } from '../lab/cluster.ts';
import { CountedSource } from '../lab/counted-source.ts';
import type { HuaweiClient } from '../lab/huawei.ts';
import { Millrace } from '../lab/millrace.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { isFull } from './stage.ts';

const [IDLE, RUNNING] = isFull ? [2_000, 200] : [200, 30];
const MEASURED_MS = isFull ? 60_000 : 15_000;
const REST_MS = 10_000;
const AT_ONCE = 16;
const TICKS_PER_SECOND = 100;
const DAY_MS = 24 * 3_600_000;

/** The processor time that the process has had, that of its ended children included, in ms: proc_pid_stat(5). */
function cpuMs(pid: number): number | undefined {
  const stat = statOf(pid);
  if (stat === undefined) return undefined;
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = (fields[11] ?? 0) + (fields[12] ?? 0) + (fields[13] ?? 0) + (fields[14] ?? 0);
  return (1_000 * ticks) / TICKS_PER_SECOND;
}

/** Undefined of a process that has ended, as those that serve a database's clients do. */
function statOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
}

type Watched = Readonly<Record<string, () => readonly number[]>>;

/** How much of a core each of them uses, in percent. */
async function usage(watched: Watched): Promise<Record<string, number>> {
  const before = new Map(Object.values(watched).flatMap(pids => pids().map(pid => [pid, cpuMs(pid) ?? 0] as const)));
  const atMs = performance.now();
  await pass(MEASURED_MS);
  const tookMs = performance.now() - atMs;
  const shares = Object.entries(watched).map(([name, pids]) => {
    const spentBy = (pid: number): number => Math.max(0, (cpuMs(pid) ?? 0) - (before.get(pid) ?? 0));
    const spent = pids().reduce((sum, pid) => sum + spentBy(pid), 0);
    return [name, (100 * spent) / tookMs] as const;
  });
  return Object.fromEntries(shares);
}

interface Peers {
  readonly source: CountedSource;
  readonly oracle: Oracle;
}

/** Tasks that wait for a day that is far, and others that are on air. */
async function fill(huawei: HuaweiClient, { source, oracle }: Peers, prefix: string): Promise<void> {
  const start_time = `${new Date(Date.now() + 30 * DAY_MS).toISOString().slice(0, 19)}Z`;
  const idle = Array.from({ length: IDLE }, (_, i) => `${prefix}-idle${i}`);
  await eachOf(idle, AT_ONCE, name => huawei.createLive(source.url(), oracle.url(name), { start_time }));
  const running = Array.from({ length: RUNNING }, (_, i) => `${prefix}-on${i}`);
  await eachOf(running, AT_ONCE, name => huawei.createLive(source.url(), oracle.url(name)));
  const areOn = (): boolean => running.every(name => oracle.stream(name).video.length > 0);
  await until('all are on air', areOn, { timeoutMs: 60_000, everyMs: 200 });
  await pass(REST_MS);
}

const tiny = (place: Place): Promise<CountedSource> =>
  CountedSource.start(place, {
    shape: { fps: 2, gop: 2, videoKbit: 4, width: 160, height: 96 },
    manner: { without: 'audio' },
  });

async function alone(): Promise<Record<string, number>> {
  await using place = new Place();
  const [source, oracle] = await Promise.all([tiny(place), Oracle.start(place)]);
  const flags = ['--workers', '1', '--rtmp', 'off'];
  const node = await Millrace.start(place, { flags, isAlone: true });
  await fill(node.huawei, { source, oracle }, 'alone');
  return await usage({ control: () => [node.pid] });
}

async function together(): Promise<Record<string, number>> {
  await using place = new Place();
  const [source, oracle, cluster] = await Promise.all([tiny(place), Oracle.start(place), LabCluster.start(place)]);
  await fill(cluster.huawei, { source, oracle }, 'cluster');
  return await usage({
    control: () => cluster.nodes.map(({ millrace }) => millrace.pid),
    NATS: () => cluster.nats.pids,
    PostgreSQL: () => cluster.postgres.pids,
  });
}

it('costs little to agree on who does what', { timeout: 600_000 }, async () => {
  const one = await alone();
  const three = await together();
  const name = `${IDLE} idle and ${RUNNING} running tasks`;
  for (const [what, share] of Object.entries(three)) {
    figure('CLUSTER', `${name} on 3 nodes: ${what}`, share, { unit: '%', atMost: 100 });
  }
  figure('CLUSTER', `${name} on one node: control`, one.control ?? Number.NaN, { unit: '%', atMost: 100 });
  const all = Object.values(three).reduce((sum, share) => sum + share, 0);
  figure('CLUSTER', `${name}: coordination of 3 nodes beyond one node's control`, all - (one.control ?? 0), {
    ...{ unit: '%', atMost: 3, busyAtMost: 15 },
  });
  expect(all).toBeGreaterThan(0);
});
