import type { Fault } from '../../../src/media/fault.ts';
import type { Batch, PacketKind, Source } from '../../../src/media/packet.ts';
import { Beats } from './beats.ts';
import type { Visitor } from './field.ts';
import { Life, type Timeline } from './timeline.ts';
import { keyOf } from './whose.ts';

let opened = 0;

/** A live stream: whenever it is read it has a key frame of that moment. */
export class SimSource implements Source {
  bytesIn = 0;
  silent = false;
  /** Since when nothing has been the matter with it; undefined while something is. */
  wellSinceMs: number | undefined;
  fault: Fault | undefined;
  visitor: Visitor | undefined;
  /** Its reader is told that it is over. */
  onLost: () => void = () => {};
  readonly life = new Life('source');
  readonly url: string;
  readonly #key: string;
  /** Which of all sources it is: its frames say so. */
  readonly number = ++opened;
  readonly #frame = Buffer.alloc(4);
  readonly #timeline: Timeline;
  readonly #closed: () => void;
  readonly startMs: number;
  #lastMs = -1;

  constructor(url: string, timeline: Timeline, closed: () => void) {
    this.url = url;
    this.#key = keyOf(url);
    this.#timeline = timeline;
    this.#closed = closed;
    this.startMs = timeline.elapsed();
    this.#frame.writeUInt32BE(this.number);
  }

  read(into: Batch): void {
    Beats.isOf(this.#key, 'live');
    if (this.fault !== undefined) {
      this.onLost();
      throw this.fault;
    }
    const dtsMs = this.#timeline.elapsed() - this.startMs;
    if (this.silent || dtsMs === this.#lastMs) return;
    if (this.#lastMs < 0) this.#emit(into, 'videoHeader', dtsMs);
    this.#emit(into, 'key', dtsMs);
    this.#lastMs = dtsMs;
  }

  #emit(into: Batch, kind: PacketKind, dtsMs: number): void {
    const packet = into.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(this.#frame, 0, this.#frame.length);
    this.bytesIn += this.#frame.length;
  }

  close(): void {
    this.life.end();
    this.#closed();
  }
}
