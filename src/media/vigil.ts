import { Fault } from './fault.ts';
import { Motion } from './motion.ts';
import type { Batch, Source } from './packet.ts';
import type { Splicer } from './splicer.ts';

/** How much a live source may be wanting before it is let go of. */
export interface Patience {
  /** Without any media that moves. */
  readonly silentMs: number;
  /** Without a track that was there, while the other goes on. */
  readonly trackMs: number;
  /** Sending less than `kbit` a second, on average over so long; 0 kbit is never too little. */
  readonly floor: { readonly kbit: number; readonly ms: number };
}

/** A tick that comes a little later still finds out within five seconds. */
export const USUAL_PATIENCE: Patience = {
  silentMs: 4_900,
  trackMs: Number.POSITIVE_INFINITY,
  floor: { kbit: 0, ms: 5_000 },
};
/** A source that sends frames, but nothing to begin with. */
const KEYLESS_MS = 15_000;

/** Sees whether the live source on air is worth waiting for: from what is counted anyway, once a tick. */
export class Vigil {
  patience: Patience;
  #motion = new Motion();
  #sinceMs = 0;
  #mediaAtMs = 0;
  /** Where the present stretch of the bit rate's watch began. */
  #floorAt = { ms: 0, bytes: 0 };

  constructor(patience: Patience) {
    this.patience = patience;
  }

  /** When the source's media time last moved: bytes alone are no sign of life. */
  get mediaAtMs(): number {
    return this.#mediaAtMs;
  }

  begin({ bytesIn }: Source, nowMs: number): void {
    this.#motion = new Motion();
    this.#sinceMs = nowMs;
    this.#mediaAtMs = nowMs;
    this.#floorAt = { ms: nowMs, bytes: bytesIn };
  }

  note(came: Batch, nowMs: number): void {
    if (this.#motion.sees(came)) this.#mediaAtMs = nowMs;
  }

  /** Why the source is to be let go of, if it is. */
  verdict(source: Source, splicer: Splicer, nowMs: number): Fault | undefined {
    const { silentMs, trackMs, floor } = this.patience;
    if (nowMs - this.#mediaAtMs > silentMs) return fault('silent', `no media for ${seconds(silentMs)}`);
    if (!splicer.open) return this.#keyless(nowMs);
    const gone = trackMs === Number.POSITIVE_INFINITY ? undefined : splicer.trackGone(nowMs, trackMs);
    if (gone !== undefined) return fault('silent', `no ${gone} for ${seconds(trackMs)}`, gone);
    return floor.kbit > 0 ? this.#belowFloor(source, nowMs) : undefined;
  }

  #keyless(nowMs: number): Fault | undefined {
    if (nowMs - this.#sinceMs <= KEYLESS_MS) return undefined;
    return fault('keyless', `no key frame for ${seconds(KEYLESS_MS)}`);
  }

  #belowFloor({ bytesIn }: Source, nowMs: number): Fault | undefined {
    const { kbit, ms } = this.patience.floor;
    const passedMs = nowMs - this.#floorAt.ms;
    if (passedMs < ms) return undefined;
    const rate = Math.round(((bytesIn - this.#floorAt.bytes) * 8) / passedMs);
    this.#floorAt = { ms: nowMs, bytes: bytesIn };
    return rate >= kbit ? undefined : fault('silent', `${rate} kbit/s for ${seconds(ms)}, less than ${kbit}`);
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

const fault = (kind: 'silent' | 'keyless', what: string, track?: 'video' | 'audio'): Fault =>
  new Fault('pull', kind, `the source sent ${what}`, track === undefined ? {} : { track });
