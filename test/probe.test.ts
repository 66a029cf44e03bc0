import { afterAll, describe, expect, it } from 'vitest';
import { monotonic } from '../src/media/clock.ts';
import { Fault } from '../src/media/fault.ts';
import { Dialler } from '../src/media/net.ts';
import { type Probed, probePush, probeUrl } from '../src/media/probe-url.ts';
import { sleep } from '../src/worker/sleep.ts';
import { run } from './lab/child.ts';
import { media } from './lab/ffmpeg.ts';
import { FPS, SOURCES, scene } from './lab/foreign-sources.ts';
import { Nginx } from './lab/nginx.ts';
import { isBound, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const options = {
  dialler: new Dialler({ preset: 'lab' }),
  signal: new AbortController().signal,
  now: monotonic,
  sleep,
} as const;

const SCENE = { seconds: 20, size: '640x360', bframes: 2, videoKbit: 900 } as const;
const MOST_MS = 5_000;

interface Told {
  readonly streams: readonly Readonly<Record<string, string | number>>[];
  readonly format: { readonly bit_rate: string };
}

/** What a foreign program says of the file that all of them play. */
async function ffprobe(file: string): Promise<Told> {
  return JSON.parse(
    await run('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', file]),
  ) as Told;
}

const CODECS: Readonly<Record<string, string>> = { h264: 'H.264', hevc: 'H.265', aac: 'AAC' };

async function expectAlike(probed: Probed, file: string): Promise<void> {
  const { streams, format } = await ffprobe(file);
  const [video, audio] = ['video', 'audio'].map(kind => streams.find(({ codec_type }) => codec_type === kind));
  const size = video && { codec: CODECS[video.codec_name ?? ''], width: video.width, height: video.height };
  const sound = audio && { sampleRate: Number(audio.sample_rate), channels: Number(audio.channels) };
  if (size === undefined) expect(probed.video).toBeUndefined();
  else expect(probed.video).toMatchObject({ ...size, fps: FPS });
  if (sound === undefined) expect(probed.audio).toBeUndefined();
  else expect(probed.audio).toMatchObject({ codec: CODECS[audio?.codec_name ?? ''], ...sound });
  if (probed.kind === 'file') return;
  if (video) expect(probed.video?.bFrames).toBe(Number(video.has_b_frames) > 0);
  const kbit = Number(format.bit_rate) / 1000;
  expect(Math.abs(probed.bitrateKbit / kbit - 1)).toBeLessThanOrEqual(0.15);
}

async function inTime(url: string): Promise<Probed> {
  const fromMs = performance.now();
  const probed = await probeUrl(url, options);
  expect(performance.now() - fromMs).toBeLessThanOrEqual(MOST_MS);
  return probed;
}

const studio = new Place();
afterAll(() => studio[Symbol.asyncDispose]());

describe.concurrent.each(Object.entries(SOURCES))('a probe of %s', (_, { sets, serve }) => {
  it.each(sets)('says what ffprobe says: %s', async set => {
    await using place = new Place();
    const file = await scene(studio, set);
    const url = await serve(place, file);
    if (url.startsWith('srt:')) await until('it listens', () => isBound(Number(new URL(url).port)));
    const probed = await inTime(url);
    expect(probed).toMatchObject({ kind: 'live', protocol: url.slice(0, url.indexOf(':')) });
    await expectAlike(probed, file);
    const { verdicts } = probed;
    expect([verdicts.rtmp.copies, verdicts.srt.copies]).toEqual([set.startsWith('H.265') ? 'no' : 'yes', 'yes']);
  });
});

describe.concurrent('a probe', () => {
  it('of a file says what ffprobe says', async () => {
    const file = await media(SCENE);
    const [, folder = '', name = ''] = /^(.*)\/([^/]+)$/.exec(file) ?? [];
    const probed = await probeUrl(`media://${name}`, { ...options, mediaDir: folder });
    expect(probed).toMatchObject({ kind: 'file', verdicts: { rtmp: { copies: 'yes' } } });
    await expectAlike(probed, file);
  });

  it('of a destination has it accept a publish, and leaves nothing behind', async () => {
    await using place = new Place();
    const nginx = await Nginx.start(place);
    expect(await probePush(nginx.url('out'), options)).toBeLessThan(MOST_MS);
    await until('it is free again', async () => !(await nginx.streams()).has('out'));
  });

  it('of nobody is a fault that keeps the key, on the side that was asked', async () => {
    await using place = new Place();
    const nginx = await Nginx.start(place);
    const of = async (asked: Promise<unknown>): Promise<Fault> => {
      const error = await asked.catch((reason: unknown) => reason);
      if (error instanceof Fault) return error;
      throw new Error('no fault');
    };
    const silent = await of(inTime(nginx.url('canary-key-nobody')));
    expect(silent).toMatchObject({ side: 'pull' });
    expect(silent.message).not.toContain('canary-key');
    expect(await of(probePush('rtmp://127.0.0.1:9/live/canary-key', options))).toMatchObject({
      side: 'push',
      kind: 'unreachable',
    });
  });
});
