import type { Event, Occurrence } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { RunNews } from '../worker/channel.ts';

/** The same alarm of one task is not raised more often than this, however often its peer comes and goes. */
const REST_MS = 60_000;

interface Raised {
  /** An alarm of the present episode, which lasts until media flows again or a file plays, has been raised. */
  episode: boolean;
  /** Wall time of the last alarm of each word. */
  readonly lastAt: Map<string, number>;
}

/**
 * Which alarms are due: one an episode, one a minute of each word. It is kept in memory only: after a restart an alarm
 * may be raised once more, which a receiver that is woken by it will forgive.
 */
export class Alarms {
  readonly #raised = new Map<string, Raised>();

  /** The alarm that the news calls for in the task as it stands, or none. */
  due(task: Task, news: RunNews, now: number): readonly Occurrence[] {
    const word = news.type === 'alarm' ? news.alarm : wordFor(task, news);
    if (word === undefined || !this.#mayRaise(task, news, word, now)) return [];
    const { reason, epoch } = news;
    return [{ type: 'alarm', cause: causeOf(news), reason, epoch, detail: { alarm: word } }];
  }

  follow(event: Event): void {
    const { taskId, type, to, detail } = event;
    if (to === 'exited' || to === 'stopped') this.#raised.delete(taskId);
    else if (type === 'flowing' || type === 'itemStarted') this.#end(taskId);
    else if (type === 'alarm') this.#note(taskId, detail.alarm ?? '', event.at);
  }

  #mayRaise(task: Task, news: RunNews, word: string, now: number): boolean {
    const raised = this.#raised.get(task.id);
    const isAgain = news.type === 'itemFailed' || (news.type === 'broke' && task.status !== 'running');
    const lastAt = raised?.lastAt.get(word);
    // The distance counts, not the order: a wall clock that was set back must not silence alarms.
    return !(isAgain && raised?.episode) && (lastAt === undefined || Math.abs(now - lastAt) >= REST_MS);
  }

  #end(taskId: string): void {
    const raised = this.#raised.get(taskId);
    if (raised) raised.episode = false;
  }

  #note(taskId: string, word: string, at: number): void {
    const raised = this.#raised.get(taskId) ?? { episode: false, lastAt: new Map() };
    // An alarm that the run itself raised says nothing about whether media flows.
    if (EPISODE_WORDS.has(word)) raised.episode = true;
    raised.lastAt.set(word, at);
    this.#raised.set(taskId, raised);
  }
}

export const causeOf = ({ side }: Pick<RunNews, 'side'>): Occurrence['cause'] => CAUSES[side];

const CAUSES = { pull: 'source', push: 'destination', run: 'run' } as const;

const WORDS = {
  pull: { unstable: 'PullFileUnstable', failed: 'PullFileFailed' },
  push: { unstable: 'PushStreamUnstable', failed: 'PushStreamFailed' },
} as const;

const EPISODE_WORDS: ReadonlySet<string> = new Set(Object.values(WORDS).flatMap(words => Object.values(words)));

/** A peer that was never there has failed; one that went away is unstable. */
function wordFor({ startedAt }: Task, { type, side }: RunNews): string | undefined {
  if (type === 'itemFailed') return WORDS.pull.failed;
  if (type !== 'broke' || side === 'run') return undefined;
  return startedAt === null ? WORDS[side].failed : WORDS[side].unstable;
}
