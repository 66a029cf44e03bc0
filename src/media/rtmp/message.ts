import { type AmfValue, encodeAmf0 } from './amf0.ts';

/** Message type ids: RTMP 1.0, sections 5.4 and 7.1. */
export const MessageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  dataAmf0: 18,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** A whole message that is not media. Its payload is its own: it may be kept. */
export interface Message {
  readonly type: number;
  readonly streamId: number;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

/** Event types of a user control message: section 7.1.7. */
export const UserControl = {
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  setBufferLength: 3,
  streamIsRecorded: 4,
  pingRequest: 6,
  pingResponse: 7,
} as const;

/** How hard a peer bandwidth limit is: section 5.4.5. */
export const PeerLimit = { hard: 0, soft: 1, dynamic: 2 } as const;

// What follows builds payloads. Control messages (types 1 to 6) travel on chunk stream 2 and message stream 0.

/** Payload of a command message (type 20): section 7.1.1. Arguments that are not there are simply not given. */
export function command(name: string, transaction: number, ...args: readonly AmfValue[]): Buffer {
  return encodeAmf0([name, transaction, ...args]);
}

export const setChunkSize = (bytes: number): Buffer => uint32s(bytes & 0x7fffffff);

/** The sequence number counts received bytes modulo 2^32: section 5.4.3. */
export const acknowledgement = (bytesIn: number): Buffer => uint32s(bytesIn);

export const windowAckSize = (bytes: number): Buffer => uint32s(bytes);

export function setPeerBandwidth(bytes: number, limit: number = PeerLimit.dynamic): Buffer {
  return Buffer.concat([uint32s(bytes), Buffer.of(limit)]);
}

export const streamBegin = (streamId: number): Buffer => userControl(UserControl.streamBegin, streamId);

export const streamEof = (streamId: number): Buffer => userControl(UserControl.streamEof, streamId);

export const setBufferLength = (streamId: number, bufferMs: number): Buffer =>
  userControl(UserControl.setBufferLength, streamId, bufferMs);

export const pingRequest = (stamp: number): Buffer => userControl(UserControl.pingRequest, stamp);

export const pingResponse = (stamp: number): Buffer => userControl(UserControl.pingResponse, stamp);

function userControl(event: number, ...words: readonly number[]): Buffer {
  return Buffer.concat([Buffer.of(event >> 8, event & 0xff), uint32s(...words)]);
}

function uint32s(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => {
    bytes.writeUInt32BE(word >>> 0, i * 4);
  });
  return bytes;
}

/** A user control message taken apart, or undefined when it is too short to be one. `value` is its first word. */
export function readUserControl(payload: Buffer): { readonly event: number; readonly value: number } | undefined {
  if (payload.length < 6) return undefined;
  return { event: payload.readUInt16BE(0), value: payload.readUInt32BE(2) };
}

/** The one 32-bit word of an acknowledgement, window size or peer bandwidth message; undefined when it is cut short. */
export function readWord(payload: Buffer): number | undefined {
  return payload.length < 4 ? undefined : payload.readUInt32BE(0);
}
