import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../test/lab/child.ts';

/** Seconds between key frames: a relay that waits for one waits at most so long. */
export const GOP_SECONDS = 2;
const FPS = 25;
const KBIT = 2500;
const MINUTE_SECONDS = 60;

/** Which encoding of the minute is wanted. */
interface Encoding {
  readonly name: string;
  readonly bframes: number;
  readonly options: readonly string[];
}

/**
 * One minute of 720p25 H.264 and AAC at 2.64 Mbit/s, made once per machine. `nal-hrd=cbr` fills the test picture, which
 * is far too easy to encode, up to that rate, so that every second of every stream weighs the same.
 */
export const liveMedia = (): Promise<string> =>
  makeMinute({ name: 'bench-720p25-2640k-60s.flv', bframes: 0, options: ['-f', 'flv'] });

/** The same minute as a file to be played, with B-frames and its index in front. */
export const fileMedia = (): Promise<string> =>
  makeMinute({
    name: 'bench-720p25-2640k-60s-b2.mp4',
    bframes: 2,
    options: ['-movflags', '+faststart', '-f', 'mp4'],
  });

async function makeMinute({ name, bframes, options }: Encoding): Promise<string> {
  const dir = join(tmpdir(), 'millrace-media');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, name);
  if (existsSync(file)) return file;
  const part = `${file}.${process.pid}.part`;
  const gop = String(GOP_SECONDS * FPS);
  await run('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${FPS}`],
    ...[
      '-f',
      'lavfi',
      '-i',
      "aevalsrc='0.2*sin(440*2*PI*t)+0.1*random(0)':s=48000:c=stereo",
      '-t',
      String(MINUTE_SECONDS),
    ],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-nal-hrd', 'cbr', '-g', gop, '-keyint_min', gop],
    ...['-bf', String(bframes), '-sc_threshold', '0', '-pix_fmt', 'yuv420p', '-b:v', `${KBIT}k`],
    ...['-minrate', `${KBIT}k`, '-maxrate', `${KBIT}k`, '-bufsize', `${KBIT / 2}k`],
    ...['-c:a', 'aac', '-b:a', '128k', ...options, part],
  ]);
  renameSync(part, file);
  return file;
}

/** RTMP chunk heads and FLV heads: what a packet takes beyond its own bytes, about. */
const PACKET_OVERHEAD = 16;

/** Bytes a second of the file take on their way to a server, on average. */
export async function bytesPerSecond(file: string): Promise<number> {
  const show = ['-show_entries', 'packet=size', '-of', 'csv=p=0'];
  const sizes = (await run('ffprobe', ['-v', 'error', ...show, file]))
    .split('\n')
    .map(line => Number.parseInt(line, 10));
  const known = sizes.filter(Number.isFinite);
  return known.reduce((sum, size) => sum + size + PACKET_OVERHEAD, 0) / MINUTE_SECONDS;
}
