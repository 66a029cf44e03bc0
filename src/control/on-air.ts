import { nextCursor } from '../task/playlist.ts';
import type { Task } from '../task/task.ts';
import type { RunReport } from '../worker/channel.ts';
import type { Health } from './health.ts';
import type { Rates } from './signals.ts';

/** What a task shows while a run carries it. Addresses are as the task has them: whoever prints them masks them. */
export interface OnAir {
  /** The live stream on air, 0 being the task's own and the others its standbys; null where a file or nothing is. */
  readonly source: { readonly index: number; readonly url: string; readonly pinned: boolean } | null;
  readonly onSlate: boolean;
  readonly item: OnAirItem | null;
  /** What of the list comes next; null where nothing does, or it is not known. */
  readonly next: { readonly index: number; readonly url: string } | null;
  /** Null while nothing has been measured. */
  readonly rates: Rates | null;
  readonly queueS: number;
  /** Media held back on purpose. */
  readonly heldS: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly reconnects: { readonly source: number; readonly destination: number };
  readonly pushEpoch: number;
  /** Since when the run has stood as it stands now. */
  readonly since: number;
  readonly mediaS: number;
}

/** The file on air, as the list has it. */
export interface OnAirItem {
  readonly index: number;
  readonly round: number;
  readonly rounds: number | 'endless';
  readonly url: string;
  /** Of what the list plays of the file. */
  readonly positionS: number;
  readonly durationS: number | null;
}

/** A run that has fallen silent is not guessed on. */
const LONGEST_GUESS_MS = 1_500;

/** Null where no run has told of itself. `now`: by the clock on the wall. */
export function onAirOf(
  task: Task,
  health: Health | undefined,
  { rates, now }: { readonly rates: Rates | undefined; readonly now: number },
): OnAir | null {
  if (health === undefined || (task.status !== 'running' && task.status !== 'recovering')) return null;
  const { report, reconnects, since } = health;
  return {
    source: sourceOf(task, report),
    onSlate: report.onSlate === true,
    ...itemsOf(task, report, report.state === 'flowing' ? now - health.heardAt : 0),
    rates: rates ?? null,
    queueS: report.queuedMs / 1_000,
    heldS: (report.heldMs ?? 0) / 1_000,
    drops: report.dropped,
    reconnects: { source: reconnects.pull, destination: reconnects.push },
    pushEpoch: report.pushEpoch,
    since,
    mediaS: report.mediaMs / 1_000,
  };
}

function sourceOf({ spec }: Task, { source, pinned }: RunReport): OnAir['source'] {
  if (source === undefined) return null;
  const own = spec.source.kind === 'live' ? spec.source.url : undefined;
  const url = source.index === 0 ? own : spec.standby[source.index - 1];
  return { index: source.index, url: url ?? source.url, pinned: pinned === true };
}

function itemsOf({ spec, listVersion }: Task, report: RunReport, ageMs: number): Pick<OnAir, 'item' | 'next'> {
  const { breakpoint: at, itemEndMs, source } = report;
  if (spec.source.kind !== 'list' || at === undefined) return { item: null, next: null };
  const isKnown = at.version === listVersion;
  const inMs = isKnown ? (spec.source.items[at.index]?.inMs ?? 0) : 0;
  const positionMs = at.offsetMs - inMs + Math.min(Math.max(0, ageMs), LONGEST_GUESS_MS);
  const next = isKnown ? nextCursor(spec.source, at) : undefined;
  const url = next && spec.source.items[next.index]?.url;
  const item = {
    ...{ index: at.index, round: at.round, rounds: spec.source.rounds, url: at.url },
    positionS: Math.max(0, Math.min(positionMs, (itemEndMs ?? Number.POSITIVE_INFINITY) - inMs)) / 1_000,
    durationS: itemEndMs === undefined ? null : (itemEndMs - inMs) / 1_000,
  };
  return {
    // A standby has taken the list's place, which goes on there later.
    item: source === undefined ? item : null,
    next: next === undefined || url === undefined ? null : { index: next.index, url },
  };
}
