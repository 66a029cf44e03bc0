import { putUint32 } from '../bytes.ts';
import { Fault } from '../fault.ts';
import { VIDEO_HEAD_BYTES } from '../flv/body.ts';

const FIRST_BYTES = 64 * 1024;
const LENGTH_BYTES = 4;
/** The most that is believed to be one picture. */
const LARGEST = 16 * 1024 * 1024;

/**
 * Puts the NAL units of one picture together, each behind its length, with room for the head of a video body in front.
 * Pictures lie one behind the other in larger buffers, which go when the last packet that shows them has gone.
 */
export class AccessUnit {
  buffer: Buffer = Buffer.alloc(0);
  /** Where the picture's first unit begins. */
  start = 0;
  end = 0;
  /** Where the present unit's length stands; -1 between units. */
  #unit = -1;

  get isEmpty(): boolean {
    return this.end === this.start;
  }

  /** Whether a unit has begun that is not whole. */
  get isOpen(): boolean {
    return this.#unit >= 0;
  }

  /** Where the present unit's own bytes begin. */
  get unitStart(): number {
    return this.#unit + LENGTH_BYTES;
  }

  /** A new picture, behind the one that was kept. */
  begin(): void {
    this.start = this.end + VIDEO_HEAD_BYTES;
    this.end = this.start;
    this.#unit = -1;
  }

  /** Forgets the present picture. */
  drop(): void {
    this.end = this.start;
    this.#unit = -1;
  }

  beginUnit(): void {
    this.#reserve(LENGTH_BYTES);
    this.#unit = this.end;
    this.end += LENGTH_BYTES;
  }

  putByte(byte: number): void {
    this.#reserve(1);
    this.buffer[this.end++] = byte;
  }

  put(bytes: Buffer, from: number, to: number): void {
    this.#reserve(to - from);
    this.end += bytes.copy(this.buffer, this.end, from, to);
  }

  endUnit(): void {
    putUint32(this.buffer, this.#unit, this.end - this.unitStart);
    this.#unit = -1;
  }

  /** Forgets the present unit. */
  dropUnit(): void {
    if (this.#unit >= 0) this.end = this.#unit;
    this.#unit = -1;
  }

  #reserve(bytes: number): void {
    const own = this.end - this.start;
    if (own + bytes > LARGEST) throw new Fault('pull', 'garbage', 'the source sends a picture of more than 16 MB');
    if (this.end + bytes <= this.buffer.length) return;
    const from = this.start;
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * (VIDEO_HEAD_BYTES + own + bytes)));
    if (own > 0) this.buffer.copy(larger, VIDEO_HEAD_BYTES, from, this.end);
    this.buffer = larger;
    this.start = VIDEO_HEAD_BYTES;
    this.end = VIDEO_HEAD_BYTES + own;
    if (this.#unit >= 0) this.#unit += VIDEO_HEAD_BYTES - from;
  }
}
