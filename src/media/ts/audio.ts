import { ADTS_HEAD_BYTES, readAdtsHead } from '../codec/adts.ts';
import { MP3_HEAD_BYTES, readMp3Head } from '../codec/mp3.ts';
import { Cuttings } from '../cuttings.ts';
import { Fault } from '../fault.ts';
import { AAC_HEAD, aacHeader, mp3Head } from '../flv/body.ts';
import type { Batch } from '../packet.ts';
import type { Payload, PesTimes } from './pes.ts';

const AAC_SAMPLES = 1024;
/** Bytes in which no frame is found at all. */
const LOST_BYTES = 256 * 1024;

/** One frame, as its header tells it. */
interface Frame {
  readonly frameBytes: number;
  /** Bytes of the frame that are not handed on. */
  readonly headBytes: number;
  readonly samples: number;
  readonly sampleRate: number;
  /** Of all frames with the same decoder settings the same. */
  readonly config: number;
}

/** What differs between the codecs whose frames find their own bounds. */
export interface FrameRules {
  readonly name: string;
  readonly headBytes: number;
  /** Undefined where no header stands. Throws a Fault for frames that cannot be carried. */
  frameAt(bytes: Buffer, at: number): Frame | undefined;
  /** The first bytes of an FLV body with this frame. */
  bodyHead(frame: Frame): Buffer;
  /** The codec header; undefined for codecs without. */
  header(frame: Frame): Buffer | undefined;
}

export const aacRules: FrameRules = {
  name: 'AAC',
  headBytes: ADTS_HEAD_BYTES,
  frameAt(bytes, at) {
    const head = readAdtsHead(bytes, at);
    if (head === undefined) return undefined;
    if (head.blocks > 1) throw cannot('AAC with several blocks in a frame');
    const { frameBytes, headBytes, sampleRate, config } = head;
    return { frameBytes, headBytes, samples: AAC_SAMPLES, sampleRate, config };
  },
  bodyHead: () => AAC_HEAD,
  header: ({ config }) => aacHeader(Buffer.of(config >> 8, config & 0xff)),
};

export const mp3Rules: FrameRules = {
  name: 'MP3',
  headBytes: MP3_HEAD_BYTES,
  frameAt(bytes, at) {
    const head = readMp3Head(bytes, at);
    if (head === undefined) return undefined;
    if (head.layer !== 3) throw cannot(`MPEG audio layer ${head.layer === 1 ? 'I' : 'II'}`);
    return { ...head, headBytes: 0, config: head.channels };
  },
  bodyHead: ({ sampleRate, config }) => mp3Head(sampleRate, config),
  header: () => undefined,
};

const cannot = (what: string): Fault =>
  new Fault('pull', 'unsupported', `the audio of the transport stream cannot be relayed: ${what}`);

/** Parts a stream of audio frames, which may begin and end anywhere in PES packets. */
export class AudioFrames implements Payload {
  readonly #rules: FrameRules;
  readonly #cuttings = new Cuttings();
  /** The beginning of a frame that the next packet goes on with. */
  #rest: Buffer = Buffer.alloc(0);
  /** The time of the next frame. */
  #time: number | undefined;
  #config: number | undefined;
  #inStep = false;
  #lostBytes = 0;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  reset(): void {
    this.#rest = Buffer.alloc(0);
    this.#inStep = false;
  }

  take(payload: Buffer, length: number, times: PesTimes, into: Batch): void {
    const restBytes = this.#rest.length;
    const bytes = restBytes === 0 ? payload : Buffer.concat([this.#rest, payload.subarray(0, length)]);
    const end = restBytes + length;
    // The time is that of the first frame that begins in this packet, not of the one that ends in it.
    let told = times.pts;
    let at = 0;
    while (at + this.#rules.headBytes <= end) {
      const frame = this.#frameAt(bytes, at, end);
      if (frame === undefined) {
        at = this.#seek(bytes, at + 1, end);
        continue;
      }
      if (at + frame.frameBytes > end) break;
      if (told !== undefined && at >= restBytes) {
        this.#time = told;
        told = undefined;
      }
      this.#emit(bytes, at, frame, into);
      at += frame.frameBytes;
    }
    // The frame that begins at the end carries this packet's time into the next.
    if (told !== undefined && at >= restBytes) this.#time = told;
    this.#rest = at < end ? Buffer.from(bytes.subarray(at, end)) : NOTHING;
  }

  /** Out of step a header is only believed with another one, or nothing yet, behind its frame. */
  #frameAt(bytes: Buffer, at: number, end: number): Frame | undefined {
    const frame = this.#rules.frameAt(bytes, at);
    if (frame === undefined || this.#inStep) return frame;
    const next = at + frame.frameBytes;
    if (next + this.#rules.headBytes <= end && this.#rules.frameAt(bytes, next) === undefined) return undefined;
    return frame;
  }

  #seek(bytes: Buffer, from: number, end: number): number {
    const found = bytes.indexOf(0xff, from);
    const at = found < 0 || found > end ? end : found;
    this.#inStep = false;
    this.#lostBytes += at - from + 1;
    if (this.#lostBytes > LOST_BYTES) {
      throw new Fault('pull', 'garbage', `no ${this.#rules.name} in the audio of the transport stream`);
    }
    return at;
  }

  #emit(bytes: Buffer, at: number, frame: Frame, into: Batch): void {
    this.#inStep = true;
    this.#lostBytes = 0;
    const time = this.#time;
    if (time === undefined) return;
    this.#time = time + (frame.samples * 90_000) / frame.sampleRate;
    const dtsMs = Math.round(time / 90);
    if (frame.config !== this.#config) this.#putHeader(frame, dtsMs, into);
    const head = this.#rules.bodyHead(frame);
    const start = this.#cuttings.reserve(head.length + frame.frameBytes);
    const out = this.#cuttings.buffer;
    let end = start + head.copy(out, start);
    end += bytes.copy(out, end, at + frame.headBytes, at + frame.frameBytes);
    this.#cuttings.cut(end);
    const packet = into.next();
    packet.reset('audio', dtsMs);
    packet.addSpan(out, start, end);
  }

  #putHeader(frame: Frame, dtsMs: number, into: Batch): void {
    this.#config = frame.config;
    const header = this.#rules.header(frame);
    if (header === undefined) return;
    const packet = into.next();
    packet.reset('audioHeader', dtsMs);
    packet.addSpan(header, 0, header.length);
  }
}

const NOTHING = Buffer.alloc(0);
