import { beforeEach, describe, expect, it } from 'vitest';
import type { Vitals } from '../media/vitals.ts';
import { type PushVitals, Watch } from './watch.ts';

const SECOND = 1_000;
const NOTHING_WAITS: PushVitals = { queuedMs: 0, queuedBytes: 0, dropped: 0, overdueBytes: 0, overdueMs: 0 };

let nowMs: number;
let vitals: Vitals;
let push: PushVitals;
let told: string[];
let reasons: string[];
let watch: Watch;

/** Looks once a second for so long, while media comes at that pace. */
function pass(seconds: number, change: Partial<Vitals> = {}, pace = 1): void {
  vitals = { ...vitals, ...change };
  for (let second = 0; second < seconds; second++) {
    nowMs += SECOND;
    vitals = { ...vitals, mediaMs: vitals.mediaMs + pace * SECOND };
    watch.look(vitals, push);
  }
}

const seconds = (): number => (nowMs - 1_000_000) / SECOND;

beforeEach(() => {
  nowMs = 1_000_000;
  [told, reasons, push] = [[], [], NOTHING_WAITS];
  vitals = {
    ...{ pulling: true, isLive: true, mediaMs: 0, held: 0, gone: undefined, keylessMs: 0, usualGopMs: 2_000 },
    shows: { video: true, audio: true },
  };
  watch = new Watch({
    now: () => nowMs,
    tell: ({ alarm, set, reason }) => {
      told.push(`${set ? '+' : '-'}${alarm} ${seconds()}`);
      reasons.push(reason);
    },
  });
});

describe('a source that is slow', () => {
  it('is told of when it has been slow for ten seconds, and when it has kept its pace for ten', () => {
    pass(10);
    pass(20, {}, 0.8);
    expect(told).toEqual(['+SourceSlow 19']);
    expect(reasons[0]).toBe('the source sends at 0.80 of its pace');
    pass(20);
    expect(told).toEqual(['+SourceSlow 19', '-SourceSlow 43']);
  });

  it('is one that is slow from its first second on', () => {
    pass(16, {}, 0.9);
    expect(told).toEqual(['+SourceSlow 10']);
  });

  it('is not one that has lost some seconds, nor one whose media comes by the second second', () => {
    pass(10);
    pass(4, {}, 0);
    pass(10);
    for (let again = 0; again < 20; again++) {
      pass(1, {}, 0);
      pass(1, {}, 2);
    }
    expect(told).toEqual([]);
  });

  it('is not told to be over for a moment in which it catches up', () => {
    pass(10);
    pass(20, {}, 0.8);
    pass(5, {}, 1.2);
    pass(10, {}, 0.8);
    expect(told).toEqual(['+SourceSlow 19']);
  });

  it('is not one that stands still for a moment and makes up for it', () => {
    pass(10);
    for (let again = 0; again < 10; again++) {
      pass(2, {}, 0);
      pass(2, {}, 2);
      pass(6);
    }
    expect(told).toEqual([]);
  });

  it('is not one whose files the destination holds back', () => {
    for (let second = 1; second < 30; second++) pass(1, { isLive: false, held: second * 5 }, 0.5);
    expect(told).toEqual([]);
  });

  it('is not one that was away', () => {
    pass(8, {}, 0.8);
    pass(5, { pulling: false }, 0);
    pass(6, { pulling: true }, 0.8);
    expect(told).toEqual([]);
  });

  it('stays told while it is away', () => {
    pass(20, {}, 0.8);
    pass(60, { pulling: false }, 0);
    expect(told).toHaveLength(1);
    expect(watch.alarms).toMatchObject([{ alarm: 'SourceSlow', side: 'pull' }]);
  });
});

describe('a source whose media stands still', () => {
  it('is told of after five seconds, and when it has moved for ten', () => {
    pass(3);
    pass(6, {}, 0);
    expect(told).toEqual(['+SourceFrozen 8']);
    pass(12);
    expect(told).toEqual(['+SourceFrozen 8', '-SourceFrozen 20']);
  });

  it('is told of when it was let go of for that', () => {
    pass(3);
    watch.lost({ side: 'pull', kind: 'silent', message: 'the source sent no media for 5 s' });
    pass(3, { pulling: false });
    expect(told).toEqual(['+SourceFrozen 3']);
    pass(20, { pulling: true });
    expect(told).toEqual(['+SourceFrozen 3', '-SourceFrozen 17']);
  });

  it('is not one that was lost otherwise, or that lacks a track', () => {
    watch.lost({ side: 'pull', kind: 'closed', message: 'gone' });
    watch.lost({ side: 'push', kind: 'silent', message: 'gone' });
    watch.lost({ side: 'pull', kind: 'silent', track: 'audio', message: 'no audio' });
    expect(told).toEqual([]);
  });
});

describe.each([
  ['audio', 'AudioLost'],
  ['video', 'VideoLost'],
] as const)('a source without %s', (track, alarm) => {
  it('is told of at once when the track has gone, and when it has been back for five seconds', () => {
    pass(3);
    pass(3, { gone: track });
    expect(told).toEqual([`+${alarm} 4`]);
    expect(reasons).toEqual([`the source sends no ${track} any more`]);
    pass(8, { gone: undefined });
    expect(told).toEqual([`+${alarm} 4`, `-${alarm} 12`]);
  });

  it('is one that comes back without a track that it had', () => {
    pass(3);
    pass(1, { pulling: false });
    pass(8, { pulling: true, shows: { video: true, audio: true, [track]: false } });
    expect(told).toEqual([`+${alarm} 10`]);
  });

  it('is no loss where it never had any, or where another one is wanted', () => {
    pass(20, { shows: { video: true, audio: true, [track]: false } });
    pass(3, { shows: { video: true, audio: true } });
    watch.forget();
    pass(20, { shows: { video: true, audio: true, [track]: false } });
    expect(told).toEqual([]);
  });

  it('is no loss where another file has none', () => {
    pass(3, { isLive: false });
    pass(20, { shows: { video: true, audio: true, [track]: false } });
    expect(told).toEqual([]);
  });
});

describe('a source without key frames', () => {
  it('is told of after ten seconds, and when they have come for five', () => {
    pass(1, { keylessMs: 10_000 });
    expect(told).toEqual([]);
    pass(1, { keylessMs: 10_050 });
    pass(6, { keylessMs: 500 });
    expect(told).toEqual(['+KeyFrameStarved 2', '-KeyFrameStarved 8']);
  });

  it('has fifteen seconds for the first group, whose length nobody knows', () => {
    pass(1, { keylessMs: 14_000, usualGopMs: 0 });
    expect(told).toEqual([]);
    pass(1, { keylessMs: 15_050 });
    expect(told).toEqual(['+KeyFrameStarved 2']);
  });

  it('is not told to be over at its first key frame', () => {
    pass(1, { keylessMs: 11_000 });
    pass(4, { keylessMs: 500 });
    pass(1, { keylessMs: 11_000 });
    expect(told).toEqual(['+KeyFrameStarved 1']);
  });

  it('has three of its usual groups where these are long', () => {
    pass(1, { keylessMs: 29_000, usualGopMs: 10_000 });
    expect(told).toEqual([]);
    pass(1, { keylessMs: 31_000 });
    expect(told).toEqual(['+KeyFrameStarved 2']);
  });
});

describe('a destination that does not keep up', () => {
  const congested = (change: Partial<PushVitals>, count: number): void => {
    push = { ...push, ...change };
    pass(count);
  };

  it('is told of when half a second waits for a second, and when it has been well for ten', () => {
    congested({ queuedMs: 600 }, 1);
    expect(told).toEqual([]);
    congested({}, 1);
    expect(told).toEqual(['+DestinationCongested 2']);
    congested({ queuedMs: 0 }, 11);
    expect(told).toEqual(['+DestinationCongested 2', '-DestinationCongested 13']);
  });

  it('is not one that hesitates for a moment, nor one that catches up with what a push begins with', () => {
    congested({ queuedMs: 900 }, 1);
    congested({ queuedMs: 0 }, 1);
    for (const queuedMs of [4_000, 3_500, 2_900, 2_200, 1_400, 600, 0]) congested({ queuedMs }, 1);
    expect(told).toEqual([]);
  });

  it('is not told to be well again for a moment in which it takes everything', () => {
    congested({ queuedMs: 600 }, 3);
    for (let again = 0; again < 5; again++) {
      congested({ queuedMs: 0 }, 4);
      congested({ queuedMs: 600 }, 1);
    }
    expect(told).toEqual(['+DestinationCongested 2']);
  });

  it('is one for which frames are dropped, and it is said how many', () => {
    for (let second = 1; second <= 3; second++) congested({ dropped: second * 7 }, 1);
    expect(told).toEqual(['+DestinationCongested 2']);
    expect(reasons).toEqual(['the destination is too slow: 7 frames were dropped within a second']);
  });

  it('is one with many bytes waiting', () => {
    congested({ queuedBytes: 5 * 1024 * 1024 }, 3);
    expect(told).toEqual(['+DestinationCongested 2']);
  });

  it('is one that holds files back most of the time', () => {
    for (let second = 1; second <= 3; second++) pass(1, { isLive: false, held: second * 15 });
    expect(told).toEqual(['+DestinationCongested 2']);
  });

  it('is one that has stopped acknowledging for five seconds', () => {
    for (let overdueMs = 500; overdueMs < 4_000; overdueMs += 1_000)
      congested({ overdueBytes: 1_048_576, overdueMs }, 1);
    expect(told).toEqual([]);
    congested({ overdueMs: 4_500 }, 2);
    expect(told).toEqual(['+DestinationCongested 6']);
    expect(reasons[0]).toContain('has stopped acknowledging');
  });

  it('is looked at although no source is there', () => {
    pass(1, { pulling: false });
    congested({ queuedMs: 1_100 }, 3);
    expect(told).toHaveLength(1);
  });
});

describe('what others know', () => {
  it('is told at once, and over when they say so', () => {
    watch.hold('SwitchedToStandby', 'standby 1 is on air');
    watch.hold('SwitchedToStandby', undefined);
    expect(told).toEqual(['+SwitchedToStandby 0', '-SwitchedToStandby 0']);
  });

  it('is told again a minute later where it has begun anew and lasts', () => {
    watch.hold('FileEndEarly', 'a.mp4');
    watch.hold('FileEndEarly', undefined);
    pass(10);
    watch.hold('FileEndEarly', 'b.mp4');
    pass(60);
    expect(told).toEqual(['+FileEndEarly 0', '-FileEndEarly 0', '+FileEndEarly 60']);
    expect(reasons.at(-1)).toBe('b.mp4');
  });

  it('stands in the report for as long as it lasts', () => {
    watch.hold('SwitchedToStandby', 'standby 1 is on air');
    expect(watch.alarms).toEqual([{ alarm: 'SwitchedToStandby', side: 'pull', reason: 'standby 1 is on air' }]);
    watch.hold('SwitchedToStandby', undefined);
    expect(watch.alarms).toEqual([]);
  });
});
