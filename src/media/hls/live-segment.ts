import { createDecipheriv, type Decipheriv } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { redactUrl } from '../address.ts';
import { spareBuffers } from '../bytes.ts';
import { asFault, Fault } from '../fault.ts';
import { Body } from '../file/http-body.ts';
import type { Begun, LiveLines } from './live-lines.ts';
import type { ByteRange, Place } from './playlist.ts';

/** Held of a segment that is being read: what comes beyond waits in the connection. */
const HELD_BYTES = 128 * 1024;
const LARGEST_SEGMENT = 256 * 1024 * 1024;
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
}

/** The plain bytes of one segment in order, as they come and as they are wanted. */
export class LiveSegment {
  readonly #options: SegmentOptions;
  readonly #decipher: Decipheriv | undefined;
  readonly #end: number;
  /** Where in the file the next byte lies. */
  #position: number;
  readonly #chunks: { readonly buffer: Buffer; readonly length: number }[] = [];
  /** The one that has been handed out last. */
  #shown: Buffer | undefined;
  #heldBytes = 0;
  #body: Body | undefined;
  #resumes = 0;
  #state: 'coming' | 'here' | 'closed' = 'coming';
  #fault: Fault | undefined;
  #isFinal = false;

  /** Resolves when the server has begun to answer. */
  static async open(options: SegmentOptions): Promise<LiveSegment> {
    const { place, lines, signal } = options;
    const begun = await lines.begin(place.url, { range: place.range, signal });
    return new LiveSegment(options, begun);
  }

  private constructor(options: SegmentOptions, begun: Begun) {
    const { place, key } = options;
    this.#options = options;
    this.#position = place.range?.offset ?? 0;
    this.#end = place.range === undefined ? LARGEST_SEGMENT : place.range.offset + place.range.length;
    this.#decipher = key === undefined ? undefined : createDecipheriv('aes-128-cbc', key.secret, key.iv);
    void this.#receive(begun);
  }

  /**
   * Undefined while bytes are on their way; empty at the end. Valid until the next call. Throws what keeps them from
   * coming.
   */
  take(): Buffer | undefined {
    for (;;) {
      this.#giveBackShown();
      const chunk = this.#chunks.shift();
      if (chunk === undefined) return this.#atEnd();
      this.#shown = chunk.buffer;
      this.#heldBytes -= chunk.length;
      if (this.#heldBytes < HELD_BYTES / 2) this.#body?.resume();
      const bytes = chunk.buffer.subarray(0, chunk.length);
      const plain = this.#decipher === undefined ? bytes : this.#decipher.update(bytes);
      // Deciphering may keep back a whole chunk.
      if (plain.length > 0) return plain;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#giveBackShown();
    for (const { buffer } of this.#chunks.splice(0)) spareBuffers.giveBack(buffer);
    this.#body?.stop(new Fault('pull', 'closed', 'not needed any more'));
  }

  #giveBackShown(): void {
    if (this.#shown !== undefined) spareBuffers.giveBack(this.#shown);
    this.#shown = undefined;
  }

  #atEnd(): Buffer | undefined {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#state === 'coming') return undefined;
    if (this.#decipher === undefined || this.#isFinal) return NOTHING;
    this.#isFinal = true;
    try {
      return this.#decipher.final();
    } catch (cause) {
      throw new Fault('pull', 'garbage', 'a segment cannot be decrypted: wrong key, or cut short', { cause });
    }
  }

  /** Receives up to the end, over another connection where one breaks. */
  async #receive(first: Begun): Promise<void> {
    try {
      await this.#receiveBody(first).catch(error => this.#resume(error));
      if (this.#state === 'coming') this.#state = 'here';
    } catch (error) {
      this.#fault = asFault('pull', error);
    }
  }

  async #resume(broken: unknown): Promise<void> {
    const fault = asFault('pull', broken);
    const { place, lines, life: signal } = this.#options;
    if (this.#state === 'closed' || !RESUMABLE.has(fault.kind) || this.#resumes === MOST_RESUMES) throw fault;
    await sleep(REST_MS * this.#resumes++, undefined, { signal });
    try {
      const begun = await lines.begin(place.url, { range: this.#missing(), signal });
      await this.#receiveBody(begun);
    } catch (error) {
      await this.#resume(error);
    }
  }

  #missing(): ByteRange | undefined {
    const { range } = this.#options.place;
    if (this.#position === 0 && range === undefined) return undefined;
    return { offset: this.#position, length: this.#end - this.#position };
  }

  async #receiveBody({ address, answer, part, giveBack }: Begun): Promise<void> {
    const { limits } = this.#options.lines;
    const onBytes = (at: number, chunk: Buffer): void => this.#arrived(at, chunk);
    if (this.#state === 'closed') answer.destroy();
    // Nothing is missing but the end itself.
    if (part.to === part.from) answer.resume();
    if (answer.destroyed || part.to === part.from) return giveBack();
    const body = new Body(answer, { address, from: part.from, to: part.to, silentMs: limits.silentMs, onBytes });
    this.#body = body;
    try {
      await body.received;
    } finally {
      this.#body = undefined;
      giveBack();
    }
  }

  /** What comes is copied: the memory it came in is freed at once. */
  #arrived(at: number, chunk: Buffer): void {
    const { lines, place } = this.#options;
    lines.bytesIn += chunk.length;
    const from = Math.max(0, this.#position - at);
    const to = Math.min(chunk.length, this.#end - at);
    if (from >= to) return;
    const length = to - from;
    const buffer = spareBuffers.take(length);
    chunk.copy(buffer, 0, from, to);
    this.#chunks.push({ buffer, length });
    this.#position = at + to;
    this.#heldBytes += length;
    if (this.#heldBytes >= HELD_BYTES) this.#body?.pause();
    if (place.range !== undefined || this.#position < LARGEST_SEGMENT) return;
    const sentence = `${redactUrl(place.url)} is larger than ${LARGEST_SEGMENT >> 20} MB`;
    this.#body?.stop(new Fault('pull', 'garbage', sentence));
  }
}

const RESUMABLE: ReadonlySet<string> = new Set(['closed', 'silent', 'unreachable', 'timeout']);
const NOTHING = Buffer.alloc(0);
