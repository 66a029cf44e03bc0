import { type Batch, Packet } from './packet.ts';

const BLOCK_BYTES = 64 * 1024;
const FIRST_SLOTS = 64;
/** Blocks kept for the next packets; what a burst needed beyond is let go. */
const MOST_SPARE = 16;

/**
 * Packets waiting in order, copied into blocks that are used in turn: a steady flow through it allocates nothing. What
 * has been taken out shows its bytes until the next `append`.
 */
export class PacketQueue {
  #slots: Packet[] = Array.from({ length: FIRST_SLOTS }, () => new Packet());
  #atMs: number[] = [];
  /** Number of the block in which each packet begins. */
  #blockOf: number[] = [];
  #head = 0;
  #length = 0;
  #bytes = 0;
  #blocks: Buffer[] = [];
  readonly #spare: Buffer[] = [];
  /** Number of the block that stands first. */
  #firstBlock = 0;
  /** How much of the last block is used. */
  #used = BLOCK_BYTES;

  get length(): number {
    return this.#length;
  }

  /** Payload bytes of all that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest packet. */
  get first(): Packet | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head];
  }

  /** When the oldest packet was appended. */
  get firstAtMs(): number | undefined {
    return this.#length === 0 ? undefined : this.#atMs[this.#head];
  }

  append(packet: Packet, atMs: number): void {
    this.#recycle();
    if (this.#length === this.#slots.length) this.#grow();
    const at = (this.#head + this.#length) % this.#slots.length;
    const own = this.#slots[at] as Packet;
    own.reset(packet.kind, packet.dtsMs);
    this.#atMs[at] = atMs;
    this.#blockOf[at] = this.#firstBlock + this.#blocks.length - (this.#used < BLOCK_BYTES ? 1 : 0);
    this.#length++;
    for (let i = 0; i < packet.spanCount; i++) {
      this.#copy(own, packet.buffers[i] as Buffer, packet.starts[i] as number, packet.ends[i] as number);
    }
    this.#bytes += own.size;
  }

  /** Takes the oldest packet out, into the batch where one is given. */
  shift(into?: Batch): void {
    const packet = this.first;
    if (packet === undefined) return;
    into?.next().show(packet, packet.dtsMs);
    this.#bytes -= packet.size;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#length--;
  }

  /** Forgets everything, the memory included. */
  release(): void {
    this.#slots = Array.from({ length: FIRST_SLOTS }, () => new Packet());
    this.#atMs = [];
    this.#blockOf = [];
    this.#head = 0;
    this.#length = 0;
    this.#bytes = 0;
    this.#blocks = [];
    this.#spare.length = 0;
    this.#used = BLOCK_BYTES;
  }

  /** A packet goes into as many blocks as it needs: its payload is a list of spans anyway. */
  #copy(own: Packet, from: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.#used === BLOCK_BYTES) {
        this.#blocks.push(this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES));
        this.#used = 0;
      }
      const block = this.#blocks.at(-1) as Buffer;
      const taken = Math.min(end - at, BLOCK_BYTES - this.#used);
      from.copy(block, this.#used, at, at + taken);
      own.addSpan(block, this.#used, this.#used + taken);
      at += taken;
      this.#used += taken;
    }
  }

  /** Blocks in front of the oldest packet's first are free. */
  #recycle(): void {
    const oldest = this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#blockOf[this.#head] as number);
    while (this.#blocks.length > 1 && this.#firstBlock < oldest) {
      const block = this.#blocks.shift() as Buffer;
      this.#firstBlock++;
      if (this.#spare.length < MOST_SPARE) this.#spare.push(block);
    }
  }

  #grow(): void {
    const order = Array.from({ length: this.#length }, (_, i) => (this.#head + i) % this.#slots.length);
    const more = Array.from({ length: this.#length }, () => new Packet());
    this.#slots = [...order.map(at => this.#slots[at] as Packet), ...more];
    this.#atMs = order.map(at => this.#atMs[at] as number);
    this.#blockOf = order.map(at => this.#blockOf[at] as number);
    this.#head = 0;
  }
}
