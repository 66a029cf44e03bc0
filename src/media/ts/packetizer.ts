import { TS_PACKET_BYTES } from './packets.ts';

export interface Clock {
  /** The programme's clock, in 90 kHz. */
  readonly at90: number;
  /** A decoder can start here. */
  readonly isRandomAccess: boolean;
}

const HEAD_BYTES = 4;
const BODY_BYTES = TS_PACKET_BYTES - HEAD_BYTES;
const SYNC = 0x47;
const STARTS = 0x40;
const CLOCK_BYTES = 8;
const TWO_33 = 2 ** 33;

/** Cuts one PID's payloads into transport packets: ISO/IEC 13818-1, section 2.4.3.2. */
export class Packetizer {
  readonly pid: number;
  #counter = 0;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** Bytes that a payload takes, whatever is said in front of it. */
  static roomFor(payloadBytes: number): number {
    return Math.ceil((payloadBytes + CLOCK_BYTES + 2) / BODY_BYTES) * TS_PACKET_BYTES;
  }

  /** Writes payload[from..to) at `at`, the clock in the first packet; answers the offset behind it. */
  write(out: Buffer, at: number, payload: Buffer, clock?: Clock): number {
    let from = 0;
    let end = at;
    for (let first = true; first || from < payload.length; first = false) {
      const adapted = first && clock !== undefined ? CLOCK_BYTES : 0;
      const taken = Math.min(BODY_BYTES - adapted, payload.length - from);
      const filling = BODY_BYTES - adapted - taken;
      end = this.#head(out, end, { first, adapted: adapted + filling > 0, carries: taken > 0 });
      end = putAdaptation(out, end, adapted + filling, adapted > 0 ? clock : undefined);
      payload.copy(out, end, from, from + taken);
      end += taken;
      from += taken;
    }
    return end;
  }

  /** A packet that tells the clock and carries nothing, which does not count. */
  writeClock(out: Buffer, at: number, clock: Clock): number {
    const counter = this.#counter;
    this.#counter = (counter + 15) & 15;
    const end = this.#head(out, at, { first: false, adapted: true, carries: false });
    this.#counter = counter;
    return putAdaptation(out, end, BODY_BYTES, clock);
  }

  #head(out: Buffer, at: number, given: { first: boolean; adapted: boolean; carries: boolean }): number {
    out[at] = SYNC;
    out[at + 1] = (given.first ? STARTS : 0) | (this.pid >> 8);
    out[at + 2] = this.pid & 0xff;
    out[at + 3] = (given.adapted ? 0x20 : 0) | (given.carries ? 0x10 : 0) | this.#counter;
    this.#counter = (this.#counter + 1) & 15;
    return at + HEAD_BYTES;
  }
}

/** Fills `size` bytes, the clock first where there is one: section 2.4.3.4. */
function putAdaptation(out: Buffer, at: number, size: number, clock: Clock | undefined): number {
  const end = at + size;
  if (size === 0) return end;
  out[at] = size - 1;
  if (size === 1) return end;
  out[at + 1] = (clock === undefined ? 0 : 0x10) | (clock?.isRandomAccess ? 0x40 : 0);
  const filledFrom = clock === undefined ? at + 2 : putClock(out, at + 2, clock.at90);
  out.fill(0xff, filledFrom, end);
  return end;
}

/** 33 bits of 90 kHz, six reserved ones, and nine of 27 MHz that are always 0 here. */
function putClock(out: Buffer, at: number, at90: number): number {
  const base = wrap33(at90);
  out.writeUInt32BE(Math.floor(base / 2), at);
  out[at + 4] = ((base % 2) << 7) | 0x7e;
  out[at + 5] = 0;
  return at + 6;
}

/** Times have 33 bits; ours may be in front of the beginning. */
export const wrap33 = (at90: number): number => ((Math.round(at90) % TWO_33) + TWO_33) % TWO_33;
