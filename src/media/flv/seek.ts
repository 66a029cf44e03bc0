import type { FileBytes } from '../item.ts';
import { type AmfObject, type AmfValue, decodeAmf0 } from '../rtmp/amf0.ts';
import { BACK_BYTES, FLV_HEAD_BYTES, headBytes, metadataIn, tagBytes } from './demux.ts';
import { readTagHead, TAG_HEAD_BYTES, TagType } from './tag.ts';

/** A file of FLV that is looked through, not played. */
export interface FlvPlaces {
  readonly bytes: FileBytes;
  /** The timestamp of the file's first frame. */
  readonly baseMs: number;
  readonly signal: AbortSignal;
}

export interface FlvFacts {
  readonly durationMs: number | undefined;
  /** Key frames of which the file itself keeps a list, by time in ms of its clock; often there is none. */
  readonly keys: readonly { readonly timeMs: number; readonly offset: number }[];
}

const NO_FACTS: FlvFacts = { durationMs: undefined, keys: [] };
const HEAD_LOOK_BYTES = 64 * 1024;
const LOOK_BYTES = 512 * 1024;
const LARGEST_METADATA = 4 * 1024 * 1024;
const MOST_METADATA_VALUES = 200_000;
const LONGEST_MS = 48 * 3_600_000;
/** How far a key frame's own time may lie from the one in the list. */
const NEAR_MS = 1_000;

/** What the metadata at the head of the file says. Whatever is wrong with it, the file can be played without. */
export async function readFacts({ bytes, signal }: FlvPlaces): Promise<FlvFacts> {
  const head = await bytes.read(0, HEAD_LOOK_BYTES, signal);
  try {
    const at = headBytes(head, 0);
    const tag = readTagHead(head, at);
    if (tag.type !== TagType.script || tag.size > LARGEST_METADATA) return NO_FACTS;
    const length = TAG_HEAD_BYTES + tag.size;
    const whole = at + length <= head.length ? head.subarray(at) : await bytes.read(at, length, signal);
    const metadata = metadataIn(whole, 0, tag);
    return metadata === undefined ? NO_FACTS : factsOf(decodeAmf0(metadata, 'pull', MOST_METADATA_VALUES)[1]);
  } catch (error) {
    if (signal.aborted) throw error;
    return NO_FACTS;
  }
}

function factsOf(value: AmfValue): FlvFacts {
  if (!isObject(value)) return NO_FACTS;
  const { duration, keyframes } = value;
  const durationMs = typeof duration === 'number' ? Math.round(duration * 1000) : Number.NaN;
  return { durationMs: durationMs > 0 && durationMs < LONGEST_MS ? durationMs : undefined, keys: keysOf(keyframes) };
}

function keysOf(value: AmfValue): FlvFacts['keys'] {
  if (!isObject(value)) return [];
  const { times, filepositions } = value;
  if (!Array.isArray(times) || !Array.isArray(filepositions) || times.length !== filepositions.length) return [];
  return times.flatMap((time: AmfValue, i) => {
    const offset: AmfValue = filepositions[i];
    return typeof time === 'number' && typeof offset === 'number' ? [{ timeMs: time * 1000, offset }] : [];
  });
}

const isObject = (value: AmfValue): value is AmfObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/**
 * Where the tag of the last key frame at or before `startMs` stands, by the file's own list where that is true, else by
 * a walk over all tags; undefined where there is none.
 */
export async function findKey(places: FlvPlaces, facts: FlvFacts, startMs: number): Promise<number | undefined> {
  const untilMs = places.baseMs + startMs;
  const listed = facts.keys.filter(key => key.timeMs <= untilMs && key.offset > FLV_HEAD_BYTES).at(-1);
  if (listed !== undefined && (await isKeyAt(places, listed))) return listed.offset;
  return walkToKey(places, untilMs);
}

async function isKeyAt({ bytes, signal }: FlvPlaces, key: FlvFacts['keys'][number]): Promise<boolean> {
  if (!Number.isSafeInteger(key.offset) || key.offset >= (bytes.size ?? 0)) return false;
  const found = await bytes.read(key.offset, TAG_HEAD_BYTES + 2, signal);
  if (found.length < TAG_HEAD_BYTES + 2) return false;
  const { timestamp } = readTagHead(found, 0);
  return isKey(found, 0) && Math.abs(timestamp - key.timeMs) <= NEAR_MS;
}

async function walkToKey({ bytes, signal }: FlvPlaces, untilMs: number): Promise<number | undefined> {
  let key: number | undefined;
  let offset = headBytes(await bytes.read(0, FLV_HEAD_BYTES, signal), 0);
  for (;;) {
    const look = await bytes.read(offset, LOOK_BYTES, signal);
    let at = 0;
    while (at + TAG_HEAD_BYTES + 2 <= look.length) {
      const { timestamp, type } = readTagHead(look, at);
      if (type === TagType.video && timestamp > untilMs) return key;
      if (isKey(look, at)) key = offset + at;
      at += tagBytes(look, at, offset + at);
    }
    if (at === 0 || look.length < LOOK_BYTES) return key;
    offset += at;
  }
}

const FRAME_KEY = 1;
const AVC = 7;
const AVC_FRAME = 1;

/** Whether the tag at `at` is a key frame and not a codec header. */
function isKey(bytes: Buffer, at: number): boolean {
  const { type, size } = readTagHead(bytes, at);
  if (type !== TagType.video || size < BACK_BYTES) return false;
  const first = bytes[at + TAG_HEAD_BYTES] as number;
  if (((first >> 4) & 7) !== FRAME_KEY) return false;
  if ((first & 0x80) !== 0) return (first & 15) === 1 || (first & 15) === 3;
  return (first & 15) !== AVC || bytes[at + TAG_HEAD_BYTES + 1] === AVC_FRAME;
}
