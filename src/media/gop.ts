import { Batch, isVideo, type Packet } from './packet.ts';

const BLOCK_BYTES = 64 * 1024;

export interface GopLimits {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * The packets since the last key frame, copied, so that whoever joins in the middle starts with a picture.
 * A group that outgrows the limits is forgotten whole: half a group is of no use to a decoder. The blocks are kept
 * and filled again, so that a steady stream allocates nothing.
 */
export class GopCache {
  /** The cached packets, the first of them a key frame; empty when there is nothing to start from. */
  readonly batch = new Batch();
  readonly #limits: GopLimits;
  readonly #blocks: Buffer[] = [];
  #used = 0;

  constructor(limits: GopLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#used;
  }

  /** Memory, which outlasts the group that needed it. */
  get heldBytes(): number {
    return this.#blocks.length * BLOCK_BYTES;
  }

  get keyDtsMs(): number | undefined {
    return this.empty ? undefined : this.batch.packets[0]?.dtsMs;
  }

  get empty(): boolean {
    return this.batch.count === 0;
  }

  /** `on`: behind what is there already, whatever group it is of. `anywhere`: it may begin with any packet. */
  append(packet: Packet, { on = false, anywhere = false } = {}): void {
    if (packet.kind === 'key' && !(on && !this.#isTooMuch(packet))) this.clear();
    else if (this.empty && packet.kind !== 'key' && !anywhere) return;
    if (!isVideo(packet.kind) && packet.kind !== 'audio') return;
    if (this.#isTooMuch(packet)) this.clear();
    else this.#copy(packet);
  }

  clear(): void {
    this.batch.clear();
    this.#used = 0;
  }

  /** Lets go of the memory as well, where nobody is expected to join soon. */
  release(): void {
    this.clear();
    this.#blocks.length = 0;
    // Packets that are not in use still show the blocks of their last use.
    this.batch.packets.length = 0;
  }

  #isTooMuch(packet: Packet): boolean {
    const ageMs = packet.dtsMs - (this.keyDtsMs ?? packet.dtsMs);
    return this.#used + packet.size > this.#limits.bytes || ageMs > this.#limits.ms;
  }

  #copy(packet: Packet): void {
    const own = this.batch.next();
    own.reset(packet.kind, packet.dtsMs);
    for (let i = 0; i < packet.spanCount; i++) {
      this.#copySpan(own, packet.buffers[i] as Buffer, packet.starts[i] as number, packet.ends[i] as number);
    }
  }

  /** A span goes into as many blocks as it needs: a packet's payload is a list of spans anyway. */
  #copySpan(own: Packet, from: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const block = this.#block(Math.floor(this.#used / BLOCK_BYTES));
      const offset = this.#used % BLOCK_BYTES;
      const taken = Math.min(end - at, BLOCK_BYTES - offset);
      from.copy(block, offset, at, at + taken);
      own.addSpan(block, offset, offset + taken);
      at += taken;
      this.#used += taken;
    }
  }

  #block(index: number): Buffer {
    let block = this.#blocks[index];
    if (block === undefined) {
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#blocks.push(block);
    }
    return block;
  }
}
