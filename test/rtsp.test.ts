import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isVideo } from '../src/media/packet.ts';
import { headerOf } from '../src/media/rtsp/message.ts';
import type { AskedRtsp, RtspScript } from '../src/media/rtsp/scripted-server.ts';
import { ScriptedTunnel } from '../src/media/rtsp/scripted-tunnel.ts';
import { framesMore } from './faults/on-air.ts';
import { run } from './lab/child.ts';
import { doubled, fallen, longestStepMs, lost, resumesAtKeys, skewMs } from './lab/continuity.ts';
import { PLAIN } from './lab/counted-stream.ts';
import { audioOf, type Frame, frames, media, record, videoOf } from './lab/ffmpeg.ts';
import { Nginx } from './lab/nginx.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { byteStreamOf, listen } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { type CameraOptions, RtspCamera } from './lab/rtsp-camera.ts';
import { publishRtsp, RtspReflector } from './lab/rtsp-reflector.ts';
import { pass, until } from './lab/wait.ts';

interface OnAir {
  readonly camera: RtspCamera;
  readonly relay: OneRelay;
  readonly seen: SeenStream;
}

async function onAir(place: Place, options: CameraOptions = {}, userinfo = ''): Promise<OnAir> {
  const camera = await RtspCamera.start(place, options);
  const oracle = await Oracle.start(place);
  const relay = OneRelay.start(place, { from: camera.url(userinfo), to: oracle.url('out') });
  const seen = oracle.stream('out');
  await framesMore(seen, 30);
  return { camera, relay, seen };
}

describe.concurrent('a camera that speaks RTSP', () => {
  it('is relayed for 30 s, every frame, with sound and picture together', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place, { mtu: 40 });
    await pass(30_000);
    expect([lost(seen), doubled(seen), fallen(seen)]).toEqual([0, 0, 0]);
    expect(seen.video.length).toBeGreaterThan(29 * PLAIN.fps);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
    expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1 });
    expect(relay.bugs).toEqual([]);
    await relay.stop();
    await until('it is told good-bye', () => camera.visits[0]?.methods().at(-1) === 'TEARDOWN');
  });

  it('is relayed alike where it gives no hints at all, but for when frames come', async () => {
    await using place = new Place();
    const { seen } = await onAir(place, { manner: { withoutReports: true, withoutMarkers: true } });
    await framesMore(seen, 100);
    expect([lost(seen), fallen(seen)]).toEqual([0, 0]);
    expect(skewMs(seen)).toBeLessThanOrEqual(60);
  });

  it('is pulled again at once when it was gone, under the same push', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place);
    await camera.vanish();
    await until('the loss is told', () => relay.lossAfter(0));
    await camera.appear();
    await framesMore(seen, 60);
    expect([seen.pushes.length, fallen(seen)]).toEqual([1, 0]);
    expect(relay.report.pullEpoch).toBe(2);
  });

  it('is left within five seconds when it falls silent', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place);
    const silentMs = performance.now();
    camera.behave({ silent: true });
    const loss = await until('the loss is told', () => relay.lossAfter(silentMs));
    console.log(`silence told after ${Math.round(loss.atMs - silentMs)} ms`);
    // A machine that is busy with something else takes a second longer.
    expect(loss.atMs - silentMs).toBeLessThan(6_000);
    camera.behave({ silent: false });
    await framesMore(seen, 30);
    expect([seen.pushes.length, fallen(seen)]).toEqual([1, 0]);
  });

  it.each([
    ['both clocks fall', { video: -3_600_000, audio: -3_600_000 }],
    ['both clocks begin anew, each anywhere', { video: 20_000_000, audio: -5_000_000 }],
    ['the clock of the pictures jumps alone', { video: 1_800_000, audio: 0 }],
    ['the clock of the sound jumps alone', { video: 0, audio: 40_000 }],
  ])('may count anew: %s', async (_, shiftMs) => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place);
    camera.behave({ shiftMs });
    await framesMore(seen, 150);
    expect([lost(seen), fallen(seen), seen.pushes.length, relay.report.pullEpoch]).toEqual([0, 0, 1, 1]);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
    expect(longestStepMs(seen.video)).toBeLessThanOrEqual(120);
  });

  it('may lose packets: pictures go on at a key frame', async () => {
    await using place = new Place();
    const { camera, seen } = await onAir(place);
    camera.behave({ lose: 5 });
    await framesMore(seen, 80);
    expect(fallen(seen)).toBe(0);
    expect(lost(seen)).toBeGreaterThan(0);
    expect(resumesAtKeys(seen.video, () => false)).toBe(true);
  });
});

describe.concurrent('a camera that sends by UDP only', () => {
  const byDatagrams = true;

  it('is relayed for 30 s, every frame, over a network that changes the order', async () => {
    await using place = new Place();
    const network = { lost: 0, late: 5 };
    const { camera, relay, seen } = await onAir(place, { byDatagrams, mtu: 40, manner: { network } });
    await pass(30_000);
    expect([lost(seen), doubled(seen), fallen(seen)]).toEqual([0, 0, 0]);
    expect(seen.video.length).toBeGreaterThan(29 * PLAIN.fps);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
    expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1 });
    const reports = camera.visits[0]?.heard.filter(({ channel, bytes }) => channel === 1 && bytes.length > 40) ?? [];
    expect(reports.length).toBeGreaterThanOrEqual(5);
    expect(reports.every(({ bytes }) => bytes.readUInt8(1) === 201 && bytes.readIntBE(13, 3) === 0)).toBe(true);
    await relay.stop();
    await until('it is told good-bye', () => camera.visits[0]?.methods().at(-1) === 'TEARDOWN');
  });

  it('shows no torn picture over a network that loses one packet of a hundred', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place, { byDatagrams, mtu: 200, shape: { gop: 12 } });
    camera.behave({ network: { lost: 1, late: 3 } });
    await until('packets are lost', () => camera.lost >= 20, { timeoutMs: 90_000 });
    camera.behave({ network: { lost: 0, late: 3 } });
    await framesMore(seen, 60);
    console.log(
      `${camera.lost} packets lost: ${lost(seen)} of ${seen.video.length + seen.audio.length} frames missing`,
    );
    expect([doubled(seen), fallen(seen), seen.pushes.length, relay.report.pullEpoch]).toEqual([0, 0, 1, 1]);
    expect(resumesAtKeys(seen.video, () => false)).toBe(true);
    expect(lost(seen)).toBeGreaterThan(0);
  });

  it('is pulled again at once when it was gone, under the same push', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place, { byDatagrams });
    await camera.vanish();
    await until('the loss is told', () => relay.lossAfter(0));
    await camera.appear();
    await framesMore(seen, 60);
    expect([seen.pushes.length, fallen(seen), relay.report.pullEpoch]).toEqual([1, 0, 2]);
  });

  it('is left within five seconds when it falls silent', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place, { byDatagrams });
    const silentMs = performance.now();
    camera.behave({ silent: true });
    const loss = await until('the loss is told', () => relay.lossAfter(silentMs));
    console.log(`silence by UDP told after ${Math.round(loss.atMs - silentMs)} ms`);
    expect(loss.atMs - silentMs).toBeLessThan(6_000);
    camera.behave({ silent: false });
    await framesMore(seen, 30);
    expect([seen.pushes.length, fallen(seen)]).toEqual([1, 0]);
  });

  it('is told apart from one that a firewall holds up', async () => {
    await using place = new Place();
    const camera = await RtspCamera.start(place, { byDatagrams, manner: { silent: true } });
    const oracle = await Oracle.start(place);
    const relay = OneRelay.start(place, { from: camera.url(), to: oracle.url('out') });
    await until('the reason is told', () =>
      relay.report.reason.includes('no RTP came over UDP within 4 s; a firewall?'),
    );
    camera.behave({ silent: false });
    await framesMore(oracle.stream('out'), 30);
    expect(relay.bugs).toEqual([]);
  });

  it('may count anew', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await onAir(place, { byDatagrams });
    camera.behave({ shiftMs: { video: -3_600_000, audio: 40_000 } });
    await framesMore(seen, 150);
    expect([lost(seen), fallen(seen), seen.pushes.length, relay.report.pullEpoch]).toEqual([0, 0, 1, 1]);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
  });
});

describe.concurrent('a camera behind a tunnel through HTTP', () => {
  async function tunnelled(place: Place) {
    const camera = await RtspCamera.start(place);
    const tunnel = place.own(await ScriptedTunnel.listen({ port: camera.port }), it => it.close());
    const oracle = await Oracle.start(place);
    const from = `rtsp://127.0.0.1:${tunnel.port}/live/ch1#transport=http`;
    const relay = OneRelay.start(place, { from, to: oracle.url('out') });
    const seen = oracle.stream('out');
    await framesMore(seen, 30);
    return { camera, tunnel, relay, seen };
  }

  it('is relayed, every frame, with sound and picture together', async () => {
    await using place = new Place();
    const { tunnel, relay, seen } = await tunnelled(place);
    await framesMore(seen, 250);
    expect([lost(seen), doubled(seen), fallen(seen)]).toEqual([0, 0, 0]);
    expect(skewMs(seen)).toBeLessThanOrEqual(40);
    expect(tunnel.sockets.size).toBe(2);
    await relay.stop();
    await until('both connections are closed', () => tunnel.sockets.size === 0);
  });

  it.each(['reset', 'end'] as const)('is pulled again when the connections %s', async how => {
    await using place = new Place();
    const { tunnel, relay, seen } = await tunnelled(place);
    for (const socket of [...tunnel.sockets]) how === 'reset' ? socket.resetAndDestroy() : socket.end();
    await until('the loss is told', () => relay.lossAfter(0));
    await framesMore(seen, 60);
    expect([seen.pushes.length, fallen(seen), relay.report.pullEpoch]).toEqual([1, 0, 2]);
  });

  it('is left when it falls silent', async () => {
    await using place = new Place();
    const { camera, relay, seen } = await tunnelled(place);
    const silentMs = performance.now();
    camera.behave({ silent: true });
    const loss = await until('the loss is told', () => relay.lossAfter(silentMs));
    expect(loss.atMs - silentMs).toBeLessThan(6_000);
    camera.behave({ silent: false });
    await framesMore(seen, 30);
    expect(seen.pushes.length).toBe(1);
  });
});

const NONCE = 'dcd98b7102dd2f0e8b11d0f600bfb0c0';

/** Lets in only who proves with SHA-256 that he knows the password; written apart from the product's own. */
function guarded(password: string): RtspScript {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const proves = (given: string, { method, uri }: AskedRtsp): boolean => {
    const field = (name: string): string => new RegExp(`\\b${name}="?([^",]*)`).exec(given)?.[1] ?? '';
    const middle = `${NONCE}:${field('nc')}:${field('cnonce')}:auth`;
    return field('response') === digest(`${digest(`admin:cam:${password}`)}:${middle}:${digest(`${method}:${uri}`)}`);
  };
  return (visit, asked) => {
    if (proves(headerOf(asked.message, 'authorization') ?? '', asked)) return false;
    const challenge = `Digest realm="cam", nonce="${NONCE}", qop="auth", algorithm=SHA-256`;
    visit.answer(asked, '401 Unauthorized', { 'WWW-Authenticate': challenge });
    return true;
  };
}

describe.concurrent('a camera with a password', () => {
  it('is pulled with it', async () => {
    await using place = new Place();
    const { seen } = await onAir(place, { script: guarded('p@ss:w/rd%') }, 'admin:p%40ss%3Aw%2Frd%25');
    expect(fallen(seen)).toBe(0);
  });

  it('refuses a wrong one, which the task tells without the password', async () => {
    await using place = new Place();
    const camera = await RtspCamera.start(place, { script: guarded('right') });
    const oracle = await Oracle.start(place);
    const relay = OneRelay.start(place, { from: camera.url('admin:WRONGSECRET'), to: oracle.url('out') });
    await until('it is refused', () => relay.report.reason.includes('401'));
    const told = JSON.stringify([relay.report, relay.news, relay.bugs.map(String)]);
    expect(told).toContain('does not accept the name and the password');
    expect(told).not.toContain('WRONGSECRET');
  });
});

/** By how much each frame of a track that was seen is moved against where it was in the file. */
function shifts(whole: readonly Frame[], got: readonly Frame[]): number[] {
  const placed = new Map(whole.map(({ hash, pts }) => [hash, pts]));
  return got.flatMap(({ hash, pts }) => (placed.has(hash) ? [pts - (placed.get(hash) ?? 0)] : []));
}

describe('a server that is not ours', () => {
  it('is relayed frame for frame, with B-frames, and sound in its place', async () => {
    await using place = new Place();
    const file = await media({ seconds: 75 });
    const reflector = await RtspReflector.start(place);
    const sink = await Nginx.start(place);
    const relay = OneRelay.start(place, { from: reflector.url, to: sink.url('out') });
    publishRtsp(place, file, reflector.url);
    await until('it flows', () => relay.news.some(({ type }) => type === 'flowing'));
    const recording = place.path('out.flv');
    const recorder = record(place, sink.url('out'), recording);
    await pass(20_000);
    recorder.process.kill('SIGINT');
    await recorder.exited;
    const [whole, got] = [await frames(file, 'decode'), await frames(recording, 'decode')];
    const hashes = videoOf(whole).map(({ hash }) => hash);
    // The end cuts through a group of B-frames.
    const places = videoOf(got)
      .slice(0, -3)
      .map(({ hash }) => hashes.indexOf(hash));
    expect(places.length).toBeGreaterThan(400);
    expect(places.every((number, i) => number >= 0 && (i === 0 || number === (places[i - 1] ?? 0) + 1))).toBe(true);
    // What carries the frames tells times to the millisecond; a decoder puts them on the grid of its frame rate.
    const [sent, came] = [await frames(file), await frames(recording)];
    const [pictures, sounds] = [shifts(videoOf(sent), videoOf(came)), shifts(audioOf(sent), audioOf(came))];
    expect(Math.min(pictures.length, sounds.length)).toBeGreaterThan(400);
    // The sender's reports come every five seconds: from the first pair on they hold.
    const apart = Math.max(...sounds.slice(-400).map(ms => Math.abs(ms - (pictures.at(-1) ?? 0))));
    console.log(`sound away from the picture: ${Math.round(apart)} ms`);
    expect(apart).toBeLessThanOrEqual(40);
    expect(relay.bugs).toEqual([]);
  });

  it('may send H.265 with reordered pictures', async () => {
    await using place = new Place();
    const file = place.path('in.ts');
    await run('ffmpeg', [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25', '-t', '12'],
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=3:keyint=25'],
      ...['-pix_fmt', 'yuv420p', file],
    ]);
    const reflector = await RtspReflector.start(place);
    publishRtsp(place, file, reflector.url);
    await until('it is published', () => reflector.isPublished);
    const kept = await listen(reflector.url, 6_000);
    const pictures = kept.filter(({ kind }) => isVideo(kind));
    expect(pictures.every(({ dtsMs }, i) => i === 0 || dtsMs > (pictures[i - 1]?.dtsMs ?? 0))).toBe(true);
    const fromKey = kept.slice(kept.findIndex(({ kind }) => kind === 'videoHeader'));
    writeFileSync(place.path('out.h265'), byteStreamOf(fromKey));
    const [whole, got] = [await frames(file, 'decode'), await frames(place.path('out.h265'), 'decode')];
    const hashes = whole.map(({ hash }) => hash);
    const places = got.slice(0, -4).map(({ hash }) => hashes.indexOf(hash));
    expect(places.length).toBeGreaterThan(90);
    expect(places.every((number, i) => number >= 0 && (i === 0 || number === (places[i - 1] ?? 0) + 1))).toBe(true);
  });
});
