/** Waits until the check answers something truthy; fails with `what` at the deadline. Never a blind sleep. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + (options.timeoutMs ?? 20_000);
  let last: unknown;
  for (;;) {
    try {
      const answer = await check();
      if (answer) return answer as NonNullable<Exclude<T, false>>;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`gave up waiting: ${what}`, { cause: last });
    await new Promise(resolve => setTimeout(resolve, options.everyMs ?? 25));
  }
}

/** Lets time pass while something is being observed, e.g. a stream that must go on. */
export const pass = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
