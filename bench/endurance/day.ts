import type { Verdict } from './judge.ts';
import { Stage } from './stage.ts';
import { begin, type DayKind } from './subjects.ts';

export interface DayOptions {
  readonly kind: DayKind;
  readonly hours: number;
  readonly seed: number;
  /** Called so often in simulated time. */
  readonly look?: { readonly everyMs: number; readonly act: (elapsedMs: number) => void };
}

export interface DayFigures extends Verdict {
  readonly kind: DayKind;
  readonly hours: number;
  readonly seed: number;
  /** What befell it, and how often. */
  readonly faults: Readonly<Record<string, number>>;
  readonly pushes: number;
  readonly pulls: number;
  /** The first things that should not be. */
  readonly found: readonly string[];
  /** What was open or waited for when the run had ended. */
  readonly left: readonly string[];
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const CALM_MS = 60 * SECOND;

/** A run lives through so many hours in which nothing stays well for long, on a clock that goes as fast as it can. */
export async function liveThrough({ kind, hours, seed, look }: DayOptions): Promise<DayFigures> {
  const stage = new Stage(seed);
  const { timeline, storm } = stage;
  stage.beat();
  const subject = begin(kind, stage);
  stage.every(SECOND, () => {
    subject.look();
    subject.report();
  });
  if (look !== undefined) stage.every(look.everyMs, () => look.act(timeline.elapsed()));
  await timeline.run(hours * HOUR);
  const { pushEpoch: pushes, pullEpoch: pulls } = subject.report();
  const left = await end(stage, subject.stop());
  return {
    ...{ kind, hours, seed, pushes, pulls, left },
    ...stage.judge.verdict,
    faults: Object.fromEntries([...storm.counts].sort(([one], [other]) => (one < other ? -1 : 1))),
    found: stage.found,
  };
}

/** What stays behind the run, once its world has come to rest as well. */
async function end(stage: Stage, stopped: Promise<void>): Promise<readonly string[]> {
  let isOver = false;
  void stopped.then(() => {
    isOver = true;
  });
  await stage.timeline.run(stage.timeline.elapsed() + CALM_MS);
  stage.nature.end();
  return isOver ? stage.left : ['the run', ...stage.left];
}
