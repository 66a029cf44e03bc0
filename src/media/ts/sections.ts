import { uint16At } from '../bytes.ts';

const HEAD_BYTES = 3;
/** The longest section of a programme table: ISO/IEC 13818-1, section 2.4.4.1. */
const LONGEST = 1024;

/** Puts the sections of one PID together: ISO/IEC 13818-1, section 2.4.4. */
export class SectionReader {
  readonly #bytes = Buffer.alloc(LONGEST);
  #length = 0;
  #open = false;
  /** The newest payload that brought a section, and nothing but whole ones. Tables are sent many times a second. */
  #known: Buffer = NOTHING;

  /**
   * The whole, undamaged sections that the payload completes, but for a payload sent once more. They are valid until the
   * next call.
   */
  push(payload: Buffer, starts: boolean): Buffer[] {
    if (!starts) return this.#open ? this.#add(payload) : [];
    if (!this.#open && this.#known.equals(payload)) return NONE;
    const sections = this.#begin(payload);
    if (!this.#open && sections.length > 0) this.#known = Buffer.from(payload);
    return sections;
  }

  #begin(payload: Buffer): Buffer[] {
    const pointer = payload[0] ?? 0;
    if (1 + pointer > payload.length) return [];
    const before = this.#open ? this.#add(payload.subarray(1, 1 + pointer)).map(whole => Buffer.from(whole)) : [];
    this.#length = 0;
    this.#open = true;
    return [...before, ...this.#add(payload.subarray(1 + pointer))];
  }

  reset(): void {
    this.#open = false;
  }

  #add(bytes: Buffer): Buffer[] {
    const room = Math.min(bytes.length, LONGEST - this.#length);
    bytes.copy(this.#bytes, this.#length, 0, room);
    this.#length += room;
    if (this.#length < HEAD_BYTES) return [];
    const end = HEAD_BYTES + (uint16At(this.#bytes, 1) & 0xfff);
    if (end > LONGEST) this.#open = false;
    if (end > this.#length) return [];
    this.#open = false;
    const section = this.#bytes.subarray(0, end);
    return crc32(section) === 0 ? [section] : [];
  }
}

const NOTHING = Buffer.alloc(0);
const NONE: Buffer[] = [];

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** 0 over a section with its own CRC: ISO/IEC 13818-1, annex A. */
export function crc32(bytes: Buffer): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ byte] as number);
  return crc;
}
