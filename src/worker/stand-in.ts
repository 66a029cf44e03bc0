import type { ListSource } from '../media/list-source.ts';
import { Loan } from '../media/loan.ts';
import type { Relay } from '../media/relay.ts';
import { Waiting } from '../media/waiting.ts';
import { under, whenAborted, whenOver } from './attempts.ts';
import type { PullSide } from './pull-side.ts';
import type { RunParts } from './run.ts';

export interface StandInParts extends Pick<RunParts, 'now' | 'sleep'> {
  readonly pull: Pick<PullSide, 'run' | 'hasSources' | 'canCover'>;
  /** The list is without media for so long before somebody stands in. */
  readonly offMs: () => number;
  /** The list goes off the air. */
  readonly leaves: () => void;
}

/** A list and the relay that plays it. */
interface Played {
  readonly relay: Relay;
  readonly source: ListSource<unknown>;
}

const LOOK_MS = 500;

/**
 * Has live standbys on air while nothing of a list can be played: in the same push and on the same timeline. The list is
 * played again as soon as one of its files can be.
 */
export class StandIn {
  readonly #parts: StandInParts;
  readonly #waiting = new Waiting();
  #isCalled = false;
  #isAway = false;
  #flows = false;
  #look = new AbortController();
  #turn = new AbortController();

  constructor(parts: StandInParts) {
    this.#parts = parts;
  }

  /** Whether a standby is to be on air, or to be found. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Plays the list, and whoever stands in for it, until the signal aborts. */
  async run(played: Played, signal: AbortSignal): Promise<void> {
    void played.relay.play(new Loan(played.source), signal);
    while (!signal.aborted) {
      await under(signal, async turn => {
        this.#turn = turn;
        if (!this.#parts.pull.canCover) await whenAborted(turn.signal);
        else await this.#untilOff(played, turn.signal);
        if (!turn.signal.aborted) await this.#standIn(played, signal);
      });
    }
  }

  /** A whole round of the list has failed: there is no use in waiting. Answers whether a standby can stand in. */
  call(): boolean {
    this.#isCalled = true;
    this.#look.abort();
    return this.#parts.pull.hasSources;
  }

  /** Other standbys, or none. */
  reconsider(): void {
    if (!this.#isAway) this.#turn.abort();
  }

  /** Media of a standby flows. */
  entered(): void {
    this.#flows = this.#isAway;
    this.#waiting.wake();
  }

  /** Resolves when a standby has shown what a push needs. Rejects on abort. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.#flows, signal);
  }

  /** Resolves when the list has been without media for so long, or when it is called. */
  async #untilOff({ relay, source }: Played, signal: AbortSignal): Promise<void> {
    const { now, sleep, offMs } = this.#parts;
    let [sinceMs, bytes] = [now(), source.bytesIn];
    while (!signal.aborted && !this.#isCalled && now() - sinceMs < offMs()) {
      await under(signal, async look => {
        this.#look = look;
        await whenOver(sleep(LOOK_MS, look.signal));
      });
      // A file that waits for a publish of its own, or for its destination, is not what is missing.
      const isIdle = source.playing === undefined ? !source.parted : source.state === 'starved' && relay.hasSink;
      if (!isIdle || source.bytesIn !== bytes) sinceMs = now();
      bytes = source.bytesIn;
    }
  }

  async #standIn({ relay, source }: Played, signal: AbortSignal): Promise<void> {
    this.#isAway = true;
    this.#isCalled = false;
    this.#parts.leaves();
    await under(signal, async away => {
      const pulls = this.#parts.pull.run(relay, away.signal);
      await whenOver(source.ready(away.signal));
      away.abort();
      await pulls;
    });
    this.#isAway = false;
    this.#flows = false;
    this.#isCalled = false;
    if (!signal.aborted) void relay.play(new Loan(source), signal);
  }
}
