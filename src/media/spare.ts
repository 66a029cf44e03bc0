import type { Monotonic } from './clock.ts';
import { asFault, Fault } from './fault.ts';
import { Motion } from './motion.ts';
import { Batch, isHeader, isVideo, type Packet, type PacketKind, type Source } from './packet.ts';
import { PacketQueue } from './packet-queue.ts';
import { Waiting } from './waiting.ts';

/** Media that moves less often than this is not well. */
const PAUSE_MS = 2_000;
/** A track that was there and has not shown itself for so long is gone. */
const TRACK_GONE_MS = 5_000;
/** Without anything to begin with for so long, it is of no use. */
const KEYLESS_MS = 15_000;
/** Without any sign of video for so long, a source counts as audio only. */
const AUDIO_ONLY_AFTER_MS = 1_000;

export type TrackKind = 'video' | 'audio';

export interface SpareOptions {
  readonly now: Monotonic;
  /** Media older than this is let go, but for the group that begins before it. */
  readonly holdMs: number;
  readonly holdBytes?: number;
  /** Without media for so long, it has ended. */
  readonly silentMs: number;
  /** A track without which it is not well. */
  readonly needs?: TrackKind | undefined;
}

type Headers = 'metadata' | 'videoHeader' | 'audioHeader';
const HEADERS: readonly Headers[] = ['metadata', 'videoHeader', 'audioHeader'];

/**
 * A source beside the one on air: connected, read every tick, its newest media held, so that it can take over at once and
 * at a key frame. Once it is pulled, it gives what it holds from there on, and then goes on like any source.
 */
export class Spare implements Source {
  static readonly #came = new Batch();

  readonly #source: Source;
  readonly #options: SpareOptions;
  readonly #waiting = new Waiting();
  readonly #motion = new Motion();
  readonly #held = new PacketQueue();
  /** When each key frame that is held came, in order, and its own time. */
  #keysAtMs: number[] = [];
  #keysMs: number[] = [];
  #newestMs = Number.NaN;
  /** What of it others have brought already, once it is on air: pictures before that key frame, sound up to there. */
  #known: { keyMs: number; audioMs: number } | undefined;
  /** The codec headers in force at the oldest packet that is held. */
  readonly #headers = new Map<PacketKind, Buffer>();
  readonly #seenAtMs: Record<TrackKind, number> = { video: Number.NaN, audio: Number.NaN };
  #fault: Fault | undefined;
  /** Something to begin with has come, held or too much to be held. */
  #begun = false;
  readonly #openedAtMs: number;
  #movedAtMs: number;
  #wellSinceMs: number | undefined;
  #tickMs: number;
  #bytesAtStart = 0;

  constructor(source: Source, options: SpareOptions) {
    this.#source = source;
    this.#options = options;
    this.#openedAtMs = options.now();
    this.#movedAtMs = this.#openedAtMs;
    this.#tickMs = this.#openedAtMs;
  }

  get notes(): readonly string[] {
    return this.#source.notes ?? [];
  }

  get bytesIn(): number {
    return this.#source.bytesIn;
  }

  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Whether it could take over now: it holds something to begin with, and its media moves. */
  get usable(): boolean {
    return this.#wellSinceMs !== undefined && this.#held.length > 0;
  }

  /** How long it has been well: media moves, on every track that it has or needs, and shows key frames. */
  get wellMs(): number {
    return this.#wellSinceMs === undefined ? 0 : this.#tickMs - this.#wellSinceMs;
  }

  /** What it sends while it is well, in kbit/s. */
  get rateKbit(): number {
    return this.wellMs === 0 ? 0 : ((this.bytesIn - this.#bytesAtStart) * 8) / this.wellMs;
  }

  /** Whether a group has begun in this tick: the best moment to change over without haste. */
  get atKey(): boolean {
    return this.usable && (this.#keysAtMs.at(-1) === this.#tickMs || this.#isAudioOnly);
  }

  /** Resolves when it holds, asked each time it has been read. Rejects with its Fault when it has ended, or on abort. */
  async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    await this.#waiting.until(() => this.#fault !== undefined || holds(), signal);
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Reads what has come. For as long as it is not on air. */
  tick(): void {
    if (this.#fault !== undefined) return;
    const came = Spare.#came;
    came.clear();
    this.#tickMs = this.#options.now();
    try {
      this.#source.read(came);
    } catch (error) {
      this.#fault = asFault('pull', error);
    }
    if (came.count > 0) this.#take(came);
    this.#judge();
    this.#waiting.wake();
  }

  /** Time of its newest frame, on its own clock. */
  get newestMs(): number {
    return this.#newestMs;
  }

  hasKey(keyMs: number): boolean {
    return this.#keysMs.includes(keyMs);
  }

  /** Begins, once it is on air, at the key frame of that time, held or still to come, and with sound behind the other time. */
  beginAtKey(keyMs: number, audioMs: number): void {
    while (this.#keysMs.length > 0 && (this.#keysMs[0] ?? 0) < keyMs) this.#dropGroup();
    if (this.#keysMs.length === 0) this.#dropAll();
    this.#known = { keyMs, audioMs };
  }

  /** Begins, once it is on air, at the newest key frame that came no later than that; at the oldest where all did. */
  beginAt(atMs: number): void {
    const later = this.#keysAtMs.findIndex(keyAtMs => keyAtMs > atMs);
    const number = later < 0 ? this.#keysAtMs.length - 1 : Math.max(0, later - 1);
    for (let i = 0; i < number; i++) this.#dropGroup();
  }

  read(into: Batch): void {
    const held = this.#held;
    const from = into.count;
    if (held.length === 0 && this.#keysAtMs.length > 0) this.#letGo();
    for (const kind of HEADERS) this.#giveHeader(into, kind);
    this.#headers.clear();
    while (held.length > 0) held.shift(into);
    if (this.#fault === undefined) this.#source.read(into);
    else if (into.count === 0) throw this.#fault;
    if (this.#known !== undefined) this.#passOver(this.#known, into, from);
  }

  /** Takes out what is known. Packets change places: slots are used again. */
  #passOver(known: { keyMs: number; audioMs: number }, into: Batch, from: number): void {
    const { packets } = into;
    let kept = from;
    for (let i = from; i < into.count; i++) {
      const packet = packets[i] as Packet;
      if (isKnown(packet, known)) continue;
      packets[i] = packets[kept] as Packet;
      packets[kept++] = packet;
    }
    into.count = kept;
    if (known.keyMs === NOTHING && known.audioMs === NOTHING) this.#known = undefined;
  }

  close(): void {
    this.#fault ??= new Fault('pull', 'closed', 'not needed any more');
    this.#letGo();
    this.#source.close();
    this.#waiting.wake();
  }

  #giveHeader(into: Batch, kind: Headers): void {
    const bytes = this.#headers.get(kind);
    if (bytes === undefined) return;
    const packet = into.next();
    packet.reset(kind, this.#held.first?.dtsMs ?? 0);
    packet.addSpan(bytes, 0, bytes.length);
  }

  get #isAudioOnly(): boolean {
    const { video, audio } = this.#seenAtMs;
    return Number.isNaN(video) && !Number.isNaN(audio) && this.#tickMs - this.#openedAtMs >= AUDIO_ONLY_AFTER_MS;
  }

  #take(came: Batch): void {
    if (this.#motion.sees(came)) this.#movedAtMs = this.#tickMs;
    for (let i = 0; i < came.count; i++) this.#hold(came.packets[i] as Packet);
    this.#trim();
  }

  #hold(packet: Packet): void {
    const { kind } = packet;
    const isVideoLate = !this.#hasVideo && kind !== 'metadata' && trackOf(kind) === 'video';
    if (isVideoLate) this.#dropAll();
    if (kind !== 'metadata') this.#seenAtMs[trackOf(kind)] = this.#tickMs;
    if (isVideo(kind)) this.#newestMs = packet.dtsMs;
    if (kind === 'key' || (kind === 'audio' && this.#isAudioOnly)) {
      this.#keysAtMs.push(this.#tickMs);
      this.#keysMs.push(packet.dtsMs);
      this.#begun = true;
    }
    if (this.#keysAtMs.length > 0) this.#held.append(packet, this.#tickMs);
    else if (isHeader(kind)) this.#headers.set(kind, packet.copyPayload());
  }

  #trim(): void {
    const { holdMs, holdBytes = Number.POSITIVE_INFINITY } = this.#options;
    const oldestMs = this.#tickMs - holdMs;
    while ((this.#keysAtMs[1] ?? Number.POSITIVE_INFINITY) <= oldestMs) this.#dropGroup();
    while (this.#held.bytes > holdBytes) this.#dropGroup();
  }

  /** Lets the oldest group go, whole: half of one is of no use to a decoder. */
  #dropGroup(): void {
    this.#keysAtMs.shift();
    this.#keysMs.shift();
    this.#dropOldest();
    for (let next = this.#held.first; next !== undefined; next = this.#held.first) {
      if (next.kind === 'key' || !this.#hasVideo) return;
      this.#dropOldest();
    }
  }

  #dropAll(): void {
    while (this.#held.length > 0) this.#dropOldest();
    this.#keysAtMs = [];
    this.#keysMs = [];
  }

  #dropOldest(): void {
    const { first } = this.#held;
    if (first !== undefined && isHeader(first.kind)) this.#headers.set(first.kind, first.copyPayload());
    this.#held.shift();
  }

  get #hasVideo(): boolean {
    return !Number.isNaN(this.#seenAtMs.video);
  }

  #judge(): void {
    const idleMs = this.#tickMs - this.#movedAtMs;
    if (idleMs > this.#options.silentMs) {
      const seconds = Math.round(this.#options.silentMs / 1000);
      this.#fault ??= new Fault('pull', 'silent', `the source sent no media for ${seconds} s`);
    }
    if (!this.#begun && this.#tickMs - this.#openedAtMs > KEYLESS_MS) {
      const seconds = KEYLESS_MS / 1000;
      this.#fault ??= new Fault('pull', 'keyless', `the source sent no key frame for ${seconds} s`);
    }
    const isWell = this.#fault === undefined && this.#begun && idleMs <= PAUSE_MS && this.#hasTracks();
    if (!isWell) this.#wellSinceMs = undefined;
    else if (this.#wellSinceMs === undefined) {
      this.#wellSinceMs = this.#tickMs;
      this.#bytesAtStart = this.bytesIn;
    }
  }

  #hasTracks(): boolean {
    const { needs } = this.#options;
    if (needs !== undefined && Number.isNaN(this.#seenAtMs[needs])) return false;
    // A track that was never there compares as none that is gone.
    const { video, audio } = this.#seenAtMs;
    return !(this.#tickMs - video > TRACK_GONE_MS || this.#tickMs - audio > TRACK_GONE_MS);
  }

  #letGo(): void {
    this.#held.release();
    this.#keysAtMs = [];
    this.#keysMs = [];
  }
}

const NOTHING = Number.NEGATIVE_INFINITY;

/** What is not known ends what was: times may step back later. */
function isKnown({ kind, dtsMs }: Packet, known: { keyMs: number; audioMs: number }): boolean {
  if (isHeader(kind)) return false;
  if (kind === 'audio') {
    if (dtsMs <= known.audioMs) return true;
    known.audioMs = NOTHING;
    return false;
  }
  if (known.keyMs !== NOTHING && !(kind === 'key' && dtsMs >= known.keyMs)) return true;
  // A group later no sound is left that somebody could have had.
  if (known.keyMs === NOTHING && kind === 'key') known.audioMs = NOTHING;
  known.keyMs = NOTHING;
  return false;
}

const trackOf = (kind: Exclude<PacketKind, 'metadata'>): TrackKind =>
  isVideo(kind) || kind === 'videoHeader' ? 'video' : 'audio';
