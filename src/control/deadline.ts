/** Waits on a clock that never goes back. Ends early, by resolving or rejecting, once the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** What the promise answers within the time, or an error that names what was waited for. The promise itself goes on. */
export async function within<T>(
  promise: Promise<T>,
  { ms, sleep, what }: { readonly ms: number; readonly sleep: Sleep; readonly what: string },
): Promise<T> {
  const answered = new AbortController();
  const late = sleep(ms, answered.signal).then(() => {
    if (!answered.signal.aborted) throw new Error(`${what} did not answer within ${ms} ms`);
  });
  // Once the answer is there, how the wait ends is of no interest.
  late.catch(() => undefined);
  try {
    await Promise.race([promise, late]);
    return await promise;
  } finally {
    answered.abort();
  }
}
