import type { Event, Occurrence } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { RunAlarm, RunNews, RunReport } from '../worker/channel.ts';

/** The same alarm of one task is not raised more often than this, however often its peer comes and goes. */
const REST_MS = 60_000;
/** Media has to flow for so long before a lost side counts as back: what flaps is not well. */
const WELL_MS = 10_000;
/** So many refusals in a row are no accident. */
const MOST_REFUSALS = 3;

interface Raised {
  /** A file could not be played, and none has been begun since. */
  isFileBad: boolean;
  /** Wall time at which each alarm was last raised. */
  readonly lastAt: Map<string, number>;
}

/**
 * Which alarms are due. A run says itself what is wrong with its media, in news and in each report; that a side is lost
 * is told here, from its failures. What is open stands in the task, so that whatever was raised is also said to be over,
 * whoever of us was restarted meanwhile. When an alarm was last raised is kept in memory only: a restart of ours may raise
 * it once more within the minute.
 */
export class Alarms {
  readonly #raised = new Map<string, Raised>();

  /** The alarm that the news calls for in the task as it stands, or none. */
  due(task: Task, news: RunNews, now: number): readonly Occurrence[] {
    const { alarm, set } = news.type === 'alarm' ? news : { alarm: wordFor(task, news), set: true };
    if (alarm === undefined || (set !== false && !this.#mayRaise(task, alarm, now))) return [];
    const { reason, epoch } = news;
    const detail = set === undefined ? { alarm } : { alarm, set };
    return [{ type: 'alarm', cause: causeOf(news), reason, epoch, detail }];
  }

  /** What a report says beyond the news that were heard: alarms to raise, and those that are over. */
  missed(task: Task, report: RunReport, now: number): readonly RunNews[] {
    const isOver = task.alarms.filter(({ alarm }) => this.#isOver(task, alarm, report));
    const begun = (report.health?.alarms ?? []).filter(({ alarm }) => this.#isNew(task, alarm, now));
    return [
      ...isOver.map(({ alarm }) => newsOf(report, { alarm, side: 'run', reason: overWords(alarm) }, false)),
      ...begun.map(alarm => newsOf(report, alarm, true)),
    ];
  }

  follow({ taskId, type, to, at, reason, detail }: Event): void {
    if (to === 'exited' || to === 'stopped') this.#raised.delete(taskId);
    else if (type === 'alarm' && detail.set !== false) this.#raisedOf(taskId).lastAt.set(detail.alarm ?? '', at);
    else if (type === 'itemStarted') this.#raisedOf(taskId).isFileBad = false;
    else if (type === 'itemFinished' && reason !== '') this.#raisedOf(taskId).isFileBad = true;
  }

  #isNew(task: Task, alarm: string, now: number): boolean {
    return task.alarms.every(open => open.alarm !== alarm) && this.#mayRaise(task, alarm, now);
  }

  #isOver({ id }: Task, alarm: string, { state, health }: RunReport): boolean {
    if (health === undefined) return false;
    if (!OF_SIDES.has(alarm)) return health.alarms?.every(set => set.alarm !== alarm) ?? false;
    const isFileBad = alarm === WORDS.pull.failed && this.#raised.get(id)?.isFileBad === true;
    return state === 'flowing' && health.stateForMs >= WELL_MS && !isFileBad;
  }

  #mayRaise({ id }: Task, alarm: string, now: number): boolean {
    const lastAt = this.#raised.get(id)?.lastAt.get(alarm);
    // The distance counts, not the order: a wall clock that was set back must not silence alarms.
    return lastAt === undefined || Math.abs(now - lastAt) >= REST_MS;
  }

  #raisedOf(taskId: string): Raised {
    const raised = this.#raised.get(taskId) ?? { isFileBad: false, lastAt: new Map() };
    this.#raised.set(taskId, raised);
    return raised;
  }
}

export const causeOf = ({ side }: Pick<RunNews, 'side'>): Occurrence['cause'] => CAUSES[side];

const CAUSES = { pull: 'source', push: 'destination', run: 'run' } as const;

const WORDS = {
  pull: { unstable: 'PullFileUnstable', failed: 'PullFileFailed' },
  push: { unstable: 'PushStreamUnstable', failed: 'PushStreamFailed' },
} as const;

/** The alarms that are raised here, and over when media has flowed for a while. */
const OF_SIDES: ReadonlySet<string> = new Set(Object.values(WORDS).flatMap(words => Object.values(words)));

/** A peer that was never there, or says no and no again, has failed; one that went away is unstable. */
function wordFor({ startedAt }: Task, { type, side, failure, wasOnAir = false }: RunNews): string | undefined {
  if (type === 'itemFailed') return wasOnAir ? undefined : WORDS.pull.failed;
  if (type !== 'broke' || side === 'run') return undefined;
  if (startedAt === null) return WORDS[side].failed;
  if (failure?.calm === true) return undefined;
  const isRefused = failure?.refusal !== undefined && failure.attempt >= MOST_REFUSALS;
  return isRefused ? WORDS[side].failed : WORDS[side].unstable;
}

const overWords = (alarm: string): string =>
  OF_SIDES.has(alarm) ? `media has flowed for ${WELL_MS / 1000} s` : 'the run sees no more of it';

const newsOf = ({ taskId, epoch }: RunReport, { alarm, side, reason }: RunAlarm, set: boolean): RunNews => {
  return { taskId, epoch, type: 'alarm', side, reason, alarm, set };
};
