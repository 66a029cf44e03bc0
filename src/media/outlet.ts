import type { Monotonic } from './clock.ts';
import { Fault, type Side } from './fault.ts';
import { type Batch, type Drops, isVideo, type PacketKind } from './packet.ts';
import type { Wire } from './wire.ts';

/** A batch as it goes over the wire, with the offset behind each packet's last byte. Reused from tick to tick. */
export class Encoded {
  bytes: Buffer;
  length = 0;
  readonly ends: number[] = [];

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
  }

  /** Makes room for `bytes` in all. What was in it is gone. */
  reserve(bytes: number): void {
    if (bytes > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(bytes * 2);
  }
}

export interface OutletLimits {
  /** Backlog of media beyond which frames that nothing refers to are dropped. */
  readonly disposableMs: number;
  /** Backlog of video beyond which video is dropped up to the next key frame. */
  readonly untilKeyMs: number;
  /** Backlog of media beyond which no video is queued at all. */
  readonly videoMs: number;
  readonly bytes: number;
  /** How long the peer may take nothing while something is queued. */
  readonly stallMs: number;
}

const LIMITS: OutletLimits = {
  disposableMs: 700,
  untilKeyMs: 1500,
  videoMs: 2000,
  bytes: 8 * 1024 * 1024,
  // With the time to say good-bye in vain and to tell of it, six seconds.
  stallMs: 5300,
};

/** One message that waits, whole or (the first in the queue only) from `done` on. */
interface Waiting {
  readonly kind: PacketKind | 'control';
  readonly dtsMs: number;
  /** When it was queued. */
  readonly atMs: number;
  readonly bytes: Buffer;
  done: number;
}

/**
 * One peer's outgoing media. A batch goes to the kernel in one write while the peer keeps up; what the kernel refuses is
 * copied and queued by message, and the queue is kept short by dropping video that can be missed: first frames that
 * nothing refers to, then everything up to a key frame. Audio, codec headers and metadata are never dropped, and a
 * message whose first byte is out is always finished.
 */
export class Outlet {
  readonly drops: Drops = { disposable: 0, untilKey: 0 };
  readonly #wire: Wire;
  readonly #now: Monotonic;
  readonly #side: Side;
  readonly #limits: OutletLimits;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #bytesOut = 0;
  /** When the peer last took a byte, or last owed us nothing. */
  #progressAt: number;
  #needsKey = false;
  #sawVideo = false;
  #flowing = false;

  constructor(options: { wire: Wire; now: Monotonic; side?: Side; limits?: Partial<OutletLimits> }) {
    this.#wire = options.wire;
    this.#now = options.now;
    this.#side = options.side ?? 'push';
    this.#limits = { ...LIMITS, ...options.limits };
    this.#progressAt = options.now();
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queued media, which is this outlet's own copy; control messages may be shared with others. */
  get copiedBytes(): number {
    let bytes = 0;
    for (const { kind, bytes: own } of this.#queue) if (kind !== 'control') bytes += own.length;
    return bytes;
  }

  /** Media time between the oldest and the newest queued frame. */
  get queuedMs(): number {
    if (this.#queue.length === 0) return 0;
    const oldest = this.#queue.find(isMedia);
    const newest = this.#queue.findLast(isMedia);
    return oldest === undefined || newest === undefined ? 0 : Math.max(0, newest.dtsMs - oldest.dtsMs);
  }

  /** True once a key frame, or an audio frame of a stream that shows no video, was handed over whole. */
  get flowing(): boolean {
    return this.#flowing;
  }

  /** Takes a batch, also an empty one: call it every tick, for it serves the queue and minds the stall deadline. */
  write(batch: Batch, encoded: Encoded): void {
    this.#serve();
    if (this.#queue.length === 0 && !this.#needsKey) this.#pass(batch, encoded);
    else this.#admit(batch, encoded);
    this.#mindStall();
  }

  /** Sends a control message, in order and never dropped. */
  control(bytes: Buffer): void {
    this.#enqueue({ kind: 'control', dtsMs: 0, bytes, done: 0 });
    this.#serve();
  }

  /** Hands on what is queued, as far as the peer takes it; true when nothing waits any more, in the wire neither. */
  flush(): boolean {
    this.#serve();
    return this.#queue.length === 0 && this.#wire.pending === 0;
  }

  /** The whole batch in one write; what the kernel did not take is queued. */
  #pass(batch: Batch, encoded: Encoded): void {
    if (encoded.length === 0) return;
    const taken = this.#wire.write(encoded.bytes, 0, encoded.length);
    this.#took(taken);
    if (taken === encoded.length && this.#flowing) return;
    let start = 0;
    for (let i = 0; i < batch.count; i++) {
      const end = encoded.ends[i] as number;
      const kind = (batch.packets[i] as { kind: PacketKind }).kind;
      if (end <= taken) this.#passed(kind);
      else this.#queueRest(batch, encoded, { index: i, start, taken });
      start = end;
    }
  }

  #queueRest(batch: Batch, encoded: Encoded, at: { index: number; start: number; taken: number }): void {
    const packet = batch.packets[at.index] as { kind: PacketKind; dtsMs: number };
    const end = encoded.ends[at.index] as number;
    // A message that is partly out is not up for dropping any more; whole ones are, like any other.
    if (at.start >= at.taken) {
      if (!this.#admits(packet.kind, packet.dtsMs, end - at.start)) return;
    }
    const from = Math.max(at.start, at.taken);
    const bytes = copyOf(encoded.bytes, at.start, end);
    this.#enqueue({ kind: packet.kind, dtsMs: packet.dtsMs, bytes, done: from - at.start });
  }

  /** Queues the packets that the drop policy lets pass. */
  #admit(batch: Batch, encoded: Encoded): void {
    let start = 0;
    for (let i = 0; i < batch.count; i++) {
      const { kind, dtsMs } = batch.packets[i] as { kind: PacketKind; dtsMs: number };
      const end = encoded.ends[i] as number;
      if (this.#admits(kind, dtsMs, end - start)) {
        this.#enqueue({ kind, dtsMs, bytes: copyOf(encoded.bytes, start, end), done: 0 });
      }
      start = end;
    }
    this.#serve();
  }

  /** The drop policy: whether this packet is queued. It may cost video that is queued already. */
  #admits(kind: PacketKind, dtsMs: number, bytes: number): boolean {
    if (!isVideo(kind)) return true;
    const { untilKeyMs } = this.#limits;
    if (this.#needsKey) {
      if (kind !== 'key' || this.#backlogMs(isMedia, dtsMs) > untilKeyMs) return this.#drop('untilKey');
      this.#needsKey = false;
    }
    if (this.#overfull(dtsMs, bytes)) this.#dropVideoBefore(this.#queue.findLastIndex(isWholeKey));
    if (this.#overfull(dtsMs, bytes)) {
      this.#dropVideoBefore(this.#queue.length);
      this.#needsKey = kind !== 'key' || this.#overfull(dtsMs, bytes);
      if (this.#needsKey) return this.#drop('untilKey');
    }
    if (this.#backlogMs(isMedia, dtsMs) <= this.#limits.disposableMs) return true;
    this.#dropDisposable();
    return kind !== 'disposable' || this.#drop('disposable');
  }

  #overfull(dtsMs: number, bytes: number): boolean {
    const limits = this.#limits;
    return (
      this.#backlogMs(isQueuedVideo, dtsMs) > limits.untilKeyMs ||
      this.#backlogMs(isMedia, dtsMs) > limits.videoMs ||
      this.#queuedBytes + bytes > limits.bytes
    );
  }

  /**
   * How far the peer would be behind with a packet of this time at the end of the queue: the media time in front of it,
   * but no more than the time that has really passed. A group of pictures written at once is no sign of a slow peer.
   */
  #backlogMs(counts: (waiting: Waiting) => boolean, dtsMs: number): number {
    const oldest = this.#queue.find(counts);
    return oldest === undefined ? 0 : Math.min(dtsMs - oldest.dtsMs, this.#now() - oldest.atMs);
  }

  /** Drops whole queued video in front of `index`; what stands there is a key frame, or the next one will be. */
  #dropVideoBefore(index: number): void {
    this.#keepQueued((waiting, i) => i >= index || !isQueuedVideo(waiting) || waiting.done > 0, 'untilKey');
  }

  #dropDisposable(): void {
    this.#keepQueued(waiting => waiting.kind !== 'disposable' || waiting.done > 0, 'disposable');
  }

  #keepQueued(keep: (waiting: Waiting, index: number) => boolean, reason: keyof Drops): void {
    this.#queue = this.#queue.filter((waiting, i) => {
      if (keep(waiting, i)) return true;
      this.#queuedBytes -= waiting.bytes.length;
      this.drops[reason]++;
      return false;
    });
  }

  #drop(reason: keyof Drops): false {
    this.drops[reason]++;
    return false;
  }

  #enqueue(message: Omit<Waiting, 'atMs'>): void {
    const waiting: Waiting = { ...message, atMs: this.#now() };
    this.#queue.push(waiting);
    this.#queuedBytes += waiting.bytes.length - waiting.done;
    if (this.#queuedBytes > this.#limits.bytes) {
      throw new Fault(this.#side, 'stalled', `the peer is too slow: ${this.#queuedBytes} bytes are waiting for it`);
    }
  }

  #serve(): void {
    if (this.#queue.length === 0) {
      this.#progressAt = this.#now();
      return;
    }
    let served = 0;
    for (const waiting of this.#queue) {
      const taken = this.#wire.write(waiting.bytes, waiting.done, waiting.bytes.length);
      waiting.done += taken;
      this.#queuedBytes -= taken;
      this.#took(taken);
      if (waiting.done < waiting.bytes.length) break;
      if (waiting.kind !== 'control') this.#passed(waiting.kind);
      served++;
    }
    if (served > 0) this.#queue.splice(0, served);
  }

  #took(bytes: number): void {
    if (bytes === 0) return;
    this.#bytesOut += bytes;
    this.#progressAt = this.#now();
  }

  #passed(kind: PacketKind): void {
    if (this.#flowing) return;
    if (kind === 'videoHeader' || isVideo(kind)) this.#sawVideo = true;
    this.#flowing = kind === 'key' || (kind === 'audio' && !this.#sawVideo);
  }

  #mindStall(): void {
    if (this.#queue.length === 0) return;
    const idleMs = this.#now() - this.#progressAt;
    if (idleMs <= this.#limits.stallMs) return;
    throw new Fault(this.#side, 'stalled', `the peer has taken no byte for ${Math.round(idleMs / 1000)} s`);
  }
}

const isMedia = (waiting: Waiting): boolean => waiting.kind === 'audio' || isQueuedVideo(waiting);
const isQueuedVideo = (waiting: Waiting): boolean => waiting.kind !== 'control' && isVideo(waiting.kind);
const isWholeKey = (waiting: Waiting): boolean => waiting.kind === 'key' && waiting.done === 0;

function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const own = Buffer.allocUnsafeSlow(to - from);
  bytes.copy(own, 0, from, to);
  return own;
}
