import { Fault } from '../../src/media/fault.ts';
import { Encoded, Outlet } from '../../src/media/outlet.ts';
import type { Batch, Drops, Packet, Sink } from '../../src/media/packet.ts';
import type { Wire } from '../../src/media/wire.ts';
import { messageBytes, readMessage, writeMessage } from './frame.ts';
import type { Judge } from './judge.ts';

export interface DestinationParts {
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly judge: Judge;
}

const GOODBYE_MS = 20;
/** What the kernel takes for a peer that takes nothing. */
const KERNEL_BYTES = 4_096;
/** Looked at in one go. */
const SHOWN_BYTES = 16 * 1024;
const FASTEST = Number.POSITIVE_INFINITY;

/** Where streams are pushed to. */
export class Destination {
  readonly open = new Set<DestinationSink>();
  readonly parts: DestinationParts;
  away = false;
  /** What it takes, in bytes a millisecond. */
  #rate = FASTEST;
  pushes = 0;

  constructor(parts: DestinationParts) {
    this.parts = parts;
  }

  get rate(): number {
    return this.#rate;
  }

  set rate(rate: number) {
    this.#rate = rate;
    for (const sink of this.open) sink.settle();
  }

  accept(): DestinationSink {
    if (this.away) throw new Fault('push', 'unreachable', 'nobody answers there');
    this.pushes++;
    this.parts.judge.begin();
    const sink = new DestinationSink(this);
    this.open.add(sink);
    return sink;
  }

  hangUp(): void {
    for (const sink of this.open) sink.fault = new Fault('push', 'closed', 'it hung up');
  }
}

/** What the destination has been sent, up to the far end of the connection. */
class FarEnd implements Wire {
  readonly remote = 'destination';
  readonly pending = 0;
  readonly #destination: Destination;
  readonly #bytes = Buffer.alloc(SHOWN_BYTES);
  #filled = 0;
  #room = KERNEL_BYTES;
  #atMs: number;

  constructor(destination: Destination) {
    this.#destination = destination;
    this.#atMs = destination.parts.now();
  }

  read(): number {
    return 0;
  }

  write(bytes: Buffer, from: number, to: number): number {
    this.settle();
    const count = Math.min(to - from, Math.floor(this.#room));
    this.#room -= count;
    for (let at = from; at < from + count; this.#show()) {
      const end = Math.min(from + count, at + this.#bytes.length - this.#filled);
      bytes.copy(this.#bytes, this.#filled, at, end);
      this.#filled += end - at;
      at = end;
    }
    return count;
  }

  /** Counts what it has taken since it was last asked. */
  settle(): void {
    const nowMs = this.#destination.parts.now();
    const { rate } = this.#destination;
    const grown = rate === FASTEST ? FASTEST : this.#room + (nowMs - this.#atMs) * rate;
    this.#room = rate === FASTEST ? FASTEST : Math.min(KERNEL_BYTES, grown);
    this.#atMs = nowMs;
  }

  #show(): void {
    let at = 0;
    for (let next = readMessage(this.#bytes, at, this.#filled); next !== undefined; ) {
      this.#destination.parts.judge.see(next.shown);
      at = next.end;
      next = readMessage(this.#bytes, at, this.#filled);
    }
    this.#bytes.copyWithin(0, at, this.#filled);
    this.#filled -= at;
  }

  async end(): Promise<void> {}
  close(): void {}
}

const encoded = new Encoded(640 * 1024);

/** One push, with the queue and the drop policy of a real one. */
export class DestinationSink implements Sink {
  fault: Fault | undefined;
  readonly #destination: Destination;
  readonly #far: FarEnd;
  readonly #outlet: Outlet;

  constructor(destination: Destination) {
    this.#destination = destination;
    this.#far = new FarEnd(destination);
    this.#outlet = new Outlet({ wire: this.#far, now: destination.parts.now });
  }

  get bytesOut(): number {
    return this.#outlet.bytesOut;
  }

  get drops(): Drops {
    return this.#outlet.drops;
  }

  get queuedMs(): number {
    return this.#outlet.queuedMs;
  }

  get queuedBytes(): number {
    return this.#outlet.queuedBytes;
  }

  get flowing(): boolean {
    return this.#outlet.flowing;
  }

  settle(): void {
    this.#far.settle();
  }

  write(batch: Batch): void {
    if (this.fault !== undefined) throw this.fault;
    let bytes = 0;
    for (let i = 0; i < batch.count; i++) bytes += messageBytes(batch.packets[i] as Packet);
    encoded.reserve(bytes);
    encoded.length = 0;
    for (let i = 0; i < batch.count; i++) {
      encoded.length = writeMessage(batch.packets[i] as Packet, encoded.bytes, encoded.length);
      encoded.ends[i] = encoded.length;
    }
    this.#outlet.write(batch, encoded);
  }

  async close(deadlineMs = 0): Promise<void> {
    const { parts, open } = this.#destination;
    if (this.fault === undefined && open.has(this)) {
      this.#outlet.flush();
      await parts.sleep(Math.min(deadlineMs, GOODBYE_MS), new AbortController().signal);
    }
    open.delete(this);
  }
}
