import { createDecipheriv, type Decipheriv } from 'node:crypto';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { redactUrl } from '../address.ts';
import { type Monotonic, monotonic } from '../clock.ts';
import { asFault, Fault } from '../fault.ts';
import { freeBehind } from '../file/spent.ts';
import { readBuffer } from '../read-buffers.ts';
import { TS_PACKET_BYTES } from '../ts/packets.ts';
import type { Begun, LiveLines } from './live-lines.ts';
import type { ByteRange, Place } from './playlist.ts';

/** So that a read ends with a packet of MPEG-TS: what is cut has to be joined again, in a buffer of its own. */
const READ_BYTES = 348 * TS_PACKET_BYTES;
const LOOK_BYTES = 64 * TS_PACKET_BYTES;
/** Reads of one call that bring nothing that is wanted. */
const MOST_READS = 16;
const LARGEST_SEGMENT = 256 * 1024 * 1024;
/** Fewer bytes than this in the whole time of silence are no transfer either. */
const TRICKLE_BYTES = 4096;
/** Who has not asked for so long did not want any. */
const RESTED_MS = 500;
/** How often a segment is gone on with after its connection broke. */
const MOST_RESUMES = 2;
/** Between two tries of that. */
const REST_MS = 300;

export interface SegmentKey {
  readonly secret: Buffer;
  readonly iv: Buffer;
}

interface SegmentOptions {
  readonly place: Place;
  readonly key: SegmentKey | undefined;
  readonly lines: LiveLines;
  /** Calls off the opening. */
  readonly signal: AbortSignal;
  /** Calls off what is asked for later. */
  readonly life: AbortSignal;
  readonly now?: Monotonic;
}

/** The plain bytes of one segment in order, read as they are wanted. */
export class LiveSegment {
  readonly #options: SegmentOptions;
  readonly #now: Monotonic;
  readonly #decipher: Decipheriv | undefined;
  readonly #end: number;
  /** Where in the file the next byte that is wanted lies. */
  #position: number;
  #begun: Begun | undefined;
  /** Where in the file the next byte that comes lies. */
  #comesAt: number;
  #resumes = 0;
  #fault: Fault | undefined;
  #state: 'coming' | 'here' | 'final' | 'closed' = 'coming';
  /** Since when it has been wanted and has hardly come. */
  #slow: { readonly sinceMs: number; bytes: number } | undefined;
  #askedAtMs = 0;
  /** Looked at, and still to be taken. */
  #seen: Buffer = NOTHING;

  /** Resolves when the server has begun to answer. */
  static async open(options: SegmentOptions): Promise<LiveSegment> {
    const { place, lines, signal } = options;
    return new LiveSegment(options, await lines.begin(place.url, { range: place.range, signal }));
  }

  private constructor(options: SegmentOptions, begun: Begun) {
    const { place, key } = options;
    this.#options = options;
    this.#now = options.now ?? monotonic;
    this.#position = place.range?.offset ?? 0;
    this.#end = place.range === undefined ? LARGEST_SEGMENT : place.range.offset + place.range.length;
    this.#decipher = key === undefined ? undefined : createDecipheriv('aes-128-cbc', key.secret, key.iv);
    this.#comesAt = begun.part.from;
    this.#begin(begun);
  }

  /**
   * Undefined while bytes are on their way; empty at the end. Valid until the next read of anything, and in this turn of
   * the event loop only. Throws what keeps them from coming.
   */
  take(): Buffer | undefined {
    const seen = this.#seen;
    if (seen.length === 0) return this.#come(READ_BYTES);
    this.#seen = NOTHING;
    return seen;
  }

  /**
   * How the segment begins, as far as it has come, which `take` gives once more; `isAll` where no more of it will be shown.
   * To be asked before anything is taken.
   */
  look(most: number): { readonly bytes: Buffer; readonly isAll: boolean } {
    const room = Math.min(LOOK_BYTES, most - this.#seen.length);
    const come = room > 0 && this.#fault === undefined ? this.#come(room) : NOTHING;
    if (come !== undefined && come.length > 0) this.#seen = Buffer.concat([this.#seen, come]);
    return { bytes: this.#seen, isAll: come?.length === 0 || this.#fault !== undefined };
  }

  #come(most: number): Buffer | undefined {
    for (let reads = 0; reads < MOST_READS; reads++) {
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#state !== 'coming') return this.#final();
      const begun = this.#begun;
      if (begun === undefined) return undefined;
      const bytes = this.#read(begun, most);
      if (bytes === undefined) return undefined;
      const plain = this.#decipher === undefined ? bytes : this.#deciphered(this.#decipher, bytes);
      // Deciphering may keep back what has come.
      if (plain.length > 0) return plain;
    }
    return undefined;
  }

  #deciphered(decipher: Decipheriv, bytes: Buffer): Buffer {
    const plain = decipher.update(bytes);
    freeBehind(plain);
    return plain;
  }

  /** Idempotent. */
  close(): void {
    this.#state = 'closed';
    this.#leave();
  }

  /** What has come and is wanted; undefined where nothing has come. */
  #read(begun: Begun, most: number): Buffer | undefined {
    try {
      const buffer = readBuffer(0);
      const got = begun.body.read(buffer.subarray(0, most > TS_PACKET_BYTES ? most - this.#offPackets : most));
      this.#options.lines.bytesIn += got;
      const wanted = this.#wanted(buffer, got);
      if (begun.body.ended || this.#position >= this.#end) this.#arrived();
      else if (got === 0) this.#waited();
      else this.#moved(got);
      return got === 0 && this.#state === 'coming' ? undefined : wanted;
    } catch (error) {
      this.#broke(asFault('pull', error));
      return undefined;
    }
  }

  /** How far into a packet what comes next lies. */
  get #offPackets(): number {
    return (this.#comesAt - (this.#options.place.range?.offset ?? 0)) % TS_PACKET_BYTES;
  }

  #wanted(buffer: Buffer, got: number): Buffer {
    const from = Math.min(got, Math.max(0, this.#position - this.#comesAt));
    const to = Math.max(from, Math.min(got, this.#end - this.#comesAt));
    this.#comesAt += got;
    this.#position += to - from;
    return buffer.subarray(from, to);
  }

  #arrived(): void {
    const { place } = this.#options;
    if (place.range === undefined && this.#position >= LARGEST_SEGMENT) {
      throw new Fault('pull', 'garbage', `${redactUrl(place.url)} is larger than ${LARGEST_SEGMENT >> 20} MB`);
    }
    this.#state = 'here';
    this.#leave();
  }

  #leave(): void {
    this.#begun?.giveBack();
    this.#begun = undefined;
  }

  #moved(bytes: number): void {
    this.#askedAtMs = this.#now();
    if (this.#slow === undefined) return;
    this.#slow.bytes += bytes;
    if (this.#slow.bytes >= TRICKLE_BYTES) this.#slow = undefined;
  }

  #waited(): void {
    const nowMs = this.#now();
    const { silentMs } = this.#options.lines.limits;
    if (this.#slow === undefined || nowMs - this.#askedAtMs > RESTED_MS) this.#slow = { sinceMs: nowMs, bytes: 0 };
    this.#askedAtMs = nowMs;
    if (nowMs - this.#slow.sinceMs <= silentMs) return;
    const sentence = `${redactUrl(this.#options.place.url)} has sent next to nothing for ${silentMs / 1000} s`;
    throw new Fault('pull', 'silent', sentence);
  }

  #broke(fault: Fault): void {
    this.#leave();
    if (!RESUMABLE.has(fault.kind) || this.#resumes === MOST_RESUMES) {
      this.#fault = fault;
      return;
    }
    const restMs = REST_MS * this.#resumes++;
    this.#slow = undefined;
    this.#resume(restMs).catch((error: unknown) => this.#broke(asFault('pull', error)));
  }

  async #resume(restMs: number): Promise<void> {
    const { place, lines, life } = this.#options;
    await sleepFor(restMs, undefined, { signal: life });
    const begun = await lines.begin(place.url, { range: this.#missing(), signal: life });
    if (this.#state === 'coming') this.#begin(begun);
    else begun.giveBack();
  }

  #begin(begun: Begun): void {
    const { from, to } = begun.part;
    this.#comesAt = from;
    this.#begun = begun;
    // Nothing is missing but the end itself.
    if (to === from) this.#arrived();
  }

  #missing(): ByteRange | undefined {
    if (this.#position === 0 && this.#options.place.range === undefined) return undefined;
    return { offset: this.#position, length: this.#end - this.#position };
  }

  #final(): Buffer {
    const decipher = this.#decipher;
    if (decipher === undefined || this.#state !== 'here') return NOTHING;
    this.#state = 'final';
    try {
      return decipher.final();
    } catch (cause) {
      throw new Fault('pull', 'garbage', 'a segment cannot be decrypted: wrong key, or cut short', { cause });
    }
  }
}

const RESUMABLE: ReadonlySet<string> = new Set(['closed', 'silent', 'unreachable', 'timeout']);
const NOTHING = Buffer.alloc(0);
