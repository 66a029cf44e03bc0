import { InvalidArgumentError } from 'commander';

/** A number of things, at least one. */
export function readCount(text: string): number {
  const count = readWhole(text);
  if (count === 0) throw new InvalidArgumentError('Give a whole number from 1 on.');
  return count;
}

export function readWhole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

/** Seconds, perhaps with a fraction. */
export function readSeconds(text: string): number {
  if (!/^\d{1,10}(?:\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError('Give seconds, like 90 or 2.5.');
  return Number(text);
}
