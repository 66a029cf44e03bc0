/** Does the work on every item, at most `width` at a time, beginning in order. Throws the first error after all have ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const queue = items.values();
  const lane = async (): Promise<void> => {
    // The lanes share one iterator, so each takes the next item that nobody has begun.
    for (const item of queue) await work(item).catch(error => errors.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (errors.length > 0) throw errors[0];
}
