import { uint32At } from '../bytes.ts';
import { Fault } from '../fault.ts';

/** A box (ISO/IEC 14496-12, section 4.2) whose body lies in `bytes` from `start` to `end`. */
export interface Box {
  readonly type: string;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface BoxHead {
  readonly type: string;
  /** Of type and size fields. */
  readonly headBytes: number;
  /** Of the whole box; undefined: to the end of what holds it. */
  readonly size: number | undefined;
}

/** Bytes that always hold a whole head. */
export const MOST_HEAD_BYTES = 16;
const MOST_BOXES = 10_000;

export function broken(type: string, why: string): Fault {
  return new Fault('pull', 'garbage', `the MP4 box "${type.replace(/[^ -~]/g, '?')}" ${why}`);
}

/** Reads a head; undefined when fewer bytes are left than a head has. Throws where the size cannot be. */
export function readHead(bytes: Buffer, at: number, end: number): BoxHead | undefined {
  if (end - at < 8) return undefined;
  const size = uint32At(bytes, at);
  const type = bytes.toString('latin1', at + 4, at + 8);
  if (size === 0) return { type, headBytes: 8, size: undefined };
  if (size !== 1) return checked({ type, headBytes: 8, size });
  if (end - at < 16) return undefined;
  const large = uint32At(bytes, at + 8) * 2 ** 32 + uint32At(bytes, at + 12);
  if (!Number.isSafeInteger(large)) throw broken(type, `says it has ${large} bytes`);
  return checked({ type, headBytes: 16, size: large });
}

function checked(head: BoxHead): BoxHead {
  if ((head.size ?? 0) < head.headBytes) throw broken(head.type, `says it has ${head.size} bytes, less than its head`);
  return head;
}

/** The boxes of a body. One that reaches beyond it is refused; crumbs behind the last one are not. */
export function boxesIn(bytes: Buffer, start: number, end: number): Box[] {
  const boxes: Box[] = [];
  let at = start;
  for (let head = readHead(bytes, at, end); head !== undefined; head = readHead(bytes, at, end)) {
    const next = at + (head.size ?? end - at);
    if (next > end) throw broken(head.type, `reaches ${next - end} bytes beyond the box that holds it`);
    if (boxes.length === MOST_BOXES) throw broken(head.type, 'is one of more than 10,000 in one place');
    boxes.push({ type: head.type, bytes, start: at + head.headBytes, end: next });
    at = next;
  }
  return boxes;
}

export const childrenOf = (box: Box, skip = 0): Box[] => boxesIn(box.bytes, box.start + skip, box.end);

export const childOf = (box: Box, type: string): Box | undefined => childrenOf(box).find(it => it.type === type);

/** The box at the end of a path of types. */
export function descend(box: Box, ...path: readonly string[]): Box | undefined {
  let found: Box | undefined = box;
  for (const type of path) found = found === undefined ? undefined : childOf(found, type);
  return found;
}

/** Fields of a box by their offset in its body, refused where the body is too short for them. */
export class Fields {
  readonly #box: Box;

  constructor(box: Box) {
    this.#box = box;
  }

  get length(): number {
    return this.#box.end - this.#box.start;
  }

  /** Version of a full box (section 4.2.2). */
  get version(): number {
    return this.u8(0);
  }

  get flags(): number {
    return this.u32(0) & 0xffffff;
  }

  u8(at: number): number {
    return this.#box.bytes[this.#place(at, 1)] as number;
  }

  u16(at: number): number {
    return this.#box.bytes.readUInt16BE(this.#place(at, 2));
  }

  u32(at: number): number {
    return uint32At(this.#box.bytes, this.#place(at, 4));
  }

  i32(at: number): number {
    return this.u32(at) | 0;
  }

  u64(at: number): number {
    return this.u32(at) * 2 ** 32 + this.u32(at + 4);
  }

  i64(at: number): number {
    return this.i32(at) * 2 ** 32 + this.u32(at + 4);
  }

  bytes(at: number, length: number): Buffer {
    const start = this.#place(at, length);
    return this.#box.bytes.subarray(start, start + length);
  }

  rest(at: number): Buffer {
    return this.bytes(at, Math.max(0, this.length - at));
  }

  #place(at: number, length: number): number {
    if (at < 0 || at + length > this.length) throw broken(this.#box.type, `is too short: ${this.length} bytes`);
    return this.#box.start + at;
  }
}
