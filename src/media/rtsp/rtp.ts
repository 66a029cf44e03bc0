import { uint16At, uint32At } from '../bytes.ts';

/** The head of an RTP packet, and where its payload lies: RFC 3550, section 5.1. One is filled anew for each packet. */
export class RtpHead {
  marker = false;
  payloadType = 0;
  sequence = 0;
  timestamp = 0;
  ssrc = 0;
  start = 0;
  end = 0;
}

const HEAD_BYTES = 12;

/** False for what is no whole RTP packet; its payload may be empty. */
export function readRtp(bytes: Buffer, from: number, to: number, into: RtpHead): boolean {
  if (to - from < HEAD_BYTES) return false;
  const first = bytes[from] as number;
  if (first >> 6 !== 2) return false;
  const second = bytes[from + 1] as number;
  let start = from + HEAD_BYTES + 4 * (first & 15);
  if ((first & 0x10) !== 0) {
    if (start + 4 > to) return false;
    start += 4 + 4 * uint16At(bytes, start + 2);
  }
  const padding = (first & 0x20) === 0 ? 0 : (bytes[to - 1] as number);
  into.marker = (second & 0x80) !== 0;
  into.payloadType = second & 0x7f;
  into.sequence = uint16At(bytes, from + 2);
  into.timestamp = uint32At(bytes, from + 4);
  into.ssrc = uint32At(bytes, from + 8);
  into.start = start;
  into.end = to - padding;
  return start <= into.end;
}

/** What a sender reports of its clocks: section 6.4.1. */
export interface SenderReport {
  readonly ssrc: number;
  /** Of the clock on its wall. */
  readonly wallMs: number;
  /** Of the same time the middle 32 bits, by which it is told which report has come. */
  readonly middle: number;
  readonly timestamp: number;
}

export interface Rtcp {
  readonly report: SenderReport | undefined;
  /** The sender has left: section 6.6. */
  readonly bye: boolean;
}

const SENDER_REPORT = 200;
const BYE = 203;
const REPORT_BYTES = 20;
const NO_RTCP: Rtcp = { report: undefined, bye: false };

/** What a compound packet says; what is broken in it is passed over. */
export function readRtcp(bytes: Buffer, from: number, to: number): Rtcp {
  let found = NO_RTCP;
  for (let at = from; at + 4 <= to; ) {
    const next = at + 4 + 4 * uint16At(bytes, at + 2);
    if ((bytes[at] as number) >> 6 !== 2 || next > to) return found;
    const type = bytes[at + 1];
    if (type === SENDER_REPORT && next - at >= 4 + REPORT_BYTES) found = { ...found, report: reportAt(bytes, at) };
    if (type === BYE) found = { ...found, bye: true };
    at = next;
  }
  return found;
}

/** Undefined where the sender does not know the time: it then says 0. */
function reportAt(bytes: Buffer, at: number): SenderReport | undefined {
  const seconds = uint32At(bytes, at + 8);
  if (seconds === 0) return undefined;
  const wallMs = seconds * 1000 + (uint32At(bytes, at + 12) * 1000) / 2 ** 32;
  const middle = uint32At(bytes, at + 10);
  return { ssrc: uint32At(bytes, at + 4), wallMs, middle, timestamp: uint32At(bytes, at + 16) };
}

const TURN = 0x1_0000;
/** Packets of a sender that keeps to its order come so little late at most. */
const LATE = 64;

/** Sees which packets are missing. */
export class Sequence {
  #next: number | undefined;
  #ssrc = 0;
  #late = 0;

  /** Whether the packet follows on the former one, has something missing in front of it, or came before. */
  judge({ sequence, ssrc }: RtpHead): 'follows' | 'gap' | 'old' {
    const next = this.#next;
    const isFirst = next === undefined;
    const behind = isFirst ? 0 : (next - sequence + TURN) % TURN;
    if (!isFirst && ssrc === this.#ssrc && behind > 0 && behind <= LATE && ++this.#late <= LATE) return 'old';
    const follows = isFirst || (behind === 0 && ssrc === this.#ssrc);
    this.#late = 0;
    this.#ssrc = ssrc;
    this.#next = (sequence + 1) % TURN;
    return follows ? 'follows' : 'gap';
  }
}
