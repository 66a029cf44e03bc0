import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { monotonic } from '../src/media/clock.ts';
import { Fault } from '../src/media/fault.ts';
import { Dialler } from '../src/media/net.ts';
import { type Probed, probePush, probeUrl } from '../src/media/probe-url.ts';
import { sleep } from '../src/worker/sleep.ts';
import { Child, run } from './lab/child.ts';
import { media, publish } from './lab/ffmpeg.ts';
import { Nginx } from './lab/nginx.ts';
import { freeUdpPort, Place } from './lab/place.ts';
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

/** Whether somebody has this port for datagrams. */
const isBound = (port: number): boolean =>
  readFileSync('/proc/net/udp', 'latin1').includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `);

async function expectAlike(probed: Probed, file: string): Promise<void> {
  const { streams, format } = await ffprobe(file);
  const [video, audio] = ['video', 'audio'].map(kind => streams.find(({ codec_type }) => codec_type === kind));
  expect(video?.codec_name).toBe('h264');
  expect(audio?.codec_name).toBe('aac');
  expect(probed.video).toMatchObject({ codec: 'H.264', width: video?.width, height: video?.height, fps: 25 });
  expect(probed.audio).toMatchObject({
    codec: 'AAC',
    sampleRate: Number(audio?.sample_rate),
    channels: Number(audio?.channels),
  });
  if (probed.kind === 'file') return;
  expect(probed.video?.bFrames).toBe(Number(video?.has_b_frames) > 0);
  const kbit = Number(format.bit_rate) / 1000;
  expect(Math.abs(probed.bitrateKbit / kbit - 1)).toBeLessThanOrEqual(0.15);
}

async function inTime(url: string): Promise<Probed> {
  const fromMs = performance.now();
  const probed = await probeUrl(url, options);
  expect(performance.now() - fromMs).toBeLessThanOrEqual(MOST_MS);
  return probed;
}

describe.concurrent('a probe', () => {
  it('of RTMP says what ffprobe says', async () => {
    await using place = new Place();
    const file = await media(SCENE);
    const nginx = await Nginx.start(place);
    publish(place, file, nginx.url('src'), { loop: true });
    await until('it is published', async () => (await nginx.streams()).has('src'));
    await expectAlike(await inTime(nginx.url('src')), file);
  });

  it('of SRT says what ffprobe says', async () => {
    await using place = new Place();
    const [file, port] = [await media(SCENE), await freeUdpPort()];
    const to = `srt://127.0.0.1:${port}?mode=listener`;
    const args = [
      '-loglevel',
      'error',
      '-nostdin',
      '-re',
      '-stream_loop',
      '-1',
      '-i',
      file,
      '-c',
      'copy',
      '-f',
      'mpegts',
      to,
    ];
    const server = new Child('ffmpeg', args);
    place.own(server, child => child.stop('SIGKILL'));
    await until('it listens', () => isBound(port));
    await expectAlike(await inTime(`srt://127.0.0.1:${port}`), file);
  });

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
