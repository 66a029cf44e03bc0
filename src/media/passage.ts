import { type Batch, isHeader, type Packet } from './packet.ts';

/** How much media the batch holds behind the time. */
export function lengthFrom(batch: Batch, fromMs: number): number {
  let endMs = fromMs;
  for (let i = 0; i < batch.count; i++) {
    const { kind, dtsMs } = batch.packets[i] as Packet;
    if (!isHeader(kind)) endMs = Math.max(endMs, dtsMs);
  }
  return endMs - fromMs;
}

/** Swaps packet `index` of `from` with the next free slot of `to`. */
export function pass(from: Batch, index: number, to: Batch): void {
  const slot = to.count;
  const spare = to.next();
  const packet = from.packets[index] as Packet;
  to.packets[slot] = packet;
  from.packets[index] = spare;
}

/**
 * Moves the newest packet before those of the other track that are later than it: some servers end a session whose
 * timestamps fall over both tracks. Headers are never passed over, for what follows them needs them.
 */
export function settle(batch: Batch): void {
  const packets = batch.packets;
  for (let i = batch.count - 1; i > 0; i--) {
    const packet = packets[i] as Packet;
    const before = packets[i - 1] as Packet;
    if (before.dtsMs <= packet.dtsMs || isHeader(before.kind)) return;
    packets[i] = before;
    packets[i - 1] = packet;
  }
}
