import { describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { Batch, isHeader, isVideo } from '../packet.ts';
import { box, fragment, MemoryFile, type MovieWish, movie, type TrackWish, u32 } from './box-writer.ts';
import { openMp4 } from './item.ts';

interface Played {
  readonly startMs: number;
  readonly durationMs: number | undefined;
  readonly notes: readonly string[];
  readonly frames: readonly string[];
}

/** Opens the file and plays it in steps of 100 ms; each frame as "v1000" or "a1000". */
async function play(bytes: Buffer, startMs = 0, steps = 2000): Promise<Played> {
  const item = await openMp4(new MemoryFile(bytes), { url: 'film', startMs, signal: new AbortController().signal });
  const frames: string[] = [];
  let state = 'ok';
  const batch = new Batch();
  for (let step = 1; state !== 'end' && step <= steps; step++) {
    batch.clear();
    state = item.read(batch, item.startMs + step * 100);
    for (const { kind, dtsMs } of batch.packets.slice(0, batch.count)) {
      if (!isHeader(kind)) frames.push(`${isVideo(kind) ? 'v' : 'a'}${dtsMs}`);
    }
  }
  return { startMs: item.startMs, durationMs: item.durationMs, notes: item.notes ?? [], frames };
}

async function faultOf(bytes: Buffer, startMs = 0): Promise<string> {
  const error = await play(bytes, startMs).then(
    () => undefined,
    (it: unknown) => it,
  );
  expect(error).toBeInstanceOf(Fault);
  return (error as Fault).message;
}

const VIDEO: TrackWish = { kind: 'video', sizes: [40, 20, 20, 40, 20, 20], each: 100, keys: [1, 4] };
const AUDIO: TrackWish = { kind: 'audio', sizes: [9, 9, 9], each: 200 };
const BOTH: MovieWish = { tracks: [VIDEO, AUDIO] };
const videoOf = ({ frames }: Played): string[] => frames.filter(it => it.startsWith('v'));
const edits = (...rows: readonly (readonly [number, number])[]): Buffer =>
  u32(0, rows.length, ...rows.flatMap(([duration, time]) => [duration, time, 0x1_0000]));

describe('openMp4', () => {
  it.each([false, true])('merges the tracks by decode time, the index behind: %s', async last => {
    const { frames, durationMs } = await play(movie({ ...BOTH, last }));
    expect(frames).toEqual(['v0', 'a0', 'v100', 'v200', 'a200', 'v300', 'v400', 'a400', 'v500']);
    expect(durationMs).toBe(600);
  });

  it('starts at the last key frame before the asked time, and drops the sound before it', async () => {
    const { startMs, frames } = await play(movie(BOTH), 450);
    expect(startMs).toBe(300);
    expect(frames).toEqual(['v300', 'v400', 'a400', 'v500']);
  });

  it('starts sound alone at the frame heard at the asked time, and at its last frame behind the end', async () => {
    const bytes = movie({ tracks: [AUDIO] });
    expect((await play(bytes, 350)).frames).toEqual(['a200', 'a400']);
    expect((await play(bytes, 9_000)).frames).toEqual(['a400']);
  });

  it('moves a track whose edit list delays it, and takes off what stands before its first media time', async () => {
    const delayed = movie({ tracks: [VIDEO, { ...AUDIO, elst: edits([250, -1], [600, 0]) }] });
    expect((await play(delayed)).frames.find(it => it.startsWith('a'))).toBe('a250');
    const primed = movie({ tracks: [VIDEO, { ...AUDIO, elst: edits([600, 30]) }] });
    expect((await play(primed)).frames.slice(0, 2)).toEqual(['a0', 'v30']);
  });

  it('keeps composition times of version 1 behind their decode times', async () => {
    const bytes = movie({ tracks: [{ ...VIDEO, offsets: [0, 100, -100, 0, 100, -100] }] });
    expect(videoOf(await play(bytes))).toEqual(['v0', 'v100', 'v200', 'v300', 'v400', 'v500']);
  });

  it('says what it leaves out when the sound cannot be relayed', async () => {
    const entry = box('ac-3', Buffer.alloc(28));
    const { notes, frames } = await play(movie({ tracks: [VIDEO, { ...AUDIO, entry }] }));
    expect(notes).toEqual(['The sound is left out: the codec "ac-3" cannot be relayed.']);
    expect(frames).toHaveLength(6);
  });

  it.each([
    ['encv', 'encrypted'],
    ['mp4v', '"mp4v"'],
  ])('refuses a picture of %s by name', async (type, named) => {
    const entry = box(type, Buffer.alloc(78));
    expect(await faultOf(movie({ tracks: [{ ...VIDEO, entry }, AUDIO] }))).toContain(named);
  });
});

describe('a file that goes on in fragments', () => {
  const tail = (timeUnits: number): Buffer =>
    fragment({ id: 1, kind: 'video', timeUnits, each: 100, sizes: [40, 20, 20] });
  const bytes = Buffer.concat([movie({ tracks: [VIDEO], mvex: true }), tail(600), tail(900)]);

  it('plays what its tables hold and then its fragments', async () => {
    const played = await play(bytes);
    expect(videoOf(played)).toEqual(Array.from({ length: 12 }, (_, i) => `v${i * 100}`));
    expect(played.durationMs).toBe(undefined);
  });

  it.each([
    [350, 300],
    [700, 600],
    [950, 900],
    [99_000, 900],
  ])('starts at %i ms with the key frame at %i', async (asked, begins) => {
    const played = await play(bytes, asked);
    expect(played.startMs).toBe(begins);
    expect(videoOf(played)[0]).toBe(`v${begins}`);
    expect(videoOf(played).at(-1)).toBe('v1100');
  });
});

describe('starting in fragments', () => {
  const head = movie({ tracks: [{ ...VIDEO, sizes: [] }], mvex: true });
  /** Half a second each; key frames begin every third only, or lie within. */
  const fragments = Array.from({ length: 30 }, (_, i) =>
    fragment({
      id: 1,
      kind: 'video',
      timeUnits: i * 500,
      each: 100,
      sizes: [40, 20, 20, 20, 20],
      keyAt: i % 3 === 0 ? i % 5 : -1,
    }),
  );
  const plain = Buffer.concat([head, ...fragments]);
  const keys = fragments.flatMap((_, i) => (i % 3 === 0 ? [i * 500 + (i % 5) * 100] : []));
  const expected = (asked: number): number => keys.findLast(it => it <= asked) ?? (keys[0] as number);
  const sidx = box(
    'sidx',
    u32(0, 1, 1000, 0, 0, fragments.length),
    ...fragments.map(it => u32(it.length, 500, 0x9000_0000)),
  );
  const places = fragments.map((_, i) => head.length + Buffer.concat(fragments.slice(0, i)).length);
  const tfra = box(
    'tfra',
    u32(0, 1, 0, places.length),
    ...places.map((at, i) => Buffer.concat([u32(i * 500, at), Buffer.of(1, 1, 1)])),
  );
  const mfra = (size: number): Buffer => box('mfra', tfra, box('mfro', u32(0, size)));

  it.each([
    ['no index', plain],
    ['segment indices', Buffer.concat([head, sidx, ...fragments])],
    ['a random access index', Buffer.concat([plain, mfra(mfra(0).length)])],
    [
      'an index that lies',
      Buffer.concat([plain, box('mfra', box('tfra', u32(0, 1, 0, 2, 0, 9, 0, 77)), box('mfro', u32(0, 60)))]),
    ],
  ])('begins with the last key frame before the asked time, by %s', async (_, bytes) => {
    for (const asked of [1, 450, 1499, 1800, 4_000, 7_777, 14_900, 99_000]) {
      const { startMs, frames } = await play(bytes, asked);
      expect(startMs, `asked ${asked}`).toBe(expected(asked));
      expect(frames[0]).toBe(`v${startMs}`);
      expect(frames.at(-1)).toBe('v14900');
    }
  });

  it.each([
    ['segment indices', (count: number) => Buffer.concat([head, longSidx(count), ...long(count)])],
    ['a random access index', (count: number) => Buffer.concat([head, ...long(count), longMfra(count)])],
  ])('looks at few fragments of many, by %s', async (_, make) => {
    const file = new MemoryFile(make(2_000));
    const item = await openMp4(file, { url: 'film', startMs: 990_000, signal: new AbortController().signal });
    expect(item.startMs).toBe(990_000);
    expect(file.reads).toBeLessThan(30);
  });

  const one = (i: number): Buffer => fragment({ id: 1, kind: 'video', timeUnits: i * 500, each: 250, sizes: [40, 20] });
  const long = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => one(i));
  const longSidx = (count: number): Buffer =>
    box('sidx', u32(0, 1, 1000, 0, 0, count), ...long(count).map(it => u32(it.length, 500, 0x9000_0000)));
  const longMfra = (count: number): Buffer => {
    const rows = long(count).map((it, i) =>
      Buffer.concat([u32(i * 500, head.length + i * it.length), Buffer.of(1, 1, 1)]),
    );
    const body = box('tfra', u32(0, 1, 0, count), ...rows);
    return box('mfra', body, box('mfro', u32(0, body.length + 24)));
  };
});

describe('a file of fragments', () => {
  const head = movie({
    tracks: [
      { ...VIDEO, sizes: [] },
      { ...AUDIO, sizes: [] },
    ],
    mvex: true,
  });
  const video = (i: number): Buffer =>
    fragment({ id: 1, kind: 'video', timeUnits: i * 1000, each: 500, sizes: [40, 20] });
  const audio = (i: number): Buffer =>
    fragment({ id: 2, kind: 'audio', timeUnits: i * 1000, each: 500, sizes: [9, 9] });

  it('does not read on to its end for a track that has ended', async () => {
    const many = Array.from({ length: 200 }, (_, i) => video(i));
    const file = new MemoryFile(Buffer.concat([head, video(0), audio(0), ...many.slice(1)]));
    const item = await openMp4(file, { url: 'film', startMs: 0, signal: new AbortController().signal });
    item.read(new Batch(), 2_000);
    // A fragment costs two reads and its mdat one.
    expect(file.reads).toBeLessThan(80);
  });

  it('refuses a crowd of boxes between two fragments', async () => {
    const crowd = Array.from({ length: 100_000 }, () => box('free'));
    expect(await faultOf(Buffer.concat([head, video(0), audio(0), ...crowd, video(1)]))).toContain('"free"');
  });
});

describe('a damaged file', () => {
  it('ends in a fault or is played at every truncation', async () => {
    const whole = movie({ ...BOTH, last: true });
    for (let end = 0; end < whole.length; end++) {
      const error = await play(whole.subarray(0, end)).catch((it: unknown) => it);
      expect(error, `cut at ${end}`).toBeInstanceOf(Fault);
    }
  });

  it('ends in a fault or is played with any byte changed', async () => {
    const whole = movie(BOTH);
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const bytes = Buffer.from(whole);
        bytes[at] = value;
        const error = await play(bytes, 0, 20).catch((it: unknown) => it);
        if (error instanceof Error) expect(error, `${value} at ${at}: ${error.stack}`).toBeInstanceOf(Fault);
      }
    }
  });

  it.each([0, 1_000_000_000])(
    'refuses four thousand million samples of one size, asked to start at %i ms',
    async at => {
      const claims = {
        stsz: u32(0, 1, 0xffff_ffff),
        stts: u32(0, 1, 0xffff_ffff, 1),
        stsc: u32(0, 1, 1, 0xffff_ffff, 1),
      };
      const startedAt = performance.now();
      expect(await faultOf(movie({ tracks: [{ ...VIDEO, instead: claims }] }), at)).toContain('"stsz"');
      expect(performance.now() - startedAt).toBeLessThan(1000);
    },
  );

  it.each(['stts', 'stss', 'stsc', 'stsz', 'stco', 'ctts'])('refuses 10^9 entries claimed by "%s"', async type => {
    const claim = type === 'stsz' ? u32(0, 0, 1_000_000_000) : u32(0, 1_000_000_000, 1, 1, 1);
    expect(await faultOf(movie({ tracks: [{ ...VIDEO, instead: { [type]: claim } }] }))).toContain(`"${type}"`);
  });

  it('is refused when its first picture does not lie where it says', async () => {
    const claim = { stco: u32(0, 1, 4) };
    expect(await faultOf(movie({ tracks: [{ ...VIDEO, instead: claim }] }))).toContain('not made of NAL units');
  });

  it('says where it is cut short', async () => {
    const whole = movie(BOTH);
    expect(await faultOf(whole.subarray(0, whole.length - 30))).toMatch(/ends in the (video|audio) frame at byte \d+/);
  });
});
