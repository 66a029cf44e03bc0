import { Fault } from './fault.ts';
import { type Batch, isHeader, type Packet } from './packet.ts';

/** Of a sink that has left as it was to, in front of a key frame: all that lies before it is on its way. */
export const SUCCEEDED = new Fault('push', 'closed', 'another sink has followed');

/**
 * Shows what of the batch lies before its first key frame in `before`, and the rest in `after`. False where there is no
 * key frame. `anywhere`: it can be begun from every frame, as sound alone can.
 */
export function partAtKey(batch: Batch, parts: { before: Batch; after: Batch }, anywhere: boolean): boolean {
  const { before, after } = parts;
  before.clear();
  after.clear();
  const at = indexOfStart(batch, anywhere);
  for (let i = 0; i < batch.count; i++) {
    const packet = batch.packets[i] as Packet;
    (i < at ? before : after).next().show(packet, packet.dtsMs);
  }
  return at < batch.count;
}

function indexOfStart(batch: Batch, anywhere: boolean): number {
  for (let i = 0; i < batch.count; i++) {
    const { kind } = batch.packets[i] as Packet;
    if (kind === 'key' || (anywhere && !isHeader(kind))) return i;
  }
  return batch.count;
}
