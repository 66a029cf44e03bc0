import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../test/lab/child.ts';

/** Seconds between key frames: a relay that waits for one waits at most so long. */
export const GOP_SECONDS = 2;
const FPS = 25;
const KBIT = 2500;

/**
 * One minute of 720p25 H.264 and AAC at 2.64 Mbit/s, made once per machine. `nal-hrd=cbr` fills the test picture, which
 * is far too easy to encode, up to that rate, so that every second of every stream weighs the same.
 */
export async function liveMedia(): Promise<string> {
  const dir = join(tmpdir(), 'millrace-media');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'bench-720p25-2640k-60s.flv');
  if (existsSync(file)) return file;
  const part = `${file}.${process.pid}.part`;
  const gop = String(GOP_SECONDS * FPS);
  await run('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${FPS}`],
    ...['-f', 'lavfi', '-i', "aevalsrc='0.2*sin(440*2*PI*t)+0.1*random(0)':s=48000:c=stereo", '-t', '60'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-nal-hrd', 'cbr', '-g', gop, '-keyint_min', gop],
    ...['-sc_threshold', '0', '-pix_fmt', 'yuv420p', '-b:v', `${KBIT}k`, '-minrate', `${KBIT}k`],
    ...['-maxrate', `${KBIT}k`, '-bufsize', `${KBIT / 2}k`, '-c:a', 'aac', '-b:a', '128k', '-f', 'flv', part],
  ]);
  renameSync(part, file);
  return file;
}
