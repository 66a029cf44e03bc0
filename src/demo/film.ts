import { AAC_HEAD, aacHeader, avcHeader, putAvcHead } from '../media/flv/body.ts';
import { TAG_HEAD_BYTES, TagType } from '../media/flv/tag.ts';
import { flvHead } from '../media/flv/writer.ts';
import { type Card, drawFrame, groundOf } from './card.ts';
import { FlatEncoder, FPS, type Mosaic, parameterSets } from './flat-encoder.ts';

/** Two seconds between key frames, as platforms want it. */
export const GROUP = 2 * FPS;
export const FRAME_MS = 1_000 / FPS;

const AUDIO_RATE = 48_000;
const SAMPLES_A_FRAME = 1_024;
/** AAC-LC, 48 kHz, mono. */
const AUDIO_CONFIG = Buffer.of(0x11, 0x88);
/** One channel without a band in it, ISO/IEC 14496-3, table 4.4 on. */
const SILENCE = Buffer.of(0, 0, 0, 7);

/** A test card with its clock and a silent sound, as FLV, frame by frame: the same bytes for the same frames. */
export class Film {
  readonly #ground: Mosaic;
  readonly #encoder = new FlatEncoder();
  /** Frames of sound so far. */
  #sounds = 0;

  constructor(card: Card) {
    this.#ground = groundOf(card);
  }

  /** The pictures and sounds of one frame; it is to be called for each in turn. */
  frame(n: number): Buffer {
    const picture = drawFrame(this.#ground, n);
    const isKey = n % GROUP === 0;
    const unit = isKey ? this.#encoder.key(picture) : this.#encoder.inter(picture);
    return Buffer.concat([tag(TagType.video, n * FRAME_MS, videoBody(unit, isKey)), ...this.#soundsUntil(n + 1)]);
  }

  #soundsUntil(frame: number): Buffer[] {
    const tags: Buffer[] = [];
    for (; this.#sounds < soundsBefore(frame); this.#sounds++) {
      const atMs = Math.round((this.#sounds * SAMPLES_A_FRAME * 1_000) / AUDIO_RATE);
      tags.push(tag(TagType.audio, atMs, Buffer.concat([AAC_HEAD, SILENCE])));
    }
    return tags;
  }
}

const soundsBefore = (frame: number): number => (frame * FRAME_MS * AUDIO_RATE) / (SAMPLES_A_FRAME * 1_000);

/** What stands in front of the frames. */
export function filmHead(atMs = 0): Buffer {
  const { sps, pps } = parameterSets();
  const record = Buffer.concat([
    Buffer.of(1, sps.readUInt8(1), sps.readUInt8(2), sps.readUInt8(3), 0xff, 0xe1),
    sized16(sps),
    Buffer.of(1),
    sized16(pps),
  ]);
  return Buffer.concat([
    flvHead({ video: true, audio: true }),
    tag(TagType.video, atMs, avcHeader(record)),
    tag(TagType.audio, atMs, aacHeader(AUDIO_CONFIG)),
  ]);
}

/** A whole file of so many seconds. */
export function filmOf(card: Card, seconds: number): Buffer {
  const film = new Film(card);
  const frames = Array.from({ length: seconds * FPS }, (_, n) => film.frame(n));
  return Buffer.concat([filmHead(), ...frames]);
}

const HEAD_BYTES = 5;

function videoBody(unit: Buffer, isKey: boolean): Buffer {
  const body = Buffer.alloc(HEAD_BYTES + 4 + unit.length);
  putAvcHead(body, 0, isKey, 0);
  body.writeUInt32BE(unit.length, HEAD_BYTES);
  unit.copy(body, HEAD_BYTES + 4);
  return body;
}

function sized16(unit: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(unit.length);
  return Buffer.concat([size, unit]);
}

/** FLV 10.1, annex E.4.1: head, body, and the length of both. */
function tag(type: number, atMs: number, body: Buffer): Buffer {
  const out = Buffer.alloc(TAG_HEAD_BYTES + body.length + 4);
  const at = Math.round(atMs);
  out.writeUInt8(type, 0);
  out.writeUIntBE(body.length, 1, 3);
  out.writeUIntBE(at & 0xffffff, 4, 3);
  out.writeUInt8((at >>> 24) & 0xff, 7);
  body.copy(out, TAG_HEAD_BYTES);
  out.writeUInt32BE(TAG_HEAD_BYTES + body.length, TAG_HEAD_BYTES + body.length);
  return out;
}
