import { type Beat, markOf } from './beat.ts';
import { FRESH_MS, type Timing, takeoverOf } from './timing.ts';
import type { Sighting } from './witness.ts';

/** What one look at a witness has shown. */
export interface Look extends Sighting {
  /** When the answer was there. */
  readonly finishedAt: number;
  /** When our own beat was sent that the answer shows: nothing older than that can be missing in it. */
  readonly provenAt: number | undefined;
  readonly wall: number;
}

/** What a witness shows of a node, and since when. No beat: it shows none. */
export interface Trace {
  readonly beat: Beat | undefined;
  readonly since: number;
  /** The longest that a lease of the node's has had to live. */
  readonly ttlMs: number;
  /** How far the node's clock on the wall was off ours when the beat came; undefined: it was not seen coming. */
  readonly skewMs: number | undefined;
}

/** What one witness has shown so far. */
interface Sight {
  readonly traces: Map<string, Trace>;
  era: string;
  firstAt: number | undefined;
  lastAt: number;
  provenAt: number;
}

/** So long after it was asked about, a node that is not there is looked for with zeal. */
const ASKED_MS = 10_000;
/** The same where nobody asks, from when it was last heard of. */
const MISSED_MS = 60_000;
/** So long its farewell is looked for. */
const LEAVING_MS = 3_000;
const MOST_WORDS = 16;
const MOST_NAMES = 10_000;

/**
 * Says who is gone for certain. A node acts for `holdMs` after a renewal that any of the witnesses took was sent. So it
 * is gone when all of them, looked at `takeoverMs` after the newest of its beats was there, have no newer one: what is
 * acknowledged later than that comes after its deadline. That they have none is believed of a look only that shows a
 * beat of ours which was sent late enough, whatever stood between us and the witness.
 */
export class Deaths {
  readonly #self: string;
  readonly #timing: Timing;
  readonly #sinceBoot: () => number;
  readonly #sights: readonly Sight[];
  readonly #asked = new Map<string, number>();
  /** When word of their newest beats came, by node and mark. */
  readonly #words = new Map<string, Map<string, number>>();
  readonly #leaving = new Map<string, number>();

  constructor(options: { self: string; timing: Timing; sinceBoot: () => number; witnesses: number }) {
    this.#self = options.self;
    this.#timing = options.timing;
    this.#sinceBoot = options.sinceBoot;
    this.#sights = Array.from({ length: options.witnesses }, () => newSight());
  }

  saw(witness: number, look: Look): void {
    const sight = this.#sights[witness];
    if (!sight) return;
    if (sight.era !== look.era) this.#doubt(sight, look);
    for (const [node, beat] of look.beats) this.#note(sight, node, beat, look);
    for (const [node, { beat }] of sight.traces) {
      if (beat && !look.beats.has(node)) this.#note(sight, node, undefined, look);
    }
    sight.firstAt ??= look.finishedAt;
    sight.lastAt = look.finishedAt;
    sight.provenAt = Math.max(sight.provenAt, look.provenAt ?? Number.NEGATIVE_INFINITY);
  }

  /** What it has forgotten may have been written just before. */
  #doubt(sight: Sight, { era, finishedAt }: Look): void {
    sight.era = era;
    sight.firstAt = undefined;
    for (const [node, trace] of sight.traces) sight.traces.set(node, { ...trace, since: finishedAt });
  }

  #note(sight: Sight, node: string, beat: Beat | undefined, look: Look): void {
    const known = sight.traces.get(node);
    if (known && isSame(known.beat, beat)) return;
    const isNews = sight.firstAt !== undefined && look.finishedAt - sight.lastAt < this.#timing.renewMs * 1.5;
    const ttlMs = Math.max(known?.ttlMs ?? 0, beat?.ttlMs ?? 0);
    const wordAt = beat && this.#words.get(node)?.get(markOf(beat));
    const since = wordAt ?? look.finishedAt;
    const skewMs = beat && isNews ? beat.facts.wall - look.wall + look.finishedAt - since : known?.skewMs;
    sight.traces.set(node, { beat, since, ttlMs, skewMs });
  }

  /** Somebody says that this beat is on its way: it is no older than now. */
  heardOf(node: string, mark: string, hasLeft: boolean): void {
    const now = this.#sinceBoot();
    const words = this.#words.get(node) ?? new Map<string, number>();
    if (!this.#words.has(node) && this.#words.size >= MOST_NAMES) return;
    this.#words.set(node, words);
    if (!words.has(mark)) words.set(mark, now);
    const [oldest] = words.keys();
    if (oldest !== undefined && words.size > MOST_WORDS) words.delete(oldest);
    if (hasLeft) this.#leaving.set(node, now);
  }

  isGone(node: string): boolean {
    if (node === this.#self) return false;
    const now = this.#sinceBoot();
    this.#asked.set(node, now);
    return this.#judge(node, now);
  }

  #judge(node: string, now: number): boolean {
    if (this.#sights.some(({ provenAt }) => now - provenAt > FRESH_MS)) return false;
    if (this.traces(node).every(({ beat }) => beat?.hasLeft)) return true;
    const due = this.#lastHeard(node) + this.#takeoverMs(node);
    return this.#sights.every(({ provenAt }) => provenAt >= due);
  }

  /** For those who look on. It may have come back where no witness has told us yet, so nobody acts on it. */
  #hasLeft(node: string): boolean {
    const beats = this.traces(node).flatMap(({ beat }) => (beat ? [beat] : []));
    return beats.length > 0 && beats.every(({ hasLeft }) => hasLeft);
  }

  presence(node: string): 'present' | 'silent' | 'gone' {
    const now = this.#sinceBoot();
    if (this.#judge(node, now) || this.#hasLeft(node)) return 'gone';
    const isThere = this.traces(node).some(({ beat }) => beat !== undefined);
    return isThere && now - this.#lastHeard(node) < this.#timing.holdMs ? 'present' : 'silent';
  }

  /** Everybody who has left a trace. */
  get names(): readonly string[] {
    return [...new Set(this.#sights.flatMap(({ traces }) => [...traces.keys()]))];
  }

  traces(node: string): readonly Trace[] {
    return this.#sights.map(sight => sight.traces.get(node) ?? noTrace(sight));
  }

  /** Whether somebody is missed, so that fresh looks are wanted. */
  get isMissingSomebody(): boolean {
    const now = this.#sinceBoot();
    for (const [node, at] of this.#asked) if (now - at > ASKED_MS) this.#asked.delete(node);
    return [...this.#asked.keys(), ...this.names].some(node => this.#isMissed(node, now));
  }

  #isMissed(node: string, now: number): boolean {
    if (node === this.#self) return false;
    if (now - (this.#leaving.get(node) ?? Number.NEGATIVE_INFINITY) < LEAVING_MS) return true;
    const silentMs = now - Math.max(this.#lastHeard(node), ...(this.#words.get(node)?.values() ?? []));
    if (silentMs < this.#timing.renewMs * 1.5 && !this.#hasLeft(node)) return false;
    return this.#asked.has(node) || silentMs < MISSED_MS;
  }

  /** When the next verdict may fall, if nothing is heard until then. */
  get nextVerdictAt(): number {
    const now = this.#sinceBoot();
    const dues = [...this.#asked.keys(), ...this.names]
      .filter(node => node !== this.#self)
      .map(node => this.#lastHeard(node) + this.#takeoverMs(node));
    return Math.min(...dues.filter(due => due > now), Number.POSITIVE_INFINITY);
  }

  #lastHeard(node: string): number {
    return Math.max(...this.traces(node).map(({ since }) => since));
  }

  /** The node's own lease may be longer than ours. */
  #takeoverMs(node: string): number {
    return takeoverOf(Math.max(this.#timing.ttlMs, ...this.traces(node).map(({ ttlMs }) => ttlMs)));
  }
}

const newSight = (): Sight => ({
  traces: new Map(),
  era: '',
  firstAt: undefined,
  lastAt: Number.NEGATIVE_INFINITY,
  provenAt: Number.NEGATIVE_INFINITY,
});

/** A witness that has shown nothing yet may do so until now. */
const noTrace = ({ firstAt }: Sight): Trace => ({
  beat: undefined,
  since: firstAt ?? Number.POSITIVE_INFINITY,
  ttlMs: 0,
  skewMs: undefined,
});

const isSame = (one: Beat | undefined, other: Beat | undefined): boolean =>
  one === undefined || other === undefined ? one === other : markOf(one) === markOf(other);
