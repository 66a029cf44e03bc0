import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openLocalFile } from '../src/media/file/local-file.ts';
import { box, u32 } from '../src/media/mp4/box-writer.ts';
import { type Box, boxesIn, childrenOf, descend, Fields } from '../src/media/mp4/boxes.ts';
import { openMp4 } from '../src/media/mp4/item.ts';
import { run } from './lab/child.ts';
import { flvOf, playAll } from './lab/packets.ts';
import { Place } from './lab/place.ts';

const RATE = 16_000;
const FRAME_MS = 40;
const GOP_MS = 2000;
/** How far sound may stand from its picture. */
const MOST_APART_MS = 40;
const WINDOW_MS = 150;

/** [from, until] of the film, in ms. */
type Cut = readonly [number, number];

/** Ten seconds of pictures of which no two are alike, and noise, of which no two pieces are. */
async function makeFilm(place: Place, ...video: readonly string[]): Promise<string> {
  const file = place.path('whole.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
  const noise = ['-f', 'lavfi', '-i', 'anoisesrc=color=white:amplitude=0.4:seed=7:sample_rate=48000,lowpass=f=3000'];
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-pix_fmt', 'yuv420p', ...video];
  const aac = ['-c:a', 'aac', '-b:a', '160k', '-aac_pns', '0'];
  await run('ffmpeg', ['-v', 'error', ...picture, ...noise, '-t', '10', ...h264, ...aac, '-y', file]);
  return file;
}

/** The same film, of which its edit lists present these pieces. Its index lies behind the media, which stays in place. */
function cutFilm(file: string, to: string, cuts: readonly Cut[]): void {
  const bytes = readFileSync(file);
  const moov = boxesIn(bytes, 0, bytes.length).find(({ type }) => type === 'moov');
  if (moov === undefined) throw new Error('no moov');
  const children = childrenOf(moov).map(child => (child.type === 'trak' ? cutTrack(child, cuts) : whole(child)));
  writeFileSync(to, Buffer.concat([bytes.subarray(0, moov.start - 8), box('moov', ...children)]));
}

const whole = ({ type, bytes, start, end }: Box): Buffer => box(type, bytes.subarray(start, end));

function cutTrack(trak: Box, cuts: readonly Cut[]): Buffer {
  const mdhd = descend(trak, 'mdia', 'mdhd');
  const elst = descend(trak, 'edts', 'elst');
  if (mdhd === undefined || elst === undefined) throw new Error('ffmpeg wrote no edit list');
  const timescale = new Fields(mdhd).u32(12);
  // What the film itself begins with: reordered pictures, and a decoder's warming up.
  const base = new Fields(elst).u32(12);
  const rows = cuts.flatMap(([from, until]) => [until - from, base + Math.round((from * timescale) / 1000), 0x1_0000]);
  const edts = box('edts', box('elst', u32(0, cuts.length, ...rows)));
  return box('trak', ...childrenOf(trak).map(child => (child.type === 'edts' ? edts : whole(child))));
}

interface Picture {
  readonly ms: number;
  readonly hash: string;
}

/** Every picture that ffmpeg decodes, and when it shows it. */
async function pictures(file: string): Promise<Picture[]> {
  const args = ['-v', 'error', '-i', file, '-map', '0:v', '-fps_mode', 'passthrough', '-enc_time_base', '1/1000'];
  const text = await run('ffmpeg', [...args, '-copyts', '-f', 'framemd5', '-']);
  const rows = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return rows.map(line => {
    const [, , pts, , , hash = ''] = line.split(',').map(it => it.trim());
    return { ms: Number(pts), hash };
  });
}

/** The sound, from time 0 of the file's clock on. */
function soundOf(file: string): Float32Array {
  const filter = 'aresample=async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=mono';
  const args = [
    '-v',
    'error',
    '-copyts',
    '-i',
    file,
    '-map',
    '0:a',
    '-af',
    filter,
    '-ar',
    String(RATE),
    '-f',
    'f32le',
    '-',
  ];
  const bytes = execFileSync('ffmpeg', args, { maxBuffer: 64 * 1024 * 1024 });
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** How much later a piece of `film` is heard in `played` than it should be. */
function latenessMs({
  played,
  atMs,
  film,
  filmMs,
}: {
  played: Float32Array;
  atMs: number;
  film: Float32Array;
  filmMs: number;
}): number {
  const size = (WINDOW_MS * RATE) / 1000;
  const from = Math.round((filmMs * RATE) / 1000);
  const at = Math.round((atMs * RATE) / 1000);
  let best = 0;
  let bestMs = Number.NaN;
  for (let lag = -RATE / 10; lag <= RATE / 10; lag++) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += (played[at + lag + i] ?? 0) * (film[from + i] ?? 0);
    if (sum > best) [best, bestMs] = [sum, (lag * 1000) / RATE];
  }
  return bestMs;
}

async function playToFlv(place: Place, name: string, startMs = 0): Promise<string> {
  const { signal } = new AbortController();
  const bytes = await openLocalFile(`media://${name}`, { mediaDir: place.dir, signal });
  const item = place.own(await openMp4(bytes, { url: place.path(name), startMs, signal }), it => it.close());
  const file = place.path('played.flv');
  writeFileSync(file, flvOf(await playAll(item)));
  return file;
}

interface Slot {
  readonly atMs: number;
  readonly filmMs: number;
  readonly leftMs: number;
  readonly first: boolean;
}

/** What is to be seen at each frame's time, where in the film it is, and how much of its piece is left. */
function slots(cuts: readonly Cut[]): Slot[] {
  let beginMs = 0;
  return cuts.flatMap(([from, until]) => {
    const begin = beginMs;
    beginMs += until - from;
    return Array.from({ length: Math.ceil((until - from) / FRAME_MS) }, (_, i) => {
      const insideMs = i * FRAME_MS;
      return { atMs: begin + insideMs, filmMs: from + insideMs, leftMs: until - from - insideMs, first: i === 0 };
    });
  });
}

const CUTS: Readonly<Record<string, readonly Cut[]>> = {
  'with its middle cut out at key frames': [
    [0, 2000],
    [6000, 8000],
  ],
  'cut between key frames': [
    [1480, 2720],
    [5200, 6360],
    [3600, 4400],
  ],
  'that repeats a piece': [
    [2600, 3400],
    [2600, 3400],
    [2600, 3400],
    [600, 1400],
  ],
  'of many short pieces': Array.from(
    { length: 12 },
    (_, i) => [((i * 2920) % 9000) + 40, ((i * 2920) % 9000) + 520] as const,
  ),
};

describe.each([
  ['reordered pictures', ['-bf', '3', '-b_strategy', '0']],
  ['pictures in order', ['-bf', '0']],
])('a film of %s', (_, video) => {
  it.each(Object.entries(CUTS))('%s shows each picture and plays each sound in its place', async (_, cuts) => {
    await using place = new Place();
    const film = await makeFilm(place, ...video);
    cutFilm(film, place.path('cut.mp4'), cuts);
    const source = await pictures(film);
    const played = await playToFlv(place, 'cut.mp4');
    const shown = await pictures(played);
    const zeroMs = zeroOf(shown, source, cuts);
    const wanted = slots(cuts);
    const seen = wanted.map(({ atMs }) => ({
      atMs,
      filmMs: source.find(({ hash }) => hash === seenAt(shown, zeroMs + atMs))?.ms,
    }));
    const wrong = seen.filter(({ filmMs }, i) => filmMs !== wanted[i]?.filmMs && !givesWay(wanted, i));
    expect(wrong).toEqual([]);
    expect(
      soundErrors(soundOf(played), zeroMs, soundOf(film), cuts).filter(ms => !(Math.abs(ms) <= MOST_APART_MS)),
    ).toEqual([]);
  });
});

/** What ffmpeg copies from a second on that lies between two key frames begins with the one before, behind an edit. */
describe('a film that ffmpeg has cut without coding it anew', () => {
  it.each([
    ['reordered pictures', ['-bf', '3', '-b_strategy', '0']],
    ['pictures in order', ['-bf', '0']],
  ])('of %s shows what ffmpeg shows of it', async (_, video) => {
    await using place = new Place();
    const film = await makeFilm(place, ...video);
    const cut = place.path('cut.mp4');
    await run('ffmpeg', ['-v', 'error', '-ss', '1.32', '-i', film, '-t', '5', '-c', 'copy', '-y', cut]);
    const judged = await pictures(cut);
    const played = await playToFlv(place, 'cut.mp4');
    const shown = await pictures(played);
    const zeroMs = (shown.find(({ hash }) => hash === judged[0]?.hash)?.ms ?? 0) - (judged[0]?.ms ?? 0);
    const mine = shown.filter(({ ms }) => ms >= zeroMs).map(({ ms, hash }) => ({ ms: ms - zeroMs, hash }));
    expect(mine).toEqual(judged);
    expect(zeroMs).toBeLessThanOrEqual(3 * FRAME_MS);
    const [errorMs = Number.NaN] = soundErrors(soundOf(played), zeroMs, soundOf(film), [[1320, 6320]]);
    expect(Math.abs(errorMs)).toBeLessThanOrEqual(MOST_APART_MS);
  });
});

/** Whether what is decoded in front of the next cut takes this picture's time. */
function givesWay(wanted: readonly Slot[], i: number): boolean {
  const next = wanted.find(({ first }, at) => at > i && first);
  const leadInMs = ((next?.filmMs ?? 0) % GOP_MS) / FRAME_MS;
  return next !== undefined && (wanted[i]?.leftMs ?? 0) <= leadInMs;
}

/** By how much the sound in the middle of each piece is late against its pictures. */
function soundErrors(played: Float32Array, zeroMs: number, film: Float32Array, cuts: readonly Cut[]): number[] {
  let beginMs = zeroMs;
  return cuts.map(([from, until]) => {
    const middleMs = (until - from - WINDOW_MS) / 2;
    const atMs = beginMs + middleMs;
    beginMs += until - from;
    return latenessMs({ played, atMs, film, filmMs: from + middleMs });
  });
}

/** What is on the screen a moment after the time. */
const seenAt = (shown: readonly Picture[], ms: number): string | undefined =>
  shown.findLast(picture => picture.ms <= ms + 3)?.hash;

/** Where the presentation begins on the clock of what was played. */
function zeroOf(shown: readonly Picture[], source: readonly Picture[], [[first] = [0, 0]]: readonly Cut[]): number {
  const hash = source.find(({ ms }) => ms === first)?.hash;
  return shown.find(picture => picture.hash === hash)?.ms ?? Number.NaN;
}
