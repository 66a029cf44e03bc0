import { uint16At } from '../bytes.ts';

/** Takes the NAL units that payloads carry, whole or in pieces. */
export interface UnitTaker {
  whole(bytes: Buffer, from: number, to: number): void;
  /** A unit begins whose first bytes are these; pieces follow. */
  begin(head: readonly number[]): void;
  /** False where no unit has begun. */
  piece(bytes: Buffer, from: number, to: number): boolean;
  finish(): void;
}

/** Hands the units of the payload bytes[from, to) on; false where it is damaged. */
export type PayloadFormat = (bytes: Buffer, from: number, to: number, taker: UnitTaker) => boolean;

const START = 0x80;
const END = 0x40;
const Avc = { singleTime: 24, singleTimeOrdered: 25, fragment: 28, fragmentOrdered: 29 } as const;
const Hevc = { aggregate: 48, fragment: 49 } as const;
const START_CODE = Buffer.of(0, 0, 1);

/** H.264: RFC 6184, section 5.2. */
export const avcPayload: PayloadFormat = (bytes, from, to, taker) => {
  const head = bytes[from] as number;
  const type = head & 31;
  if (type === Avc.singleTime) return aggregate(bytes, from + 1, to, taker);
  // With a decoding order number in front, which says nothing where packets come in order.
  if (type === Avc.singleTimeOrdered) return aggregate(bytes, from + 3, to, taker);
  if (type === Avc.fragment || type === Avc.fragmentOrdered) {
    const flags = from + 1 < to ? (bytes[from + 1] as number) : 0;
    const isStart = (flags & START) !== 0;
    const start = from + (isStart && type === Avc.fragmentOrdered ? 4 : 2);
    if (start >= to) return false;
    if (isStart) taker.begin([(head & 0xe0) | (flags & 31)]);
    return close(taker, flags, taker.piece(bytes, start, to));
  }
  if (type > 0 && type < Avc.singleTime) taker.whole(bytes, from, to);
  // Some cameras send their byte stream as it is.
  else if (type === 0) return byteStream(bytes, from, to, taker);
  return type < Avc.singleTime;
};

/** H.265: RFC 7798, section 4.4; `ordered` where the session says that decoding order numbers are there. */
export const hevcPayload = (ordered: boolean): PayloadFormat => {
  const extra = ordered ? 2 : 0;
  return (bytes, from, to, taker) => {
    if (to - from < 3) return false;
    const type = ((bytes[from] as number) >> 1) & 63;
    if (type === Hevc.aggregate) return aggregate(bytes, from + 2 + extra, to, taker, ordered ? 1 : 0);
    if (type === Hevc.fragment) {
      const flags = bytes[from + 2] as number;
      const isStart = (flags & START) !== 0;
      const start = from + 3 + (isStart ? extra : 0);
      if (start >= to) return false;
      if (isStart) taker.begin([((bytes[from] as number) & 0x81) | ((flags & 63) << 1), bytes[from + 1] as number]);
      return close(taker, flags, taker.piece(bytes, start, to));
    }
    if (type > Hevc.fragment) return false;
    if (type === 0 && bytes[from] === 0 && bytes[from + 1] === 0) return byteStream(bytes, from, to, taker);
    if (!ordered) taker.whole(bytes, from, to);
    else {
      if (from + 2 + extra >= to) return false;
      taker.begin([bytes[from] as number, bytes[from + 1] as number]);
      taker.piece(bytes, from + 2 + extra, to);
      taker.finish();
    }
    return true;
  };
};

function aggregate(bytes: Buffer, from: number, to: number, taker: UnitTaker, gap = 0): boolean {
  let at = from;
  while (at + 2 < to) {
    const start = at + 2;
    const end = start + uint16At(bytes, at);
    if (end === start || end > to) return false;
    taker.whole(bytes, start, end);
    at = end + gap;
  }
  return at >= to && at > from;
}

/** Finishes the unit behind its last piece. */
function close(taker: UnitTaker, flags: number, isTaken: boolean): boolean {
  if (isTaken && (flags & END) !== 0) taker.finish();
  return isTaken;
}

/** Units with start codes: annex B of either codec. */
function byteStream(bytes: Buffer, from: number, to: number, taker: UnitTaker): boolean {
  const payload = bytes.subarray(from, to);
  let start = payload.indexOf(START_CODE);
  if (start < 0 || start > 1) return false;
  while (start >= 0) {
    const next = payload.indexOf(START_CODE, start + START_CODE.length);
    let end = next < 0 ? payload.length : next;
    while (end > start + START_CODE.length && payload[end - 1] === 0) end--;
    if (end > start + START_CODE.length) taker.whole(payload, start + START_CODE.length, end);
    start = next;
  }
  return true;
}
