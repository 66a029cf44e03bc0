import { readdirSync, readFileSync } from 'node:fs';

/** CPU ns used so far by a process and all its threads: the kernel's own count, without 10 ms rounding. */
function cpuNs(pid: number): number {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      total += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    } catch {
      // The thread ended between two looks.
    }
  }
  return total;
}

export const cpuSeconds = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuNs(pid), 0) / 1e9;

/** Seconds of the whole machine's cores, since it started. */
export interface MachineTime {
  readonly busy: number;
  readonly all: number;
}

export function machineTime(): MachineTime {
  const [first = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  // user nice system idle iowait irq softirq steal, in 1/100 s
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, tick) => sum + tick, 0);
  return { busy: (all - (ticks[3] ?? 0) - (ticks[4] ?? 0)) / 100, all: all / 100 };
}

export interface Memory {
  /** What is shared with others counts in each. */
  readonly rss: number;
  /** What is shared is divided among those who share it. */
  readonly pss: number;
}

/** Memory of the processes, in MB. */
export function memoryMb(pids: readonly number[]): Memory {
  let rss = 0;
  let pss = 0;
  for (const pid of pids) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    rss += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    pss += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return { rss: rss / 1024, pss: pss / 1024 };
}

/** The value below which the given part (0 to 1) of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** (max - min) / median */
export const spread = (values: readonly number[]): number =>
  (Math.max(...values) - Math.min(...values)) / median(values);
