import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { Batch, isVideo } from '../src/media/packet.ts';
import { TsDemuxer } from '../src/media/ts/demux.ts';
import { Child, run } from './lab/child.ts';
import { Web } from './lab/counted-files.ts';
import { publish, record } from './lab/ffmpeg.ts';
import { serveFiles } from './lab/file-server.ts';
import { Nginx } from './lab/nginx.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle } from './lab/oracle.ts';
import { freeUdpPort, Place } from './lab/place.ts';
import { RtspReflector } from './lab/rtsp-reflector.ts';
import { type Pair, selfMade } from './lab/self-made.ts';
import { pass, until } from './lab/wait.ts';

/** How long each stands on air. */
const SECONDS = Number(process.env.PROTOCOL_SECONDS ?? 5);
const FPS = 25;

const QUIET = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
const PICTURE = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${FPS}`];
const SOUND = ['-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];
const H265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=25:bframes=2'];
const AAC = ['-c:a', 'aac', '-ac', '2'];

const studio = new Place();
afterAll(() => studio[Symbol.asyncDispose]());

const SETS = {
  'H.264 and AAC': [...PICTURE, ...SOUND, ...H264, ...AAC],
  'H.265 and AAC': [...PICTURE, ...SOUND, ...H265, ...AAC],
  'H.264 alone': [...PICTURE, ...H264],
  'AAC alone': [...SOUND, ...AAC],
} as const;
type SetName = keyof typeof SETS;
const ALL = Object.keys(SETS) as SetName[];
/** The ffmpeg of Debian 12 has no enhanced RTMP, so it can neither send H.265 in FLV nor play it. */
const WITHOUT_H265 = ALL.filter(name => !name.startsWith('H.265'));

/** A source made by programs that are not ours, which plays the scene at its pace; answers its address. */
type Serve = (place: Place, file: string) => Promise<string>;

const looped = (file: string, ...to: readonly string[]): string[] => [
  ...[...QUIET, '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy', ...to],
];

const SOURCES: Readonly<
  Record<string, { readonly sets: readonly SetName[]; readonly serve: Serve; readonly pullers?: 1 }>
> = {
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

/** Where it goes: an address, and what a stranger finds in what has arrived there, "" for nothing wrong. */
interface Destination {
  readonly url: string;
  readonly ca?: string;
  readonly judge: () => Promise<string>;
}

/** What ffmpeg finds wrong in the file, decoding all of it. */
const decode = (file: string): Promise<string> => run('ffmpeg', [...QUIET, '-i', file, '-f', 'null', '-']);

async function toRtmp(place: Place, name: string): Promise<Destination & { readonly nginx: Nginx }> {
  const nginx = await Nginx.start(place);
  const file = place.path(`${name}.flv`);
  const recorder = record(place, nginx.url('out'), file, { looksMs: 1_000 });
  await until('somebody watches', async () => (await nginx.streams()).has('out'));
  const judge = async (): Promise<string> => {
    recorder.process.kill('SIGINT');
    await recorder.exited;
    return decode(file);
  };
  return { nginx, url: nginx.url('out'), judge };
}

async function toRtmps(place: Place, pair: Pair): Promise<Destination> {
  const { nginx, judge } = await toRtmp(place, 'rtmps');
  const inner = new URL(nginx.url('out'));
  const server = tls.createServer(pair, outer => {
    const plain = net.connect(Number(inner.port), '127.0.0.1');
    outer.pipe(plain).pipe(outer);
    outer.on('error', () => plain.destroy());
    plain.on('error', () => outer.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => it.close());
  const { port } = server.address() as net.AddressInfo;
  return { url: `rtmps://localhost:${port}${inner.pathname}`, ca: pair.cert, judge };
}

async function toSrt(place: Place): Promise<Destination> {
  const port = await freeUdpPort();
  const file = place.path('srt.ts');
  const script = 'exec srt-live-transmit -a no -q "$0" file://con > "$1"';
  const listener = new Child('/bin/sh', ['-c', script, `srt://127.0.0.1:${port}?mode=listener`, file]);
  place.own(listener, child => child.stop('SIGKILL'));
  const judge = async (): Promise<string> => {
    await listener.stop();
    return (await decode(file)) + (readsBack(readFileSync(file)) ? '' : 'our own reader finds nothing in it');
  };
  return { url: `srt://127.0.0.1:${port}`, judge };
}

function readsBack(bytes: Buffer): boolean {
  const [demuxer, batch] = [new TsDemuxer(), new Batch()];
  demuxer.push(bytes, batch);
  return batch.packets.slice(0, batch.count).some(({ kind }) => isVideo(kind) || kind === 'audio');
}

const scenes = new Map<SetName, Promise<string>>();

/** Made once for all. */
function scene(set: SetName): Promise<string> {
  const file = studio.path(`${ALL.indexOf(set)}.mp4`);
  const making = scenes.get(set) ?? run('ffmpeg', [...QUIET, ...SETS[set], '-t', '20', file]).then(() => file);
  scenes.set(set, making);
  return making;
}

/** Relays for a while, and answers what a stranger finds wrong at the far end. */
async function relay(place: Place, from: string, { url, ca, judge }: Destination): Promise<string> {
  const one = OneRelay.start(place, { from, to: url, ...(ca === undefined ? {} : { ca }) });
  await until(`it flows to ${url}`, () => one.news.some(({ type }) => type === 'flowing'), { timeoutMs: 30_000 });
  await pass(SECONDS * 1_000);
  const { state, pushEpoch } = one.report;
  expect([state, pushEpoch, one.bugs]).toEqual(['flowing', 1, []]);
  // While it goes on: a recorder that waits for media hears no signal.
  return judge();
}

describe.concurrent.each(Object.entries(SOURCES))('from %s', (_, { sets, serve, pullers }) => {
  it.each(sets)('%s', async set => {
    await using place = new Place();
    const file = await scene(set);
    const pair = await selfMade(place);
    const isPlain = !set.startsWith('H.265');
    const destinations = [...(isPlain ? [toRtmp(place, 'rtmp'), toRtmps(place, pair)] : []), toSrt(place)];
    const all = await Promise.all(destinations);
    const shared = pullers === 1 ? undefined : await serve(place, file);
    const found = await Promise.all(all.map(async to => relay(place, shared ?? (await serve(place, file)), to)));
    expect(found).toEqual(all.map(() => ''));
  });
});

describe.concurrent('H.265 for an RTMP destination', () => {
  it('goes there as enhanced RTMP, which the connect tells of', async () => {
    await using place = new Place();
    const from = await (SOURCES.SRT as { serve: Serve }).serve(place, await scene('H.265 and AAC'));
    const oracle = await Oracle.start(place);
    OneRelay.start(place, { from, to: oracle.url('out') });
    const { headers, video, audio, pushes } = oracle.stream('out');
    await until('it arrives', () => video.length > 3 * FPS && audio.length > 0);
    const header = headers.find(({ kind }) => kind === 'videoHeader');
    expect(header?.body.toString('latin1', 1, 5)).toBe('hvc1');
    const connect = pushes[0]?.visit.asked.find(({ name }) => name === 'connect');
    expect(connect?.values[0]).toMatchObject({ fourCcList: ['hvc1'] });
  });
});
