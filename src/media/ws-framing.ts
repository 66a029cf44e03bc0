import { createHash } from 'node:crypto';
import { uint16At, uint32At } from './bytes.ts';
import { Fault } from './fault.ts';
import type { Framing } from './http-framing.ts';

const Op = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
/** Larger than the largest FLV tag. A frame is passed on as it comes, so this bounds a lie and no memory. */
const LARGEST_FRAME = 64 * 1024 * 1024;
const LARGEST_CONTROL = 125;
const LONGEST_HEAD = 10;

/** What a server must answer to the key of a handshake: RFC 6455, section 4.2.2. */
export const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** The binary messages that a server sends, as one stream of bytes: RFC 6455, section 5. */
export class WsFraming implements Framing {
  ended = false;
  readonly endless = false;
  readonly #answer: (frame: Buffer) => void;
  /** A head or a control frame of which the end has not come yet. */
  readonly #rest = Buffer.alloc(LONGEST_HEAD + LARGEST_CONTROL);
  #restBytes = 0;
  /** Payload of the present data frame that is still to come. */
  #left = 0;
  /** Whether a message goes on in the next data frame. */
  #open = false;

  /** `answer` is given the frames that the server has to be sent. */
  constructor(answer: (frame: Buffer) => void) {
    this.#answer = answer;
  }

  unframe(bytes: Buffer, from: number, to: number): number {
    let end = from;
    let at = from;
    while (at < to && !this.ended) {
      if (this.#left === 0) {
        this.#rest[this.#restBytes++] = bytes[at++] as number;
        this.#head();
        continue;
      }
      const taken = Math.min(this.#left, to - at);
      if (at !== end) bytes.copyWithin(end, at, at + taken);
      end += taken;
      at += taken;
      this.#left -= taken;
    }
    return end;
  }

  /** Looks at what has come of a head, and of a control frame's payload. */
  #head(): void {
    const rest = this.#rest;
    if (this.#restBytes < 2) return;
    const [first, second] = [rest[0] as number, rest[1] as number];
    if ((first & RESERVED) !== 0) throw broken('uses an extension that was not asked for');
    if ((second & MASKED) !== 0) throw broken('is masked, as only a client may');
    const short = second & 127;
    const headBytes = short === 126 ? 4 : short === 127 ? LONGEST_HEAD : 2;
    if (this.#restBytes < headBytes) return;
    const length = short === 126 ? uint16At(rest, 2) : short === 127 ? long(rest) : short;
    if ((first & 8) !== 0) this.#control(first, { headBytes, length });
    else this.#data(first, length);
  }

  #data(first: number, length: number): void {
    const op = first & 15;
    if (op !== Op.binary && op !== Op.more) throw broken(op === Op.text ? 'holds text' : `has the unknown kind ${op}`);
    if ((op === Op.more) !== this.#open) throw broken('does not follow on the one before');
    if (length > LARGEST_FRAME) throw broken(`has ${length} bytes`);
    this.#open = (first & FIN) === 0;
    this.#restBytes = 0;
    this.#left = length;
  }

  #control(first: number, { headBytes, length }: { headBytes: number; length: number }): void {
    if (length > LARGEST_CONTROL || (first & FIN) === 0) throw broken('is a control frame that is too long');
    if (this.#restBytes < headBytes + length) return;
    const op = first & 15;
    const payload = this.#rest.subarray(headBytes, headBytes + length);
    this.#restBytes = 0;
    if (op === Op.close) this.ended = true;
    else if (op === Op.ping) this.#answer(clientFrame(Op.pong, payload));
    else if (op !== Op.pong) throw broken(`has the unknown kind ${op}`);
  }
}

/** A client masks what it sends. A mask of zeros is one, and this payload is not secret. */
function clientFrame(op: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(FIN | op, MASKED | payload.length, 0, 0, 0, 0), payload]);
}

/** Says that the connection is over, and that all went well. */
export const CLOSE_FRAME = clientFrame(Op.close, Buffer.of(0x03, 0xe8));

const long = (head: Buffer): number => uint32At(head, 2) * 2 ** 32 + uint32At(head, 6);

const broken = (what: string): Fault => new Fault('pull', 'garbage', `a WebSocket frame ${what}`);
