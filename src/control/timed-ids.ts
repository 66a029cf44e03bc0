import type { RandomBytes } from './secret.ts';

export interface TimedIdsOptions {
  /** Wall clock. */
  readonly now: () => number;
  readonly randomBytes: RandomBytes;
}

const MOST_IN_A_MS = 0xfff;

/**
 * Makes ids that sort in the order in which they were made: UUIDs of version 7 (RFC 9562, 5.7), the 12 bits behind the time
 * counting within a millisecond (6.2, method 1). A clock that goes back is waited for.
 */
export function timedIds({ now, randomBytes }: TimedIdsOptions): () => string {
  let atMs = 0;
  let count = 0;
  return () => {
    const nowMs = now();
    count = nowMs > atMs ? 0 : count + 1;
    // More of them than a millisecond has room for borrow from the next.
    atMs = count > MOST_IN_A_MS ? atMs + 1 : Math.max(atMs, nowMs);
    if (count > MOST_IN_A_MS) count = 0;
    return print(atMs, count, randomBytes(8));
  };
}

function print(atMs: number, count: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(atMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | count, 6);
  bytes.set(random, 8);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
