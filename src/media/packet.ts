/**
 * Packets travel as FLV and RTMP carry them: an access unit or a codec header with its FLV tag byte(s) in front,
 * NAL units length-prefixed. A packet's payload is a short list of views into the reader's buffer ("spans"); it is
 * never joined on the fast path.
 *
 * A Batch is what one source had at one tick. Batch and packets are reused: whatever a consumer wants to keep past
 * the call it was handed the batch in, it copies (`copyPayload`).
 */
export type PacketKind =
  | 'metadata' // AMF0 script data, starting at the string "onMetaData"
  | 'videoHeader' // AVCDecoderConfigurationRecord and its like
  | 'audioHeader' // AudioSpecificConfig and its like
  | 'key' // video a decoder can start at
  | 'inter' // video that others may need
  | 'disposable' // video that nothing else refers to (a B-frame): the first to drop
  | 'audio';

export class Packet {
  kind: PacketKind = 'audio';
  /** Decode time in ms. From a source: its own clock, unwrapped past 2^32. After the splicer: the run's output timeline. */
  dtsMs = 0;
  /** Payload bytes over all spans. */
  size = 0;
  /** How many of the span slots below are in use. */
  spanCount = 0;
  readonly buffers: Buffer[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  reset(kind: PacketKind, dtsMs: number): void {
    this.kind = kind;
    this.dtsMs = dtsMs;
    this.size = 0;
    this.spanCount = 0;
  }

  addSpan(buffer: Buffer, start: number, end: number): void {
    const at = this.spanCount++;
    this.buffers[at] = buffer;
    this.starts[at] = start;
    this.ends[at] = end;
    this.size += end - start;
  }

  /** Becomes the other packet at another time, over the same bytes. */
  show(other: Packet, dtsMs: number): void {
    this.reset(other.kind, dtsMs);
    for (let i = 0; i < other.spanCount; i++) {
      this.addSpan(other.buffers[i] as Buffer, other.starts[i] as number, other.ends[i] as number);
    }
  }

  /** Puts bytes in front of the payload's byte `at`, which copies nothing. */
  insert(at: number, bytes: Buffer): void {
    let left = at;
    let index = 0;
    for (; index < this.spanCount; index++) {
      const length = (this.ends[index] as number) - (this.starts[index] as number);
      if (left < length) break;
      left -= length;
    }
    const tail: [Buffer, number, number][] = [];
    for (let i = index; i < this.spanCount; i++) {
      tail.push([this.buffers[i] as Buffer, this.starts[i] as number, this.ends[i] as number]);
      this.size -= (this.ends[i] as number) - (this.starts[i] as number);
    }
    this.spanCount = index;
    const cut = tail[0];
    if (cut !== undefined && left > 0) {
      this.addSpan(cut[0], cut[1], cut[1] + left);
      cut[1] += left;
    }
    this.addSpan(bytes, 0, bytes.length);
    for (const [buffer, start, end] of tail) this.addSpan(buffer, start, end);
  }

  /** Copies the payload to `out` at `at`; answers the offset behind it. The caller has made room. */
  copyTo(out: Buffer, at: number): number {
    let offset = at;
    for (let i = 0; i < this.spanCount; i++) {
      const start = this.starts[i] as number;
      const end = this.ends[i] as number;
      (this.buffers[i] as Buffer).copy(out, offset, start, end);
      offset += end - start;
    }
    return offset;
  }

  /** The payload as one buffer of its own, for what outlives the batch (codec headers, queued packets). */
  copyPayload(): Buffer {
    const own = Buffer.allocUnsafeSlow(this.size);
    this.copyTo(own, 0);
    return own;
  }

  /** Replaces the views by a copy of what they show, for a packet that must outlive the buffers it came in. */
  own(): void {
    const payload = this.copyPayload();
    this.size = 0;
    this.spanCount = 0;
    this.addSpan(payload, 0, payload.length);
  }
}

/** Packets of one tick, oldest first. Slots are made once and reused, so that a tick allocates nothing. */
export class Batch {
  readonly packets: Packet[] = [];
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** The next free slot, already counted. The caller calls `reset` on it. */
  next(): Packet {
    let packet = this.packets[this.count];
    if (packet === undefined) {
      packet = new Packet();
      this.packets.push(packet);
    }
    this.count++;
    return packet;
  }
}

export const isVideo = (kind: PacketKind): boolean => kind === 'key' || kind === 'inter' || kind === 'disposable';
export const isHeader = (kind: PacketKind): boolean =>
  kind === 'metadata' || kind === 'videoHeader' || kind === 'audioHeader';

/** Where packets come from. Opened by `open.ts`; read once a tick; never waits. */
export interface Source {
  /**
   * Appends whatever whole packets have come since the last call, of `mostBytes` where that is given. Throws a Fault when
   * the source is gone or talks garbage.
   */
  read(into: Batch, mostBytes?: number): void;
  /** Bytes received so far, all included. */
  readonly bytesIn: number;
  /** What of the stream is left out, and why; sentences for an operator. */
  readonly notes?: readonly string[];
  close(): void;
}

/** Files played one after the other: they could come at once, so whoever reads says up to where. */
export interface PacedSource {
  /** Rises when the packets to come belong to another item; their times then begin at about 0 again. */
  readonly segment: number;
  /** Where the tracks of the present segment begin, on its own clock. */
  readonly starts: TrackStarts;
  /** How the last read ended: `starved` where more is due but not here yet, `dry` where there is no item to play. */
  readonly state: 'ok' | 'starved' | 'dry';
  /** Appends what lies before `untilMs` of the present segment, never of two. Spans are valid until the next call. */
  read(into: Batch, untilMs: number): void;
  /** Asks to pass over so much media, because that much is late. */
  skip(lateMs: number): void;
  readonly bytesIn: number;
  close(): void;
}

/** Undefined where a track is not there, or shows up late. */
export interface TrackStarts {
  readonly videoMs: number | undefined;
  readonly audioMs: number | undefined;
}

/** What a sink dropped and why, in packets. */
export interface Drops {
  disposable: number;
  /** Video dropped from an overfull queue up to the next key frame. */
  untilKey: number;
}

/** Where packets go to. `open` resolves after the destination has accepted the publish. */
export interface Sink {
  /**
   * Takes the batch's packets, in order, in one write. Never waits: what the destination cannot take now is queued
   * within the bounds or dropped by the policy. Throws a Fault when the destination is gone or stalled.
   * Call it every tick, with an empty batch too: it also serves the queue and the stall deadline.
   */
  write(batch: Batch): void;
  readonly bytesOut: number;
  readonly drops: Drops;
  /** Media seconds and bytes waiting in our own queue. */
  readonly queuedMs: number;
  readonly queuedBytes: number;
  /** Sent beyond what a destination that has acknowledged before should have acknowledged by now. */
  readonly overdueBytes?: number;
  /** How long that has been so. */
  readonly overdueMs?: number;
  /** True once a video key frame (or, without video, an audio frame) was handed to the kernel in this session. */
  readonly flowing: boolean;
  /** Ends the publish cleanly within the deadline, then closes whatever happened. Idempotent. */
  close(deadlineMs?: number): Promise<void>;
}
