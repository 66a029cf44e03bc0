import { describe, expect, it } from 'vitest';
import { Batch } from '../packet.ts';
import { Clocks } from './clocks.ts';
import { RtpHead, readRtp } from './rtp.ts';
import { rtp } from './scripted-server.ts';
import { parseSdp } from './sdp.ts';
import { chooseTracks } from './tracks.ts';
import { VideoTrack } from './video.ts';

const SPS = '674d400deca0a0fd80880000030008000003019078a14cb0';
const PPS = '68ebecb22c';
const KEY = '6588aa';
const INTER = '419abb';
const REST = '410abb';
const FRAME = 3600;

/** A picture in one packet. */
interface Step {
  readonly units: readonly string[];
  readonly at: number;
  readonly lost?: boolean;
  /** Of the last of its packets. */
  readonly marker?: boolean;
}

function trackOf(parameters = ''): VideoTrack {
  const sdp = parseSdp(`m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 ${parameters}\n`);
  const [chosen] = chooseTracks(sdp, 'it').tracks;
  if (chosen?.kind !== 'video') throw new Error('no video');
  return new VideoTrack(chosen.format, new Clocks(() => 0).add(chosen.rate), chosen);
}

interface Shown {
  readonly kind: string;
  readonly dtsMs: number;
  readonly body: string;
}

function play(track: VideoTrack, steps: readonly Step[]): Shown[] {
  const into = new Batch();
  for (const { units, at, lost = false, marker = true } of steps) {
    for (const [i, unit] of units.entries()) {
      const isLast = i === units.length - 1;
      const bytes = rtp({ sequence: 1, timestamp: at, marker: marker && isLast }, Buffer.from(unit, 'hex'));
      const head = new RtpHead();
      readRtp(bytes, 0, bytes.length, head);
      track.take(bytes, head, lost && i === 0, into);
    }
  }
  return into.packets.slice(0, into.count).map(packet => ({
    ...{ kind: packet.kind, dtsMs: packet.dtsMs },
    body: packet.copyPayload().toString('hex'),
  }));
}

const kinds = (shown: readonly Shown[]): string[] => shown.map(({ kind }) => kind);

describe('pictures over RTP', () => {
  it('become length-prefixed units behind a codec header', () => {
    const [header, key, inter] = play(trackOf(), [
      { units: [SPS, PPS, KEY], at: 0 },
      { units: ['4130', INTER].slice(1), at: FRAME },
    ]);
    expect(header?.kind).toBe('videoHeader');
    expect(header?.body.startsWith('1700000000014d400dffe10018674d400d')).toBe(true);
    expect(key).toMatchObject({ kind: 'key', dtsMs: 59_920, body: `170100005000000003${KEY}` });
    expect(inter).toMatchObject({ kind: 'inter', dtsMs: 59_960, body: `270100005000000003${INTER}` });
  });

  it('have the header that the session told where none comes with them', () => {
    const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
    const track = trackOf(`sprop-parameter-sets=${base64(SPS)},${base64(PPS)}`);
    expect(kinds(play(track, [{ units: [KEY], at: 0 }]))).toEqual(['videoHeader', 'key']);
  });

  it('are nothing to start with while no header is known', () => {
    expect(play(trackOf('sprop-parameter-sets=garbage,@@@'), [{ units: [KEY], at: 0 }])).toEqual([]);
  });

  it('have a header once, and again where it changes', () => {
    const other = '68ebecb22d';
    const steps = [PPS, PPS, other].map((pps, n) => ({ units: [SPS, pps, KEY], at: n * FRAME }));
    expect(kinds(play(trackOf(), steps))).toEqual(['videoHeader', 'key', 'key', 'videoHeader', 'key']);
  });

  it('keep a set that changes between key frames where it stands', () => {
    const other = '68ebecb22d';
    const shown = play(trackOf(), [
      { units: [SPS, PPS, KEY], at: 0 },
      { units: [other, INTER], at: FRAME },
    ]);
    expect(shown[2]?.body).toBe(`270100005000000005${other}00000003${INTER}`);
  });

  it('leave delimiters out and keep messages', () => {
    const shown = play(trackOf(), [{ units: ['09f0', SPS, PPS, '0605aa80', KEY], at: 0 }]);
    expect(shown[1]?.body).toBe(`1701000050000000040605aa8000000003${KEY}`);
  });

  it('end where the time changes, if the marker is missing', () => {
    const steps = [KEY, INTER, INTER].map((slice, n) => ({ units: [SPS, PPS, slice], at: n * FRAME, marker: false }));
    expect(kinds(play(trackOf(), steps))).toEqual(['videoHeader', 'key', 'inter']);
  });

  it('are one where a marker stands on each of their slices', () => {
    const slice = (unit: string, at: number): Step => ({ units: [unit], at });
    const twoSlices = (n: number): Step[] => [slice('6588aa', n * FRAME), slice('6508aa', n * FRAME)];
    const track = trackOf();
    const shown = play(track, [{ units: [SPS, PPS], at: 0, marker: false }, ...[0, 1, 2, 3].flatMap(twoSlices)]);
    // The first went out by its marker; from the second on only times are believed.
    expect(shown.at(-1)?.body).toBe('1701000050000000036588aa000000036508aa');
    expect(track.dropped).toBe(1);
  });
});

describe('what is missing', () => {
  const start: Step = { units: [SPS, PPS, KEY], at: 0 };

  it('costs pictures up to the next key frame', () => {
    const track = trackOf();
    const shown = play(track, [
      start,
      { units: [INTER], at: FRAME },
      { units: [INTER], at: 3 * FRAME, lost: true },
      { units: [INTER], at: 4 * FRAME },
      { units: [KEY], at: 5 * FRAME },
      { units: [INTER], at: 6 * FRAME },
    ]);
    expect(kinds(shown)).toEqual(['videoHeader', 'key', 'inter', 'key', 'inter']);
    expect(track.dropped).toBe(2);
  });

  it('costs a key frame whose first slice it was', () => {
    const shown = play(trackOf(), [
      start,
      { units: ['6508aa'], at: FRAME, lost: true },
      { units: [KEY], at: 2 * FRAME },
    ]);
    expect(shown.map(({ kind, dtsMs }) => [kind, dtsMs]).at(-1)).toEqual(['key', 60_000]);
    expect(kinds(shown)).toEqual(['videoHeader', 'key', 'key']);
  });

  it('costs the picture it is in the middle of', () => {
    const shown = play(trackOf(), [
      start,
      { units: [KEY], at: FRAME, marker: false },
      { units: [REST], at: FRAME, lost: true },
      { units: [KEY], at: 2 * FRAME },
    ]);
    expect(kinds(shown)).toEqual(['videoHeader', 'key', 'key']);
  });

  it('costs a picture whose fragment was not whole', () => {
    const shown = play(trackOf(), [
      start,
      { units: ['7c81aa', '7c01bb'], at: FRAME },
      { units: ['7c41bb'], at: 2 * FRAME },
      { units: [INTER], at: 3 * FRAME },
      { units: ['7c859a', '7c45bb'], at: 4 * FRAME },
    ]);
    expect(kinds(shown)).toEqual(['videoHeader', 'key', 'key']);
    expect(shown.at(-1)?.body).toContain('659abb');
  });
});

it('takes pictures of many fragments, one behind the other', () => {
  const part = 'ab'.repeat(1_300);
  const steps = Array.from({ length: 60 }, (_, n) => {
    const middle = Array.from({ length: n }, () => `7c05${part}`);
    return { units: [SPS, PPS, `7c85${part}`, ...middle, `7c45${part}`], at: n * FRAME };
  });
  const shown = play(trackOf(), steps).filter(({ kind }) => kind === 'key');
  expect(shown.map(({ body }) => body.length / 2)).toEqual(steps.map((_, n) => 9 + 1 + 1_300 * (n + 2)));
});

it('takes whatever comes without harm', () => {
  let seed = 3;
  const dice = (sides: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % sides;
  };
  const heads = ['67', '68', '65', '41', '78', '7c85', '7c05', '7c45', '06', '00000001', '19', '1d'];
  const steps = Array.from({ length: 2_000 }, () => ({
    units: [
      `${heads[dice(heads.length)]}${Buffer.from(Array.from({ length: dice(12) }, () => dice(256))).toString('hex')}`,
    ],
    ...{ at: dice(2 ** 32), lost: dice(10) === 0, marker: dice(3) === 0 },
  }));
  const shown = play(trackOf(), [{ units: [SPS, PPS, KEY], at: 0 }, ...steps]);
  expect(shown.length).toBeGreaterThan(0);
});
