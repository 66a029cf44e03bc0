import { putUint32 } from '../bytes.ts';
import type { RtpHead, SenderReport } from './rtp.ts';

/** Who reports: RFC 3550, section 6.5.1. The name is of this connection only, and says nothing of the host (RFC 7022). */
export interface Reporter {
  readonly ssrc: number;
  readonly name: string;
}

const NAME_BYTES = 12;

export function newReporter(random: (bytes: number) => Buffer): Reporter {
  return { ssrc: random(4).readUInt32BE(0), name: random(NAME_BYTES).toString('base64') };
}

const TURN = 0x1_0000;
const HALF_TURN = TURN / 2;
const WORD = 2 ** 32;
/** A sender whose numbers step by more has begun anew. */
const MOST_STEP = 3_000;
/** Jitter is a mean over about so many packets: section 6.4.1. */
const JITTER_SHARE = 16;
/** What a network does lies far below; more is a clock that has begun anew. */
const MOST_JITTER_SECONDS = 10;
const MOST_LOST = 0x7f_ffff;
const [RECEIVER_REPORT, SOURCE_DESCRIPTION, CNAME] = [201, 202, 1];
const REPORT_BYTES = 32;
const UNITS_A_SECOND = 0x1_0000;

/** What of one track has come, as its sender is told: RFC 3550, sections 6.4.1 and A.3. */
export class Reception {
  readonly #rate: number;
  #ssrc = 0;
  #received = 0;
  /** Of the first packet, and of the newest, with the turns of its number. */
  #base = 0;
  #highest = -1;
  /** As they were when the last report was made. */
  #before = { expected: 0, received: 0 };
  #jitter = 0;
  /** Of the last packet that jitter was measured at. */
  #timestamp = 0;
  #cameMs = Number.NaN;
  #heard: { readonly ssrc: number; readonly middle: number; readonly cameMs: number } | undefined;

  constructor(rate: number) {
    this.#rate = rate;
  }

  get hasBegun(): boolean {
    return this.#highest >= 0;
  }

  take({ sequence, ssrc, timestamp }: RtpHead, cameMs: number): void {
    const step = ((sequence - (this.#highest % TURN) + TURN + HALF_TURN) % TURN) - HALF_TURN;
    const isAnew = this.#highest < 0 || ssrc !== this.#ssrc || Math.abs(step) > MOST_STEP;
    if (isAnew) this.#begin(sequence, ssrc);
    else if (step > 0) this.#highest += step;
    this.#received++;
    // Packets of one picture, or of one read, say nothing of how they travelled.
    if (timestamp === this.#timestamp || cameMs === this.#cameMs) return;
    const apart = (((timestamp - this.#timestamp + 1.5 * WORD) % WORD) - WORD / 2) / this.#rate;
    const difference = Math.abs((cameMs - this.#cameMs) / 1000 - apart);
    if (difference < MOST_JITTER_SECONDS) this.#jitter += (difference * this.#rate - this.#jitter) / JITTER_SHARE;
    this.#timestamp = timestamp;
    this.#cameMs = cameMs;
  }

  hear({ ssrc, middle }: Pick<SenderReport, 'ssrc' | 'middle'>, cameMs: number): void {
    this.#heard = { ssrc, middle, cameMs };
  }

  /** A receiver report with who makes it: sections 6.4.2 and 6.5. */
  report({ ssrc, name }: Reporter, nowMs: number): Buffer {
    const expected = this.#highest - this.#base + 1;
    const bytes = Buffer.alloc(REPORT_BYTES);
    putHead(bytes, { first: 0x81, type: RECEIVER_REPORT, ssrc });
    putUint32(bytes, 8, this.#ssrc);
    const lost = Math.max(-MOST_LOST, Math.min(MOST_LOST, expected - this.#received));
    putUint32(bytes, 12, (this.#fractionLost(expected) * 0x100_0000 + (lost & 0xff_ffff)) >>> 0);
    putUint32(bytes, 16, this.#highest % WORD);
    putUint32(bytes, 20, Math.round(this.#jitter));
    const { middle, cameMs } = this.#heard?.ssrc === this.#ssrc ? this.#heard : { middle: 0, cameMs: nowMs };
    putUint32(bytes, 24, middle);
    putUint32(bytes, 28, Math.round(((nowMs - cameMs) / 1000) * UNITS_A_SECOND) % WORD);
    this.#before = { expected, received: this.#received };
    return Buffer.concat([bytes, description(ssrc, name)]);
  }

  #begin(sequence: number, ssrc: number): void {
    this.#ssrc = ssrc;
    this.#received = 0;
    this.#base = sequence;
    this.#highest = sequence;
    this.#before = { expected: 0, received: 0 };
    this.#cameMs = Number.NaN;
  }

  /** Since the last report, of 256. */
  #fractionLost(expected: number): number {
    const due = expected - this.#before.expected;
    const lost = due - (this.#received - this.#before.received);
    return due <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / due));
  }
}

function putHead(bytes: Buffer, { first, type, ssrc }: { first: number; type: number; ssrc: number }): void {
  bytes[0] = first;
  bytes[1] = type;
  bytes.writeUInt16BE(bytes.length / 4 - 1, 2);
  putUint32(bytes, 4, ssrc);
}

/** One chunk with one name; zeros end the list and fill the word. */
function description(ssrc: number, name: string): Buffer {
  const bytes = Buffer.alloc(4 * Math.ceil((8 + 2 + name.length + 1) / 4));
  putHead(bytes, { first: 0x81, type: SOURCE_DESCRIPTION, ssrc });
  bytes[8] = CNAME;
  bytes[9] = name.length;
  bytes.write(name, 10, 'latin1');
  return bytes;
}

/** A packet without a payload: section 5.1. */
export function emptyRtp({ ssrc }: Reporter, payloadType: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes[0] = 0x80;
  bytes[1] = payloadType;
  putUint32(bytes, 8, ssrc);
  return bytes;
}

/** A report of nothing yet. */
export function emptyReport({ ssrc, name }: Reporter): Buffer {
  const bytes = Buffer.alloc(8);
  putHead(bytes, { first: 0x80, type: RECEIVER_REPORT, ssrc });
  return Buffer.concat([bytes, description(ssrc, name)]);
}
