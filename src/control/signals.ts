import type { RunReport } from '../worker/channel.ts';
import { Series } from './series.ts';

/** What a run carries at the moment, measured between its last two reports. */
export interface Rates {
  readonly inKbit: number;
  readonly outKbit: number;
  readonly inFps: number;
  readonly outFps: number;
}

export type Span = '15m' | '24h';

/** The columns of a series, in their order. */
export const COLUMNS = ['in_kbit', 'out_kbit', 'in_fps', 'out_fps', 'queue_s', 'key_frame_s', 'drops'] as const;

/** What of a series is asked for. */
export interface SeriesPart {
  readonly stepMs: number;
  /** When the first row begins, by the clock on the wall. */
  readonly from: number;
  /** One a step; null where nothing is known. */
  readonly rows: readonly (readonly (number | null)[] | null)[];
}

export interface SignalsOptions {
  /** Monotonic. */
  readonly now: () => number;
  /** The clock on the wall. */
  readonly wall: () => number;
  /** Of all series together. */
  readonly mostBytes?: number;
}

const FINE = { columns: COLUMNS.length, stepMs: 1_000, stepsAPiece: 180, pieces: 6 } as const;
const COARSE = { columns: COLUMNS.length, stepMs: 10_000, stepsAPiece: 360, pieces: 25 } as const;
const STEPS: Readonly<Record<Span, number>> = { '15m': 900, '24h': 8_640 };
const FINE_A_COARSE = COARSE.stepMs / FINE.stepMs;
/** By column: what a figure is divided by before it is kept, and in how many parts of one it is told. */
const KEPT_AS = [
  { unit: 16, grains: 1 },
  { unit: 16, grains: 1 },
  { unit: 1, grains: 10 },
  { unit: 1, grains: 10 },
  { unit: 1, grains: 100 },
  { unit: 1, grains: 100 },
  { unit: 1, grains: 1 },
] as const;
const AS_IT_IS = { unit: 1, grains: 1 } as const;
/** Of a half-precision float. */
const MOST_KEPT = 65_504;
/** Reports come once a second, some a little late; a longer silence, in steps, is a gap. */
const LONGEST_GAP = 3;
/** What has not been on air for so long is forgotten. */
const KEPT_MS = 3_600_000;
const SWEEP_MS = 60_000;
const MOST_BYTES = 96 * 1024 * 1024;
/** Reports this close together are of a worker that has introduced itself in between. */
const LEAST_MS = 500;

/** In the order of the columns. */
type Row = readonly number[];

const DROPS = COLUMNS.indexOf('drops');
const KEY_FRAME = COLUMNS.indexOf('key_frame_s');

/** One task: what was heard last, and what is remembered. */
class Signal {
  readonly #fine = new Series(FINE);
  readonly #coarse = new Series(COARSE);
  rates: Rates | undefined;
  heardMs: number;
  #last: RunReport;
  #step: number;
  /** Of the step. */
  #drops = 0;
  readonly #mean = new Mean();

  constructor(report: RunReport, nowMs: number) {
    this.#last = report;
    this.heardMs = nowMs;
    this.#step = stepOf(nowMs);
  }

  get bytes(): number {
    return this.#fine.bytes + this.#coarse.bytes;
  }

  /** Of how long ago the oldest figure is that can be let go. */
  get oldestMs(): number {
    return this.#coarse.oldestMs ?? Number.POSITIVE_INFINITY;
  }

  note(report: RunReport, nowMs: number): void {
    this.heardMs = nowMs;
    const seconds = secondsBetween(this.#last, report);
    if (seconds !== undefined && seconds * 1_000 < LEAST_MS) return;
    const row = seconds === undefined ? undefined : rowOf(this.#last, report, seconds);
    this.#last = report;
    this.rates = row && ratesOf(row);
    if (row !== undefined) this.#keep(row, stepOf(nowMs));
    this.#step = stepOf(nowMs);
  }

  shed(): number {
    return this.#coarse.shed();
  }

  series(span: Span, nowMs: number, sinceMs: number): { readonly fromMs: number; readonly rows: SeriesPart['rows'] } {
    const [series, { stepMs }] = span === '15m' ? [this.#fine, FINE] : [this.#coarse, COARSE];
    const present = Math.floor(nowMs / stepMs);
    // The report of the present step may be on its way.
    const last = Math.max(Math.floor((this.#step * FINE.stepMs) / stepMs), present - 2);
    const oldest = Math.floor((series.oldestMs ?? nowMs) / stepMs);
    let first = Math.max(last - STEPS[span] + 1, oldest, Math.ceil(sinceMs / stepMs));
    const row: number[] = [];
    while (first <= last && !series.read(first, row)) first++;
    const rows: (readonly (number | null)[] | null)[] = [];
    for (let step = first; step <= last; step++) rows.push(series.read(step, row) ? row.map(told) : null);
    return { fromMs: first * stepMs, rows };
  }

  /** A second may have two reports, or none while its neighbour has two. */
  #keep(row: Row, step: number): void {
    const coarse = Math.floor(step / FINE_A_COARSE);
    this.#coarse.put(coarse, kept(this.#mean.add(coarse, row)));
    this.#drops = (step === this.#step ? this.#drops : 0) + (row[DROPS] ?? 0);
    const missed = step - this.#step - 1;
    if (missed < LONGEST_GAP)
      for (let at = step - missed; at < step; at++) this.#fine.put(at, kept(row.with(DROPS, 0)));
    this.#fine.put(step, kept(row.with(DROPS, this.#drops)));
  }
}

/** Of the rows of a coarse step so far; what was dropped is counted together. */
class Mean {
  #step = Number.NaN;
  #sums: Row = [];
  #count = 0;

  add(step: number, row: Row): Row {
    const isNew = step !== this.#step;
    this.#step = step;
    this.#count = isNew ? 1 : this.#count + 1;
    this.#sums = isNew ? row : this.#sums.map((sum, i) => sum + (row[i] ?? 0));
    return this.#sums.map((sum, i) => (i === DROPS ? sum : sum / this.#count));
  }
}

/** What the tasks on air carry, and what they have carried for a day, in bounded memory. Nothing of it outlives the node. */
export class Signals {
  readonly #options: SignalsOptions;
  readonly #signals = new Map<string, Signal>();
  #sweptMs: number;

  constructor(options: SignalsOptions) {
    this.#options = options;
    this.#sweptMs = options.now();
  }

  /** Memory of all series together. */
  get bytes(): number {
    return [...this.#signals.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Hears a report, once a second for each run. */
  note(report: RunReport): void {
    const nowMs = this.#options.now();
    const known = this.#signals.get(report.taskId);
    if (known === undefined) this.#signals.set(report.taskId, new Signal(report, nowMs));
    else known.note(report, nowMs);
    if (nowMs - this.#sweptMs >= SWEEP_MS) this.#sweep(nowMs);
  }

  /** Undefined where a task has told nothing lately, or not yet twice. */
  ratesOf(taskId: string): Rates | undefined {
    const signal = this.#signals.get(taskId);
    const isFresh = signal !== undefined && this.#options.now() - signal.heardMs < LONGEST_GAP * FINE.stepMs;
    return isFresh ? signal.rates : undefined;
  }

  /** Of those tasks together. */
  carriedBy(taskIds: Iterable<string>): Pick<Rates, 'inKbit' | 'outKbit'> {
    let inKbit = 0;
    let outKbit = 0;
    for (const taskId of taskIds) {
      const rates = this.ratesOf(taskId);
      inKbit += rates?.inKbit ?? 0;
      outKbit += rates?.outKbit ?? 0;
    }
    return { inKbit, outKbit };
  }

  /** What is remembered of a task, without what lies before `since` on the wall. */
  seriesOf(taskId: string, span: Span, since = Number.NEGATIVE_INFINITY): SeriesPart {
    const { now, wall } = this.#options;
    const nowMs = now();
    const wallMs = wall();
    const { stepMs } = span === '15m' ? FINE : COARSE;
    const signal = this.#signals.get(taskId);
    if (signal === undefined) return { stepMs, from: wallMs, rows: [] };
    const { fromMs, rows } = signal.series(span, nowMs, since - wallMs + nowMs);
    return { stepMs, from: Math.round(wallMs - nowMs + fromMs), rows };
  }

  /** Forgets what is long over, and then, beyond the bound, the oldest figures of whoever has them. */
  #sweep(nowMs: number): void {
    this.#sweptMs = nowMs;
    for (const [taskId, { heardMs }] of this.#signals) if (nowMs - heardMs > KEPT_MS) this.#signals.delete(taskId);
    let excess = this.bytes - (this.#options.mostBytes ?? MOST_BYTES);
    if (excess <= 0) return;
    const byAge = [...this.#signals].sort(([, one], [, other]) => one.heardMs - other.heardMs);
    for (const [taskId, { bytes, heardMs }] of byAge) {
      if (excess <= 0 || nowMs - heardMs < SWEEP_MS) break;
      this.#signals.delete(taskId);
      excess -= bytes;
    }
    this.#shed(excess);
  }

  #shed(bytes: number): void {
    const signals = [...this.#signals.values()].sort((one, other) => one.oldestMs - other.oldestMs);
    for (let excess = bytes, shed = 1; excess > 0 && shed > 0; ) {
      shed = 0;
      for (const signal of signals) shed += excess - shed > 0 ? signal.shed() : 0;
      excess -= shed;
    }
  }
}

const stepOf = (nowMs: number): number => Math.floor(nowMs / FINE.stepMs);

/** Undefined where the two are not of one run, or of a worker that tells nothing of it. */
function secondsBetween(former: RunReport, report: RunReport): number | undefined {
  if (former.epoch !== report.epoch || former.flow === undefined || report.flow === undefined) return undefined;
  const ms = report.flow.atMs - former.flow.atMs;
  return ms < 0 || ms > LONGEST_GAP * FINE.stepMs ? undefined : ms / 1_000;
}

function rowOf(former: RunReport, report: RunReport, seconds: number): Row {
  const a = (before = 0, after = 0): number => Math.max(0, after - before) / seconds;
  return [
    (a(former.bytesIn, report.bytesIn) * 8) / 1_000,
    (a(former.bytesOut, report.bytesOut) * 8) / 1_000,
    a(former.flow?.picturesIn, report.flow?.picturesIn),
    a(former.flow?.picturesOut, report.flow?.picturesOut),
    report.queuedMs / 1_000,
    (report.flow?.keyFrameMs ?? 0) / 1_000,
    Math.max(0, dropsOf(report) - dropsOf(former)),
  ];
}

const dropsOf = ({ dropped }: RunReport): number => Object.values(dropped).reduce((sum, count) => sum + count, 0);

const ratesOf = ([inKbit = 0, outKbit = 0, inFps = 0, outFps = 0]: Row): Rates => ({ inKbit, outKbit, inFps, outFps });

const kept = (row: Row): Row => row.map((figure, i) => Math.min(figure / (KEPT_AS[i]?.unit ?? 1), MOST_KEPT));

/** Without a key frame there is no distance of them. */
function told(figure: number, column: number): number | null {
  const { unit, grains } = KEPT_AS[column] ?? AS_IT_IS;
  if (Number.isNaN(figure) || (column === KEY_FRAME && figure === 0)) return null;
  return Math.round(figure * unit * grains) / grains;
}
