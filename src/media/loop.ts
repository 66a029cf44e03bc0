import type { Monotonic } from './clock.ts';
import type { Batch, PacketKind, Source } from './packet.ts';
import type { Silence } from './silence.ts';
import type { Strip } from './strip.ts';

/** A shorter strip stands still at its end: a key frame for each frame would be more than a destination expects. */
const SHORTEST_PASS_MS = 1_000;

/** A strip shown over and over, in real time, with its own sound or with silence in step. */
export class Loop implements Source {
  readonly #strip: Strip;
  readonly #silence: Silence | undefined;
  readonly #now: Monotonic;
  readonly #startMs: number;
  readonly #passMs: number;
  #at = 0;
  #passes = 0;
  #saidHeaders = false;
  /** Nothing is received. */
  readonly bytesIn = 0;

  constructor(strip: Strip, { now, silence }: { readonly now: Monotonic; readonly silence?: Silence | undefined }) {
    this.#strip = strip;
    this.#silence = silence;
    this.#now = now;
    this.#startMs = now();
    this.#passMs = Math.max(SHORTEST_PASS_MS, strip.lengthMs);
  }

  read(into: Batch): void {
    if (!this.#saidHeaders) this.#sayHeaders(into);
    const untilMs = this.#now() - this.#startMs;
    const { packets } = this.#strip;
    const baseMs = packets[0]?.dtsMs ?? 0;
    for (let next = packets[0]; next !== undefined; this.#step(packets.length)) {
      next = packets[this.#at];
      if (next === undefined) return;
      const dtsMs = Math.round(next.dtsMs - baseMs + this.#passes * this.#passMs);
      if (dtsMs > untilMs) break;
      into.next().show(next, dtsMs);
    }
    this.#silence?.fill(into, untilMs);
  }

  close(): void {}

  #step(count: number): void {
    this.#at++;
    if (this.#at < count) return;
    this.#at = 0;
    this.#passes++;
  }

  #sayHeaders(into: Batch): void {
    this.#saidHeaders = true;
    const { video, audio } = this.#strip.headers;
    say('videoHeader', video, into);
    say('audioHeader', this.#silence?.header ?? audio, into);
  }
}

function say(kind: PacketKind, bytes: Buffer | undefined, into: Batch): void {
  if (bytes === undefined) return;
  const packet = into.next();
  packet.reset(kind, 0);
  packet.addSpan(bytes, 0, bytes.length);
}
