import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { Child, run } from './child.ts';
import { Web } from './counted-files.ts';
import { publish } from './ffmpeg.ts';
import { serveFiles } from './file-server.ts';
import { Nginx } from './nginx.ts';
import { freeUdpPort, type Place } from './place.ts';
import { RtspReflector } from './rtsp-reflector.ts';
import { until } from './wait.ts';

export const FPS = 25;

export const QUIET = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
const PICTURE = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${FPS}`];
const SOUND = ['-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];
const H265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=25:bframes=2'];
const AAC = ['-c:a', 'aac', '-ac', '2'];

const SETS = {
  'H.264 and AAC': [...PICTURE, ...SOUND, ...H264, ...AAC],
  'H.265 and AAC': [...PICTURE, ...SOUND, ...H265, ...AAC],
  'H.264 alone': [...PICTURE, ...H264],
  'AAC alone': [...SOUND, ...AAC],
} as const;
export type SetName = keyof typeof SETS;
export const ALL = Object.keys(SETS) as SetName[];
/** The ffmpeg of Debian 12 has no enhanced RTMP, so it can neither send H.265 in FLV nor play it. */
const WITHOUT_H265 = ALL.filter(name => !name.startsWith('H.265'));

/** A source made by programs that are not ours, which plays the scene at its pace; answers its address. */
type Serve = (place: Place, file: string) => Promise<string>;

const looped = (file: string, ...to: readonly string[]): string[] => [
  ...[...QUIET, '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy', ...to],
];

/** A protocol of sources. */
export interface ForeignSource {
  readonly sets: readonly SetName[];
  readonly serve: Serve;
  /** To how many it can be played. */
  readonly pullers?: 1;
}

/** Sources of each protocol, made by programs that are not ours. */
export const SOURCES: Readonly<Record<'RTMP' | 'HTTP-FLV' | 'HLS' | 'RTSP' | 'SRT', ForeignSource>> = {
  RTMP: {
    sets: WITHOUT_H265,
    serve: async (place, file) => {
      const nginx = await Nginx.start(place);
      publish(place, file, nginx.url('src'), { loop: true });
      await until('it is published', async () => (await nginx.streams()).has('src'));
      return nginx.url('src');
    },
  },
  'HTTP-FLV': {
    sets: WITHOUT_H265,
    serve: async (place, file) => {
      const web = await Web.start(place);
      return web.put('/live.flv', (_, response) => {
        const encoder = spawn('ffmpeg', looped(file, '-f', 'flv', '-'), { stdio: ['ignore', 'pipe', 'ignore'] });
        place.own(encoder, it => it.kill('SIGKILL'));
        response.writeHead(200, { 'content-type': 'video/x-flv' });
        encoder.stdout.pipe(response);
      });
    },
  },
  HLS: {
    sets: ALL,
    serve: async (place, file) => {
      const dir = place.path('hls');
      mkdirSync(dir);
      const hls = [
        '-f',
        'hls',
        '-hls_time',
        '2',
        '-hls_list_size',
        '6',
        '-hls_flags',
        'delete_segments',
        `${dir}/list.m3u8`,
      ];
      place.own(new Child('ffmpeg', looped(file, ...hls)), child => child.stop('SIGKILL'));
      const base = await serveFiles(place, dir);
      await until('the list is there', () => existsSync(`${dir}/list.m3u8`));
      return `${base}/list.m3u8`;
    },
  },
  RTSP: {
    sets: ALL,
    serve: async (place, file) => {
      const reflector = await RtspReflector.start(place);
      const to = ['-f', 'rtsp', '-rtsp_transport', 'tcp', reflector.url];
      place.own(new Child('ffmpeg', looped(file, ...to)), child => child.stop('SIGKILL'));
      await until('it is published', () => reflector.isPublished);
      return reflector.url;
    },
  },
  SRT: {
    sets: ALL,
    pullers: 1,
    serve: async (place, file) => {
      const port = await freeUdpPort();
      const to = ['-f', 'mpegts', `srt://127.0.0.1:${port}?mode=listener`];
      place.own(new Child('ffmpeg', looped(file, ...to)), child => child.stop('SIGKILL'));
      return `srt://127.0.0.1:${port}`;
    },
  },
};

const scenes = new Map<SetName, Promise<string>>();

/** Twenty seconds of it, made once for all. */
export function scene(studio: Place, set: SetName): Promise<string> {
  const file = studio.path(`${ALL.indexOf(set)}.mp4`);
  const making = scenes.get(set) ?? run('ffmpeg', [...QUIET, ...SETS[set], '-t', '20', file]).then(() => file);
  scenes.set(set, making);
  return making;
}
