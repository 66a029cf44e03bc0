/** Waits on a clock that never goes back. Ends early, by resolving or rejecting, once the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export interface Deadline {
  readonly ms: number;
  readonly sleep: Sleep;
  /** Who is waited for, for the error. */
  readonly what: string;
  /** Ends the wait early. */
  readonly signal: AbortSignal;
}

/** What the promise answers within the time, or an error that says who did not answer. The promise itself goes on. */
export async function within<T>(promise: Promise<T>, { ms, sleep, what, signal }: Deadline): Promise<T> {
  const answered = new AbortController();
  const over = sleep(ms, AbortSignal.any([answered.signal, signal]))
    .catch(() => undefined)
    .then((): never => {
      throw new Error(signal.aborted ? `the wait for ${what} was cut` : `${what} did not answer within ${ms} ms`);
    });
  try {
    return await Promise.race([promise, over]);
  } finally {
    // Ends the sleep; that `over` rejects then is heard by nobody but the race, which is decided.
    answered.abort();
  }
}
