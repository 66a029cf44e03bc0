import type { Source } from '../media/packet.ts';
import type { Relay } from '../media/relay.ts';
import { Spare, type TrackKind } from '../media/spare.ts';
import type { Candidate } from './candidates.ts';
import type { RunParts } from './run.ts';

export interface BesideParts extends Pick<RunParts, 'now' | 'sleep'> {
  readonly dial: (candidate: Candidate, signal: AbortSignal) => Promise<Source>;
  /** A source without media for so long has failed. */
  readonly silentMs: () => number;
}

/** Held beside what a silence has cost: the longest usual group. */
const GROUP_MS = 5_000;
const HELD_BYTES = 16 * 1024 * 1024;

/** The source that a run keeps beside the one on air, at most one. */
export class Beside {
  readonly #parts: BesideParts;
  #kept: { readonly candidate: Candidate; readonly spare: Spare; readonly relay: Relay } | undefined;

  constructor(parts: BesideParts) {
    this.#parts = parts;
  }

  get candidate(): Candidate | undefined {
    return this.#kept?.candidate;
  }

  /** Whether it could take over at once. */
  get isUsable(): boolean {
    return this.#kept?.spare.usable === true;
  }

  /** That address's spare: the one that is kept, or a new one when it may be tried. Rejects with its Fault. */
  async keep(relay: Relay, candidate: Candidate, signal: AbortSignal): Promise<Spare> {
    const { now, sleep, dial } = this.#parts;
    if (this.#kept?.candidate === candidate) return this.#kept.spare;
    this.drop();
    const restMs = candidate.restBesideMs(now());
    if (restMs > 0) await sleep(restMs, signal);
    const spare = this.#spareOf(await dial(candidate, signal), candidate.fault?.track);
    this.#kept = { candidate, spare, relay };
    relay.watch(spare);
    if (signal.aborted) this.drop();
    return spare;
  }

  /** Hands it over, to begin with what came at that time. */
  take(atMs: number): Source | undefined {
    const kept = this.#kept;
    if (kept === undefined) return undefined;
    this.#kept = undefined;
    kept.relay.unwatch(kept.spare);
    kept.spare.beginAt(atMs);
    return kept.spare;
  }

  drop(): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    this.#kept = undefined;
    kept.relay.unwatch(kept.spare);
    kept.spare.close();
  }

  /** The source, once it has shown something to begin with; what is on air goes on until then. */
  async ripen(relay: Relay, source: Source, signal: AbortSignal): Promise<Spare> {
    const spare = this.#spareOf(source);
    relay.watch(spare);
    try {
      await spare.until(() => spare.usable, signal);
      return spare;
    } catch (error) {
      spare.close();
      throw error;
    } finally {
      relay.unwatch(spare);
    }
  }

  #spareOf(source: Source, needs?: TrackKind): Spare {
    const silentMs = this.#parts.silentMs();
    const limits = { silentMs, holdMs: silentMs + GROUP_MS, holdBytes: HELD_BYTES };
    return new Spare(source, { now: this.#parts.now, ...limits, needs });
  }
}
