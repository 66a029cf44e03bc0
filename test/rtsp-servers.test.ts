import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { framesMore } from './faults/on-air.ts';
import { run } from './lab/child.ts';
import { audioOf, type Frame, frames, media, videoOf } from './lab/ffmpeg.ts';
import { GstRtsp, type GstRtspOptions } from './lab/gst-rtsp.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle } from './lab/oracle.ts';
import { flvOf, type Kept, listen } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { publishRtsp, RtspReflector } from './lab/rtsp-reflector.ts';
import { until } from './lab/wait.ts';

const SECONDS = 75;

/** By the hash of what is decoded: where each picture of a film stands in it. */
const numbersIn = (film: readonly Frame[]): Map<string, number> =>
  new Map(videoOf(film).map(({ hash }, number) => [hash, number]));

/** What was kept, decoded as a file. */
async function decoded(place: Place, kept: readonly Kept[]): Promise<Frame[]> {
  writeFileSync(place.path('out.flv'), flvOf(kept.slice(kept.findIndex(({ kind }) => kind === 'videoHeader'))));
  return frames(place.path('out.flv'), 'decode');
}

async function film(place: Place): Promise<string> {
  const [from, to] = [await media({ seconds: SECONDS }), place.path('in.mp4')];
  await run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-i', from, '-c', 'copy', to]);
  return to;
}

interface Wish extends GstRtspOptions {
  readonly userinfo?: string;
  readonly transport?: 'tcp' | 'udp' | 'http';
}

async function serve(place: Place, { userinfo = '', transport, ...options }: Wish) {
  const file = await film(place);
  const server = await GstRtsp.start(place, file, options);
  return { file, server, url: `${server.url(userinfo)}${transport === undefined ? '' : `#transport=${transport}`}` };
}

describe.concurrent("GStreamer's RTSP server", () => {
  const wishes: readonly (readonly [string, Wish])[] = [
    ['over the connection', {}],
    ['by UDP, where it refuses the connection', { protocols: 'udp' }],
    ['by UDP, where that is asked for', { transport: 'udp' }],
    ['through HTTP', { transport: 'http' }],
    ['by UDP, with a password', { protocols: 'udp', password: 'p@ss', userinfo: 'admin:p%40ss' }],
    ['through HTTP, with a password', { transport: 'http', password: 'p@ss', userinfo: 'admin:p%40ss' }],
  ];

  it.each(wishes)('is heard, every picture, with sound in its place: %s', async (_, wish) => {
    await using place = new Place();
    const { file, url } = await serve(place, wish);
    const kept = await listen(url, 8_000);
    const [whole, got] = [await frames(file, 'decode'), await decoded(place, kept)];
    const numbers = numbersIn(whole);
    const [pictures, sounds] = [videoOf(got).slice(0, -3), audioOf(got)];
    const places = pictures.map(({ hash }) => numbers.get(hash) ?? -1);
    expect(places.length).toBeGreaterThan(150);
    expect(places.every((number, i) => number >= 0 && (i === 0 || number === (places[i - 1] ?? 0) + 1))).toBe(true);
    const inFile = new Map(audioOf(whole).map(({ hash, pts }) => [hash, pts]));
    const apart = sounds.flatMap(({ hash, pts }) => (inFile.has(hash) ? [pts - (inFile.get(hash) ?? 0)] : []));
    const shift = (pictures[0]?.pts ?? 0) - (places[0] ?? 0) * 40;
    expect(apart.length).toBeGreaterThan(200);
    expect(Math.max(...apart.slice(-200).map(ms => Math.abs(ms - shift)))).toBeLessThanOrEqual(60);
  });

  it.each<[string, Wish]>([
    ['by UDP', { protocols: 'udp' }],
    ['through HTTP', { transport: 'http' }],
  ])('is left when it stands still, and when it is killed: %s', async (_, wish) => {
    await using place = new Place();
    const { server, url } = await serve(place, wish);
    const oracle = await Oracle.start(place);
    const relay = OneRelay.start(place, { from: url, to: oracle.url('out') });
    const seen = oracle.stream('out');
    await framesMore(seen, 50);
    const stoppedMs = performance.now();
    server.child.process.kill('SIGSTOP');
    const silence = await until('the silence is told', () => relay.lossAfter(stoppedMs));
    expect(silence.atMs - stoppedMs).toBeLessThan(6_000);
    server.child.process.kill('SIGCONT');
    await framesMore(seen, 50);
    const killedMs = performance.now();
    server.child.process.kill('SIGKILL');
    const loss = await until('the loss is told', () => relay.lossAfter(killedMs));
    expect(loss.atMs - killedMs).toBeLessThan(1_000);
    expect([seen.pushes.length, relay.bugs]).toEqual([1, []]);
  });

  it('is told in plain words not to send by UDP where it may not', async () => {
    await using place = new Place();
    const { url } = await serve(place, { protocols: 'tcp', transport: 'udp' });
    await expect(listen(url, 100)).rejects.toThrow('does not send RTP over UDP (RTP/AVP)');
  });
});

describe('pictures with B-frames that come by UDP', () => {
  it('are shown whole or not at all where one packet of a hundred is lost', async () => {
    await using place = new Place();
    const file = await media({ seconds: SECONDS });
    let count = 0;
    const reflector = await RtspReflector.start(place, { loses: () => ++count % 100 === 0 });
    publishRtsp(place, file, reflector.url);
    await until('it is published', () => reflector.isPublished);
    const kept = await listen(reflector.url, 20_000);
    const numbers = numbersIn(await frames(file, 'decode'));
    const places = videoOf(await decoded(place, kept)).map(({ hash }) => numbers.get(hash) ?? -1);
    console.log(`${Math.floor(count / 100)} packets lost: ${places.length} of 500 pictures decoded`);
    expect(places.filter(number => number < 0)).toEqual([]);
    expect(places.every((number, i) => i === 0 || number > (places[i - 1] ?? 0))).toBe(true);
    expect(count).toBeGreaterThan(1_000);
    expect(places.length).toBeGreaterThan(100);
    expect(places.length).toBeLessThan(480);
  });
});
