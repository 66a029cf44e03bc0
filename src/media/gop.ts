import type { Batch, Packet, PacketKind } from './packet.ts';

interface Kept {
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly payload: Buffer;
}

/**
 * The packets since the last key frame, copied, so that whoever joins now can start at once. Bounded in bytes and
 * media time: a GOP beyond the bounds is let go, and the next key frame starts a new one.
 */
export class Gop {
  readonly #maxBytes: number;
  readonly #maxMs: number;
  #kept: Kept[] = [];
  #bytes = 0;

  constructor(options: { maxBytes?: number; maxMs?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
    this.#maxMs = options.maxMs ?? 10_000;
  }

  get empty(): boolean {
    return this.#kept.length === 0;
  }

  add(batch: Batch): void {
    for (let i = 0; i < batch.count; i++) this.#addPacket(batch.packets[i] as Packet);
  }

  #addPacket(packet: Packet): void {
    if (packet.kind === 'key') this.clear();
    else if (this.empty) return;
    const first = this.#kept[0];
    const tooLong = first !== undefined && packet.dtsMs - first.dtsMs > this.#maxMs;
    if (tooLong || this.#bytes + packet.size > this.#maxBytes) {
      this.clear();
      return;
    }
    this.#bytes += packet.size;
    this.#kept.push({ kind: packet.kind, dtsMs: packet.dtsMs, payload: packet.copyPayload() });
  }

  /** Appends the kept packets to the batch; its spans point into this cache. */
  replay(into: Batch): void {
    for (const { kind, dtsMs, payload } of this.#kept) {
      const packet = into.next();
      packet.reset(kind, dtsMs);
      packet.addSpan(payload, 0, payload.length);
    }
  }

  clear(): void {
    this.#kept = [];
    this.#bytes = 0;
  }
}
