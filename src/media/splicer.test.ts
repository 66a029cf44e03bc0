import { describe, expect, it } from 'vitest';
import { Batch, type PacketKind } from './packet.ts';
import { Splicer } from './splicer.ts';

type Given = readonly [kind: PacketKind, dtsMs: number];

/** Feeds one batch at a wall time and answers what came out. */
function feed(splicer: Splicer, wallMs: number, given: readonly Given[]): [PacketKind, number][] {
  const from = new Batch();
  const to = new Batch();
  for (const [kind, dtsMs] of given) {
    const packet = from.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(Buffer.from(kind), 0, kind.length);
  }
  splicer.place(from, to, wallMs);
  return to.packets.slice(0, to.count).map(packet => [packet.kind, packet.dtsMs]);
}

function begun(): Splicer {
  const splicer = new Splicer();
  splicer.begin();
  return splicer;
}

/** Real-time packets of a live source: 25 fps video with a key each second, AAC at 48 kHz. */
function live(startMs: number, lengthMs: number): Given[] {
  const given: Given[] = [];
  for (let t = 0; t < lengthMs; t += 40) given.push([t % 1000 === 0 ? 'key' : 'inter', startMs + t]);
  for (let t = 0; t < lengthMs; t += 21.33) given.push(['audio', Math.round(startMs + t)]);
  return given.sort((a, b) => a[1] - b[1]);
}

describe('Splicer', () => {
  it('lets nothing pass before the first key frame and starts there at zero', () => {
    const out = feed(begun(), 0, [
      ['inter', 5000],
      ['audio', 5010],
      ['key', 5040],
      ['audio', 5050],
    ]);
    expect(out).toEqual([
      ['key', 0],
      ['audio', 10],
    ]);
  });

  it('sends codec headers once, before the first frame, and again only when they change', () => {
    const splicer = begun();
    const first = feed(splicer, 0, [
      ['videoHeader', 0],
      ['audioHeader', 0],
      ['key', 0],
    ]);
    expect(first.map(([kind]) => kind)).toEqual(['videoHeader', 'audioHeader', 'key']);
    splicer.begin();
    const again = feed(splicer, 1000, [
      ['videoHeader', 0],
      ['key', 0],
    ]);
    expect(again.map(([kind]) => kind)).toEqual(['key']);
  });

  it('keeps the offset of audio against video over a change of source', () => {
    const splicer = begun();
    feed(splicer, 0, live(90_000, 1000));
    splicer.begin();
    const out = feed(splicer, 4000, [
      ['key', 7_000_000],
      ['audio', 7_000_017],
      ['inter', 7_000_040],
      ['audio', 7_000_038],
    ]);
    const [key] = out.filter(([kind]) => kind === 'key');
    const audio = out.filter(([kind]) => kind === 'audio');
    expect(audio.map(([, ms]) => ms - (key?.[1] ?? 0))).toEqual([17, 38]);
  });

  it('lets output time go on with the clock on the wall while no source is there', () => {
    const splicer = begun();
    feed(splicer, 0, [['key', 100]]);
    splicer.begin();
    expect(feed(splicer, 9000, [['key', 0]])).toEqual([['key', 9000]]);
  });

  /** What the tracks of one moment are shown apart, where the source has both at the same time. */
  const apart = (splicer: Splicer, wallMs: number, inMs: number): number => {
    const [picture, sound] = feed(splicer, wallMs, [
      ['inter', inMs],
      ['audio', inMs],
    ]);
    return Math.abs((picture?.[1] ?? 0) - (sound?.[1] ?? Number.NaN));
  };

  it.each([
    ['hole', 'inter', 'audio'],
    ['jump', 'audio', 'inter'],
  ] as const)(
    'makes the same of a step for both tracks where by its own clock one would call it a %s',
    (_, early, late) => {
      const splicer = begun();
      feed(splicer, 0, live(0, 1000));
      feed(splicer, 1000, [[early, 1000]]);
      feed(splicer, 1040, [[late, 1020]]);
      // Three seconds and a frame are a hole 60 ms behind the last one of a track, and a jump 20 ms behind it.
      feed(splicer, 1060, [
        ['inter', 4050],
        ['audio', 4055],
      ]);
      expect(apart(splicer, 1100, 4100)).toBeLessThanOrEqual(1);
    },
  );

  it('goes on with sound that comes back after the clock of the pictures has stepped', () => {
    const splicer = begun();
    feed(splicer, 0, [['key', 90_000]]);
    feed(splicer, 40, [['inter', 40]]);
    expect(apart(splicer, 80, 80)).toBeLessThanOrEqual(1);
  });

  it('lets no sound pass that was made by a clock which the source had left in front of its key frame', () => {
    const splicer = begun();
    const out = feed(splicer, 0, [
      ['key', 20],
      ['audio', 760_000],
      ['inter', 60],
      ['audio', 60],
    ]);
    expect(out).toEqual([
      ['key', 0],
      ['inter', 40],
      ['audio', 40],
    ]);
  });

  it('keeps sound and picture together where both step back by less than a second', () => {
    const splicer = begun();
    feed(splicer, 0, live(0, 1000));
    feed(splicer, 1000, live(100, 800));
    expect(apart(splicer, 1900, 900)).toBeLessThanOrEqual(1);
  });

  it('lets a track that alone steps back and returns go by the clock of the other again', () => {
    const splicer = begun();
    feed(splicer, 0, live(0, 1000));
    feed(splicer, 1000, [['audio', 600]]);
    expect(apart(splicer, 1040, 1040)).toBeLessThanOrEqual(1);
  });

  it('keeps the shift of a source that comes back with its clock still running', () => {
    const splicer = begun();
    feed(splicer, 0, live(50_000, 1000));
    splicer.begin();
    expect(feed(splicer, 3100, [['key', 53_000]])).toEqual([['key', 3000]]);
  });

  it('does not send again what a returning source repeats from its cache as older than the last frame', () => {
    const splicer = begun();
    feed(splicer, 0, live(50_000, 1000));
    splicer.begin();
    const out = feed(splicer, 1100, [['key', 50_000]]);
    expect(out[0]?.[1]).toBeGreaterThanOrEqual(1000);
  });

  it('takes out a jump ahead that the wall does not explain, on both tracks alike', () => {
    const splicer = begun();
    feed(splicer, 0, live(0, 1000));
    const out = feed(splicer, 1000, live(3_600_000, 1000));
    const first = out[0]?.[1] ?? 0;
    expect(first).toBeGreaterThan(960);
    expect(first).toBeLessThanOrEqual(1040);
    const video = out.filter(([kind]) => kind !== 'audio').map(([, ms]) => ms);
    const audio = out.filter(([kind]) => kind === 'audio').map(([, ms]) => ms);
    expect(Math.abs((video[0] ?? 0) - (audio[0] ?? 0))).toBeLessThanOrEqual(40);
    expect(splicer.counts.jumps).toBe(2);
  });

  it('takes out a clock that starts anew without a reconnect', () => {
    const splicer = begun();
    feed(splicer, 0, live(100_000, 1000));
    const out = feed(splicer, 1000, live(0, 1000));
    expect(out[0]?.[1]).toBeLessThanOrEqual(1040);
    expect(out.at(-1)?.[1]).toBeLessThanOrEqual(2040);
  });

  it('keeps a real pause that the wall explains', () => {
    const splicer = begun();
    feed(splicer, 0, live(0, 1000));
    const out = feed(splicer, 8000, live(8000, 1000));
    expect(out[0]?.[1]).toBe(8000);
  });

  it('starts with audio alone after a second without any video', () => {
    const splicer = begun();
    const given: Given[] = [];
    for (let t = 0; t <= 1200; t += 20) given.push(['audio', t]);
    const out = feed(splicer, 0, given);
    expect(out[0]).toEqual(['audio', 0]);
    expect(splicer.audioOnly).toBe(true);
  });

  it('orders packets of one batch over both tracks', () => {
    const splicer = begun();
    feed(splicer, 0, [['key', 0]]);
    const out = feed(splicer, 100, [
      ['inter', 80],
      ['audio', 45],
      ['audio', 66],
    ]);
    expect(out.map(([, ms]) => ms)).toEqual([45, 66, 80]);
  });

  it('rises strictly per track whatever 300 random sources do', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed / 2147483648;
    };
    const splicer = begun();
    let wallMs = 0;
    const last = { video: -1, audio: -1 };
    for (let n = 0; n < 300; n++) {
      if (random() < 0.5) splicer.begin();
      wallMs += Math.floor(random() * 6000);
      const start = Math.floor(random() * 2 ** 32);
      for (const [kind, ms] of feed(splicer, wallMs, live(start, 200 + Math.floor(random() * 3000)))) {
        const track = kind === 'audio' ? 'audio' : 'video';
        expect(ms).toBeGreaterThan(last[track]);
        last[track] = ms;
      }
      expect(Math.abs(last.video - last.audio)).toBeLessThan(3100);
    }
  });
});

/** A repeatable stream of numbers in [0, 1). */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

/** A stretch of a file without a jump: frames in decode order, and what it should last on the output. */
interface Stretch {
  readonly frames: readonly Given[];
  readonly lengthMs: number;
}

interface TrackWish {
  readonly audio: boolean;
  readonly fromMs: number;
  readonly count: number;
  readonly frameMs: number;
  readonly holeMs: number;
}

function track({ audio, fromMs, count, frameMs, holeMs }: TrackWish): Given[] {
  return Array.from({ length: count }, (_, i) => {
    const picture = i % 12 === 0 ? 'key' : i % 3 === 0 ? 'inter' : 'disposable';
    const afterHole = i > count / 2 ? holeMs : 0;
    return [audio ? 'audio' : picture, Math.round(fromMs + i * frameMs + afterHole)] as const;
  });
}

/** The last frame lasts as long as the last one that was not held over a hole. */
const endOf = (frames: readonly Given[]): number => {
  const steps = frames.slice(1).map(([, ms], i) => ms - (frames[i]?.[1] ?? 0));
  return (frames.at(-1)?.[1] ?? 0) + (steps.findLast(step => step <= 1_000) ?? 0);
};

/** Video and audio of any length and offset, with a hole in both at times; never less than three frames a track. */
function stretch(random: (below: number) => number, startMs: number): Stretch {
  const holeMs = random(4) === 0 ? random(9_000) : 0;
  const rate = [12, 23.976, 25, 29.97, 50][random(5)] ?? 25;
  const wish = { fromMs: startMs, count: 3 + random(150), frameMs: 1000 / rate, holeMs };
  const video = random(10) === 0 ? [] : track({ audio: false, ...wish });
  const sound = { fromMs: startMs + random(120), count: 3 + random(300), frameMs: 1024 / 48, holeMs };
  const audio = video.length > 0 && random(6) === 0 ? [] : track({ audio: true, ...sound });
  const frames = [...video, ...audio].sort((a, b) => a[1] - b[1]);
  const ends = [video, audio].filter(given => given.length > 0).map(endOf);
  return { frames, lengthMs: Math.max(...ends) - (frames[0]?.[1] ?? 0) };
}

/** Feeds a stretch in batches of some frames and answers the output times of each track. */
function play(splicer: Splicer, { frames }: Stretch, wallMs: number): { video: number[]; audio: number[] } {
  const video: number[] = [];
  const audio: number[] = [];
  for (let at = 0; at < frames.length; at += 7) {
    for (const [kind, ms] of feed(splicer, wallMs, frames.slice(at, at + 7)))
      (kind === 'audio' ? audio : video).push(ms);
  }
  return { video, audio };
}

const isSound = ([kind]: Given): boolean => kind === 'audio';
const isPicture = ([kind]: Given): boolean => kind !== 'audio';
const between = (sound: Given | undefined, picture: Given | undefined): number =>
  (sound?.[1] ?? Number.NaN) - (picture?.[1] ?? Number.NaN);

describe('Splicer, file after file', () => {
  it('starts the next file where the longest track of the former ends, whatever the wall says', () => {
    const splicer = new Splicer();
    splicer.beginFile();
    feed(splicer, 0, [
      ['key', 500],
      ['audio', 500],
      ['inter', 540],
      ['audio', 521],
      ['audio', 600],
    ]);
    splicer.beginFile();
    expect(splicer.shiftMs).toBe(100 + 79);
    expect(feed(splicer, 60_000, [['key', 0]])).toEqual([['key', 179]]);
  });

  it('leaves no hole where pictures are reordered, and sound so stands later than they do', () => {
    const splicer = new Splicer();
    const film: Given[] = [0, 40, 80, 120].flatMap((ms): Given[] => [
      [ms === 0 ? 'key' : 'inter', ms],
      ['audio', ms + 80],
    ]);
    splicer.beginFile({ videoMs: 0, audioMs: 80 });
    feed(splicer, 0, film);
    splicer.beginFile({ videoMs: 0, audioMs: 80 });
    expect(splicer.shiftMs).toBe(160);
    const again = feed(splicer, 0, film);
    expect(again.filter(isPicture).map(([, ms]) => ms)).toEqual([160, 200, 240, 280]);
    expect(again.filter(isSound).map(([, ms]) => ms)).toEqual([240, 280, 320, 360]);
  });

  it.each([
    ['the sound', { videoMs: 0, audioMs: 0 }, 300],
    ['the picture', { videoMs: 0, audioMs: 80 }, 240],
    ['both, where the next file has shown nothing yet', { videoMs: undefined, audioMs: undefined }, 300],
  ])('waits for the end of %s', (_, starts, shiftMs) => {
    const splicer = new Splicer();
    splicer.beginFile();
    feed(splicer, 0, [
      ['key', 0],
      ['inter', 120],
      ['audio', 260],
      ['audio', 280],
    ]);
    splicer.beginFile(starts);
    expect(splicer.shiftMs).toBe(shiftMs);
  });

  it('loses no sound that a file begins with, and keeps its offset', () => {
    const splicer = new Splicer();
    splicer.beginFile();
    const out = feed(splicer, 0, [
      ['videoHeader', 0],
      ['key', 80],
      ['audio', 0],
      ['audio', 21],
    ]);
    expect(out).toEqual([
      ['videoHeader', 0],
      ['audio', 0],
      ['audio', 21],
      ['key', 80],
    ]);
  });

  it('lets no video pass in front of a key frame', () => {
    const splicer = new Splicer();
    splicer.beginFile();
    const out = feed(splicer, 0, [
      ['inter', 0],
      ['audio', 30],
      ['key', 40],
    ]);
    expect(out).toEqual([
      ['audio', 0],
      ['key', 10],
    ]);
    expect(splicer.counts.beforeKey).toBe(1);
  });

  it('brings the parameter sets of a changed header in its first key frame, and nowhere else', () => {
    const splicer = new Splicer();
    const bytes = (header: string, key: string): [string, string][] => {
      const from = new Batch();
      const to = new Batch();
      for (const [kind, text] of [
        ['videoHeader', header],
        ['key', key],
        ['key', key],
      ] as const) {
        const packet = from.next();
        packet.reset(kind, from.count * 40);
        packet.addSpan(Buffer.from(text, 'hex'), 0, text.length / 2);
      }
      splicer.beginFile();
      splicer.place(from, to, 0);
      return to.packets.slice(0, to.count).map(packet => [packet.kind, packet.copyPayload().toString('hex')]);
    };
    const header = (level: string): string => `17000000000164${level}15ffe1000467640015010002${'68eb'}`;
    const key = '17010000000000000265aa';
    expect(bytes(header('00'), key).map(([, text]) => text)).toEqual([header('00'), key, key]);
    expect(bytes(header('00'), key).map(([, text]) => text)).toEqual([key, key]);
    const grown = '1701000000000000046764001500000002 68eb 00000002 65aa'.replaceAll(' ', '');
    expect(bytes(header('01'), key).map(([, text]) => text)).toEqual([header('01'), grown, key]);
  });

  it('does not move its end for a source that showed nothing', () => {
    const splicer = new Splicer();
    splicer.beginFile();
    feed(splicer, 0, [
      ['key', 0],
      ['inter', 40],
    ]);
    for (let i = 0; i < 3; i++) splicer.beginFile();
    expect(feed(splicer, 0, [['key', 7]])).toEqual([['key', 80]]);
  });

  it('keeps a hole of a few seconds and takes out one of an hour', () => {
    const splicer = new Splicer();
    splicer.beginFile();
    const out = feed(splicer, 0, [
      ['key', 0],
      ['inter', 40],
      ['inter', 9_000],
      ['inter', 9_040],
      ['inter', 3_609_040],
    ]);
    expect(out.map(([, ms]) => ms)).toEqual([0, 40, 9_000, 9_040, 9_080]);
    expect(splicer.counts.jumps).toBe(1);
  });

  it('rises strictly over 1,000 random files, keeps sound with picture, and lasts what they last together', () => {
    const random = chance(5);
    const splicer = new Splicer();
    const last = { video: -1, audio: -1 };
    let wantedMs = 0;
    for (let n = 0; n < 1_000; n++) {
      splicer.beginFile();
      const given = stretch(random, random(2 ** 32));
      wantedMs += given.lengthMs;
      const out = play(splicer, given, random(2 ** 32));
      for (const name of ['video', 'audio'] as const) {
        for (const ms of out[name]) {
          expect(ms).toBeGreaterThan(last[name]);
          last[name] = ms;
        }
      }
      expect(out.video.length + out.audio.length).toBe(given.frames.length);
      const wanted = between(given.frames.find(isSound), given.frames.find(isPicture));
      if (!Number.isNaN(wanted)) expect((out.audio[0] ?? 0) - (out.video[0] ?? 0)).toBe(wanted);
    }
    splicer.beginFile();
    expect(splicer.shiftMs).toBe(wantedMs);
    expect(splicer.counts.nudged).toBe(0);
  });

  it('does the same within a frame where the clock of a file jumps ahead and back in its middle', () => {
    const random = chance(9);
    const splicer = new Splicer();
    const last = { video: -1, audio: -1 };
    for (let n = 0; n < 300; n++) {
      splicer.beginFile();
      for (let part = 0; part < 3; part++) {
        // Far enough from the former part to be a jump, ahead or back.
        const given = stretch(random, (1 + part * (random(2) === 0 ? 1 : -1)) * 4_000_000 + random(1_000_000));
        const out = play(splicer, given, 0);
        for (const name of ['video', 'audio'] as const) {
          for (const ms of out[name]) {
            expect(ms).toBeGreaterThan(last[name]);
            last[name] = ms;
          }
        }
        const wanted = between(given.frames.findLast(isSound), given.frames.findLast(isPicture));
        const got = (out.audio.at(-1) ?? Number.NaN) - (out.video.at(-1) ?? Number.NaN);
        if (!Number.isNaN(wanted)) expect(Math.abs(got - wanted)).toBeLessThanOrEqual(84);
      }
    }
  });
});
