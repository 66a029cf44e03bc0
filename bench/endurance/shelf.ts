import { Fault } from '../../src/media/fault.ts';
import type { Item } from '../../src/media/item.ts';
import type { Batch } from '../../src/media/packet.ts';
import { beginFrames, hasRoom, nextOrigin, putFrame, putHeaders } from './frame.ts';

const SOUND_MS = 1024 / 48;
const KEY_EVERY = 50;

/** How a file is stands in its name: file://a-120-40-21 is 120 s of pictures every 40 ms, whose sound begins at 21 ms. */
export const fileName = (name: string, seconds: number, pictureMs: number, soundMs: number): string =>
  `file://${name}-${seconds}-${pictureMs}-${soundMs}`;

/** Where the files of a list lie. */
export class Shelf {
  readonly open = new Set<ShelfItem>();
  /** No file can be had. */
  away = false;
  /** Nothing more of any file comes. */
  starved = false;

  take(url: string, startMs: number): ShelfItem {
    if (this.away) throw new Fault('pull', 'unreachable', 'nobody answers there');
    const item = new ShelfItem(this, url, startMs);
    this.open.add(item);
    return item;
  }

  /** Whatever is open is found to be broken from here on. */
  spoil(): void {
    for (const item of this.open) item.fault = new Fault('pull', 'garbage', 'the file is broken');
  }
}

export class ShelfItem implements Item {
  readonly durationMs: number;
  readonly startMs: number;
  fault: Fault | undefined;
  readonly #shelf: Shelf;
  readonly #origin = nextOrigin();
  readonly #pictureMs: number;
  readonly #soundMs: number;
  #pictures: number;
  #sounds: number;
  #said = false;

  constructor(shelf: Shelf, url: string, startMs: number) {
    this.#shelf = shelf;
    const [seconds = 0, pictureMs = 40, soundMs = 0] = url.split('-').slice(1).map(Number);
    this.durationMs = seconds * 1_000;
    this.#pictureMs = pictureMs;
    this.#soundMs = soundMs;
    const groupMs = KEY_EVERY * pictureMs;
    const wantedMs = Math.min(startMs, this.durationMs - 1);
    this.#pictures = Math.floor(wantedMs / groupMs) * KEY_EVERY;
    this.startMs = this.#pictures * pictureMs;
    this.#sounds = Math.max(0, Math.ceil((this.startMs - soundMs) / SOUND_MS));
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    if (this.fault !== undefined) throw this.fault;
    if (this.#shelf.starved) return 'starved';
    beginFrames();
    if (!this.#said) putHeaders(into, this.startMs);
    this.#said = true;
    const endMs = Math.min(untilMs, this.durationMs);
    while (this.#nextMs < endMs && hasRoom()) this.#putNext(into);
    return this.#nextMs >= this.durationMs ? 'end' : 'ok';
  }

  get #nextMs(): number {
    return Math.min(this.#pictures * this.#pictureMs, this.#soundAtMs);
  }

  get #soundAtMs(): number {
    return this.#soundMs + this.#sounds * SOUND_MS;
  }

  #putNext(into: Batch): void {
    const origin = this.#origin;
    const trueMs = this.#nextMs;
    if (this.#soundAtMs === trueMs && this.#pictures * this.#pictureMs > trueMs) {
      this.#sounds++;
      putFrame(into, 'audio', { origin, trueMs, dtsMs: trueMs });
      return;
    }
    const number = this.#pictures++;
    const kind = number % KEY_EVERY === 0 ? 'key' : number % 2 === 0 ? 'inter' : 'disposable';
    putFrame(into, kind, { origin, trueMs, dtsMs: trueMs });
  }

  close(): void {
    this.#shelf.open.delete(this);
  }
}
