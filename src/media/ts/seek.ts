import { uint16At } from '../bytes.ts';
import type { FileBytes } from '../item.ts';
import { Batch, isVideo, type Packet } from '../packet.ts';
import { TsDemuxer } from './demux.ts';
import { TS_PACKET_BYTES, TsPackets } from './packets.ts';
import { timeAt } from './pes.ts';
import { Unwrap33 } from './unwrap33.ts';

/** A file of a transport stream whose times are looked up, not played. */
export interface TsPlaces {
  readonly bytes: FileBytes;
  readonly size: number;
  /** The PID whose times are looked at. */
  readonly pid: number;
  /** Time of the file's first frame on the stream's clock. */
  readonly baseMs: number;
  readonly signal: AbortSignal;
}

const LOOK_BYTES = 188 * 700;
const MOST_LOOKS = 12;
/** Nearer than this the bytes are simply read through. */
const NEAR_BYTES = 512 * 1024;
const MOST_HALVINGS = 40;
const LONGEST_MS = 48 * 3_600_000;

/** An offset whose frames come shortly before `targetMs` of the file; 0 where no better is found. */
export async function offsetBefore(places: TsPlaces, targetMs: number): Promise<number> {
  let low = 0;
  let high = places.size;
  for (let i = 0; i < MOST_HALVINGS && high - low > NEAR_BYTES; i++) {
    const middle = Math.floor((low + high) / 2);
    const timeMs = await timeFrom(places, middle);
    if (timeMs === undefined || timeMs > targetMs) high = middle;
    else low = middle;
  }
  return low;
}

/** How long the file is by the times in its tail; undefined where they make no sense. */
export async function measureTs(places: TsPlaces): Promise<number | undefined> {
  const from = Math.max(0, places.size - LOOK_BYTES * 4);
  const tail = await places.bytes.read(from, places.size - from, places.signal);
  const batch = new Batch();
  const demuxer = new TsDemuxer({ nearMs: places.baseMs });
  demuxer.push(tail, batch);
  demuxer.end(batch);
  const frames = batch.packets.slice(0, batch.count);
  const ends = [frames.filter(({ kind }) => isVideo(kind)), frames.filter(({ kind }) => kind === 'audio')].map(endOf);
  const durationMs = Math.round(Math.max(...ends) - places.baseMs);
  return durationMs > 0 && durationMs < LONGEST_MS ? durationMs : undefined;
}

/** Where a track ends that has these frames last. */
function endOf(frames: readonly Packet[]): number {
  const first = frames[0]?.dtsMs ?? Number.NaN;
  const last = frames.at(-1)?.dtsMs ?? Number.NEGATIVE_INFINITY;
  return frames.length < 2 ? last : last + (last - first) / (frames.length - 1);
}

/** The first time of the file that is told behind the offset. */
async function timeFrom(places: TsPlaces, offset: number): Promise<number | undefined> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    // Overlapping, for a packet that the last look has cut.
    const from = offset + look * (LOOK_BYTES - 2 * TS_PACKET_BYTES);
    const bytes = await places.bytes.read(from, LOOK_BYTES, places.signal);
    const [first] = timesIn(places, bytes);
    if (first !== undefined || bytes.length < LOOK_BYTES) return first;
  }
  return undefined;
}

function timesIn({ pid, baseMs }: TsPlaces, bytes: Buffer): number[] {
  const packets = new TsPackets();
  packets.feed(bytes);
  const times: number[] = [];
  for (let at = packets.next(); at >= 0; at = packets.next()) {
    const told = timeIn(packets.bytes, at, pid);
    if (told !== undefined) times.push(new Unwrap33(baseMs * 90).unwrap(told) / 90 - baseMs);
  }
  return times;
}

/** The decode time in the packet at `at`; undefined when none begins there, or not of this PID. */
function timeIn(bytes: Buffer, at: number, pid: number): number | undefined {
  if ((uint16At(bytes, at + 1) & 0x5fff) !== (0x4000 | pid) || ((bytes[at + 3] as number) & 0xd0) !== 0x10) {
    return undefined;
  }
  const from = ((bytes[at + 3] as number) & 0x20) === 0 ? at + 4 : at + 5 + (bytes[at + 4] as number);
  if (from + 19 > at + TS_PACKET_BYTES || uint16At(bytes, from) !== 0 || bytes[from + 2] !== 1) return undefined;
  const flags = (bytes[from + 7] as number) >> 6;
  if (flags < 2) return undefined;
  return timeAt(bytes, from + (flags === 3 ? 14 : 9));
}
