import { asFault, type Fault } from '../media/fault.ts';
import type { Drops, Sink } from '../media/packet.ts';
import type { Relay } from '../media/relay.ts';
import { SUCCEEDED } from '../media/succession.ts';
import type { Trust } from '../task/trust.ts';
import { type Outcome, onceReached, Retry, under, whenOver } from './attempts.ts';
import { Circles, Referrals } from './referrals.ts';
import type { RunParts, SinkWish } from './run.ts';
import type { Standing } from './standing.ts';
import { CLEAN_CLOSE_MS, type Opened, type Settled, type Stint, Transfer } from './transfer.ts';
import type { PushVitals } from './watch.ts';

export interface PushSideParts extends Pick<RunParts, 'openSink' | 'now' | 'sleep' | 'random'> {
  readonly destination: string;
  readonly tls?: Trust | undefined;
  readonly standing: Standing;
}

/** What is pushed, and what its run does at the turns of a push. */
export interface Pushed {
  readonly relay: Relay;
  /** Resolves when there is media to begin a push with. Rejects on abort. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  readonly flowing: () => void;
  /** A push is over, closed or lost; another may follow. */
  readonly closed?: () => void;
}

/** The push stays open this long without media before it is closed. */
const HOLD_MS = 30_000;
/** A platform may take our own former push for somebody else's for so long. */
const ECHO_MS = 90_000;
/** For a destination that failed: it will hardly answer a goodbye. Who has closed the connection hears none. */
const BROKEN_CLOSE_MS = 200;
const farewellMs = ({ fault }: Outcome): number => (fault.kind === 'closed' ? 0 : BROKEN_CLOSE_MS);

/** The pushes of one run, one behind the other, with every retry of theirs and what they have carried. */
export class PushSide {
  readonly #parts: PushSideParts;
  readonly #carried = { disposable: 0, untilKey: 0 };
  #destination: string;
  #tls: Trust | undefined;
  #epoch = 0;
  #sink: Sink | undefined;
  readonly #circles = new Circles();
  /** Of a push that another one has followed. */
  #closing: Promise<void> = Promise.resolve();
  /** Ends the present push, or the wait for it; the next follows at once where there is media for it. */
  #cut = new AbortController();
  #hold: AbortController | undefined;
  /** When the last push of ours may have ended: a run may follow another whose worker was lost. */
  #leftAtMs: number;

  constructor(parts: PushSideParts) {
    this.#parts = parts;
    this.#leftAtMs = parts.now();
    this.#destination = parts.destination;
    this.#tls = parts.tls;
  }

  /** How many pushes have been opened. */
  get epoch(): number {
    return this.#epoch;
  }

  get queuedMs(): number {
    return this.#sink?.queuedMs ?? 0;
  }

  get drops(): Readonly<Drops> {
    const { disposable = 0, untilKey = 0 } = this.#sink?.drops ?? {};
    return { disposable: this.#carried.disposable + disposable, untilKey: this.#carried.untilKey + untilKey };
  }

  /** For who looks once a second. */
  get vitals(): PushVitals {
    const { queuedMs = 0, queuedBytes = 0, overdueBytes = 0, overdueMs = 0 } = this.#sink ?? {};
    const { disposable, untilKey } = this.drops;
    return { queuedMs, queuedBytes, overdueBytes, overdueMs, dropped: disposable + untilKey };
  }

  /** Pushes until the signal aborts; then, and only then, it may reject. */
  async run(pushed: Pushed, signal: AbortSignal): Promise<void> {
    const { random, sleep, standing } = this.#parts;
    const retry = new Retry();
    while (!signal.aborted) {
      await pushed.ready(signal);
      await under(signal, async cut => {
        this.#cut = cut;
        const outcome = await this.#once(pushed, cut.signal);
        if (cut.signal.aborted) {
          retry.reset();
          return;
        }
        const { side, kind, message, refusal } = outcome.fault;
        const loss = { side, kind, message, refusal, calm: outcome.calm };
        const waitMs = standing.lost(loss, retry.waitMs(outcome, random()));
        await whenOver(sleep(waitMs, cut.signal));
      });
    }
  }

  /** Another destination is gone to at once; whom to believe there counts from the next connection on. */
  change(destination: string, tls?: Trust): void {
    this.#tls = tls;
    if (destination === this.#destination) return;
    this.#destination = destination;
    this.#cut.abort();
  }

  /** The present push is closed and another follows; but not before the tick has written what it has read. */
  part(): void {
    const cut = this.#cut;
    queueMicrotask(() => cut.abort());
  }

  /** Counts the time without media, which begins after `afterMs`, once per loss, however often it is told of. */
  startHold(afterMs = 0): void {
    if (this.#hold !== undefined) return;
    const hold = new AbortController();
    this.#hold = hold;
    onceReached(this.#parts.sleep(HOLD_MS + afterMs, hold.signal), () => this.#cut.abort());
  }

  endHold(): void {
    this.#hold?.abort();
    this.#hold = undefined;
  }

  async #once(pushed: Pushed, signal: AbortSignal): Promise<Outcome> {
    const referrals = new Referrals();
    let next: Opened | Stint;
    try {
      const sink = await this.#open(pushed, this.#destination, signal, { referred: referrals.take });
      next = { sink, referrals };
    } catch (error) {
      const fault = asFault('push', error);
      return { fault, healthyMs: 0, calm: this.#isEcho(fault) };
    }
    for (;;) {
      const stint = 'left' in next ? next : { ...next, left: pushed.relay.push(next.sink, signal) };
      const end = await this.#stint(stint, pushed, signal);
      if ('fault' in end) return end;
      next = end;
    }
  }

  #open({ relay }: Pushed, url: string, signal: AbortSignal, wish: SinkWish): Promise<Sink> {
    return this.#parts.openSink(url, signal, { fourCcs: relay.fourCcs, tls: this.#tls, ...wish });
  }

  /** One push from its first frame to its last. Answers how it ended, or what has followed it. */
  async #stint(stint: Stint, pushed: Pushed, signal: AbortSignal): Promise<Outcome | Opened | Stint> {
    this.#epoch++;
    this.#sink = stint.sink;
    const transfer = new Transfer({
      ...{ ...this.#parts, relay: pushed.relay, stint, circles: this.#circles, signal },
      open: (url, own, wish) => this.#open(pushed, url, own, wish),
    });
    const outcome = await this.#carry(stint, pushed);
    const { next, fault }: Settled = signal.aborted ? {} : await transfer.settle(outcome.fault);
    await transfer.close();
    if (next !== undefined && outcome.fault === SUCCEEDED) {
      this.#closing = stint.sink.close(CLEAN_CLOSE_MS);
      this.#bank(stint.sink);
      return next;
    }
    await this.#leave(stint.sink, signal.aborted ? CLEAN_CLOSE_MS : farewellMs(outcome));
    pushed.closed?.();
    if (next !== undefined) return this.#goOn(next, pushed, signal);
    return fault === undefined ? outcome : { ...outcome, fault, calm: this.#isEcho(fault) };
  }

  /** The former push has ended before its time, and the next one is there. */
  async #goOn({ sink, referrals }: Opened, pushed: Pushed, signal: AbortSignal): Promise<Opened | Outcome> {
    try {
      await pushed.ready(signal);
      return { sink, referrals };
    } catch (error) {
      await sink.close(CLEAN_CLOSE_MS);
      return { fault: asFault('push', error), healthyMs: 0 };
    }
  }

  async #leave(sink: Sink, deadlineMs: number): Promise<void> {
    await Promise.all([sink.close(deadlineMs), this.#closing]);
    this.#bank(sink);
    this.#sink = undefined;
  }

  #bank({ drops }: Sink): void {
    this.#leftAtMs = this.#parts.now();
    this.#carried.disposable += drops.disposable;
    this.#carried.untilKey += drops.untilKey;
  }

  /** Somebody publishes there, and it may be we: what is left of a push that was lost. */
  #isEcho({ refusal }: Fault): boolean {
    return refusal === 'taken' && this.#parts.now() - this.#leftAtMs < ECHO_MS;
  }

  async #carry({ left }: Stint, { relay, flowing }: Pushed): Promise<Outcome> {
    const { now } = this.#parts;
    let flowingAtMs: number | undefined;
    const fault = await under(undefined, over => {
      onceReached(relay.flowing(over.signal), () => {
        flowingAtMs = now();
        flowing();
      });
      return left;
    });
    return { fault, healthyMs: flowingAtMs === undefined ? 0 : now() - flowingAtMs };
  }
}
