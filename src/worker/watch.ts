import type { Vitals } from '../media/vitals.ts';
import type { RunAlarm, RunNews } from './channel.ts';
import { Condition, type Hysteresis } from './condition.ts';
import type { Loss } from './losses.ts';

/** What of the destination is looked at. */
export interface PushVitals {
  readonly queuedMs: number;
  readonly queuedBytes: number;
  /** Packets that it has not been given, so far. */
  readonly dropped: number;
  /** Sent beyond what a destination that used to acknowledge should have acknowledged by now. */
  readonly overdueBytes: number;
  readonly overdueMs: number;
}

export interface WatchParts {
  readonly now: () => number;
  readonly tell: (alarm: RunAlarm & Required<Pick<RunNews, 'set'>>) => void;
}

/** Slower than this is too slow, measured over so long; of a source that has just come, over less. */
const SLOWEST = 0.95;
const PACE_MS = 4_000;
const LEAST_PACE_MS = 1_500;
const FROZEN_MS = 5_000;
const TRACK_GONE_MS = 5_000;
const KEYLESS_MS = 10_000;
/** Or so many times the usual distance of key frames, where that is longer. */
const KEYLESS_GROUPS = 3;
/** Encoders are left at a key frame every ten seconds, and what a source does is not known before its second one. */
const FIRST_GROUP_MS = 15_000;
/** What a destination may have waiting: half of the bytes that it can, and of media less than what costs pictures. */
const QUEUE = { ms: 500, bytes: 4 * 1024 * 1024 };
/** What wants less by so much than a second ago is being caught up with, such as the group that a push begins with. */
const CAUGHT_UP_MS = 100;
/** Ticks of a second in which a file was held back. */
const MOST_HELD = 10;
/** With the second look that every congestion has, five seconds. */
const UNACKNOWLEDGED_MS = 4_000;

const AT_ONCE = 0;
/** Looks come once a second, some a little early. */
const ALARMS = {
  /** With the time that it takes to show in the pace, nine to ten seconds. */
  SourceSlow: { side: 'pull', setAfterMs: 6_500, clearAfterMs: 10_000, over: 'the source keeps its pace again' },
  SourceFrozen: { side: 'pull', setAfterMs: AT_ONCE, clearAfterMs: 10_000, over: 'media of the source moves again' },
  AudioLost: { side: 'pull', setAfterMs: AT_ONCE, clearAfterMs: 5_000, over: 'there is sound again' },
  VideoLost: { side: 'pull', setAfterMs: AT_ONCE, clearAfterMs: 5_000, over: 'there is a picture again' },
  KeyFrameStarved: { side: 'pull', setAfterMs: AT_ONCE, clearAfterMs: 5_000, over: 'key frames come again' },
  TrackLeftOut: {
    side: 'pull',
    setAfterMs: AT_ONCE,
    clearAfterMs: AT_ONCE,
    over: 'all of the source is relayed again',
  },
  FileEndEarly: { side: 'pull', setAfterMs: AT_ONCE, clearAfterMs: AT_ONCE, over: 'a file was played to its end' },
  SwitchedToStandby: { side: 'pull', setAfterMs: AT_ONCE, clearAfterMs: AT_ONCE, over: 'the source is on air again' },
  SourceMoveFailed: {
    side: 'pull',
    setAfterMs: AT_ONCE,
    clearAfterMs: AT_ONCE,
    over: 'the stream that was to be pulled elsewhere is pulled there, or is over',
  },
  DestinationMoveFailed: {
    side: 'push',
    setAfterMs: AT_ONCE,
    clearAfterMs: AT_ONCE,
    over: 'the push that was to go elsewhere has gone there, or is over',
  },
  DestinationCongested: {
    side: 'push',
    setAfterMs: 900,
    clearAfterMs: 10_000,
    over: 'the destination keeps up again',
  },
} as const satisfies Record<string, Hysteresis & Pick<RunAlarm, 'side'> & { readonly over: string }>;

export type AlarmName = keyof typeof ALARMS;

/** How long something has been so. */
class Lasting {
  #sinceMs: number | undefined;

  forMs(isSo: boolean, nowMs: number): number {
    this.#sinceMs = isSo ? (this.#sinceMs ?? nowMs) : undefined;
    return this.#sinceMs === undefined ? 0 : nowMs - this.#sinceMs;
  }
}

interface Pace {
  readonly atMs: number;
  readonly mediaMs: number;
}

/**
 * Looks once a second at what a run carries, and raises the alarms that are about media: from figures that are counted
 * anyway, never from packets. What it cannot tell, such as the pace of a source that is away, it leaves as it is.
 */
export class Watch {
  readonly #parts: WatchParts;
  readonly #conditions = new Map<AlarmName, Condition>();
  readonly #held = new Map<AlarmName, string>();
  readonly #silentTrack = { video: new Lasting(), audio: new Lasting() };
  /** How far media had come at the looks of the last seconds. */
  #paces: Pace[] = [];
  #moved: Pace | undefined;
  #had = { video: false, audio: false };
  #heldBack = 0;
  #dropped = 0;
  #queuedMs = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** The alarms that are raised, for the report. */
  get alarms(): readonly RunAlarm[] {
    const set = [...this.#conditions].filter(([, { isSet }]) => isSet);
    return set.map(([alarm, { reason }]) => ({ alarm, side: ALARMS[alarm].side, reason }));
  }

  /** What somebody else knows, when it begins and when it is over; it is wrong for as long as nothing else is said. */
  hold(alarm: AlarmName, wrong: string | undefined): void {
    if (wrong === undefined) this.#held.delete(alarm);
    else this.#held.set(alarm, wrong);
    this.#see(alarm, wrong);
  }

  #see(alarm: AlarmName, wrong: string | undefined): void {
    const nowMs = this.#parts.now();
    const condition = this.#conditions.get(alarm) ?? new Condition(ALARMS[alarm]);
    this.#conditions.set(alarm, condition);
    const { side, over } = ALARMS[alarm];
    if (wrong === undefined) {
      if (condition.well(nowMs)) this.#parts.tell({ alarm, side, reason: over, set: false });
    } else if (condition.wrong(wrong, nowMs)) {
      this.#parts.tell({ alarm, side, reason: wrong, set: true });
    }
  }

  /** A source whose media stands still is let go of before the next look. */
  lost({ side, kind, track, message }: Loss): void {
    if (side === 'pull' && kind === 'silent' && track === undefined) this.#see('SourceFrozen', message);
  }

  /** Another source by somebody's wish: it owes nothing of what the former one had. */
  forget(): void {
    this.#had = { video: false, audio: false };
    this.#paces = [];
  }

  /** To be called once a second. */
  look(vitals: Vitals, push: PushVitals): void {
    this.#lookAtPull(vitals, push);
    this.#lookAtPush(vitals, push);
    for (const [alarm, wrong] of this.#held) this.#see(alarm, wrong);
    this.#heldBack = vitals.held;
    this.#dropped = push.dropped;
    this.#queuedMs = push.queuedMs;
  }

  #lookAtPull(vitals: Vitals, push: PushVitals): void {
    const isHeldBack = vitals.held > this.#heldBack || push.queuedMs > QUEUE.ms;
    if (!vitals.pulling) {
      for (const alarm of OF_A_SOURCE) this.#conditions.get(alarm)?.unknown();
      this.#paces = [];
      this.#moved = undefined;
      return;
    }
    this.#lookAtPace(vitals, isHeldBack);
    this.#lookAtTrack('video', vitals);
    this.#lookAtTrack('audio', vitals);
    const { keylessMs, usualGopMs } = vitals;
    const longestMs = usualGopMs === 0 ? FIRST_GROUP_MS : Math.max(KEYLESS_MS, KEYLESS_GROUPS * usualGopMs);
    const isStarved = keylessMs > longestMs;
    this.#see('KeyFrameStarved', isStarved ? `no key frame has come for ${seconds(keylessMs)}` : undefined);
  }

  /** What a destination holds back is no fault of the source. */
  #lookAtPace({ mediaMs }: Vitals, isHeldBack: boolean): void {
    const atMs = this.#parts.now();
    if (isHeldBack || this.#moved?.mediaMs !== mediaMs) this.#moved = { atMs, mediaMs };
    const stillMs = atMs - this.#moved.atMs;
    if (isHeldBack) this.#paces = [];
    this.#paces.push({ atMs, mediaMs });
    while ((this.#paces[1]?.atMs ?? atMs) <= atMs - PACE_MS) this.#paces.shift();
    const isFrozen = stillMs >= FROZEN_MS;
    this.#see('SourceFrozen', isFrozen ? `the media of the source has stood still for ${seconds(stillMs)}` : undefined);
    const pace = isFrozen ? undefined : this.#pace();
    if (pace === undefined) this.#conditions.get('SourceSlow')?.unknown();
    else this.#see('SourceSlow', pace < SLOWEST ? `the source sends at ${pace.toFixed(2)} of its pace` : undefined);
  }

  #pace(): number | undefined {
    const [first, last] = [this.#paces[0], this.#paces.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < LEAST_PACE_MS) return undefined;
    return (last.mediaMs - first.mediaMs) / (last.atMs - first.atMs);
  }

  /** Of a live source: a track that was there once in this run is missed in the one that follows too. */
  #lookAtTrack(track: 'video' | 'audio', { isLive, shows, gone }: Vitals): void {
    if (!isLive) this.#had[track] = false;
    this.#had[track] ||= isLive && shows[track];
    const isMissing = this.#had[track] && !shows[track];
    const missingMs = this.#silentTrack[track].forMs(isMissing, this.#parts.now());
    const isLost = gone === track || missingMs >= TRACK_GONE_MS;
    const alarm = track === 'video' ? 'VideoLost' : 'AudioLost';
    this.#see(alarm, isLost ? `the source sends no ${track} any more` : undefined);
  }

  #lookAtPush({ held }: Vitals, { queuedMs, queuedBytes, dropped, overdueBytes, overdueMs }: PushVitals): void {
    const lost = dropped - this.#dropped;
    const isGrowing = queuedMs > this.#queuedMs - CAUGHT_UP_MS;
    let wrong: string | undefined;
    if (lost > 0) wrong = `the destination is too slow: ${lost} frames were dropped within a second`;
    else if ((queuedMs > QUEUE.ms && isGrowing) || queuedBytes > QUEUE.bytes)
      wrong = `${seconds(queuedMs)} of media wait for the destination`;
    else if (held - this.#heldBack >= MOST_HELD) wrong = 'the destination takes less than is played';
    else if (overdueMs >= UNACKNOWLEDGED_MS)
      wrong = `the destination has stopped acknowledging, ${megabytes(overdueBytes)} ago`;
    this.#see('DestinationCongested', wrong);
  }
}

/** What only a source that is there can show. */
const OF_A_SOURCE = ['SourceSlow', 'SourceFrozen', 'AudioLost', 'VideoLost', 'KeyFrameStarved'] as const;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
