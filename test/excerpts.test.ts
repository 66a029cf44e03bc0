import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Points } from '../src/media/excerpt.ts';
import { Fault } from '../src/media/fault.ts';
import type { Item } from '../src/media/item.ts';
import { Dialler } from '../src/media/net.ts';
import { openItem } from '../src/media/open-item.ts';
import type { TrackChoice } from '../src/media/tracks.ts';
import { run } from './lab/child.ts';
import { media } from './lab/ffmpeg.ts';
import { audioIn, byteStreamOf, ctsOf, flvOf, type Kept, playAll, videoIn } from './lab/packets.ts';
import { Place } from './lab/place.ts';

const FRAME_MS = 40;
const KEY_MS = 2_000;
const SECONDS = 6;
/** Pictures between two that others refer to. */
const BFRAMES = 3;
const QUIET = ['-v', 'error', '-y'];
const place = new Place();
/** Of each picture of the source, in the order in which they are shown. */
let pictures: string[] = [];

beforeAll(async () => {
  const source = await media({ seconds: SECONDS, gop: 50, bframes: BFRAMES, size: '320x180' });
  const make = (...args: readonly string[]) => run('ffmpeg', [...QUIET, '-i', source, ...args]);
  const copy = ['-c', 'copy'];
  mkdirSync(place.path('hls'));
  await make(...copy, place.path('film.ts'));
  await make(...copy, place.path('film.mkv'));
  await make(...copy, '-flvflags', 'add_keyframe_index', place.path('film.flv'));
  await make(...copy, place.path('film.mp4'));
  await make(...copy, '-movflags', 'frag_keyframe+empty_moov', place.path('parts.mp4'));
  await make(...copy, '-f', 'hls', '-hls_time', '2', '-hls_list_size', '0', place.path('hls/film.m3u8'));
  pictures = await shown(source);
}, 120_000);

afterAll(() => place[Symbol.asyncDispose]());

interface Wish {
  readonly startMs?: number;
  readonly points?: Points;
  readonly tracks?: TrackChoice;
}

async function open(name: string, { points = {}, startMs = points.inMs ?? 0, tracks = {} }: Wish): Promise<Item> {
  const where = { dialler: new Dialler({ preset: 'lab' }), mediaDir: place.dir, signal: AbortSignal.timeout(20_000) };
  return place.own(await openItem(`media://${name}`, { ...where, startMs, points, tracks }), item => item.close());
}

const faultOf = (name: string, wish: Wish): Promise<Fault> =>
  open(name, wish).then(
    () => Promise.reject(new Error('it was opened')),
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error)),
  );

/** Hashes of the decoded pictures. Fails where the decoder finds anything wrong. */
async function shown(file: string): Promise<string[]> {
  expect(await run('ffmpeg', [...QUIET, '-xerror', '-i', file, '-f', 'null', '-'])).toBe('');
  const pictures = ['-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const lines = (await run('ffmpeg', [...QUIET, '-i', file, ...pictures])).split('\n');
  return lines.filter(line => /^0,/.test(line)).map(line => line.split(',').at(-1)?.trim() ?? '');
}

async function shownOf(kept: readonly Kept[]): Promise<string[]> {
  const file = place.path('played.flv');
  writeFileSync(file, flvOf(kept));
  return shown(file);
}

const CONTAINERS = {
  MP4: 'film.mp4',
  'MP4 in fragments': 'parts.mp4',
  FLV: 'film.flv',
  'a transport stream': 'film.ts',
  HLS: 'hls/film.m3u8',
  Matroska: 'film.mkv',
} as const;

describe.each(Object.entries(CONTAINERS))('an excerpt of %s', (_, name) => {
  it.each([
    { inMs: 0, outMs: 4_000 },
    { inMs: 2_000, outMs: 4_000 },
    { inMs: 2_000, outMs: undefined },
    { inMs: 4_000, outMs: 60_000 },
  ])('between key frames is exact: $inMs to $outMs ms', async points => {
    const kept = await playAll(await open(name, { points }));
    const end = Math.min(points.outMs ?? SECONDS * 1000, SECONDS * 1000);
    expect(await shownOf(kept)).toEqual(pictures.slice(points.inMs / FRAME_MS, end / FRAME_MS));
  });

  it.each([80, 1_000, 3_040, 3_080, 3_120, 3_160, 5_959])(
    'shows nothing behind its out point, and all but B-frames in front of it: %i ms',
    async outMs => {
      const kept = await playAll(await open(name, { points: { outMs } }));
      const seen = await shownOf(kept);
      const most = Math.ceil(outMs / FRAME_MS);
      expect(seen.length).toBeLessThanOrEqual(most);
      expect(seen.length).toBeGreaterThanOrEqual(most - BFRAMES);
      expect(seen).toEqual(pictures.slice(0, seen.length));
      const video = videoIn(kept);
      const delayMs = ctsOf(video[0] as Kept);
      const pictureEndMs = Math.max(...video.map(frame => frame.dtsMs + ctsOf(frame))) + FRAME_MS;
      const soundEndMs = (audioIn(kept).at(-1)?.dtsMs ?? 0) + 22;
      expect(pictureEndMs - delayMs).toBeLessThanOrEqual(outMs + FRAME_MS);
      expect(Math.abs(soundEndMs - pictureEndMs)).toBeLessThanOrEqual(FRAME_MS);
    },
  );

  it('begins at the key frame before its in point', async () => {
    const item = await open(name, { points: { inMs: 3_900, outMs: 4_000 } });
    expect(Math.abs(item.startMs - KEY_MS)).toBeLessThanOrEqual(80);
    const seen = await shownOf(await playAll(item));
    // What ffmpeg reads from the middle is late or early by what its pictures are reordered.
    expect(Math.abs(seen.length - 50)).toBeLessThanOrEqual(name === 'film.mkv' ? 2 : 0);
    expect(seen).toEqual(pictures.slice(50, 50 + seen.length));
  });
});

describe('an excerpt', () => {
  it('that is gone on with behind its out point plays its last pictures again', async () => {
    const item = await open('film.mp4', { startMs: 5_000, points: { outMs: 4_000 } });
    expect(await shownOf(await playAll(item))).toEqual(pictures.slice(50, 100));
  });

  it('of H.265 is decoded without an error', async () => {
    const file = place.path('hevc.mp4');
    const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25:bframes=3'];
    await run('ffmpeg', [...QUIET, '-i', place.path('film.mp4'), '-t', '3', ...x265, '-tag:v', 'hvc1', file]);
    const whole = await shown(file);
    for (const outMs of [1_000, 1_500, 1_900]) {
      writeFileSync(
        place.path('part.hevc'),
        byteStreamOf(await playAll(await open('hevc.mp4', { points: { outMs } }))),
      );
      const seen = await shown(place.path('part.hevc'));
      expect(seen.length).toBeGreaterThanOrEqual(Math.ceil(outMs / FRAME_MS) - BFRAMES);
      expect(seen).toEqual(whole.slice(0, seen.length));
    }
  });

  it('is refused where the file ends before it', async () => {
    const fault = await faultOf('film.mp4', { points: { inMs: 7_000, outMs: 9_000 } });
    expect(fault.message).toMatch(
      /^nothing of the file is to be played: it ends at 6\.\d+ s, before its in point at 7\.000 s$/,
    );
  });

  it('tells where it ends', async () => {
    expect((await open('film.mp4', { points: { inMs: 1_000, outMs: 3_500 } })).durationMs).toBe(3_500);
  });
});

describe('a choice of tracks', () => {
  const sounds = ['440', '880', '1760'];

  beforeAll(async () => {
    const source = place.path('film.mp4');
    const tones = sounds.flatMap(hz => ['-f', 'lavfi', '-i', `sine=frequency=${hz}:sample_rate=48000`]);
    const maps = ['-map', '0:v', '-map', '0:v', ...sounds.flatMap((_, i) => ['-map', `${i + 1}:a`])];
    // The second picture is another one: two seconds later.
    const args = [...QUIET, '-i', source, ...tones, ...maps, '-t', '4', '-c:v', 'copy', '-c:a', 'aac'];
    for (const name of ['many.mp4', 'many.ts', 'many.mkv']) await run('ffmpeg', [...args, place.path(name)]);
    await run('ffmpeg', [...args, '-f', 'hls', '-hls_list_size', '0', place.path('hls/many.m3u8')]);
  }, 60_000);

  /** The tone that is heard, in Hz. */
  async function toneOf(kept: readonly Kept[]): Promise<number> {
    const file = place.path('tone.flv');
    writeFileSync(file, flvOf(kept));
    const pcm = place.path('tone.pcm');
    await run('ffmpeg', [...QUIET, '-i', file, '-map', '0:a', '-ac', '1', '-ar', '48000', '-f', 's16le', pcm]);
    const samples = new Int16Array(readFileSync(pcm).buffer.slice(0)).slice(24_000, 72_000);
    return samples.filter((value, i) => value >= 0 && (samples[i - 1] ?? 0) < 0).length;
  }

  it.each(['many.mp4', 'many.ts', 'many.mkv', 'hls/many.m3u8'])('plays the sound that is asked for: %s', async name => {
    for (const [audio, hz] of sounds.entries()) {
      const kept = await playAll(await open(name, { tracks: { audio } }));
      expect(Math.abs((await toneOf(kept)) - Number(hz))).toBeLessThanOrEqual(5);
    }
  });

  it.each(['many.mp4', 'many.ts', 'many.mkv', 'hls/many.m3u8', 'film.flv'])(
    'is refused by name where it is not there: %s',
    async name => {
      const fault = await faultOf(name, { tracks: { audio: 7 } });
      expect(fault).toMatchObject({ side: 'pull', kind: 'unsupported' });
      expect(fault.message).toContain('no audio track 7');
      expect((await faultOf(name, { tracks: { video: 4 } })).message).toContain('no video track 4');
    },
  );
});

describe('sound that cannot be relayed', () => {
  const CODECS = {
    'ac3.mp4': 'ac3',
    'ac3.ts': 'ac3',
    'mp2.ts': 'mp2',
    'eac3.ts': 'eac3',
    'dts.ts': 'dca',
    'latm.ts': 'aac',
  } as const;
  const OF_MATROSKA = {
    'ac3.mkv': 'ac3',
    'vorbis.mkv': 'libvorbis',
    'pcm.mkv': 'pcm_s16le',
    'flac.mkv': 'flac',
  } as const;
  const ALL = { ...CODECS, ...OF_MATROSKA };

  beforeAll(async () => {
    for (const [name, codec] of Object.entries(ALL)) {
      const latm = name === 'latm.ts' ? ['-mpegts_flags', 'latm'] : [];
      const args = ['-t', '2', '-c:v', 'copy', '-c:a', codec, '-strict', '-2', ...latm];
      await run('ffmpeg', [...QUIET, '-i', place.path('film.mp4'), ...args, place.path(name)]);
    }
    const hls = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '0', '-hls_flags', 'independent_segments'];
    const streams = ['-var_stream_map', 'v:0,agroup:sound a:0,agroup:sound', '-master_pl_name', 'apart.m3u8'];
    const apart = ['-map', '0:v', '-map', '0:a', '-c:v', 'copy', '-c:a', 'ac3', ...hls, ...streams];
    await run('ffmpeg', [...QUIET, '-i', place.path('film.mp4'), ...apart, place.path('hls/apart%v.m3u8')]);
  }, 60_000);

  it.each([...Object.keys(ALL), 'hls/apart.m3u8'])('leaves the picture, and is told of: %s', async name => {
    const item = await open(name, {});
    const kept = await playAll(item);
    expect(audioIn(kept)).toEqual([]);
    expect(item.notes).toEqual([expect.stringMatching(/^The sound is left out: .+ cannot be relayed.*\.$/)]);
    // Where a copy was cut, its last pictures want others.
    expect((await shownOf(kept)).slice(0, 48)).toEqual(pictures.slice(0, 48));
  });

  it.each(['ac3.ts', 'ac3.mp4'])('is no reason to take it where there is other sound: %s', async name => {
    const both = place.path(`both-${name}`);
    const sound = place.path('film.mp4');
    const maps = ['-map', '0:v', '-map', '0:a', '-map', '1:a', '-c', 'copy'];
    await run('ffmpeg', [...QUIET, '-i', place.path(name), '-i', sound, ...maps, '-t', '2', both]);
    const item = await open(`both-${name}`, {});
    expect(audioIn(await playAll(item)).length).toBeGreaterThan(80);
    expect(item.notes).toEqual([]);
  });

  it.each(['ac3.ts', 'mp2.ts', 'ac3.mp4', 'ac3.mkv'])('alone is refused: %s', async name => {
    const alone = `alone-${name}`;
    await run('ffmpeg', [...QUIET, '-i', place.path(name), '-vn', '-c', 'copy', place.path(alone)]);
    expect(await faultOf(alone, {})).toMatchObject({ side: 'pull', kind: 'unsupported' });
  });
});

it('a picture that cannot be relayed is refused beside good sound, whatever the container', async () => {
  for (const name of ['old.ts', 'old.mkv', 'old.mp4']) {
    const args = ['-t', '2', '-c:v', name === 'old.mp4' ? 'mpeg4' : 'mpeg2video', '-c:a', 'copy'];
    await run('ffmpeg', [...QUIET, '-i', place.path('film.mp4'), ...args, place.path(name)]);
    const fault = await faultOf(name, {});
    expect(fault).toMatchObject({ kind: 'unsupported' });
    expect(fault.message).toContain('cannot be relayed');
  }
});
