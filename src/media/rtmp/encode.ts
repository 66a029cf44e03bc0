import type { Encoded } from '../outlet.ts';
import type { Batch, Packet } from '../packet.ts';
import type { ChunkWriter } from './chunk-writer.ts';

export interface EncodeOptions {
  readonly streamId: number;
  /** Added to every time. */
  readonly shiftMs: number;
  /** No time goes out below this one. */
  readonly floorMs: number;
}

/** Writes the batch as RTMP messages into `out`, in place of what was in it. */
export function encodeBatch(writer: ChunkWriter, batch: Batch, out: Encoded, options: EncodeOptions): void {
  const { streamId, shiftMs, floorMs } = options;
  let room = 0;
  for (let i = 0; i < batch.count; i++) room += writer.packetBytes(batch.packets[i] as Packet);
  out.reserve(room);
  let at = 0;
  for (let i = 0; i < batch.count; i++) {
    const packet = batch.packets[i] as Packet;
    // ffmpeg takes metadata of any other time for a track of its own, of subtitles.
    const timestampMs = packet.kind === 'metadata' ? 0 : Math.max(packet.dtsMs + shiftMs, floorMs);
    at = writer.writePacket(out.bytes, at, packet, timestampMs, streamId);
    out.ends[i] = at;
  }
  out.length = at;
}
