import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, run } from './child.ts';
import type { Place } from './place.ts';

export interface MediaWish {
  readonly seconds: number;
  readonly size?: string;
  readonly bframes?: number;
  readonly videoKbit?: number;
  readonly gop?: number;
}

const making = new Map<string, Promise<string>>();

/** Generated once per machine and wish: H.264 with B-frames and AAC, no two frames alike. */
export function media(wish: MediaWish): Promise<string> {
  const key = JSON.stringify(wish);
  const file = making.get(key) ?? makeMedia(wish);
  making.set(key, file);
  return file;
}

async function makeMedia(wish: MediaWish): Promise<string> {
  const { seconds, size = '480x270', bframes = 2, videoKbit = 600, gop = 25 } = wish;
  const dir = join(tmpdir(), 'millrace-media');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${seconds}s-${size}-b${bframes}-${videoKbit}k-g${gop}-v2.flv`);
  if (existsSync(file)) return file;
  const part = `${file}.${randomUUID()}.part`;
  const x264 = `bframes=${bframes}:b-adapt=0:keyint=${gop}:min-keyint=${gop}:scenecut=0`;
  await run('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`],
    ...['-f', 'lavfi', '-i', "aevalsrc='0.2*sin(440*2*PI*t)+0.1*random(0)':s=48000:c=stereo", '-t', String(seconds)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', x264, '-pix_fmt', 'yuv420p'],
    ...['-b:v', `${videoKbit}k`, '-maxrate', `${videoKbit}k`, '-bufsize', `${videoKbit}k`],
    // Noise substitution makes what a decoder answers depend on where it began.
    ...['-c:a', 'aac', '-b:a', '96k', '-aac_pns', '0', '-f', 'flv', part],
  ]);
  renameSync(part, file);
  return file;
}

const QUIET = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** Publishes a file at its own pace. */
export function publish(
  place: Place,
  file: string,
  url: string,
  options: { loop?: boolean; offsetSeconds?: number } = {},
): Child {
  const loop = options.loop === true ? ['-stream_loop', '-1'] : [];
  const offset = options.offsetSeconds === undefined ? [] : ['-output_ts_offset', String(options.offsetSeconds)];
  const args = [...QUIET, '-re', ...loop, '-i', file, '-c', 'copy', ...offset, '-f', 'flv', url];
  return place.own(new Child('ffmpeg', args), child => child.stop('SIGKILL'));
}

/** Records a live stream without touching it, until it is stopped or nothing comes any more. */
export function record(
  place: Place,
  url: string,
  file: string,
  options: { quietSeconds?: number; looksMs?: number } = {},
): Child {
  const quiet = String((options.quietSeconds ?? 20) * 1_000_000);
  const flush = ['-flush_packets', '1'];
  // Of a stream without pictures it looks for some for long.
  const looks = options.looksMs === undefined ? [] : ['-analyzeduration', String(options.looksMs * 1_000)];
  const args = [...QUIET, '-rw_timeout', quiet, ...looks, '-i', url, '-c', 'copy', ...flush, '-y', '-f', 'flv', file];
  return place.own(new Child('ffmpeg', args), child => child.stop('SIGKILL'));
}

export interface Frame {
  readonly track: 'video' | 'audio';
  /** In milliseconds, both. */
  readonly dts: number;
  readonly pts: number;
  readonly hash: string;
  /** Monotonic time at which it was seen. */
  readonly at: number;
}

/** Reads ffmpeg's framemd5 output line by line. Which stream is which, and what it counts in, differs. */
function frameReader(): (line: string) => Frame | undefined {
  const tracks = new Map<string, 'video' | 'audio'>();
  const tickMs = new Map<string, number>();
  return line => {
    const told = /^#media_type (\d+): (video|audio)/.exec(line);
    if (told !== null) tracks.set(told[1] ?? '', told[2] as 'video' | 'audio');
    const [, counted = '', ticks, persecond] = /^#tb (\d+): (\d+)\/(\d+)/.exec(line) ?? [];
    if (ticks !== undefined) tickMs.set(counted, (Number(ticks) * 1000) / Number(persecond));
    const [stream = '', dts, pts, , , hash] = line.split(',').map(part => part.trim());
    const track = tracks.get(stream);
    if (line.startsWith('#') || hash === undefined || track === undefined) return undefined;
    const ms = tickMs.get(stream) ?? 1;
    return { track, dts: Number(dts) * ms, pts: Number(pts) * ms, hash, at: performance.now() };
  };
}

export const videoOf = (seen: readonly Frame[]): Frame[] => seen.filter(frame => frame.track === 'video');
export const audioOf = (seen: readonly Frame[]): Frame[] => seen.filter(frame => frame.track === 'audio');

/** The frames of a file: as they are carried (`copy`) or decoded. */
export async function frames(file: string, how: 'copy' | 'decode' = 'copy'): Promise<Frame[]> {
  const codec = how === 'copy' ? ['-c', 'copy'] : ['-fps_mode', 'passthrough'];
  const text = await run('ffmpeg', [...QUIET, '-i', file, ...codec, '-map', '0', '-f', 'framemd5', '-']);
  const read = frameReader();
  return text.split('\n').flatMap(line => read(line) ?? []);
}

/** Plays a live stream and notes every packet's hash as it comes. */
export function watch(place: Place, url: string, tracks: '0' | '0:v' = '0'): { child: Child; seen: Frame[] } {
  const args = [
    ...[...QUIET, '-rw_timeout', '60000000', '-fflags', 'nobuffer', '-probesize', '200000', '-i', url, '-c', 'copy'],
    ...['-map', tracks, '-flush_packets', '1', '-f', 'framemd5', '-'],
  ];
  const child = place.own(new Child('ffmpeg', args), it => it.stop('SIGKILL'));
  const seen: Frame[] = [];
  const read = frameReader();
  child.onLine(line => {
    const frame = read(line);
    if (frame !== undefined) seen.push(frame);
  });
  return { child, seen };
}

export interface Probe {
  readonly streams: readonly {
    readonly codec_name: string;
    readonly codec_type: string;
    readonly start_time: string;
  }[];
}

/** What ffprobe says of a live stream. */
export async function probe(url: string, timeoutMs = 20_000): Promise<Probe> {
  const args = ['-v', 'error', '-rw_timeout', '10000000', '-print_format', 'json', '-show_streams', url];
  return JSON.parse(await run('ffprobe', args, { timeoutMs })) as Probe;
}
