import { uint24At, uint32At } from '../bytes.ts';
import { Cuttings } from '../cuttings.ts';
import type { Announced, Demuxer } from '../demuxer.ts';
import { Fault } from '../fault.ts';
import { type Batch, Packet } from '../packet.ts';
import { classifyAudio, classifyVideo, metadataAt, readTagHead, TAG_HEAD_BYTES, type TagHead, TagType } from './tag.ts';
import { Unwrap } from './unwrap.ts';

export const FLV_HEAD_BYTES = 9;
/** The size of the tag before, behind every tag. */
export const BACK_BYTES = 4;
const LONGEST_HEAD = 4096;
const ENCRYPTED = 0x20;
const SMALLEST = 64 * 1024;

/** Reads FLV (version 10.1, annex E): a header, then tags. */
export class FlvDemuxer implements Demuxer {
  /** The header's flags are set wrongly too often to be believed. */
  readonly announced: Announced | undefined = undefined;
  readonly notes: readonly string[] = [];
  readonly #unwrap = new Unwrap();
  readonly #cuttings = new Cuttings();
  /** Shows the tag at hand, for the classifiers. */
  readonly #body = new Packet();
  /** A tag, or the file's header, of which the end has not come yet. */
  #rest: Buffer = Buffer.alloc(0);
  #restBytes = 0;
  /** Where in the file the bytes at hand begin. */
  #offset: number;
  #headSeen: boolean;

  /** `offset`: where the bytes to come lie in the file. Behind its start they begin at a tag. */
  constructor(offset = 0) {
    this.#offset = offset;
    this.#headSeen = offset > 0;
  }

  push(bytes: Buffer, into: Batch): void {
    let at = 0;
    while (this.#restBytes > 0 && at < bytes.length) at = this.#complete(bytes, at, into);
    while (at < bytes.length) {
      const length = this.#lengthAt(bytes, at, bytes.length);
      if (length === undefined || at + length > bytes.length) break;
      this.#piece(bytes, at, into);
      this.#offset += length;
      at += length;
    }
    if (at < bytes.length) this.#keep(bytes, at, bytes.length);
  }

  end(): void {
    // A recording that broke off ends with a piece of a tag: what came before it was whole.
    this.#restBytes = 0;
  }

  /** Adds to the piece at hand what it lacks; answers the offset behind it. */
  #complete(bytes: Buffer, at: number, into: Batch): number {
    const length = this.#lengthAt(this.#rest, 0, this.#restBytes);
    const lacking = (length ?? this.#headBytes) - this.#restBytes;
    const end = Math.min(at + lacking, bytes.length);
    this.#keep(bytes, at, end);
    if (this.#lengthAt(this.#rest, 0, this.#restBytes) === this.#restBytes) {
      this.#piece(this.#rest, 0, into);
      this.#offset += this.#restBytes;
      this.#restBytes = 0;
    }
    return end;
  }

  get #headBytes(): number {
    return this.#headSeen ? TAG_HEAD_BYTES : FLV_HEAD_BYTES;
  }

  /** The length of the whole piece at `at`, undefined until its head is there. */
  #lengthAt(bytes: Buffer, at: number, end: number): number | undefined {
    if (at + this.#headBytes > end) return undefined;
    return this.#headSeen ? tagBytes(bytes, at, this.#offset) : headBytes(bytes, at);
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const length = this.#restBytes + to - from;
    if (length > this.#rest.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(SMALLEST, 2 * this.#rest.length, length));
      this.#rest.copy(larger, 0, 0, this.#restBytes);
      this.#rest = larger;
    }
    bytes.copy(this.#rest, this.#restBytes, from, to);
    this.#restBytes = length;
  }

  #piece(bytes: Buffer, at: number, into: Batch): void {
    if (this.#headSeen) this.#tag(bytes, at, into);
    else this.#headSeen = true;
  }

  #tag(bytes: Buffer, at: number, into: Batch): void {
    const head = readTagHead(bytes, at);
    if (head.type === TagType.script) return;
    const start = at + TAG_HEAD_BYTES;
    const body = this.#body;
    body.reset('audio', 0);
    body.addSpan(bytes, start, start + head.size);
    const kind = head.type === TagType.video ? classifyVideo(body) : classifyAudio(body);
    if (kind === undefined) return;
    const header = kind === 'videoHeader' || kind === 'audioHeader';
    const packet = into.next();
    packet.reset(kind, header ? this.#unwrap.header(head.timestamp) : this.#unwrap.frame(head.timestamp));
    const from = this.#cuttings.reserve(head.size);
    bytes.copy(this.#cuttings.buffer, from, start, start + head.size);
    packet.addSpan(this.#cuttings.buffer, from, from + head.size);
    this.#cuttings.cut(from + head.size);
  }
}

/** The length of the tag at `at`, with the size behind it. `offset` is where it lies in the file. */
export function tagBytes(bytes: Buffer, at: number, offset: number): number {
  const first = bytes[at] as number;
  const type = first & 31;
  if ((first & ENCRYPTED) !== 0) throw new Fault('pull', 'unsupported', 'the FLV file is encrypted');
  if ((type !== TagType.audio && type !== TagType.video && type !== TagType.script) || (first & 0xc0) !== 0) {
    throw new Fault('pull', 'garbage', `no FLV tag stands at byte ${offset}`);
  }
  return TAG_HEAD_BYTES + uint24At(bytes, at + 1) + BACK_BYTES;
}

/** The length of the file's header, with the size behind it: section E.2. */
export function headBytes(bytes: Buffer, at: number): number {
  const length = uint32At(bytes, at + 5);
  if (bytes.toString('latin1', at, at + 3) !== 'FLV' || length < FLV_HEAD_BYTES || length > LONGEST_HEAD) {
    throw new Fault('pull', 'garbage', 'the file has no FLV header');
  }
  return length + BACK_BYTES;
}

/** The values of the script tag at `at`; undefined when it is not metadata. */
export function metadataIn(bytes: Buffer, at: number, head: TagHead): Buffer | undefined {
  const start = at + TAG_HEAD_BYTES;
  const from = head.type === TagType.script ? metadataAt(bytes, start, start + head.size) : -1;
  return from < 0 ? undefined : bytes.subarray(from, start + head.size);
}
