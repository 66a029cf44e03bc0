import { spareBuffers } from '../bytes.ts';
import { currentTurn, giveBackBehind } from './turn.ts';

export const BLOCK_BYTES = 256 * 1024;

interface Block {
  readonly buffer: Buffer;
  /** How much of it is here, from its start on. */
  filled: number;
  /** The turn in which it was last shown to somebody. */
  shownIn: number;
}

/** The part of a file that is in memory, as blocks of equal size that fill from their starts. */
export class Blocks {
  readonly #blocks = new Map<number, Block>();
  /** The block under the latest view. */
  #shown = -1;

  get count(): number {
    return this.#blocks.size;
  }

  filledOf(index: number): number {
    return this.#blocks.get(index)?.filled ?? 0;
  }

  /** Stores those parts of the chunk that continue a block, or begin a block that is wanted. */
  put(at: number, chunk: Buffer, wanted: (index: number) => boolean): void {
    let from = 0;
    while (from < chunk.length) {
      const index = Math.floor((at + from) / BLOCK_BYTES);
      const inside = (at + from) % BLOCK_BYTES;
      const end = Math.min(chunk.length, from + BLOCK_BYTES - inside);
      const block = this.#blocks.get(index) ?? (inside === 0 && wanted(index) ? this.#begin(index) : undefined);
      // A stream that was begun anew may bring again what is here already.
      if (block !== undefined && block.filled >= inside && block.filled < inside + end - from) {
        chunk.copy(block.buffer, block.filled, from + block.filled - inside, end);
        block.filled = inside + end - from;
      }
      from = end;
    }
  }

  /** A view where the range lies in one block, a joined copy where it does not, undefined where a part is missing. */
  view(offset: number, length: number): Buffer | undefined {
    const first = Math.floor(offset / BLOCK_BYTES);
    const inside = offset % BLOCK_BYTES;
    if (inside + length > BLOCK_BYTES) return this.#joined(offset, length);
    const block = this.#blocks.get(first);
    if (block === undefined || block.filled < inside + length) return undefined;
    this.#shown = first;
    block.shownIn = currentTurn();
    return block.buffer.subarray(inside, inside + length);
  }

  /** The offset of the first byte in [offset, offset + length) that is not here, or the end. */
  reach(offset: number, length: number): number {
    const end = offset + length;
    let at = offset;
    while (at < end) {
      const inside = at % BLOCK_BYTES;
      const filled = this.filledOf(Math.floor(at / BLOCK_BYTES));
      if (filled <= inside) return at;
      at = Math.min(end, at - inside + filled);
      if (filled < BLOCK_BYTES) return at;
    }
    return end;
  }

  /** Copies what is here of [offset, offset + length) up to the first hole; answers how many bytes. */
  copy(offset: number, out: Buffer, at: number, length: number): number {
    let copied = 0;
    while (copied < length) {
      const inside = (offset + copied) % BLOCK_BYTES;
      const block = this.#blocks.get(Math.floor((offset + copied) / BLOCK_BYTES));
      const here = block === undefined ? 0 : Math.min(block.filled - inside, length - copied);
      if (block === undefined || here <= 0) break;
      block.buffer.copy(out, at + copied, inside, inside + here);
      copied += here;
    }
    return copied;
  }

  /** Frees blocks that are not to be kept, oldest first, while there are more than `limit`; never one under the latest view. */
  evict(keep: (index: number) => boolean, limit: number): void {
    if (this.#blocks.size <= limit) return;
    for (const [index, { buffer, shownIn }] of this.#blocks) {
      if (keep(index) || index === this.#shown) continue;
      this.#blocks.delete(index);
      giveBackBehind(shownIn, buffer);
      if (this.#blocks.size <= limit) return;
    }
  }

  clear(): void {
    this.evict(() => false, 0);
    this.#blocks.clear();
  }

  #begin(index: number): Block {
    const block = { buffer: spareBuffers.take(BLOCK_BYTES), filled: 0, shownIn: -1 };
    this.#blocks.set(index, block);
    return block;
  }

  #joined(offset: number, length: number): Buffer | undefined {
    if (this.reach(offset, length) < offset + length) return undefined;
    const own = Buffer.allocUnsafeSlow(length);
    this.copy(offset, own, 0, length);
    return own;
  }
}
