import { BitReader, uint16At } from '../bytes.ts';
import { opusHead } from '../codec/opus.ts';
import { Cuttings } from '../cuttings.ts';
import { AAC_HEAD, aacHeader, OPUS_HEAD, opusHeader } from '../flv/body.ts';
import type { Batch } from '../packet.ts';
import type { TrackClock } from './clocks.ts';
import type { RtpHead } from './rtp.ts';

/** Hands on one frame of sound, which is so many frames of the same packet behind its time. */
export type FrameTaker = (bytes: Buffer, from: number, to: number, place: number) => void;

/** Finds the frames in payloads. What is left of a frame that goes on in the next packet it keeps. */
export interface SoundPayload {
  /** `lost`: something is missing in front of it. */
  take(bytes: Buffer, head: RtpHead, lost: boolean, taker: FrameTaker): void;
}

/** What there is to know of a track of sound in front of its first packet. */
export interface SoundFormat {
  readonly payload: SoundPayload;
  /** The codec header and what stands in front of each frame, as FLV has them. */
  readonly header: Buffer;
  readonly bodyHead: Buffer;
  /** Of the track's clock. */
  readonly ticksPerFrame: number;
}

/** Makes packets of the frames of sound that come in RTP payloads. */
export class AudioTrack {
  /** Sound has no frame that another one needs. */
  readonly dropped = 0;
  readonly #format: SoundFormat;
  readonly #clock: TrackClock;
  readonly #cuttings = new Cuttings();
  #begun = false;

  constructor(format: SoundFormat, clock: TrackClock) {
    this.#format = format;
    this.#clock = clock;
  }

  take(bytes: Buffer, head: RtpHead, lost: boolean, into: Batch): void {
    const ticks = this.#clock.ticksOf(head.timestamp);
    this.#format.payload.take(bytes, head, lost, (own, from, to, place) => {
      const dtsMs = Math.round(this.#clock.msOf(ticks + place * this.#format.ticksPerFrame));
      this.#emit(own.subarray(from, to), dtsMs, into);
    });
  }

  #emit(frame: Buffer, dtsMs: number, into: Batch): void {
    if (!this.#begun) {
      this.#begun = true;
      const { header } = this.#format;
      const packet = into.next();
      packet.reset('audioHeader', dtsMs);
      packet.addSpan(header, 0, header.length);
    }
    const { bodyHead } = this.#format;
    const start = this.#cuttings.reserve(bodyHead.length + frame.length);
    const out = this.#cuttings.buffer;
    const end = start + bodyHead.copy(out, start) + frame.copy(out, start + bodyHead.length);
    this.#cuttings.cut(end);
    const packet = into.next();
    packet.reset('audio', dtsMs);
    packet.addSpan(out, start, end);
  }
}

/** How access units are told apart: the `fmtp` of RFC 3640, section 4.1. */
export interface AuLayout {
  readonly sizeBits: number;
  readonly indexBits: number;
  readonly deltaBits: number;
}

const NOTHING = Buffer.alloc(0);
const LARGEST_FRAME = 64 * 1024;
const MOST_FRAMES = 256;

/** Frames that may be spread over several packets, which then have the same time. */
class Pieces {
  #kept = NOTHING;

  get length(): number {
    return this.#kept.length;
  }

  /** All that has come of the frame with this piece; undefined when it is too much. */
  add(piece: Buffer): Buffer | undefined {
    const all = this.#kept.length === 0 ? piece : Buffer.concat([this.#kept, piece]);
    this.#kept = NOTHING;
    return all.length <= LARGEST_FRAME ? all : undefined;
  }

  keep(bytes: Buffer): void {
    this.#kept = Buffer.from(bytes);
  }

  drop(): void {
    this.#kept = NOTHING;
  }
}

/** AAC with a header for each access unit in front: RFC 3640, section 3.2. */
export class AacUnits implements SoundPayload {
  readonly #layout: AuLayout;
  readonly #pieces = new Pieces();

  constructor(layout: AuLayout) {
    this.#layout = layout;
  }

  take(bytes: Buffer, { start, end, marker }: RtpHead, lost: boolean, taker: FrameTaker): void {
    if (lost) this.#pieces.drop();
    const sizes = this.#sizes(bytes, start, end);
    if (sizes === undefined) return;
    let at = start + sizes.headBytes;
    const [first = 0] = sizes.list;
    if (sizes.list.length === 1 && (first > end - at || this.#pieces.length > 0)) {
      this.#goOn(bytes.subarray(at, end), { size: first, marker }, taker);
      return;
    }
    for (const [place, size] of sizes.list.entries()) {
      if (size === 0 || at + size > end) return;
      taker(bytes, at, at + size, place);
      at += size;
    }
  }

  /** A piece of one access unit, whose header says the size of the whole in every packet. */
  #goOn(piece: Buffer, { size, marker }: { size: number; marker: boolean }, taker: FrameTaker): void {
    const all = this.#pieces.add(piece);
    if (all === undefined || all.length > size) return;
    if (all.length === size) taker(all, 0, size, 0);
    else if (!marker) this.#pieces.keep(all);
  }

  #sizes(bytes: Buffer, start: number, end: number): { list: number[]; headBytes: number } | undefined {
    if (end - start < 2) return undefined;
    const bitCount = uint16At(bytes, start);
    const headBytes = 2 + Math.ceil(bitCount / 8);
    if (start + headBytes >= end) return undefined;
    const bits = new BitReader(bytes.subarray(start + 2, start + headBytes));
    const { sizeBits, indexBits, deltaBits } = this.#layout;
    const list: number[] = [];
    for (let left = bitCount; list.length < MOST_FRAMES; ) {
      const own = sizeBits + (list.length === 0 ? indexBits : deltaBits);
      if (left < own) break;
      list.push(bits.bits(sizeBits));
      bits.bits(own - sizeBits);
      left -= own;
    }
    return list.length === 0 ? undefined : { list, headBytes };
  }
}

/** LATM with its configuration told in the SDP: RFC 6416, section 6, over ISO/IEC 14496-3, section 1.7.3. */
export class LatmUnits implements SoundPayload {
  readonly #framesPerUnit: number;
  readonly #pieces = new Pieces();

  constructor(framesPerUnit: number) {
    this.#framesPerUnit = framesPerUnit;
  }

  take(bytes: Buffer, { start, end, marker }: RtpHead, lost: boolean, taker: FrameTaker): void {
    if (lost) this.#pieces.drop();
    const all = this.#pieces.add(bytes.subarray(start, end));
    if (all === undefined) return;
    if (!marker) {
      this.#pieces.keep(all);
      return;
    }
    let at = 0;
    for (let place = 0; place < this.#framesPerUnit && at < all.length; place++) {
      let size = 0;
      let part = 255;
      while (part === 255 && at < all.length) {
        part = all[at++] as number;
        size += part;
      }
      if (size === 0 || at + size > all.length) return;
      taker(all, at, at + size, place);
      at += size;
    }
  }
}

/** One packet a payload: RFC 7587. */
export class OpusUnits implements SoundPayload {
  take(bytes: Buffer, { start, end }: RtpHead, _lost: boolean, taker: FrameTaker): void {
    taker(bytes, start, end, 0);
  }
}

export const aacFormat = (config: Buffer, payload: SoundPayload, ticksPerFrame: number): SoundFormat => ({
  payload,
  header: aacHeader(config),
  bodyHead: AAC_HEAD,
  ticksPerFrame,
});

export const opusFormat = (channels: number): SoundFormat => ({
  payload: new OpusUnits(),
  header: opusHeader(opusHead(channels)),
  bodyHead: OPUS_HEAD,
  ticksPerFrame: 0,
});
