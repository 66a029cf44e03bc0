import { copyFileSync, mkdirSync } from 'node:fs';
import { run } from './child.ts';
import { media } from './ffmpeg.ts';

/** Four files of four seconds, each of another encoding: what they were made from, and their names in `dir`. */
export async function makeFiles(dir: string): Promise<{ made: string[]; names: string[] }> {
  const made = [
    await media({ seconds: 4, bframes: 0 }),
    await media({ seconds: 4, bframes: 2 }),
    await media({ seconds: 4, videoKbit: 400 }),
    await media({ seconds: 4, videoKbit: 500, gop: 50 }),
  ] as const;
  const remux = (from: string, ...to: string[]): Promise<string> =>
    run('ffmpeg', ['-v', 'error', '-y', '-i', from, '-c', 'copy', ...to]);
  mkdirSync(`${dir}/hls`);
  await remux(made[0], '-movflags', '+faststart', `${dir}/faststart.mp4`);
  await remux(made[1], `${dir}/moov-last.mp4`);
  copyFileSync(made[2], `${dir}/plain.flv`);
  const segments = ['-hls_time', '1', '-hls_playlist_type', 'vod', '-hls_segment_filename', `${dir}/hls/%d.ts`];
  await remux(made[3], '-f', 'hls', ...segments, `${dir}/hls/index.m3u8`);
  return { made: [...made], names: ['faststart.mp4', 'moov-last.mp4', 'plain.flv', 'hls/index.m3u8'] };
}
