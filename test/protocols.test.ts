import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Batch, isVideo } from '../src/media/packet.ts';
import { TsDemuxer } from '../src/media/ts/demux.ts';
import { Child, run } from './lab/child.ts';
import { record } from './lab/ffmpeg.ts';
import { FPS, QUIET, SOURCES, scene } from './lab/foreign-sources.ts';
import { Nginx } from './lab/nginx.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle } from './lab/oracle.ts';
import { freeUdpPort, Place } from './lab/place.ts';
import { securedUrl } from './lab/secured.ts';
import { type Pair, selfMade } from './lab/self-made.ts';
import { pass, until } from './lab/wait.ts';

/** How long each stands on air. */
const SECONDS = Number(process.env.PROTOCOL_SECONDS ?? 5);

const studio = new Place();
afterAll(() => studio[Symbol.asyncDispose]());

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
  return { url: await securedUrl(place, nginx.url('out'), pair), ca: pair.cert, judge };
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
    const file = await scene(studio, set);
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
    const from = await SOURCES.SRT.serve(place, await scene(studio, 'H.265 and AAC'));
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
