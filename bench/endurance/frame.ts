import type { Batch, Packet, PacketKind } from '../../src/media/packet.ts';

/** What a frame says of itself: which opening of which source it is of, and when it was really shot. */
export interface FrameName {
  readonly origin: number;
  readonly trueMs: number;
}

/** Sources do not hand over more than this in one go. */
const MOST_FRAMES = 4_096;
export const FRAME_BYTES = 64;
const ORIGIN_AT = 2;
const TRUE_AT = 10;
const HEADERS = { videoHeader: Buffer.from('video '), audioHeader: Buffer.from('audio ') } as const;

/** Shown by every source, as their read buffers are: what a packet shows is gone with the next call on any of them. */
const shared = Buffer.alloc(MOST_FRAMES * FRAME_BYTES);
let used = 0;

let origins = 0;

/** Of every opening of any source another one. */
export const nextOrigin = (): number => ++origins;

/** What the last packets showed is gone. */
export function beginFrames(): void {
  shared.fill(0xee, 0, used * FRAME_BYTES);
  used = 0;
}

export const hasRoom = (): boolean => used < MOST_FRAMES;

export function putFrame(
  into: Batch,
  kind: 'key' | 'inter' | 'disposable' | 'audio',
  at: FrameName & TimedFrame,
): void {
  const start = used++ * FRAME_BYTES;
  shared[start] = kind === 'key' ? 0x17 : kind === 'audio' ? 0xaf : 0x27;
  shared[start + 1] = 1;
  shared.writeDoubleLE(at.origin, start + ORIGIN_AT);
  shared.writeDoubleLE(at.trueMs, start + TRUE_AT);
  const packet = into.next();
  packet.reset(kind, at.dtsMs);
  packet.addSpan(shared, start, start + FRAME_BYTES);
}

export interface TimedFrame {
  readonly dtsMs: number;
}

export function putHeaders(into: Batch, dtsMs: number): void {
  for (const kind of ['videoHeader', 'audioHeader'] as const) {
    const packet = into.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(HEADERS[kind], 0, HEADERS[kind].length);
  }
}

const KINDS: readonly PacketKind[] = ['metadata', 'videoHeader', 'audioHeader', 'key', 'inter', 'disposable', 'audio'];
const HEAD_BYTES = 11;

/** As the destination gets it: length, kind, time, payload. */
export const messageBytes = ({ size }: Packet): number => HEAD_BYTES + size;

export function writeMessage(packet: Packet, out: Buffer, at: number): number {
  out.writeUInt16LE(messageBytes(packet), at);
  out[at + 2] = KINDS.indexOf(packet.kind);
  out.writeDoubleLE(packet.dtsMs, at + 3);
  return packet.copyTo(out, at + HEAD_BYTES);
}

export interface Shown extends FrameName, TimedFrame {
  readonly kind: PacketKind;
}

/** The frame that stands there, undefined where it is not whole yet; codec headers have no name. */
export function readMessage(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly shown: Shown; readonly end: number } | undefined {
  if (end - at < 2 || end - at < bytes.readUInt16LE(at)) return undefined;
  const kind = KINDS[bytes[at + 2] ?? 0] ?? 'metadata';
  const dtsMs = bytes.readDoubleLE(at + 3);
  const body = at + HEAD_BYTES;
  const isFrame = kind === 'audio' || kind === 'key' || kind === 'inter' || kind === 'disposable';
  const origin = isFrame ? bytes.readDoubleLE(body + ORIGIN_AT) : 0;
  const trueMs = isFrame ? bytes.readDoubleLE(body + TRUE_AT) : 0;
  return { shown: { kind, dtsMs, origin, trueMs }, end: at + bytes.readUInt16LE(at) };
}
