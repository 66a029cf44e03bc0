import { Fault } from '../fault.ts';

export const EMPTY: Buffer = Buffer.alloc(0);

/** Nothing in a media file is as large in one piece; a length beyond it was read from damaged bytes. */
const MOST_BYTES = 64 * 1024 * 1024;

export interface AskedRange {
  /** The file, as errors name it. */
  readonly where: string;
  readonly offset: number;
  readonly length: number;
  readonly size: number | undefined;
}

/**
 * How many bytes the range has inside the file. Offsets and lengths come out of files and are checked here, before
 * anything is allocated for them.
 */
export function checkedRange({ where, offset, length, size }: AskedRange): number {
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0)
    throw new Fault('pull', 'garbage', `${where} is damaged: it points to ${length} bytes at ${offset}`);
  const inside = size === undefined ? length : Math.max(0, Math.min(length, size - offset));
  if (inside > MOST_BYTES)
    throw new Fault('pull', 'garbage', `${where} is damaged: it has ${length} bytes in one piece at ${offset}`);
  return inside;
}
