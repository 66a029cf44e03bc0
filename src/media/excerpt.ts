import { Fault } from './fault.ts';
import { compositionMs } from './flv/tag.ts';
import type { Item } from './item.ts';
import { type Batch, isHeader, type Packet } from './packet.ts';

/** What of a file is played, in its own time. */
export interface Points {
  readonly inMs?: number | undefined;
  readonly outMs?: number | undefined;
}

/** Times of frames are whole milliseconds, of which several are added up: so near to its end a picture lies behind it. */
const ROUNDING_MS = 1;

/** Where to open a file so that it can be cut at its out point: in front of it, wherever it was to go on. */
export const startWithin = (startMs: number, { outMs = Number.POSITIVE_INFINITY }: Points): number =>
  Math.max(0, Math.min(startMs, outMs - 1));

/** The item up to its out point; the item itself where it has none. Closes it and throws where that is nothing. */
export function excerptOf(item: Item, points: Points): Item {
  try {
    return cut(item, points);
  } catch (error) {
    item.close();
    throw error;
  }
}

function cut(item: Item, { inMs = 0, outMs }: Points): Item {
  const { durationMs, startMs } = item;
  if (durationMs !== undefined && inMs > 0 && inMs >= durationMs) {
    throw nothingBetween(`it ends at ${seconds(durationMs)}, before its in point at ${seconds(inMs)}`);
  }
  if (outMs === undefined) return item;
  if (startMs >= outMs) throw nothingBetween(`it can only be begun behind its out point at ${seconds(outMs)}`);
  return new Excerpt(item, outMs);
}

const nothingBetween = (why: string): Fault =>
  new Fault('pull', 'garbage', `nothing of the file is to be played: ${why}`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;

/**
 * An item up to a time of its own. That is a time of showing, counted from the first picture. Frames that are reordered
 * are shown later than their decode times say, and the sound that belongs to them stands as much later: the cut does, too.
 *
 * Decoding goes on without an error only where whatever a frame refers to is there. So the picture ends at the first
 * frame behind the cut that others may refer to. What is decoded behind it and shown before the cut, at most one run of
 * B-frames, is lost; the sound ends where the picture does.
 */
class Excerpt implements Item {
  readonly durationMs: number | undefined;
  readonly startMs: number;
  readonly #item: Item;
  readonly #outMs: number;
  /** How much later than decoded the first picture is shown; undefined until it has come. */
  #delayMs: number | undefined;
  /** On the clock of showing, and of the sound. */
  #cutMs: number;
  #pictureOver = false;
  #over = false;

  constructor(item: Item, outMs: number) {
    const { durationMs, startMs } = item;
    this.#item = item;
    this.#outMs = outMs;
    this.#cutMs = outMs;
    this.startMs = startMs;
    this.durationMs = durationMs === undefined ? undefined : Math.min(durationMs, outMs);
  }

  get notes(): readonly string[] {
    return this.#item.notes ?? [];
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    if (this.#over) return 'end';
    for (;;) {
      const limitMs = this.#cutMs;
      const from = into.count;
      const state = this.#item.read(into, Math.min(untilMs, limitMs));
      this.#cut(into, from);
      if (state !== 'ok') {
        this.#over = state === 'end';
        return state;
      }
      if (untilMs < limitMs) return 'ok';
      // The first picture moves the cut back: there may be more.
      if (this.#cutMs <= limitMs) {
        this.#over = true;
        return 'end';
      }
    }
  }

  close(): void {
    this.#item.close();
  }

  /** Takes out of the batch what is not to be shown. Packets change places, so that nothing is allocated. */
  #cut(batch: Batch, from: number): void {
    const { packets } = batch;
    let kept = from;
    for (let i = from; i < batch.count; i++) {
      const packet = packets[i] as Packet;
      if (!this.#keeps(packet)) continue;
      packets[i] = packets[kept] as Packet;
      packets[kept++] = packet;
    }
    batch.count = kept;
  }

  #keeps(packet: Packet): boolean {
    const { kind, dtsMs } = packet;
    if (isHeader(kind)) return !this.#pictureOver;
    if (kind === 'audio') return dtsMs < this.#cutMs;
    if (this.#pictureOver) return false;
    const shownMs = dtsMs + compositionMs(packet);
    if (this.#delayMs === undefined) this.#beginPicture(shownMs - dtsMs);
    if (shownMs < this.#cutMs - ROUNDING_MS) return true;
    if (kind !== 'disposable') this.#endPicture(dtsMs);
    return false;
  }

  #beginPicture(delayMs: number): void {
    this.#delayMs = delayMs;
    this.#cutMs = this.#outMs + delayMs;
  }

  /** As many pictures are shown as were decoded before: they end as much later as they began. */
  #endPicture(dtsMs: number): void {
    this.#pictureOver = true;
    this.#cutMs = Math.min(this.#cutMs, dtsMs + (this.#delayMs ?? 0));
  }
}
