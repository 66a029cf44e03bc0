import type { Event } from '../../src/task/event.ts';
import type { Body, Try } from './outbox.ts';

/** How long a callback that nobody takes may hold back those of its task that come behind it. */
const HOLD_MS = 5_000;
const NEVER = Number.POSITIVE_INFINITY;

/** A request as its receiver has it, and which event it is of. */
export interface Received extends Body {
  /** As it came. */
  readonly text: string;
}

/** One whose sender tells what the tests compare. */
export const read = (text: string): Received => ({ ...(JSON.parse(text) as Body), text });

export interface Judgement {
  readonly events: number;
  /** Of the log, but never received. */
  readonly lost: readonly string[];
  /** Received more often than once. */
  readonly duplicates: number;
  /** Received, but not of the log; or twice under one id with two bodies. */
  readonly strange: readonly string[];
  /** Whether each task's callbacks, once each and by their numbers, read like its log. */
  readonly readsLikeTheLog: boolean;
}

/** What a receiver makes of all that it got, held against the log. */
export function judge(log: readonly Event[], received: readonly Received[]): Judgement {
  const bodies = new Map<string, string>();
  const strange: string[] = [];
  for (const { id, text } of received) {
    if ((bodies.get(id) ?? text) !== text) strange.push(`${id} came with two bodies`);
    bodies.set(id, text);
  }
  const told = [...new Map(received.map(one => [one.id, one])).values()];
  const known = new Set(log.map(({ id }) => id));
  for (const { id } of told) if (!known.has(id)) strange.push(`${id} is of no event`);
  return {
    events: log.length,
    lost: log.filter(({ id }) => !bodies.has(id)).map(({ taskId, seq, type }) => `${taskId} ${seq} ${type}`),
    duplicates: received.length - bodies.size,
    strange,
    readsLikeTheLog: reading(told) === reading(log.map(({ taskId, ...event }) => ({ ...event, task: taskId }))),
  };
}

/** Each task's own sequence. */
function reading(told: readonly Pick<Body, 'task' | 'seq' | 'id' | 'type'>[]): string {
  const lines = told.map(({ task, seq, id, type }) => `${task} ${String(seq).padStart(9, '0')} ${type} ${id}`);
  return lines.sort().join('\n');
}

export interface Order {
  /** First tries that went before it was their turn. */
  readonly inversions: readonly string[];
  /** How often one had its turn because it had been held back for long enough. */
  readonly released: number;
}

/** Holds the first tries against the order of their events. `slackMs`: how exactly the sender can measure. */
export function orderOf(tries: readonly Try[], slackMs: number): Order {
  const firsts = new Map<string, Try>();
  const takenAt = new Map<string, number>();
  for (const one of tries) {
    if (!firsts.has(keyOf(one))) firsts.set(keyOf(one), one);
    if (one.isTaken && !takenAt.has(keyOf(one))) takenAt.set(keyOf(one), one.endedAt ?? 0);
  }
  const overtaken = [...firsts.values()].flatMap(first => {
    const isTold = (seq: number): boolean => (takenAt.get(keyOf({ ...first, seq })) ?? NEVER) <= first.startedAt;
    const untold = Array.from({ length: first.seq - 1 }, (_, i) => i + 1).filter(seq => !isTold(seq));
    return untold.map(seq => ({
      first,
      seq,
      behindMs: first.startedAt - (firsts.get(keyOf({ ...first, seq }))?.startedAt ?? NEVER),
    }));
  });
  const early = overtaken.filter(({ behindMs }) => behindMs < HOLD_MS - slackMs);
  return {
    inversions: early.map(({ first, seq, behindMs }) => `${keyOf(first)} was tried ${behindMs} ms behind ${seq}`),
    released: overtaken.length - early.length,
  };
}

/** First arrivals that came before one of the same task with a smaller number. */
export function disorder(received: readonly Received[]): string[] {
  const highest = new Map<string, number>();
  const firsts = [...new Map(received.toReversed().map(one => [one.id, one])).values()].toReversed();
  return firsts.flatMap(({ task, seq }) => {
    const before = highest.get(task) ?? 0;
    highest.set(task, Math.max(before, seq));
    return seq < before ? [`${seq} of ${task} came behind ${before}`] : [];
  });
}

const keyOf = ({ task, seq }: Pick<Body, 'task' | 'seq'>): string => `${task} ${seq}`;
