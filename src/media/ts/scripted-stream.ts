import { crc32 } from './sections.ts';

/*
 * Transport streams for tests, packet by packet. Pictures are units with real parameter sets and made-up slices: what
 * is tested moves them, and decodes nothing.
 */
export const SPS = Buffer.from('6764001facd9405005bb011000000300100000030320f1831960', 'hex');
export const PPS = Buffer.from('68ebecb22c', 'hex');
/** Another SPS: 960×540 fields, and sets of H.265 at 320×180. */
export const OTHER_SPS = Buffer.from('674d4028eca03c0227ef011000000300100000030321f162d960', 'hex');
export const HEVC_SETS = [
  '40010c01ffff01600000030090000003000003003c959809',
  '42010101600000030090000003000003003ca00a080b9f796566924caf0169c20000030002000003003210',
  '4401c172b46240',
].map(text => Buffer.from(text, 'hex'));

export const VIDEO_PID = 0x100;
export const AUDIO_PID = 0x101;
const PMT_PID = 0x1000;
const START_CODE = Buffer.of(0, 0, 0, 1);
const DELIMITER = Buffer.of(9, 0xf0);

export interface ListedStream {
  readonly type: number;
  readonly pid: number;
  readonly descriptors?: Buffer;
}

export const H264_AND_AAC: readonly ListedStream[] = [
  { type: 0x1b, pid: VIDEO_PID },
  { type: 0x0f, pid: AUDIO_PID },
];

/** Writes packets of 188 bytes with rising continuity counters. */
export class ScriptedStream {
  readonly packets: Buffer[] = [];
  readonly #counters = new Map<number, number>();

  get bytes(): Buffer {
    return Buffer.concat(this.packets);
  }

  /** PAT and PMT. */
  tables(streams: readonly ListedStream[] = H264_AND_AAC, version = 0): this {
    this.section(0, Buffer.concat([Buffer.of(0, 1, 0xe0 | (PMT_PID >> 8), PMT_PID & 0xff)]), {
      table: 0,
      id: 1,
      version,
    });
    const listed = streams.map(({ type, pid, descriptors = Buffer.alloc(0) }) =>
      Buffer.concat([Buffer.of(type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, descriptors.length), descriptors]),
    );
    const clock = Buffer.of(0xe0 | (VIDEO_PID >> 8), VIDEO_PID & 0xff, 0xf0, 0);
    return this.section(PMT_PID, Buffer.concat([clock, ...listed]), { table: 2, id: 1, version });
  }

  section(pid: number, body: Buffer, { table, id, version }: { table: number; id: number; version: number }): this {
    const length = 5 + body.length + 4;
    const head = Buffer.of(table, 0xb0 | (length >> 8), length & 0xff, id >> 8, id & 0xff, 0xc1 | (version << 1), 0, 0);
    const plain = Buffer.concat([head, body]);
    const sum = Buffer.alloc(4);
    sum.writeInt32BE(crc32(plain));
    return this.payload(pid, Buffer.concat([Buffer.of(0), plain, sum]));
  }

  /** A picture of H.264 with a delimiter in front, parameter sets where it is a key frame. */
  picture(options: { pts: number; dts?: number; slice: Buffer; sets?: readonly Buffer[] }): this {
    const { pts, dts = pts, slice } = options;
    const sets = options.sets ?? (((slice[0] as number) & 31) === 5 ? [SPS, PPS] : []);
    return this.pes(VIDEO_PID, annexB([DELIMITER, ...sets, slice]), { pts, dts });
  }

  /** AAC frames at 48 kHz, stereo, in one PES packet. */
  sound(pts: number, frames: readonly Buffer[]): this {
    return this.pes(AUDIO_PID, Buffer.concat(frames.map(adts)), { pts, dts: pts, length: true });
  }

  pes(pid: number, payload: Buffer, times: { pts?: number; dts?: number; length?: boolean } = {}): this {
    const { pts, dts = pts, length = false } = times;
    const both = pts !== undefined && dts !== undefined && dts !== pts;
    const stamps = pts === undefined ? [] : both ? [stamp(3, pts), stamp(1, dts)] : [stamp(2, pts)];
    const extra = Buffer.concat(stamps);
    const flags = pts === undefined ? 0 : both ? 0xc0 : 0x80;
    const told = length ? 3 + extra.length + payload.length : 0;
    const head = Buffer.of(0, 0, 1, 0xe0, told >> 8, told & 0xff, 0x80, flags, extra.length);
    return this.payload(pid, Buffer.concat([head, extra, payload]));
  }

  /** Cuts the bytes into packets; the last is filled up by its adaptation field. */
  payload(pid: number, bytes: Buffer): this {
    for (let at = 0; at < bytes.length; at += 184) this.#packet(pid, bytes.subarray(at, at + 184), at === 0);
    return this;
  }

  #packet(pid: number, body: Buffer, starts: boolean): void {
    const counter = this.#counters.get(pid) ?? 0;
    this.#counters.set(pid, (counter + 1) & 15);
    const packet = Buffer.alloc(188, 0xff);
    const filling = 184 - body.length;
    packet[0] = 0x47;
    packet.writeUInt16BE((starts ? 0x4000 : 0) | pid, 1);
    packet[3] = (filling > 0 ? 0x30 : 0x10) | counter;
    if (filling > 0) packet[4] = filling - 1;
    if (filling > 1) packet[5] = 0;
    body.copy(packet, 4 + filling);
    this.packets.push(packet);
  }
}

export const annexB = (units: readonly Buffer[]): Buffer => Buffer.concat(units.flatMap(unit => [START_CODE, unit]));

/** A slice of H.264: 5 is an IDR picture, 1 any other. `seed` tells its bytes from those of others. */
export function slice(type: 'key' | 'inter' | 'disposable', bytes: number, seed = 1): Buffer {
  const head = { key: 0x65, inter: 0x41, disposable: 0x01 }[type];
  const body = Buffer.from(Array.from({ length: bytes }, (_, i) => 1 + ((i * 31 + seed * 17) % 250)));
  return Buffer.concat([Buffer.of(head), body]);
}

export function adts(frame: Buffer): Buffer {
  const length = frame.length + 7;
  const head = Buffer.of(
    0xff,
    0xf1,
    0x4c,
    0x80 | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  );
  return Buffer.concat([head, frame]);
}

/** The 33 bits of a time in five bytes: ISO/IEC 13818-1, section 2.4.3.7. */
function stamp(prefix: number, time: number): Buffer {
  const wrapped = BigInt(Math.round(time)) & 0x1_ffff_ffffn;
  const bits = (shift: bigint, mask: bigint): number => Number((wrapped >> shift) & mask);
  return Buffer.of(
    (prefix << 4) | (bits(30n, 7n) << 1) | 1,
    bits(22n, 0xffn),
    (bits(15n, 0x7fn) << 1) | 1,
    bits(7n, 0xffn),
    (bits(0n, 0x7fn) << 1) | 1,
  );
}

/**
 * `seconds` of video at 25 frames and sound at 48 kHz, interleaved, a key frame every `gop` frames. Times begin at
 * `startMs` of a clock that the caller chooses.
 */
export function scriptedMedia(options: {
  seconds: number;
  startMs?: number;
  gop?: number;
  frameBytes?: number;
}): ScriptedStream {
  const { seconds, startMs = 1_400, gop = 25, frameBytes = 400 } = options;
  const stream = new ScriptedStream();
  let soundMs = 0;
  for (let frame = 0; frame < seconds * 25; frame++) {
    const ms = frame * 40;
    if (frame % gop === 0) stream.tables();
    stream.picture({ pts: (startMs + ms) * 90, slice: slice(frame % gop === 0 ? 'key' : 'inter', frameBytes, frame) });
    for (; soundMs < ms + 40; soundMs += 64 / 3) {
      stream.sound((startMs + soundMs) * 90, [Buffer.alloc(40, 1 + (frame % 200))]);
    }
  }
  return stream;
}
