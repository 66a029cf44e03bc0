import type { Fault } from '../../../src/media/fault.ts';
import type { Item } from '../../../src/media/item.ts';
import type { Batch, PacketKind } from '../../../src/media/packet.ts';
import type { ListItem } from '../../../src/task/playlist.ts';
import { Beats } from './beats.ts';
import { keyOf } from './whose.ts';

const KEY_MS = 1_000;
const HEADER = Buffer.alloc(10);

/** How long a file is stands in its name: http://files.sim/t7/a-600.mp4 plays for 600 s. */
export const lengthOf = (url: string): number => Number(/-(\d+)\.mp4/.exec(url)?.[1] ?? 0) * 1_000;

/** What a frame says of itself: the opening of the file it is of, and its time in the file. */
export interface FrameName {
  readonly opening: number;
  readonly fileMs: number;
}

export const readName = (payload: Buffer): FrameName => ({
  opening: payload.readUInt32BE(0),
  fileMs: payload.readUInt32BE(4),
});

let openings = 0;
const openedFiles = new Map<number, string>();

/** The file that the opening was of. */
export const fileOf = (opening: number): string => openedFiles.get(opening) ?? '';

/** A file with a key frame every second, whose frames say who they are. */
export class SimItem implements Item {
  readonly durationMs: number;
  readonly startMs: number;
  readonly url: string;
  readonly #key: string;
  fault: Fault | undefined;
  /** A mistake of ours that its next frame brings to light. */
  bug = false;
  readonly #opening = ++openings;
  readonly #closed: () => void;
  #nextMs: number;
  #said = false;

  constructor({ url, outMs = Number.POSITIVE_INFINITY }: ListItem, startMs: number, closed: () => void) {
    this.url = url;
    this.#key = keyOf(url);
    this.durationMs = Math.min(lengthOf(url), outMs);
    this.startMs = Math.floor(Math.min(startMs, this.durationMs - 1) / KEY_MS) * KEY_MS;
    this.#nextMs = this.startMs;
    this.#closed = closed;
    openedFiles.set(this.#opening, url);
    openedFiles.delete(this.#opening - 10_000);
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    Beats.isOf(this.#key, 'list');
    if (this.bug) throw new TypeError('a planted mistake');
    if (this.fault !== undefined) throw this.fault;
    if (!this.#said) this.#emit(into, 'videoHeader', HEADER);
    this.#said = true;
    for (; this.#nextMs < Math.min(untilMs, this.durationMs); this.#nextMs += KEY_MS) {
      const name = Buffer.allocUnsafe(8);
      name.writeUInt32BE(this.#opening, 0);
      name.writeUInt32BE(this.#nextMs, 4);
      this.#emit(into, 'key', name);
    }
    return this.#nextMs >= this.durationMs ? 'end' : 'ok';
  }

  #emit(into: Batch, kind: PacketKind, payload: Buffer): void {
    const packet = into.next();
    packet.reset(kind, this.#nextMs);
    packet.addSpan(payload, 0, payload.length);
  }

  close(): void {
    this.#closed();
  }
}
