import { CHANGED_OVER } from '../media/changeover.ts';
import { asFault, Fault } from '../media/fault.ts';
import type { Source } from '../media/packet.ts';
import type { Relay } from '../media/relay.ts';
import type { Spare } from '../media/spare.ts';
import { onAbort } from '../media/waiting.ts';
import { under, whenOver } from './attempts.ts';
import type { Beside } from './beside.ts';
import { type Circles, follow, type Reachable, Referrals } from './referrals.ts';
import type { RunParts, SourceWish } from './run.ts';
import type { Standing } from './standing.ts';

/** One source on air. */
export interface Pulled {
  readonly source: Source;
  /** What its server asks for. */
  readonly referrals: Referrals;
  readonly left: Promise<Fault>;
}

/** One to which a server has sent us, on air or ready to be. */
interface Diverted extends Pulled {
  readonly source: Spare;
}

export interface DiversionParts extends Pick<RunParts, 'now' | 'sleep'> {
  readonly relay: Relay;
  readonly pulled: Pulled;
  readonly open: (url: string, signal: AbortSignal, wish: SourceWish) => Promise<Source>;
  readonly beside: Pick<Beside, 'ripen'>;
  readonly circles: Circles;
  readonly standing: Pick<Standing, 'count' | 'hold'>;
  /** Of all that is pulled: it outlives the diversion. */
  readonly signal: AbortSignal;
}

/** A server that has sent us elsewhere and hung up: so long the other one is waited for before that is a failure. */
const GRACE_MS = 2_000;
/** What has no key frames to be compared by in so long is taken for another stream. */
const COMPARE_MS = 12_000;

/**
 * Pulls a live stream from where its server sends us. The source on air goes on until the other one can take its place: at
 * a key frame that both show, and where they have none in common at the next one there.
 */
export class Diversion {
  readonly #parts: DiversionParts;
  readonly #life = new AbortController();
  readonly #over: Promise<void>;
  readonly #forget: () => void;
  #next: Diverted | undefined;
  #isUnderWay = false;
  #isOnAir = false;

  constructor(parts: DiversionParts) {
    this.#parts = parts;
    this.#forget = onAbort(parts.signal, () => this.#life.abort());
    this.#over = this.#follow(this.#life.signal);
  }

  /** The source on air has left with that fault: what follows it? Nothing more is tried behind the answer. */
  async settle(left: Fault): Promise<Pulled | undefined> {
    const { sleep, relay, signal } = this.#parts;
    if (this.#isUnderWay && this.#next === undefined) {
      await Promise.race([this.#over, whenOver(sleep(GRACE_MS, this.#life.signal))]);
    }
    const next = this.#next;
    this.#next = undefined;
    await this.close();
    if (next === undefined || left === CHANGED_OVER || this.#isOnAir) return next;
    next.source.beginAt(relay.mediaAtMs);
    return { ...next, left: relay.pull(next.source, signal) };
  }

  /** Nothing is to follow; what has been opened all the same is closed. */
  async close(): Promise<void> {
    this.#forget();
    this.#life.abort();
    await this.#over;
    this.#parts.standing.hold('SourceMoveFailed', undefined);
    this.#next?.source.close();
  }

  #follow(signal: AbortSignal): Promise<void> {
    const { pulled, circles, now, sleep } = this.#parts;
    return follow(
      {
        ...{ referrals: pulled.referrals, circles, now, sleep },
        stays: fault => this.#stays(fault),
        go: (to, own) => this.#go(to, own),
        faultOf: sentence => new Fault('pull', 'refused', sentence, { refusal: 'redirected' }),
      },
      signal,
    );
  }

  /** Where its server wants it to be pulled, it cannot be. */
  #stays(fault: Fault): void {
    const { standing } = this.#parts;
    standing.count(fault);
    standing.hold('SourceMoveFailed', fault.message);
  }

  async #go(to: Reachable, signal: AbortSignal): Promise<Fault | undefined> {
    this.#isUnderWay = true;
    try {
      await under(signal, ({ signal: own }) => this.#enter(to, own));
      return undefined;
    } catch (error) {
      return asFault('pull', error);
    } finally {
      this.#isUnderWay = false;
    }
  }

  async #enter({ url }: Reachable, signal: AbortSignal): Promise<void> {
    const { relay, beside, open } = this.#parts;
    const referrals = new Referrals();
    const opened = await open(url, signal, { referred: referrals.take });
    const source = await beside.ripen(relay, opened, signal);
    const failed = new AbortController();
    const { left, changeover } = relay.pullNext(source, AbortSignal.any([this.#parts.signal, failed.signal]));
    this.#next = { source, referrals, left };
    try {
      await this.#whenDue(source, () => changeover.isForeign, signal);
    } catch (error) {
      this.#next = undefined;
      failed.abort();
      source.close();
      throw error;
    }
  }

  /** Resolves when the former source has left, for this one or not; or this one takes its place, as another stream. */
  async #whenDue(source: Spare, isForeign: () => boolean, signal: AbortSignal): Promise<void> {
    const { relay, pulled, now, signal: pulling } = this.#parts;
    const lateMs = now() + COMPARE_MS;
    const isDue = (): boolean => (isForeign() || now() > lateMs) && source.atKey;
    const hasLeft = await Promise.race([pulled.left.then(() => true), source.until(isDue, signal).then(() => false)]);
    if (hasLeft || this.#next === undefined) return;
    source.beginAt(now());
    this.#isOnAir = true;
    this.#next = { ...this.#next, left: relay.pull(source, pulling, { isAnother: true }) };
  }
}
