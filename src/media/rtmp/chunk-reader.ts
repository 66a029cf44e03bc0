import { spareBuffers, uint24At, uint32At } from '../bytes.ts';
import { Fault, type Side } from '../fault.ts';
import { classifyAudio, classifyVideo, metadataAt, readTagHead, TAG_HEAD_BYTES } from '../flv/tag.ts';
import { Unwrap } from '../flv/unwrap.ts';
import { type Batch, isHeader, type Packet } from '../packet.ts';
import { ChunkStream, MAX_SPANS } from './chunk-stream.ts';
import { type Message, MessageType } from './message.ts';

const DEFAULT_CHUNK_SIZE = 128;
const MAX_CHUNK_SIZE = 16 * 1024 * 1024;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_CHUNK_STREAMS = 64;
/** Far beyond any backlog of real media: a packet costs us a hundred times the three bytes that it can cost a peer. */
const MAX_PACKETS = 32_768;
/** What all unfinished messages of a connection may hold beyond the largest one. */
const CARRY_SLACK_BYTES = 1024 * 1024;
/** Basic header 3, message header 11, extended timestamp 4. */
const MAX_HEADER_BYTES = 18;
/** Message header bytes of chunk types 0, 1 and 2: RTMP 1.0, section 5.3.1.2. */
const FIELD_BYTES = [11, 7, 3] as const;
const EXTENDED = 0xffffff;
/** The header goes on behind the bytes at hand. */
const CUT = -1;
/** No frame takes longer; see `#setTime`. */
const LONGEST_FRAME_MS = 1000;

export interface ChunkReaderOptions {
  readonly side: Side;
  /** Gets every whole message that is neither media nor obeyed here. Called from within `feed`. */
  readonly onMessage: (message: Message) => void;
  readonly maxMessageBytes?: number;
}

/** Takes the bytes behind the handshake apart: chunks to messages (RTMP 1.0, section 5.3), media messages to packets. */
export class ChunkReader {
  bytesIn = 0;

  readonly #side: Side;
  readonly #onMessage: (message: Message) => void;
  readonly #maxMessageBytes: number;
  readonly #time = new Unwrap();
  #chunkSize = DEFAULT_CHUNK_SIZE;

  /** Chunk streams by id: nearly all peers use only ids below 64. */
  readonly #near: (ChunkStream | undefined)[] = new Array(64).fill(undefined);
  readonly #far = new Map<number, ChunkStream>();
  readonly #streams: ChunkStream[] = [];

  /** The stream whose chunk is being read, and how much of that chunk is to come. */
  #current: ChunkStream = new ChunkStream(0);
  #chunkLeft = 0;
  /** The beginning of a header that the end of the bytes has cut. */
  readonly #head = Buffer.alloc(MAX_HEADER_BYTES);
  #headLength = 0;
  /** Carry buffers whose messages were handed out: they are looked at until the next feed. */
  readonly #lent: Buffer[] = [];
  #carriedBytes = 0;

  constructor(options: ChunkReaderOptions) {
    this.#side = options.side;
    this.#onMessage = options.onMessage;
    this.#maxMessageBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  }

  /** What unfinished messages hold. */
  get carriedBytes(): number {
    return this.#carriedBytes;
  }

  /**
   * Consumes all of bytes[from..to) and appends the packets that it ends. Their spans are views into `bytes` and into
   * buffers that are reused: valid until the next `feed`. Throws a Fault of kind 'garbage'; the reader is then of no use.
   */
  feed(bytes: Buffer, from: number, to: number, into: Batch): void {
    this.bytesIn += to - from;
    if (this.#lent.length > 0) this.#takeBackLent();
    let at = from;
    while (this.#headLength > 0 && at < to) at = this.#resumeHeader(bytes, at, to, into);
    this.#walk(bytes, at, to, into);
  }

  #takeBackLent(): void {
    for (const buffer of this.#lent) spareBuffers.giveBack(buffer);
    this.#lent.length = 0;
  }

  #walk(bytes: Buffer, from: number, to: number, into: Batch): void {
    let at = from;
    while (at < to) {
      if (this.#chunkLeft === 0) {
        const next = this.#readHeader(bytes, at, to);
        if (next === CUT) {
          this.#headLength = bytes.copy(this.#head, 0, at, to);
          break;
        }
        at = next;
      }
      const end = Math.min(at + this.#chunkLeft, to);
      if (end > at) this.#takePayload(bytes, at, end, into);
      at = end;
    }
    for (const stream of this.#streams) if (stream.spanCount > 0) this.#keep(stream, bytes);
  }

  #takePayload(bytes: Buffer, from: number, to: number, into: Batch): void {
    const stream = this.#current;
    stream.addSpan(from, to);
    this.#chunkLeft -= to - from;
    if (stream.received === stream.length) this.#deliver(stream, bytes, into);
    else if (stream.spanCount === MAX_SPANS) this.#keep(stream, bytes);
  }

  #keep(stream: ChunkStream, bytes: Buffer): void {
    this.#carriedBytes += stream.received - stream.carried;
    if (this.#carriedBytes > this.#maxMessageBytes + CARRY_SLACK_BYTES) {
      throw this.#garbage(`unfinished messages of ${this.#carriedBytes} bytes`);
    }
    stream.keep(bytes);
  }

  /** Goes on with a header that an earlier feed has cut. Answers how far the bytes are consumed. */
  #resumeHeader(bytes: Buffer, at: number, to: number, into: Batch): number {
    const had = this.#headLength;
    const length = had + bytes.copy(this.#head, had, at, Math.min(to, at + MAX_HEADER_BYTES - had));
    const end = this.#readHeader(this.#head, 0, length);
    if (end === CUT) {
      this.#headLength = length;
      return to;
    }
    this.#headLength = 0;
    if (end >= had) return at + end - had;
    // What looked like the beginning of an extended timestamp is payload after all: read it as bytes of their own.
    const rest = Buffer.from(this.#head.subarray(end, had));
    this.#walk(rest, 0, rest.length, into);
    return at;
  }

  /** Reads a chunk header and begins its chunk. Answers the offset behind it, or CUT, and then nothing has changed. */
  #readHeader(bytes: Buffer, from: number, to: number): number {
    const first = bytes[from] as number;
    let csid = first & 63;
    let at = from + 1;
    if (csid < 2) {
      // Two or three bytes of basic header: section 5.3.1.1.
      const more = csid + 1;
      if (at + more > to) return CUT;
      csid = 64 + (bytes[at] as number) + (more === 2 ? (bytes[at + 1] as number) << 8 : 0);
      at += more;
    }
    const format = first >> 6;
    const stream = this.#near[csid] ?? this.#far.get(csid) ?? this.#open(csid);
    return format === 3 ? this.#continue(stream, bytes, at, to) : this.#begin(stream, format, bytes, at, to);
  }

  #open(csid: number): ChunkStream {
    if (this.#streams.length === MAX_CHUNK_STREAMS) throw this.#garbage(`more than ${MAX_CHUNK_STREAMS} chunk streams`);
    const stream = new ChunkStream(csid);
    this.#streams.push(stream);
    if (csid < 64) this.#near[csid] = stream;
    else this.#far.set(csid, stream);
    return stream;
  }

  /** A header of type 0, 1 or 2. */
  #begin(stream: ChunkStream, format: number, bytes: Buffer, at: number, to: number): number {
    const fieldsEnd = at + (FIELD_BYTES[format] as number);
    if (fieldsEnd > to) return CUT;
    let time = uint24At(bytes, at);
    const extended = time === EXTENDED;
    if (extended && fieldsEnd + 4 > to) return CUT;
    if (extended) time = uint32At(bytes, fieldsEnd);
    if (format < 2) this.#announce(stream, uint24At(bytes, at + 3), bytes[at + 6] as number);
    // Type 1 may come first: servers leave the stream id out where they know it to be 0.
    else if (!stream.opened) throw this.#garbage('a chunk stream that begins without a message length');
    if (format === 0) stream.streamId = bytes.readUInt32LE(at + 7);
    if (stream.received === 0) this.#setTime(stream, format, time);
    stream.opened = true;
    stream.extended = extended;
    stream.extension = time;
    this.#beginChunk(stream);
    return extended ? fieldsEnd + 4 : fieldsEnd;
  }

  /** Takes over length and type. Inside a message some peers repeat them in place of a type 3 header. */
  #announce(stream: ChunkStream, length: number, type: number): void {
    if (stream.received > 0 && (length !== stream.length || type !== stream.type)) {
      throw this.#garbage('a message that begins inside an unfinished one');
    }
    if (length > this.#maxMessageBytes) throw this.#garbage(`a message of ${length} bytes`);
    stream.length = length;
    stream.type = type;
  }

  /**
   * The specification (5.3.1.2.4) lets a type 3 chunk that begins a message behind a type 0 chunk add the latter's
   * absolute time as a delta. ffmpeg writes that, and ffmpeg, librtmp and SRS read it so, but it only ever stands for
   * a first frame at, say, 40 ms followed by one at 80. nginx-rtmp and librtmp write it for "same time again", and
   * nginx-rtmp reads it so. A time too long for a frame can only be meant in the second way.
   */
  #setTime(stream: ChunkStream, format: number, time: number): void {
    if (format === 0) {
      stream.timestamp = time;
      stream.delta = time <= LONGEST_FRAME_MS ? time : 0;
    } else {
      stream.timestamp = (stream.timestamp + time) >>> 0;
      stream.delta = time;
    }
  }

  /** A header of type 3: it goes on with a message, or begins one like the last. */
  #continue(stream: ChunkStream, bytes: Buffer, at: number, to: number): number {
    if (!stream.opened) throw this.#garbage('a chunk stream that begins without a header');
    let end = at;
    if (stream.extended) {
      const repeated = repeatedBytes(stream, bytes, at, to);
      if (repeated === CUT) return CUT;
      end += repeated;
    }
    if (stream.received === 0) stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
    this.#beginChunk(stream);
    return end;
  }

  #beginChunk(stream: ChunkStream): void {
    this.#current = stream;
    // A message of length 0 has no chunk to wait for, and says nothing.
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.received);
  }

  #deliver(stream: ChunkStream, bytes: Buffer, into: Batch): void {
    const type = stream.type;
    if (type === MessageType.audio || type === MessageType.video) {
      const packet = this.#nextPacket(into);
      stream.addTo(packet, bytes);
      this.#settleMedia(packet, type, stream.timestamp, into);
    } else this.#deliverOther(stream, stream.join(bytes), into);
    this.#carriedBytes -= stream.carried;
    const carry = stream.release();
    if (carry !== undefined) this.#lent.push(carry);
  }

  #nextPacket(into: Batch): Packet {
    if (into.count >= MAX_PACKETS) throw this.#garbage(`more than ${MAX_PACKETS} frames at once`);
    const packet = into.next();
    packet.reset('audio', 0);
    return packet;
  }

  /** Gives the last packet of the batch its kind and time, or takes it out again. */
  #settleMedia(packet: Packet, type: number, timestamp: number, into: Batch): void {
    const kind = type === MessageType.audio ? classifyAudio(packet) : classifyVideo(packet);
    if (kind === undefined) {
      into.count--;
      return;
    }
    packet.kind = kind;
    packet.dtsMs = isHeader(kind) ? this.#time.header(timestamp) : this.#time.frame(timestamp);
  }

  #deliverOther(stream: ChunkStream, payload: Buffer, into: Batch): void {
    switch (stream.type) {
      case MessageType.dataAmf0:
      case MessageType.dataAmf3:
        this.#deliverData(payload, 0, payload.length, stream.timestamp, into);
        return;
      case MessageType.aggregate:
        this.#deliverAggregate(payload, stream.timestamp, into);
        return;
      case MessageType.setChunkSize:
        this.#setChunkSize(payload);
        return;
      case MessageType.abort:
        this.#abort(payload, stream);
        return;
      default:
        this.#onMessage({
          type: stream.type,
          streamId: stream.streamId,
          timestampMs: stream.timestamp,
          payload,
        });
    }
  }

  #deliverData(payload: Buffer, from: number, to: number, timestamp: number, into: Batch): void {
    const at = metadataAt(payload, from, to);
    if (at < 0) return;
    const packet = this.#nextPacket(into);
    packet.reset('metadata', this.#time.header(timestamp));
    packet.addSpan(payload, at, to);
  }

  /** Several FLV tags in one message: section 7.1.6. Their times count from the first one's, which is the message's. */
  #deliverAggregate(payload: Buffer, timestamp: number, into: Batch): void {
    let at = 0;
    let offset: number | undefined;
    while (at + TAG_HEAD_BYTES <= payload.length) {
      const tag = readTagHead(payload, at);
      const start = at + TAG_HEAD_BYTES;
      const end = start + tag.size;
      if (end > payload.length) throw this.#garbage('an aggregate whose part is longer than itself');
      offset ??= timestamp - tag.timestamp;
      const time = (tag.timestamp + offset) >>> 0;
      if (tag.type === MessageType.dataAmf0) this.#deliverData(payload, start, end, time, into);
      else if (tag.type === MessageType.audio || tag.type === MessageType.video) {
        const packet = this.#nextPacket(into);
        packet.addSpan(payload, start, end);
        this.#settleMedia(packet, tag.type, time, into);
      }
      at = end + 4; // the back pointer
    }
  }

  /** Section 5.4.1. The top bit must be zero; what is larger than any message is clamped. */
  #setChunkSize(payload: Buffer): void {
    const size = payload.length < 4 ? 0 : uint32At(payload, 0);
    if (size === 0 || size > 0x7fffffff) throw this.#garbage(`a chunk size of ${size}`);
    this.#chunkSize = Math.min(size, MAX_CHUNK_SIZE);
  }

  /** Section 5.4.2: what has come of the unfinished message on that chunk stream is forgotten. */
  #abort(payload: Buffer, own: ChunkStream): void {
    if (payload.length < 4) throw this.#garbage('an abort that names no chunk stream');
    const csid = uint32At(payload, 0);
    const stream = this.#near[csid] ?? this.#far.get(csid);
    if (stream === undefined || stream === own) return;
    this.#carriedBytes -= stream.carried;
    const carry = stream.release();
    if (carry !== undefined) spareBuffers.giveBack(carry);
  }

  #garbage(what: string): Fault {
    return new Fault(this.#side, 'garbage', `the peer sent RTMP that cannot be read: ${what}`);
  }
}

/**
 * How many bytes at `at` repeat the extended timestamp: 4, or 0 with a peer that does not repeat it in type 3 chunks,
 * or CUT while the bytes at hand leave it open. Most peers repeat the header's field, some the message's whole time.
 */
function repeatedBytes(stream: ChunkStream, bytes: Buffer, at: number, to: number): number {
  const field = matchingBytes(stream.extension, bytes, at, to);
  return field === 0 ? matchingBytes(stream.timestamp, bytes, at, to) : field;
}

function matchingBytes(value: number, bytes: Buffer, at: number, to: number): number {
  for (let i = 0; i < 4; i++) {
    if (at + i >= to) return CUT;
    if (bytes[at + i] !== ((value >>> (24 - i * 8)) & 255)) return 0;
  }
  return 4;
}
