import { asFault, Fault } from '../media/fault.ts';
import type { Sink } from '../media/packet.ts';
import type { Relay } from '../media/relay.ts';
import { SUCCEEDED } from '../media/succession.ts';
import { onAbort } from '../media/waiting.ts';
import { under, whenOver } from './attempts.ts';
import { type Circles, follow, type Reachable, Referrals } from './referrals.ts';
import type { RunParts, SinkWish } from './run.ts';
import type { Standing } from './standing.ts';

/** A push that the destination has accepted. */
export interface Opened {
  readonly sink: Sink;
  /** What its destination asks for. */
  readonly referrals: Referrals;
}

/** One that is on air. */
export interface Stint extends Opened {
  readonly left: Promise<Fault>;
}

export interface TransferParts extends Pick<RunParts, 'now' | 'sleep'> {
  readonly relay: Relay;
  readonly stint: Stint;
  readonly open: (url: string, signal: AbortSignal, wish: SinkWish) => Promise<Sink>;
  readonly circles: Circles;
  readonly standing: Pick<Standing, 'count' | 'hold'>;
  /** Of all that the run pushes: it outlives the transfer. */
  readonly signal: AbortSignal;
}

/** A destination that has sent us elsewhere and hung up: so long its successor is waited for before that is a loss. */
const GRACE_MS = 2_000;
export const CLEAN_CLOSE_MS = 4_000;

/** What comes behind a push: what follows it, or why what was to follow did not. */
export interface Settled {
  readonly next?: Opened | Stint | undefined;
  readonly fault?: Fault | undefined;
}

/**
 * Takes a push to where its destination sends it. The one on air goes on until there is another, and that one begins at a
 * key frame: all that lies before it has gone to the former. A try that fails costs nothing.
 */
export class Transfer {
  readonly #parts: TransferParts;
  readonly #life = new AbortController();
  readonly #over: Promise<void>;
  readonly #forget: () => void;
  #next: Opened | Stint | undefined;
  #isUnderWay = false;
  /** Where the name is taken for as long as the present push lasts. */
  #takenUrl: string | undefined;
  #hasLeft = false;
  #fault: Fault | undefined;

  constructor(parts: TransferParts) {
    this.#parts = parts;
    void parts.stint.left.then(() => {
      this.#hasLeft = true;
    });
    this.#forget = onAbort(parts.signal, () => this.#life.abort());
    this.#over = this.#follow(this.#life.signal);
  }

  /** The push has left with that fault: what follows it? Nothing more is tried behind the answer. */
  async settle(left: Fault): Promise<Settled> {
    const { sleep } = this.#parts;
    if (this.#isUnderWay && this.#next === undefined) {
      const waits = left === SUCCEEDED ? [] : [whenOver(sleep(GRACE_MS, this.#life.signal))];
      await Promise.race([this.#over, ...waits]);
    }
    const next = this.#next;
    this.#next = undefined;
    await this.close();
    return { next, fault: left === SUCCEEDED ? this.#fault : undefined };
  }

  /** Nothing is to follow; what has been opened all the same is closed. */
  async close(): Promise<void> {
    this.#forget();
    this.#life.abort();
    await this.#over;
    this.#parts.standing.hold('DestinationMoveFailed', undefined);
    await this.#next?.sink.close(0);
  }

  #follow(signal: AbortSignal): Promise<void> {
    const { stint, circles, now, sleep } = this.#parts;
    return follow(
      {
        ...{ referrals: stint.referrals, circles, now, sleep },
        stays: fault => this.#stays(fault),
        go: (to, own) => this.#go(to, own),
        faultOf: sentence => new Fault('push', 'refused', sentence, { refusal: 'redirected' }),
      },
      signal,
    );
  }

  /** Where its destination wants it, it cannot go: it goes on where it is. */
  #stays(fault: Fault): void {
    const { standing } = this.#parts;
    standing.count(fault);
    standing.hold('DestinationMoveFailed', fault.message);
  }

  async #go(to: Reachable, signal: AbortSignal): Promise<Fault | undefined> {
    const isBehind = to.isSameServer || to.url === this.#takenUrl;
    this.#isUnderWay = true;
    this.#fault = await this.#try(to, isBehind, signal);
    this.#isUnderWay = false;
    if (this.#fault?.refusal === 'taken') this.#takenUrl = to.url;
    // The push was left for this one: whoever waits for it is to know.
    if (isBehind && this.#hasLeft) this.#life.abort();
    return this.#fault;
  }

  #try(to: Reachable, isBehind: boolean, signal: AbortSignal): Promise<Fault | undefined> {
    return under(signal, async ({ signal: own }) => {
      try {
        return isBehind ? await this.#enterBehind(to, own) : await this.#enterBeside(to, own);
      } catch (error) {
        return asFault('push', error);
      }
    });
  }

  /** A second publish beside the one on air. */
  async #enterBeside(to: Reachable, signal: AbortSignal): Promise<Fault | undefined> {
    const { relay, stint, signal: pushing } = this.#parts;
    // Some servers end the former publish when the next one comes: then its last group is to be at hand.
    const next = await this.#open(to, signal, () => relay.keepGroup(signal));
    const left = relay.pushNext(next.sink, pushing);
    this.#next = { ...next, left };
    const fault = await Promise.race([stint.left.then(() => undefined), left.then(fault => fault)]);
    if (fault === undefined) return undefined;
    this.#next = undefined;
    await next.sink.close(0);
    return fault;
  }

  /** Where a server takes no second one under the same name: connected beside, published behind. */
  async #enterBehind(to: Reachable, signal: AbortSignal): Promise<undefined> {
    const { relay, stint } = this.#parts;
    this.#next = await this.#open(to, signal, async () => {
      relay.part(signal);
      await stint.left;
      await stint.sink.close(CLEAN_CLOSE_MS);
    });
  }

  async #open({ url }: Reachable, signal: AbortSignal, held: () => Promise<void>): Promise<Opened> {
    const referrals = new Referrals();
    const sink = await this.#parts.open(url, signal, { held, referred: referrals.take });
    return { sink, referrals };
  }
}
