import { putUint32 } from '../bytes.ts';
import { crc32 } from './sections.ts';

/** A stream as the map lists it: ISO/IEC 13818-1, section 2.4.4.8. */
export interface ListedStream {
  readonly type: number;
  readonly pid: number;
  readonly descriptors: Buffer;
}

export const MAP_PID = 0x1000;
const PROGRAM = 1;
const NO_CLOCK = 0x1fff;

/** Lists the one programme: section 2.4.4.3. */
export const programTable = (): Buffer =>
  section({ table: 0, id: 1, version: 0, body: Buffer.of(0, PROGRAM, 0xe0 | (MAP_PID >> 8), MAP_PID & 0xff) });

/** Lists the programme's streams, the one first by whose packets the clock is told. */
export function mapTable(streams: readonly ListedStream[], version: number): Buffer {
  const clockPid = streams[0]?.pid ?? NO_CLOCK;
  const listed = streams.flatMap(({ type, pid, descriptors }) => [
    Buffer.of(type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, descriptors.length),
    descriptors,
  ]);
  const clock = Buffer.of(0xe0 | (clockPid >> 8), clockPid & 0xff, 0xf0, 0);
  return section({ table: 2, id: PROGRAM, version: version & 31, body: Buffer.concat([clock, ...listed]) });
}

function section(given: { table: number; id: number; version: number; body: Buffer }): Buffer {
  const { table, id, version, body } = given;
  const length = 5 + body.length + 4;
  const head = Buffer.of(table, 0xb0 | (length >> 8), length & 0xff, id >> 8, id & 0xff, 0xc1 | (version << 1), 0, 0);
  const plain = Buffer.concat([head, body]);
  const sum = Buffer.alloc(4);
  putUint32(sum, 0, crc32(plain) >>> 0);
  return Buffer.concat([plain, sum]);
}

/** "Opus" and its channels, without which receivers do not know private data for sound: ETSI TS 103 491, section 4. */
export const opusDescriptors = (channels: number): Buffer =>
  Buffer.from([0x05, 4, 0x4f, 0x70, 0x75, 0x73, 0x7f, 2, 0x80, channels]);
