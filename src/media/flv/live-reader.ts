import { spareBuffers } from '../bytes.ts';
import { Fault } from '../fault.ts';
import type { Batch, Packet } from '../packet.ts';
import { BACK_BYTES, FLV_HEAD_BYTES, headBytes, tagBytes } from './demux.ts';
import { classifyAudio, classifyVideo, metadataAt, readTagHead, TAG_HEAD_BYTES, type TagHead, TagType } from './tag.ts';
import { Unwrap } from './unwrap.ts';

/** The size of the tag before, then the tag's head: a tag that is whole is given before its own size has come. */
const FRONT_BYTES = BACK_BYTES + TAG_HEAD_BYTES;
/** Bits in front of a tag's type, all of them 0 in what can be read. */
const FLAGS = 0xe0;
/** Far beyond any backlog of real media: a packet costs us a hundred times the bytes that it can cost a peer. */
const MAX_PACKETS = 32_768;

/** Reads FLV (version 10.1, annex E) as it comes from a live server: packets show the bytes they came in. */
export class LiveFlvReader {
  readonly #unwrap = new Unwrap();
  /** A piece of which the end has not come yet; nobody else's until it has been shown and the next feed begins. */
  #carry: Buffer | undefined;
  #carried = 0;
  readonly #lent: Buffer[] = [];
  #headSeen = false;
  /** Whether a tag has been read. */
  #shown = false;
  /** Where in the stream the bytes at hand begin. */
  #offset = 0;

  /** What an unfinished tag holds. */
  get carriedBytes(): number {
    return this.#carried;
  }

  /**
   * Consumes all of bytes[from..to) and appends the packets that it ends. Their spans are views into `bytes` and into
   * buffers that are reused: valid until `release`. Throws a Fault of kind 'garbage'; the reader is then of no use.
   */
  feed(bytes: Buffer, from: number, to: number, into: Batch): void {
    let at = from;
    while (this.#carry !== undefined && at < to) at = this.#complete(this.#carry, bytes, { at, to, into });
    while (at < to) {
      const length = this.#lengthAt(bytes, at, to);
      if (length === undefined || at + length > to) break;
      this.#piece(bytes, at, into);
      at += length;
      this.#offset += length;
    }
    if (at < to) this.#keep(bytes, at, to);
  }

  /** The packets given so far are not looked at any more. */
  release(): void {
    for (const buffer of this.#lent) spareBuffers.giveBack(buffer);
    this.#lent.length = 0;
  }

  close(): void {
    this.release();
    if (this.#carry !== undefined) spareBuffers.giveBack(this.#carry);
    this.#carry = undefined;
  }

  /** Adds to the piece at hand what it lacks; answers the offset behind it. */
  #complete(carry: Buffer, bytes: Buffer, { at, to, into }: { at: number; to: number; into: Batch }): number {
    const length = this.#lengthAt(carry, 0, this.#carried);
    const lacking = (length ?? this.#frontBytes) - this.#carried;
    const end = Math.min(at + lacking, to);
    this.#keep(bytes, at, end);
    const whole = this.#carry;
    if (whole === undefined || this.#lengthAt(whole, 0, this.#carried) !== this.#carried) return end;
    this.#piece(whole, 0, into);
    this.#offset += this.#carried;
    this.#lent.push(whole);
    this.#carry = undefined;
    this.#carried = 0;
    return end;
  }

  get #frontBytes(): number {
    return this.#headSeen ? FRONT_BYTES : FLV_HEAD_BYTES;
  }

  /** The length of the whole piece at `at`, undefined until its front is there. */
  #lengthAt(bytes: Buffer, at: number, end: number): number | undefined {
    if (at + this.#frontBytes > end) return undefined;
    if (!this.#headSeen) return headBytes(bytes, at) - BACK_BYTES;
    const offset = this.#offset + BACK_BYTES;
    // A stream is not encrypted from its middle on: that is damage, and the next connection may bring none.
    if (this.#shown && ((bytes[at + BACK_BYTES] as number) & FLAGS) !== 0) {
      throw new Fault('pull', 'garbage', `no FLV tag stands at byte ${offset}`);
    }
    return tagBytes(bytes, at + BACK_BYTES, offset);
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const length = this.#carried + to - from;
    const room = this.#roomFor(length);
    bytes.copy(room, this.#carried, from, to);
    this.#carried = length;
  }

  /** For what has come, and not for what a head only claims. */
  #roomFor(length: number): Buffer {
    const carry = this.#carry;
    if (carry !== undefined && carry.length >= length) return carry;
    const larger = spareBuffers.take(length);
    if (carry !== undefined) {
      carry.copy(larger, 0, 0, this.#carried);
      spareBuffers.giveBack(carry);
    }
    this.#carry = larger;
    return larger;
  }

  #piece(bytes: Buffer, at: number, into: Batch): void {
    if (this.#headSeen) this.#tag(bytes, at + BACK_BYTES, into);
    else this.#headSeen = true;
  }

  #tag(bytes: Buffer, at: number, into: Batch): void {
    const head = readTagHead(bytes, at);
    this.#shown = true;
    const start = at + TAG_HEAD_BYTES;
    if (into.count >= MAX_PACKETS) throw new Fault('pull', 'garbage', 'the server floods us with tags');
    const packet = into.next();
    packet.reset('audio', 0);
    if (!this.#fill(packet, bytes, start, head)) into.count--;
  }

  /** Whether the tag holds anything to be passed on. */
  #fill(packet: Packet, bytes: Buffer, start: number, { type, size, timestamp }: TagHead): boolean {
    const isScript = type === TagType.script;
    const from = isScript ? metadataAt(bytes, start, start + size) : start;
    if (from < 0) return false;
    packet.addSpan(bytes, from, start + size);
    const kind = isScript ? 'metadata' : type === TagType.video ? classifyVideo(packet) : classifyAudio(packet);
    if (kind === undefined) return false;
    const isFrame = kind !== 'metadata' && kind !== 'videoHeader' && kind !== 'audioHeader';
    packet.kind = kind;
    packet.dtsMs = isFrame ? this.#unwrap.frame(timestamp) : this.#unwrap.header(timestamp);
    return true;
  }
}
