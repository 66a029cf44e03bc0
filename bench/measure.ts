import { type Contender, OURS } from './contenders.ts';
import { cpuSeconds, machineTime, median, memoryMb, spread } from './cost.ts';
import { pass } from './wait.ts';

/** A baseline that moves more than this from window to window was disturbed. */
const MOST_SPREAD = 0.2;
/** A stream whose rate is further off than this did not arrive whole. */
const MOST_DEVIATION = 0.03;
/** Beyond, everybody waits for a core, and what waits does its work in larger pieces. */
const MOST_BUSY = 0.75;
/** Work of the machine that is not this bench's. */
const MOST_FOREIGN = 0.1;

export interface Windows {
  readonly windows: number;
  readonly windowSeconds: number;
}

export interface BenchOptions extends Windows {
  readonly n: number;
  readonly warmUpSeconds: number;
  /** Where Millrace's processes leave their CPU profiles. */
  readonly cpuProfile?: string;
}

/** Bytes so far. */
export interface Flow {
  /** Received at the sink, by stream. */
  readonly sink: ReadonlyMap<string, number>;
  /** What the source of relay `i` has given, or should have. */
  readonly source: (i: number) => number;
}

export interface Row {
  readonly name: string;
  /** Of ours a loss is a failure; of the others it means that the machine was not up to it. */
  readonly ours: boolean;
  readonly relays: number;
  /** CPU microseconds (user and system) per relayed stream-second: median over the windows. */
  readonly cpuMicros: number;
  /** CPU over that of the first contender. */
  readonly ratio: number;
  readonly ratioRange: readonly [number, number];
  readonly rssMb: number;
  readonly pssMb: number;
  /** RSS beyond what the idle program had; where each relay is a process of its own, its PSS. */
  readonly perRelayMb: number;
  /** The relay whose rate at the sink is furthest from its source's, as a part of that. */
  readonly worstRate: number;
}

export interface Measured {
  readonly rows: readonly Row[];
  /** Parts of all cores' time, in the worst of the windows that count. */
  readonly busy: number;
  readonly foreign: number;
  /** Windows that were measured again. */
  readonly disturbed: number;
  /** Why the figures say nothing; empty when they are good. */
  readonly void: readonly string[];
}

export interface Course extends Windows {
  readonly flow: () => Promise<Flow>;
  /** The first one is what the others are compared with. */
  readonly contenders: readonly Contender[];
  /** Everything that belongs to the bench beside the contenders. */
  readonly others: readonly number[];
  readonly signal: AbortSignal;
}

/** What one window cost each contender, in CPU us per stream-second, and the machine. */
interface Window {
  readonly micros: readonly number[];
  readonly busy: number;
  readonly foreign: number;
}

/**
 * Measures all contenders in the same windows: neighbours and the clock rate then weigh on all alike. A window that was
 * disturbed is measured again, as long as there are not more of those than good ones.
 */
export async function measure(course: Course): Promise<Measured> {
  const before = await course.flow();
  const all: Window[] = [];
  let good: Window[] = [];
  while (good.length < course.windows && all.length < 2 * course.windows) {
    all.push(await measureWindow(course));
    good = all.filter(isGood);
  }
  const rates = compareRates(before, await course.flow());
  const windows = good.length === course.windows ? good : all;
  const rows = course.contenders.map((it, c) => rowOf(it, { windows, c, rate: rates(it) }));
  const busy = Math.max(...windows.map(window => window.busy));
  const foreign = Math.max(...windows.map(window => window.foreign));
  const disturbed = all.length - good.length;
  return { rows, busy: round(busy), foreign: round(foreign), disturbed, void: whyVoid(rows, windows) };
}

const isGood = ({ busy, foreign }: Window): boolean => busy <= MOST_BUSY && foreign <= MOST_FOREIGN;

async function measureWindow({ contenders, others, windowSeconds, signal }: Course): Promise<Window> {
  const mine = [...new Set([...contenders.flatMap(it => it.pids), ...others])];
  const used = (): number[] => contenders.map(it => cpuSeconds(it.pids));
  const [usedBefore, mineBefore, machineBefore, atMs] = [used(), cpuSeconds(mine), machineTime(), performance.now()];
  await pass(windowSeconds * 1000, signal);
  const [usedAfter, mineAfter, machineAfter] = [used(), cpuSeconds(mine), machineTime()];
  const seconds = (performance.now() - atMs) / 1000;
  const all = machineAfter.all - machineBefore.all;
  const busy = machineAfter.busy - machineBefore.busy;
  return {
    micros: contenders.map((it, c) => (((usedAfter[c] ?? 0) - (usedBefore[c] ?? 0)) / seconds / it.relays) * 1e6),
    busy: busy / all,
    foreign: Math.max(0, busy - (mineAfter - mineBefore)) / all,
  };
}

function rowOf(it: Contender, seen: { windows: readonly Window[]; c: number; rate: number }): Row {
  const micros = seen.windows.map(window => window.micros[seen.c] ?? Number.NaN);
  const ratios = seen.windows.map((window, w) => (micros[w] ?? Number.NaN) / (window.micros[0] ?? Number.NaN));
  const memory = memoryMb(it.pids);
  return {
    name: it.name,
    ours: it.letter === OURS,
    relays: it.relays,
    cpuMicros: Math.round(median(micros)),
    ratio: round(median(ratios)),
    ratioRange: [round(Math.min(...ratios)), round(Math.max(...ratios))],
    rssMb: round(memory.rss, 1),
    pssMb: round(memory.pss, 1),
    perRelayMb: round(it.idle === undefined ? memory.pss / it.relays : (memory.rss - it.idle.rss) / it.relays, 2),
    worstRate: round(seen.rate),
  };
}

/** Answers of a contender the worst of its streams' rates at the sink, as a part of its source's. */
function compareRates(before: Flow, after: Flow): (of: Contender) => number {
  const arrived = (name: string): number => (after.sink.get(name) ?? 0) - (before.sink.get(name) ?? 0);
  return ({ letter, relays }) => {
    let worst = 1;
    for (let i = 0; i < relays; i++) {
      const rate = arrived(`${letter}${i}`) / (after.source(i) - before.source(i));
      if (!(Math.abs(rate - 1) < Math.abs(worst - 1))) worst = rate;
    }
    return worst;
  };
}

function whyVoid(rows: readonly Row[], windows: readonly Window[]): string[] {
  const baseline = windows.map(window => window.micros[0] ?? Number.NaN);
  const percent = (part: number): string => `${Math.round(part * 100)} %`;
  const why: string[] = [];
  if (spread(baseline) > MOST_SPREAD) why.push(`the cost of ${rows[0]?.name} moved by ${percent(spread(baseline))}`);
  const disturbed = windows.filter(window => !isGood(window)).length;
  if (disturbed > 0) why.push(`the machine was not its own in ${disturbed} of ${windows.length} windows`);
  for (const row of rows) if (!row.ours && !arrivedWhole(row)) why.push(rateOf(row));
  return why;
}

export const arrivedWhole = ({ worstRate }: Row): boolean => Math.abs(worstRate - 1) <= MOST_DEVIATION;

export const rateOf = ({ name, worstRate }: Row): string =>
  `a stream of ${name} arrived at ${(worstRate * 100).toFixed(1)} % of its rate`;

const round = (value: number, digits = 3): number => Number(value.toFixed(digits));
