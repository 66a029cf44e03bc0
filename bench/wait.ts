import { setTimeout as sleep } from 'node:timers/promises';

/** Lets time pass; rejects when the bench is called off. */
export const pass = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal });

/** Waits until the check holds; rejects at the deadline, or when the bench is called off. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  { timeoutMs, everyMs, signal }: { timeoutMs: number; everyMs: number; signal: AbortSignal },
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > endMs) throw new Error(`gave up waiting until ${what}`);
    await pass(everyMs, signal);
  }
}
