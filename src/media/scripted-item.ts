import type { Fault } from './fault.ts';
import type { Item } from './item.ts';
import type { Batch, PacketKind } from './packet.ts';

export interface ItemWish {
  readonly seconds: number;
  readonly startMs?: number;
  /** Told in its frames. */
  readonly name?: string;
  readonly audio?: boolean;
  readonly video?: boolean;
  /** Said in place of words that nobody can read. */
  readonly videoHeader?: Buffer;
  readonly lengthKnown?: boolean;
  /** Its last frames are not there, although it says so. */
  readonly missingMs?: number;
  readonly notes?: readonly string[];
  /** Broken from this time of the file on. */
  readonly fault?: { readonly atMs: number; readonly fault: Fault };
  /** Nothing lies between these times of the file. */
  readonly hole?: { readonly fromMs: number; readonly toMs: number };
}

/** Shown by every item, as files are: what a packet shows is gone with the next call on any of them. */
const shared = Buffer.alloc(64 * 1024);
const FRAME_MS = 40;
const KEY_MS = 1_000;
const SOUND_MS = 1024 / 48;

/** For tests: a file of 25 frames/s with a key frame every second, whose frames say who they are ("a key 2000"). */
export class ScriptedItem implements Item {
  readonly durationMs: number | undefined;
  readonly startMs: number;
  readonly notes: readonly string[];
  closed = false;
  /** Nothing is here yet. */
  starved = false;
  readonly #wish: ItemWish;
  #saidHeaders = false;
  #pictures: number;
  #sounds: number;

  constructor(wish: ItemWish) {
    this.#wish = wish;
    this.notes = wish.notes ?? [];
    this.durationMs = wish.lengthKnown === false ? undefined : wish.seconds * 1000;
    this.startMs = Math.floor((wish.startMs ?? 0) / KEY_MS) * KEY_MS;
    this.#pictures = this.startMs / FRAME_MS;
    this.#sounds = Math.ceil(this.startMs / SOUND_MS);
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    if (this.closed) throw new Error('a closed item was read');
    shared.fill('?');
    if (this.starved) return 'starved';
    const { fault, missingMs = 0 } = this.#wish;
    const lastMs = this.#wish.seconds * 1000 - missingMs;
    let at = this.#sayHeaders(into);
    for (let next = this.#next(); next.dtsMs < Math.min(untilMs, lastMs); next = this.#next()) {
      if (fault !== undefined && next.dtsMs >= fault.atMs) throw fault.fault;
      at = this.#show(into, next, at);
      if (next.kind === 'audio') this.#sounds++;
      else this.#pictures++;
    }
    return this.#next().dtsMs >= lastMs ? 'end' : 'ok';
  }

  close(): void {
    this.closed = true;
    shared.fill('!');
  }

  #next(): { kind: PacketKind; dtsMs: number } {
    const { audio = true, video = true } = this.#wish;
    const pictureMs = video ? this.#pictures * FRAME_MS : Number.POSITIVE_INFINITY;
    const soundMs = audio ? this.#sounds * SOUND_MS : Number.POSITIVE_INFINITY;
    if (soundMs < pictureMs) return { kind: 'audio', dtsMs: this.#passHole(soundMs) };
    return { kind: pictureMs % KEY_MS === 0 ? 'key' : 'inter', dtsMs: this.#passHole(pictureMs) };
  }

  #passHole(dtsMs: number): number {
    const { hole } = this.#wish;
    return hole === undefined || dtsMs < hole.fromMs ? dtsMs : dtsMs + hole.toMs - hole.fromMs;
  }

  #sayHeaders(into: Batch): number {
    if (this.#saidHeaders) return 0;
    this.#saidHeaders = true;
    const { audio = true, video = true, videoHeader } = this.#wish;
    let at = 0;
    if (videoHeader !== undefined) {
      const packet = into.next();
      packet.reset('videoHeader', this.startMs);
      packet.addSpan(videoHeader, 0, videoHeader.length);
    } else if (video) {
      at = this.#show(into, { kind: 'videoHeader', dtsMs: this.startMs, text: 'video ' }, at);
    }
    if (audio) at = this.#show(into, { kind: 'audioHeader', dtsMs: this.startMs, text: 'audio ' }, at);
    return at;
  }

  #show(into: Batch, frame: { kind: PacketKind; dtsMs: number; text?: string }, at: number): number {
    const text = frame.text ?? `${this.#wish.name ?? ''} ${frame.kind} ${Math.round(frame.dtsMs)}`;
    const end = at + shared.write(text, at);
    const packet = into.next();
    packet.reset(frame.kind, frame.dtsMs);
    packet.addSpan(shared, at, end);
    return end;
  }
}
