import { asFault } from '../media/fault.ts';
import type { Source } from '../media/packet.ts';
import type { Relay } from '../media/relay.ts';
import type { Spare } from '../media/spare.ts';
import type { Patience } from '../media/vigil.ts';
import { type Outcome, onceReached, under, whenAborted, whenOver } from './attempts.ts';
import { Beside } from './beside.ts';
import { type Candidate, Candidates } from './candidates.ts';
import type { RunCover, RunReport } from './channel.ts';
import { coverOf, patienceOf } from './cover.ts';
import { Diversion, type Pulled } from './diversion.ts';
import { openSoon } from './open-soon.ts';
import type { PushSide } from './push-side.ts';
import { Circles, Referrals } from './referrals.ts';
import type { RunParts } from './run.ts';
import { Slate } from './slate.ts';
import type { Standing } from './standing.ts';

export interface PullSideParts extends Pick<RunParts, 'openSource' | 'now' | 'sleep' | 'random' | 'slates'> {
  /** The primary first; of a list, its standbys. */
  readonly urls: readonly string[];
  readonly standInFor?: 'source' | 'list';
  readonly cover: RunCover | undefined;
  readonly standing: Standing;
  readonly push: Pick<PushSide, 'startHold' | 'endHold'>;
  /** Media of a source flows into the relay, perhaps on to the destination. */
  readonly flowing: () => void;
  /** Another than the primary is on air, or the primary is again. */
  readonly strayed: (isAway: boolean, reason: string) => void;
}

/** How long a source that is not wanted any more goes on while another one is made ready. */
const MAKE_MS = 5_000;
/** A source is gone back to when it has been well for so long. */
const CLEAR_MS = 10_000;
/** Between two changes that no failure calls for. */
const GUARD_MS = 30_000;
/** While another source is being tried, a loss is not told before so long. */
const GRACE_MS = 2_000;
/** Who is back sooner is not worth a slate. */
const SLATE_AFTER_MS = 1_500;
/** Between two tries while what is held still goes out: who is back in time is to be found before it has been seen. */
const HELD_REST_MS = 750;

interface Entry {
  readonly candidate: Candidate;
  readonly source: Source;
}

/**
 * The pulls of one run, one behind the other: its source, and the standbys that take its place. A source that fails is
 * left for the next one at once; one that is well again is gone back to with care. The relay joins them on a timeline.
 */
export class PullSide {
  readonly #parts: PullSideParts;
  readonly #candidates: Candidates;
  readonly #slate: Slate;
  #cover: Required<RunCover>;
  #epoch = 0;
  #onAir: Candidate | undefined;
  /** Who was on air last, and since when. */
  #latest: { readonly candidate: Candidate; readonly sinceMs: number } | undefined;
  #isAway = false;
  #slateSays = '';
  /** Whether the preferred one is to follow as soon as it can, by somebody's wish. */
  #isUrgent = false;
  /** The preferred one is somebody's wish, until `auto`. */
  #isPinned = false;
  readonly #beside: Beside;
  readonly #circles = new Circles();
  /** From when on a spare has to make up for what is missing; undefined where nothing is. */
  #lostAtMs: number | undefined;
  #cut = new AbortController();
  #tending = new AbortController();
  #grace = new AbortController();
  #leaving = new AbortController();

  constructor(parts: PullSideParts) {
    this.#parts = parts;
    this.#candidates = new Candidates(parts.urls, parts.standInFor);
    this.#cover = coverOf(parts.cover);
    this.#beside = new Beside({
      ...{ ...parts, silentMs: () => this.#cover.silentMs },
      dial: (candidate, signal) => this.#dial(candidate, signal),
    });
    this.#slate = new Slate({ ...parts, slates: parts.slates, shown: what => this.#slateShown(what) });
  }

  /** How many sources have been opened. */
  get epoch(): number {
    return this.#epoch;
  }

  get hasSources(): boolean {
    return this.#candidates.count > 0;
  }

  /** Whether the time until there is a source can be filled. */
  get canCover(): boolean {
    return this.hasSources || this.#cover.slate !== 'off';
  }

  /** What is on air stands for a source that is not there. */
  get isOnSlate(): boolean {
    return this.#slate.isShown;
  }

  /** What is on air, as the report has it. */
  get report(): Pick<RunReport, 'source' | 'onSlate' | 'pinned'> {
    if (this.#slate.isShown) return { onSlate: true };
    const candidate = this.#onAir;
    if (candidate === undefined) return {};
    const index = this.#candidates.numberOf(candidate);
    const isPinned = this.#isPinned && this.#candidates.isPreferred(candidate);
    return { source: { index, url: candidate.address }, ...(isPinned ? { pinned: true } : {}) };
  }

  /** Pulls until the signal aborts. */
  async run(relay: Relay, signal: AbortSignal): Promise<void> {
    // A list has been without media for a while when somebody is to stand in for it.
    if (this.#parts.standInFor === 'list') this.#armSlate(relay, this.hasSources ? SLATE_AFTER_MS : 0);
    try {
      while (!signal.aborted) {
        await under(signal, async cut => {
          this.#cut = cut;
          const entry = this.#takeSpare() ?? (await this.#open(relay, cut.signal));
          if (entry !== undefined) await this.#air(relay, entry, cut.signal);
        });
      }
    } finally {
      this.#slate.end();
      this.#grace.abort();
      this.#leaving.abort();
      this.#beside.drop();
      this.#endStray();
    }
  }

  /** Other addresses: a source that is not among them any more goes on until its successor is ready, or for a while. */
  change(urls: readonly string[], cover: RunCover | undefined): void {
    const primary = this.#candidates.at(0);
    this.#candidates.change(urls);
    this.#cover = coverOf(cover);
    const onAir = this.#onAir;
    if (onAir === undefined) {
      this.#cut.abort();
      return;
    }
    const stays = this.#candidates.has(onAir);
    this.#isPinned &&= this.#candidates.preferred !== 0;
    this.#isUrgent = !stays || this.#candidates.at(0) !== primary;
    this.#tending.abort();
    this.#leaving.abort();
    if (stays) return;
    this.#leaving = new AbortController();
    onceReached(this.#parts.sleep(MAKE_MS, this.#leaving.signal), () => this.#cut.abort());
  }

  /** Goes to one of the addresses as soon as it can be had, and back to it when it is well; `auto` is the primary. */
  switchTo(to: number | 'auto'): void {
    const index = to === 'auto' ? 0 : to;
    if (this.#candidates.at(index) === undefined) return;
    this.#candidates.preferred = index;
    this.#isUrgent = to !== 'auto';
    this.#isPinned = to !== 'auto';
    if (this.#onAir === undefined) this.#cut.abort();
    else this.#tending.abort();
  }

  /** Opens whoever is next in turn, when it may be tried. */
  async #open(relay: Relay, signal: AbortSignal): Promise<Entry | undefined> {
    const { now, sleep } = this.#parts;
    const candidate = this.#candidates.next(now());
    if (candidate === undefined) {
      await whenAborted(signal);
      return undefined;
    }
    const restMs = candidate.restMs(now());
    if (restMs > 0) await whenOver(sleep(restMs, signal));
    if (signal.aborted) return undefined;
    try {
      const source = await this.#dial(candidate, signal);
      const mayCover = this.#cover.slate !== 'off' && relay.hadMedia;
      return { candidate, source: mayCover ? await this.#beside.ripen(relay, source, signal) : source };
    } catch (error) {
      if (!signal.aborted) this.#failed(relay, candidate, { fault: asFault('pull', error), healthyMs: 0 });
      return undefined;
    }
  }

  async #dial(candidate: Candidate, signal: AbortSignal): Promise<Source> {
    const { openSource, sleep } = this.#parts;
    const { url, address } = candidate;
    const referrals = new Referrals();
    const wish = { referred: referrals.take };
    const hasOthers = this.#candidates.count > 1;
    const opening = hasOthers
      ? openSoon({ openSource, sleep, url, address, wish }, signal)
      : openSource(url, signal, wish);
    const source = await opening;
    candidate.referrals = referrals;
    this.#epoch++;
    return source;
  }

  async #air(relay: Relay, { candidate, source }: Entry, signal: AbortSignal): Promise<void> {
    this.#onAir = candidate;
    const isAnother = this.#slate.isShown || (this.#latest !== undefined && this.#latest.candidate !== candidate);
    this.#slate.end();
    relay.patience = this.#patience();
    const { referrals } = candidate;
    let pulled: Pulled = { source, referrals, left: relay.pull(source, signal, { isAnother }) };
    for (;;) {
      const { outcome, next } = await this.#stretch(relay, candidate, pulled, signal);
      if (next === undefined) {
        this.#onAir = undefined;
        this.#lostAtMs = signal.aborted ? undefined : relay.mediaAtMs;
        if (!signal.aborted) this.#failed(relay, candidate, outcome);
        return;
      }
      this.#epoch++;
      pulled = next;
    }
  }

  /** One connection to it, from its first frame to its last, and the one that follows because its server wants that. */
  async #stretch(
    relay: Relay,
    candidate: Candidate,
    pulled: Pulled,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly next: Pulled | undefined }> {
    const { now, openSource } = this.#parts;
    let readyAtMs: number | undefined;
    const diversion = new Diversion({
      ...{ ...this.#parts, relay, pulled, signal, beside: this.#beside, circles: this.#circles },
      open: (url, own, wish) => openSource(url, own, { ...wish, sentFrom: candidate.url }),
    });
    const fault = await under(signal, over => {
      onceReached(relay.ready(over.signal), () => {
        readyAtMs = now();
        this.#entered(candidate);
        this.#tellLeftOut(pulled.source);
        void this.#tend(relay, candidate, over.signal);
      });
      return pulled.left;
    });
    const next = signal.aborted ? undefined : await diversion.settle(fault);
    await diversion.close();
    // The silence before a fault was not healthy.
    const healthyMs = readyAtMs === undefined ? 0 : Math.max(0, relay.mediaAtMs - readyAtMs);
    return { outcome: { fault, healthyMs }, next };
  }

  #entered(candidate: Candidate): void {
    const { push, now } = this.#parts;
    if (this.#latest?.candidate !== candidate) this.#latest = { candidate, sinceMs: now() };
    if (this.#candidates.isPreferred(candidate)) this.#isUrgent = false;
    this.#lostAtMs = undefined;
    this.#grace.abort();
    this.#leaving.abort();
    this.#candidates.flow(candidate);
    push.endHold();
    this.#parts.flowing();
    this.#tellStray(candidate);
  }

  /** What of the source cannot be relayed, which its reader knows once it has begun. */
  #tellLeftOut({ notes = [] }: Source): void {
    this.#parts.standing.hold('TrackLeftOut', notes.length === 0 ? undefined : notes.join(' '));
  }

  #tellStray(candidate: Candidate): void {
    const isAway = this.#candidates.numberOf(candidate) > 0;
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    const primary = this.#candidates.at(0);
    const why = primary === candidate ? undefined : primary?.fault?.message;
    const named = `${this.#candidates.nameOf(candidate)} (${candidate.address}) is on air`;
    this.#parts.strayed(isAway, isAway && why !== undefined ? `${named}: ${why}` : named);
  }

  /** A list that is played again has no use for its standby; a live run has come to its end, or begins anew. */
  #endStray(): void {
    if (!this.#isAway || this.#parts.standInFor !== 'list') return;
    this.#isAway = false;
    this.#parts.strayed(false, 'the list is on air');
  }

  /** Notes a failure; it is told when nobody is left to be tried, when trying takes too long, or when it is seen. */
  #failed(relay: Relay, candidate: Candidate, outcome: Outcome): void {
    const { now, random, standing, push } = this.#parts;
    const nowMs = now();
    const candidates = this.#candidates;
    candidate.fail(outcome, { nowMs, random01: random() });
    if (relay.heldMs > 0) candidate.restAtMost(HELD_REST_MS, nowMs);
    if (!this.#slate.isShown) push.startHold(relay.heldMs);
    this.#armSlate(relay, relay.heldMs + SLATE_AFTER_MS);
    const plannedMs = candidates.next(nowMs)?.restMs(nowMs) ?? 0;
    const isOver = candidates.haveAllFailed;
    const graceMs = isOver ? relay.heldMs : Math.max(relay.heldMs, GRACE_MS);
    if (!isOver || (graceMs > 0 && standing.state === 'flowing')) {
      standing.count(outcome.fault);
      this.#startGrace(graceMs);
      if (isOver) candidates.endRound({ ms: plannedMs, plannedMs, nowMs });
      return;
    }
    this.#grace.abort();
    const { side, kind, refusal, track } = outcome.fault;
    const ms = standing.lost({ side, kind, refusal, track, message: this.#reason() }, plannedMs);
    candidates.endRound({ ms, plannedMs, nowMs });
  }

  #armSlate(relay: Relay, afterMs: number): void {
    const { slate } = this.#cover;
    if (slate !== 'off') this.#slate.arm(relay, slate, afterMs);
  }

  #slateShown(what: string): void {
    this.#slateSays = what;
    this.#grace.abort();
    this.#parts.push.endHold();
    this.#parts.standing.tell('broke', 'pull', this.#reason());
  }

  #reason(): string {
    const reason = this.#candidates.count > 0 ? this.#candidates.reason() : 'no file of the list can be played';
    return this.#slate.isShown ? `the slate is on air, ${this.#slateSays}; ${reason}` : reason;
  }

  #startGrace(ms: number): void {
    const { sleep, standing } = this.#parts;
    if (!this.#grace.signal.aborted || standing.state !== 'flowing') return;
    this.#grace = new AbortController();
    onceReached(sleep(ms, this.#grace.signal), () => {
      this.#grace.abort();
      standing.tell('broke', 'pull', this.#reason());
    });
  }

  /** What goes on beside the source on air: the preferred one is brought back, or a standby is kept warm. */
  async #tend(relay: Relay, onAir: Candidate, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await under(signal, async tending => {
        this.#tending = tending;
        relay.patience = this.#patience();
        const target = this.#targetBeside(onAir);
        if (target !== undefined) return this.#tendOne(relay, target, tending.signal);
        this.#beside.drop();
        await whenAborted(tending.signal);
      });
    }
  }

  #targetBeside(onAir: Candidate): Candidate | undefined {
    const candidates = this.#candidates;
    if (!candidates.isPreferred(onAir)) return candidates.at(candidates.preferred);
    return this.#cover.warm ? candidates.beside(onAir) : undefined;
  }

  async #tendOne(relay: Relay, target: Candidate, signal: AbortSignal): Promise<void> {
    try {
      const spare = await this.#beside.keep(relay, target, signal);
      await spare.until(() => spare.usable, signal);
      relay.patience = this.#patience();
      await spare.until(() => this.#candidates.isPreferred(target) && this.#isDue(spare), signal);
      this.#cut.abort();
    } catch (error) {
      // A spare whose watch is ended is there for whoever follows.
      if (signal.aborted) return;
      this.#beside.drop();
      const { now, random } = this.#parts;
      target.failBeside(asFault('pull', error), { nowMs: now(), random01: random() });
    }
  }

  #isDue(spare: Spare): boolean {
    if (!spare.atKey) return false;
    if (this.#isUrgent) return true;
    const restsMs = this.#parts.now() - (this.#latest?.sinceMs ?? Number.NEGATIVE_INFINITY);
    return spare.wellMs >= CLEAR_MS && restsMs >= GUARD_MS && spare.rateKbit >= this.#cover.floorKbit;
  }

  /** The spare, where it can take over now, or where it is what somebody wants. */
  #takeSpare(): Entry | undefined {
    const { candidate, isUsable } = this.#beside;
    if (candidate === undefined) return undefined;
    const isWanted = this.#isUrgent && this.#candidates.isPreferred(candidate);
    if (!this.#candidates.has(candidate) || !(isUsable || isWanted)) this.#beside.drop();
    const source = this.#beside.take(this.#lostAtMs ?? this.#parts.now());
    return source && { candidate, source };
  }

  #patience(): Patience {
    return patienceOf(this.#cover, { isWarm: this.#beside.isUsable, hasOthers: this.#candidates.count > 1 });
  }
}
