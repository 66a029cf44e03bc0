import type { Monotonic } from '../clock.ts';
import { GopCache, type GopLimits } from '../gop.ts';
import { Encoded } from '../outlet.ts';
import { Batch, isHeader, isVideo, Packet } from '../packet.ts';
import { encodeBatch } from './encode.ts';
import { originWriter, publishedAgain, STREAM_ID, unpublished } from './origin-answers.ts';

/** Without video for this long a stream counts as one of sound alone: its players start at once. */
const VIDEO_QUIET_MS = 1_000;

/** A connection that watches a stream. It deals with its own failures: none of its calls throws. */
export interface Player {
  /** Takes the batch as encoded. */
  write(batch: Batch, encoded: Encoded): void;
  /** Takes whole messages that are not to be dropped. The bytes are the player's to keep. */
  send(messages: Buffer): void;
}

/** A connection that feeds a stream. */
export interface Publisher {
  /** Bytes received on the connection so far. */
  readonly bytesIn: number;
  /** Reads what has come, and is gone afterwards if the connection is. */
  pull(): void;
}

export interface StreamCounters {
  readonly name: string;
  readonly publishing: boolean;
  readonly players: number;
  readonly publishes: number;
  readonly bytesIn: number;
  /** Media bytes handed to players, queued ones included. */
  readonly bytesOut: number;
  readonly packetsIn: number;
  readonly cachedBytes: number;
}

/** One batch at a time, for every stream of the process: a tick is synchronous. */
const encoded = new Encoded(640 * 1024);
const opening = new Batch();
/** Times go out as they came in. */
const AS_THEY_CAME = { streamId: STREAM_ID, shiftMs: 0, floorMs: Number.NEGATIVE_INFINITY };

/**
 * One name: at most one publisher, any number of players. Players wait until there is something to start from, and get
 * that first: headers and the group since the last key frame. From then on every batch goes to all of them as it came,
 * encoded once.
 */
export class OriginStream {
  readonly name: string;
  readonly #now: Monotonic;
  readonly #mayOpen: () => boolean;
  readonly #gop: GopCache;
  readonly #waiting = new Set<Player>();
  readonly #live = new Set<Player>();
  #publisher: Publisher | undefined;
  #metadata: Packet | undefined;
  #videoHeader: Packet | undefined;
  #audioHeader: Packet | undefined;
  #lastDtsMs: number | undefined;
  #videoAtMs = 0;
  #publishes = 0;
  #bytesBefore = 0;
  #bytesOut = 0;
  #packetsIn = 0;

  /** `mayOpen`: whether there is memory for one more opening; players wait until there is. */
  constructor(name: string, options: { now: Monotonic; gop: GopLimits; mayOpen?: () => boolean }) {
    this.name = name;
    this.#now = options.now;
    this.#mayOpen = options.mayOpen ?? (() => true);
    this.#gop = new GopCache(options.gop);
  }

  get empty(): boolean {
    return this.#publisher === undefined && this.#waiting.size === 0 && this.#live.size === 0;
  }

  get heldBytes(): number {
    return this.#gop.heldBytes;
  }

  /** Gives the memory of the group back: players then wait for the next key frame. */
  releaseGop(): void {
    this.#gop.release();
  }

  /** False when the name is taken by a publisher who is still there. */
  publish(publisher: Publisher): boolean {
    // The last tick may not have seen yet that the present one is gone.
    this.#publisher?.pull();
    if (this.#publisher !== undefined) return false;
    this.#publisher = publisher;
    this.#publishes++;
    this.#videoAtMs = this.#now();
    if (this.#publishes > 1) this.#tellWaiting(publishedAgain());
    return true;
  }

  unpublish(publisher: Publisher): void {
    if (this.#publisher !== publisher) return;
    this.#publisher = undefined;
    this.#bytesBefore += publisher.bytesIn;
    this.#forgetMedia();
    for (const player of this.#live) this.#waiting.add(player);
    this.#live.clear();
    this.#tellWaiting(unpublished());
  }

  join(player: Player): void {
    this.#waiting.add(player);
  }

  leave(player: Player): void {
    this.#waiting.delete(player);
    this.#live.delete(player);
  }

  /** Media of the publisher, straight from its reader. */
  take(batch: Batch): void {
    this.#packetsIn += batch.count;
    for (let i = 0; i < batch.count; i++) this.#note(batch.packets[i] as Packet);
    if (this.#live.size > 0) this.#writeLive(batch);
    // The players let in now have this batch in their opening, if it belongs there.
    if (this.#waiting.size > 0) this.#letIn();
  }

  /** Called every tick: a stream of sound alone shows by what does not come. */
  tick(): void {
    if (this.#waiting.size > 0) this.#letIn();
  }

  counters(): StreamCounters {
    return {
      name: this.name,
      publishing: this.#publisher !== undefined,
      players: this.#live.size + this.#waiting.size,
      publishes: this.#publishes,
      bytesIn: this.#bytesBefore + (this.#publisher?.bytesIn ?? 0),
      bytesOut: this.#bytesOut,
      packetsIn: this.#packetsIn,
      cachedBytes: this.#gop.bytes,
    };
  }

  #note(packet: Packet): void {
    if (isVideo(packet.kind) || packet.kind === 'videoHeader') this.#videoAtMs = this.#now();
    if (isHeader(packet.kind)) {
      this.#noteHeader(packet);
    } else {
      this.#lastDtsMs = packet.dtsMs;
      this.#gop.append(packet);
    }
  }

  #noteHeader(packet: Packet): void {
    const own = keep(packet);
    if (packet.kind === 'metadata') {
      this.#metadata = own;
      return;
    }
    const former = packet.kind === 'videoHeader' ? this.#videoHeader : this.#audioHeader;
    // What is cached was coded for the former header: nobody may be shown it behind the new one.
    if (former !== undefined && !samePayload(former, own)) this.#gop.clear();
    if (packet.kind === 'videoHeader') this.#videoHeader = own;
    else this.#audioHeader = own;
  }

  #letIn(): void {
    if (!this.#hasStart() || !this.#mayOpen()) return;
    this.#fillOpening();
    // One piece that no drop policy looks at, in bytes of its own: it is more media at once than a live queue may hold.
    const bytes = encodedAlone(opening);
    this.#bytesOut += bytes.length * this.#waiting.size;
    for (const player of this.#waiting) {
      this.#live.add(player);
      player.send(bytes);
    }
    this.#waiting.clear();
  }

  /** A key frame to start at, or sound that no video comes with. */
  #hasStart(): boolean {
    if (this.#publisher === undefined || this.#lastDtsMs === undefined) return false;
    return this.#gop.keyDtsMs !== undefined || this.#now() - this.#videoAtMs > VIDEO_QUIET_MS;
  }

  #fillOpening(): void {
    const startMs = this.#gop.keyDtsMs ?? this.#lastDtsMs ?? 0;
    opening.clear();
    for (const header of [this.#metadata, this.#videoHeader, this.#audioHeader]) {
      if (header !== undefined) opening.next().show(header, startMs);
    }
    const { packets, count } = this.#gop.batch;
    for (let i = 0; i < count; i++) {
      const packet = packets[i] as Packet;
      opening.next().show(packet, packet.dtsMs);
    }
  }

  #writeLive(batch: Batch): void {
    encodeBatch(originWriter, batch, encoded, AS_THEY_CAME);
    this.#bytesOut += encoded.length * this.#live.size;
    for (const player of this.#live) player.write(batch, encoded);
  }

  #tellWaiting(message: Buffer): void {
    for (const player of this.#waiting) player.send(message);
  }

  #forgetMedia(): void {
    this.#gop.clear();
    this.#metadata = undefined;
    this.#videoHeader = undefined;
    this.#audioHeader = undefined;
    this.#lastDtsMs = undefined;
  }
}

function encodedAlone(batch: Batch): Buffer {
  let room = 0;
  for (let i = 0; i < batch.count; i++) room += originWriter.packetBytes(batch.packets[i] as Packet);
  const own = new Encoded(room);
  encodeBatch(originWriter, batch, own, AS_THEY_CAME);
  return own.bytes.subarray(0, own.length);
}

/** A copy that outlives the batch. */
function keep(packet: Packet): Packet {
  const own = new Packet();
  own.reset(packet.kind, packet.dtsMs);
  const payload = packet.copyPayload();
  own.addSpan(payload, 0, payload.length);
  return own;
}

function samePayload(one: Packet, other: Packet): boolean {
  return one.size === other.size && one.copyPayload().equals(other.copyPayload());
}
