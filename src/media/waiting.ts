/** Those who wait for something to become true. Whoever may have made it true calls `wake`, as a tick does. */
export class Waiting {
  #entries: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  /** Resolves when it holds, at once if it does. Rejects on abort. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (holds()) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { holds, resolve };
    this.#entries.push(entry);
    const forget = onAbort(signal, () => {
      this.#entries = this.#entries.filter(other => other !== entry);
      reject(signal.reason);
    });
    return promise.finally(forget);
  }

  wake(): void {
    if (this.#entries.length === 0) return;
    const still = this.#entries.filter(entry => !entry.holds());
    if (still.length === this.#entries.length) return;
    const done = this.#entries.filter(entry => !still.includes(entry));
    this.#entries = still;
    for (const entry of done) entry.resolve();
  }
}

/** Runs the action when the signal aborts, now if it has; answers how to call it off. */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) action();
  else signal.addEventListener('abort', action, { once: true });
  return () => signal.removeEventListener('abort', action);
}
