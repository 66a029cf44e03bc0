import { Fault, type Side } from './fault.ts';

export interface Deadline {
  readonly side: Side;
  /** What is being waited for, as the fault's sentence will name it: "host:1935 did not accept the connection". */
  readonly late: string | (() => string);
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Waits for `work`, at most `waitMs` and only while `signal` allows. The work gets a signal that fires at the end of the
 * wait, whatever ended it, and gives back by it what it holds.
 */
export async function within<T>(deadline: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { side, late, waitMs, signal } = deadline;
  const end = new AbortController();
  const over = Promise.withResolvers<never>();
  const expire = (): void => {
    const sentence = typeof late === 'string' ? late : late();
    over.reject(new Fault(side, 'timeout', `${sentence} within ${inSeconds(waitMs)}`));
  };
  const timer = setTimeout(expire, waitMs);
  const abort = (): void =>
    over.reject(new Fault(side, 'closed', 'the attempt was given up', { cause: signal.reason }));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  const working = work(end.signal);
  // When the race is lost, the work's own end interests nobody any more.
  working.catch(() => undefined);
  try {
    return await Promise.race([over.promise, working]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    end.abort(OVER);
  }
}

/** One for all: an error of its own would cost each wait, however short, a walk up the stack. */
const OVER = new DOMException('the wait is over', 'AbortError');

const inSeconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
