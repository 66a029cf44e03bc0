import { putUint24, putUint32 } from '../bytes.ts';
import { Fault } from '../fault.ts';
import type { Packet, PacketKind } from '../packet.ts';
import { MessageType } from './message.ts';

const DEFAULT_CHUNK_SIZE = 65_536;
const EXTENDED = 0xffffff;
/** Basic header 1, message header 11, extended timestamp 4. */
const MAX_HEAD_BYTES = 16;
/** Basic header 1, extended timestamp 4. */
const MAX_DIVIDER_BYTES = 5;
const LONGEST_MESSAGE = 0xffffff;
/** The AMF0 string that a publisher says before "onMetaData". */
const SET_DATA_FRAME = Buffer.from('\x02\x00\x0d@setDataFrame', 'latin1');

/** Chunk streams of our media: one for each track, so that each keeps its own headers. */
const AUDIO_CSID = 4;
const METADATA_CSID = 5;
const VIDEO_CSID = 6;

export interface ChunkWriterOptions {
  /** Announced to the peer by the caller, before anything is written, and never changed: see `setChunkSize`. */
  readonly chunkSize?: number;
  /** A publisher says "@setDataFrame" before its metadata; a player must not be told so. */
  readonly setDataFrame?: boolean;
}

/** The head of a control or command message. `csid` is below 64. */
export interface MessageHead {
  readonly type: number;
  readonly csid: number;
  readonly streamId: number;
  readonly timestampMs: number;
}

/**
 * Writes messages as chunks: RTMP 1.0, section 5.3. Every message begins with a whole (type 0) header, which is 4 to 8
 * bytes more than need be and leaves no time for a peer to count wrong.
 */
export class ChunkWriter {
  readonly #chunkSize: number;
  readonly #setDataFrame: boolean;
  // Of the message being written: fields, because this runs for each frame and an object for each would be garbage.
  #type = 0;
  #csid = 0;
  #streamId = 0;
  #time = 0;
  #length = 0;
  #chunkLeft = 0;

  constructor(options: ChunkWriterOptions = {}) {
    this.#chunkSize = options.chunkSize ?? DEFAULT_CHUNK_SIZE;
    this.#setDataFrame = options.setDataFrame ?? false;
  }

  /** One control or command message as its own buffer. */
  message(head: MessageHead, payload: Buffer): Buffer {
    this.#type = head.type;
    this.#csid = head.csid;
    this.#streamId = head.streamId;
    this.#time = head.timestampMs >>> 0;
    this.#length = payload.length;
    const out = Buffer.allocUnsafeSlow(this.#messageBytes(payload.length));
    const bodyAt = this.#writeHead(out, 0);
    return out.subarray(0, this.#writeBody(out, bodyAt, payload, 0, payload.length));
  }

  /** Upper bound of the bytes that `writePacket` needs. */
  packetBytes(packet: Packet): number {
    return this.#messageBytes(packet.size + SET_DATA_FRAME.length);
  }

  /**
   * Writes the packet as one message at `at`; answers the offset behind it. The caller has made room: `packetBytes`.
   * The time goes out modulo 2^32.
   */
  writePacket(out: Buffer, at: number, packet: Packet, timestampMs: number, streamId: number): number {
    const prefixed = this.#setDataFrame && packet.kind === 'metadata';
    this.#describe(packet.kind);
    this.#streamId = streamId;
    this.#time = timestampMs >>> 0;
    this.#length = prefixed ? packet.size + SET_DATA_FRAME.length : packet.size;
    let offset = this.#writeHead(out, at);
    if (prefixed) offset = this.#writeBody(out, offset, SET_DATA_FRAME, 0, SET_DATA_FRAME.length);
    for (let i = 0; i < packet.spanCount; i++) {
      const start = packet.starts[i] as number;
      offset = this.#writeBody(out, offset, packet.buffers[i] as Buffer, start, packet.ends[i] as number);
    }
    return offset;
  }

  #messageBytes(length: number): number {
    return MAX_HEAD_BYTES + length + Math.floor(length / this.#chunkSize) * MAX_DIVIDER_BYTES;
  }

  #describe(kind: PacketKind): void {
    if (kind === 'audio' || kind === 'audioHeader') {
      this.#type = MessageType.audio;
      this.#csid = AUDIO_CSID;
    } else if (kind === 'metadata') {
      this.#type = MessageType.dataAmf0;
      this.#csid = METADATA_CSID;
    } else {
      this.#type = MessageType.video;
      this.#csid = VIDEO_CSID;
    }
  }

  /** A type 0 header: section 5.3.1.2.1. Only the stream id is little-endian. */
  #writeHead(out: Buffer, at: number): number {
    if (this.#length > LONGEST_MESSAGE) {
      throw new Fault('pull', 'garbage', `a frame of ${this.#length} bytes is too long for an RTMP message`);
    }
    this.#chunkLeft = this.#chunkSize;
    out[at] = this.#csid;
    let offset = putUint24(out, at + 1, Math.min(this.#time, EXTENDED));
    offset = putUint24(out, offset, this.#length);
    out[offset] = this.#type;
    offset = out.writeUInt32LE(this.#streamId, offset + 1);
    return this.#time >= EXTENDED ? putUint32(out, offset, this.#time) : offset;
  }

  /** A type 3 header. The extended timestamp is repeated, which all readers but very old ones count on: section 5.3.1.3. */
  #writeDivider(out: Buffer, at: number): number {
    this.#chunkLeft = this.#chunkSize;
    out[at] = 0xc0 | this.#csid;
    return this.#time >= EXTENDED ? putUint32(out, at + 1, this.#time) : at + 1;
  }

  #writeBody(out: Buffer, at: number, bytes: Buffer, from: number, to: number): number {
    let offset = at;
    let start = from;
    while (start < to) {
      if (this.#chunkLeft === 0) offset = this.#writeDivider(out, offset);
      const end = Math.min(to, start + this.#chunkLeft);
      bytes.copy(out, offset, start, end);
      this.#chunkLeft -= end - start;
      offset += end - start;
      start = end;
    }
    return offset;
  }
}
