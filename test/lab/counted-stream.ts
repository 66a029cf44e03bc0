import { Batch, type PacketKind } from '../../src/media/packet.ts';
import { Silence } from '../../src/media/silence.ts';
import { copySlice, keySlice, LONGEST_GOP, type Size, videoHeader } from './grey-video.ts';

/** A packet that says which one it is. */
export interface Counted {
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly body: Buffer;
}

export type TrackName = 'video' | 'audio';

/** What a frame says of itself. */
export interface Count {
  readonly track: TrackName;
  readonly number: number;
  readonly tag: string;
}

export interface Shape extends Size {
  /** Tells streams apart. */
  readonly tag: string;
  readonly fps: number;
  /** Pictures from one key frame to the next. */
  readonly gop: number;
  /** Video is padded to about so much. */
  readonly videoKbit: number;
}

export const PLAIN: Shape = { tag: 'a', width: 320, height: 192, fps: 25, gop: 25, videoKbit: 100 };

const SAMPLE_RATE = 48_000;
const FRAME_SAMPLES = 1024;
/** Of the user data that carries the count: ISO/IEC 14496-10, section D.1.7. */
const UUID = Buffer.from('6d696c6c726163652d636f756e746564', 'hex');
/** Where in a body a count may begin: behind parameter sets, if a relay has put some in front. */
const LOOKED_AT = 256;
const silence = new Silence(undefined);
const silentFrame = oneFrame();

/**
 * A stream in which every frame carries its number, at a place that no relay has reason to touch: pictures in SEI user
 * data, sound in an AAC data element. Both are valid, and both count from 0 at time 0.
 */
export class CountedStream {
  readonly shape: Shape;
  readonly #slices: readonly Buffer[];

  constructor(shape: Partial<Shape> = {}) {
    this.shape = { ...PLAIN, ...shape };
    const { gop } = this.shape;
    if (gop > LONGEST_GOP) throw new RangeError(`a group of ${gop} pictures is too long`);
    this.#slices = Array.from({ length: gop }, (_, place) => this.#slice(place));
  }

  get videoHeader(): Buffer {
    return videoHeader(this.shape);
  }

  get audioHeader(): Buffer {
    return silence.header;
  }

  /** Everything from `fromMs` on and before `toMs`, in the order of its times. */
  between(fromMs: number, toMs: number): Counted[] {
    const { fps } = this.shape;
    const frames: Counted[] = [];
    for (let n = Math.ceil((fromMs * fps) / 1000); timeOfVideo(n, fps) < toMs; n++) {
      if (timeOfVideo(n, fps) >= fromMs) frames.push(this.video(n));
    }
    for (let n = Math.max(0, Math.floor(audioCount(fromMs)) - 1); timeOfAudio(n) < toMs; n++) {
      if (timeOfAudio(n) >= fromMs) frames.push(this.audio(n));
    }
    return frames.sort((one, other) => one.dtsMs - other.dtsMs);
  }

  /** The time of the newest key frame at `ms`. */
  keyBefore(ms: number): number {
    const { fps, gop } = this.shape;
    return timeOfVideo(Math.floor((ms * fps) / 1000 / gop) * gop, fps);
  }

  video(number: number): Counted {
    const { fps, gop, tag } = this.shape;
    const place = number % gop;
    const slice = this.#slices[place] ?? Buffer.alloc(0);
    const count = countUnit(`v${digits(number)}@${tag} `);
    const units = [count, slice, ...this.#padding(count.length + slice.length)];
    return {
      kind: place === 0 ? 'key' : place % 2 === 0 ? 'inter' : 'disposable',
      dtsMs: timeOfVideo(number, fps),
      body: Buffer.concat([Buffer.of(place === 0 ? 0x17 : 0x27, 1, 0, 0, 0), ...units.flatMap(sized)]),
    };
  }

  /** The count stands in a data_stream_element, which ends on a byte: ISO/IEC 14496-3, section 4.4.2.4. */
  audio(number: number): Counted {
    const text = Buffer.from(`a${digits(number)}@${this.shape.tag} `, 'latin1');
    const element = Buffer.concat([Buffer.of(0x81, UUID.length + text.length), UUID, text]);
    return {
      kind: 'audio',
      dtsMs: timeOfAudio(number),
      body: Buffer.concat([Buffer.of(0xaf, 1), element, silentFrame]),
    };
  }

  #slice(place: number): Buffer {
    return place === 0 ? keySlice(this.shape, 0) : copySlice(this.shape, place);
  }

  /** Filler data, which every decoder passes over: ISO/IEC 14496-10, section 7.3.2.7. */
  #padding(besides: number): Buffer[] {
    const { videoKbit, fps } = this.shape;
    const bytes = Math.floor((videoKbit * 125) / fps) - besides - 20;
    return bytes < 3 ? [] : [Buffer.concat([Buffer.of(12), Buffer.alloc(bytes, 0xff), Buffer.of(0x80)])];
  }
}

function countUnit(text: string): Buffer {
  const data = Buffer.concat([UUID, Buffer.from(text, 'latin1')]);
  return Buffer.concat([Buffer.of(6, 5, data.length), data, Buffer.of(0x80)]);
}

/** What the beginning of a frame's body says; undefined where it is not of a counted stream. */
export function readCount(body: Buffer): Count | undefined {
  const at = body.subarray(0, LOOKED_AT).indexOf(UUID);
  if (at < 0) return undefined;
  const text = body.toString('latin1', at + UUID.length, at + UUID.length + 40);
  const [, letter, number, tag] = /^([va])(\d{8})@(\w*) /.exec(text) ?? [];
  if (number === undefined || tag === undefined) return undefined;
  return { track: letter === 'v' ? 'video' : 'audio', number: Number(number), tag };
}

export const timeOfVideo = (number: number, fps: number): number => Math.round((number * 1000) / fps);
export const timeOfAudio = (number: number): number => Math.round((number * FRAME_SAMPLES * 1000) / SAMPLE_RATE);
const audioCount = (ms: number): number => (ms * SAMPLE_RATE) / FRAME_SAMPLES / 1000;
const digits = (number: number): string => String(number).padStart(8, '0');

function sized(unit: Buffer): [Buffer, Buffer] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return [length, unit];
}

/** Silent sound, without the two bytes of FLV in front. */
function oneFrame(): Buffer {
  const batch = new Batch();
  silence.fill(batch, 1);
  return batch.packets[0]?.copyPayload().subarray(2) ?? Buffer.alloc(0);
}
