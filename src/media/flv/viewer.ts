import type { Monotonic } from '../clock.ts';
import { type Encoded, Outlet } from '../outlet.ts';
import { type Batch, isVideo, type Packet } from '../packet.ts';
import type { Wire } from '../wire.ts';
import { flvHead } from './writer.ts';

/** `live`: goes on for as long as it is taken. `still`: one key frame. */
export type Look = 'live' | 'still';

/** How long the first key frame is waited for. */
const WAIT_MS = 20_000;
/** How long a still may be on its way: who takes none of it keeps a place from others. */
const TAKE_MS = 10_000;
const FAREWELL_MS = 1_000;

/**
 * Somebody who looks at what a run carries. What cannot be taken is dropped up to the next key frame, and who takes nothing
 * is cut off: the run never waits.
 */
export class FlvViewer {
  readonly look: Look;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #now: Monotonic;
  /** Since when it has been in its state. */
  #sinceMs: number;
  #state: 'waiting' | 'looking' | 'leaving' | 'gone' = 'waiting';

  constructor({ look, wire, now }: { readonly look: Look; readonly wire: Wire; readonly now: Monotonic }) {
    this.look = look;
    this.#wire = wire;
    this.#now = now;
    this.#sinceMs = now();
    this.#outlet = new Outlet({ wire, now });
  }

  /** Nothing that one could begin with has been there. */
  get waits(): boolean {
    return this.#state === 'waiting';
  }

  get isGone(): boolean {
    return this.#state === 'gone';
  }

  /** Begins with the codec headers and the media behind them. */
  begin(opening: Batch, encoded: Encoded): void {
    this.#outlet.control(flvHead(tracksOf(opening)));
    this.#outlet.write(opening, encoded);
    this.#state = this.look === 'still' ? 'leaving' : 'looking';
    this.#sinceMs = this.#now();
  }

  /** To be called every tick, with an empty batch too. Throws a Fault when the viewer has gone. */
  write(batch: Batch, encoded: Encoded): void {
    if (this.#state === 'looking') this.#outlet.write(batch, encoded);
    else if (this.#state === 'leaving' && this.#outlet.flush()) this.#leave();
    else if (this.#now() - this.#sinceMs > (this.#state === 'leaving' ? TAKE_MS : WAIT_MS)) this.close();
  }

  /** Idempotent. */
  close(): void {
    this.#state = 'gone';
    this.#wire.close();
  }

  #leave(): void {
    this.#state = 'gone';
    void this.#wire.end(FAREWELL_MS);
  }
}

function tracksOf({ packets, count }: Batch): { readonly video: boolean; readonly audio: boolean } {
  let video = false;
  let audio = false;
  for (let i = 0; i < count; i++) {
    const { kind } = packets[i] as Packet;
    video ||= kind === 'videoHeader' || isVideo(kind);
    audio ||= kind === 'audioHeader' || kind === 'audio';
  }
  return { video, audio };
}
