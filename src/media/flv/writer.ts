import { putUint24, putUint32 } from '../bytes.ts';
import type { Encoded } from '../outlet.ts';
import { type Batch, isVideo, type Packet } from '../packet.ts';
import { TAG_HEAD_BYTES, TagType } from './tag.ts';

const HAS_VIDEO = 1;
const HAS_AUDIO = 4;
/** Behind each tag, and behind the file header: the size of what lies in front (FLV 10.1, section E.3). */
const BACK_BYTES = 4;

/** What an FLV stream begins with: the file header, section E.2, and the size of no tag in front of the first one. */
export function flvHead({ video, audio }: { readonly video: boolean; readonly audio: boolean }): Buffer {
  const flags = (video ? HAS_VIDEO : 0) | (audio ? HAS_AUDIO : 0);
  return Buffer.of(0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0);
}

/** Writes the batch as FLV tags into `out`, in place of what was in it. Metadata is left out: it speaks of another file. */
export function encodeTags(batch: Batch, out: Encoded): void {
  let room = 0;
  for (let i = 0; i < batch.count; i++) room += (batch.packets[i] as Packet).size + TAG_HEAD_BYTES + BACK_BYTES;
  out.reserve(room);
  let at = 0;
  for (let i = 0; i < batch.count; i++) {
    const packet = batch.packets[i] as Packet;
    if (packet.kind !== 'metadata') at = putTag(out.bytes, at, packet);
    out.ends[i] = at;
  }
  out.length = at;
}

/** A tag, section E.4.1; answers the offset behind it and the size that follows. */
function putTag(out: Buffer, at: number, packet: Packet): number {
  const { kind, size, dtsMs } = packet;
  const timeMs = Math.floor(Math.max(0, dtsMs));
  out[at] = kind === 'videoHeader' || isVideo(kind) ? TagType.video : TagType.audio;
  putUint24(out, at + 1, size);
  putUint24(out, at + 4, timeMs % 0x1000000);
  out[at + 7] = Math.floor(timeMs / 0x1000000);
  putUint24(out, at + 8, 0);
  const end = packet.copyTo(out, at + TAG_HEAD_BYTES);
  return putUint32(out, end, size + TAG_HEAD_BYTES);
}
