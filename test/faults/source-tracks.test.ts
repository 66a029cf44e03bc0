import { describe, expect, it } from 'vitest';
import { fallen, longestGapMs, lost, missing } from '../lab/continuity.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Place } from '../lab/place.ts';
import { startDestination } from '../lab/scripted-destination.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { framesMore, onAir, relayed, times } from './on-air.ts';

/** The first cannot be the beginning of anything. */
const GARBAGE = [
  Buffer.alloc(5_000, 0xff),
  Buffer.alloc(5_000, 0x41),
  Buffer.alloc(5_000, 0),
  Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
];

describe.concurrent("the source's tracks", () => {
  it('S5: one track goes on while the other is away, without a reconnect', async () => {
    await using place = new Place();
    const harm = await times(2, async i => {
      const [gone, other] = i === 0 ? (['video', 'audio'] as const) : (['audio', 'video'] as const);
      const { source, seen, relay } = await onAir(place);
      source.behave({ without: gone });
      const [fromMs, count] = [performance.now(), seen[other].length];
      await pass(7_000);
      const gapMs = longestGapMs(seen[other], { fromMs, toMs: performance.now() });
      expect(seen[other].length).toBeGreaterThan(count + 100);
      source.behave({ without: 'none' });
      await framesMore(seen, 10);
      expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1, state: 'flowing' });
      return { gapMs, missing: missing(seen[other]).length, fallen: fallen(seen) };
    });
    const lost = Math.max(...harm.map(it => it.missing + it.fallen));
    figure('S5', 'frames of the other track lost', lost, { unit: 'frames', exactly: 0 });
    const gapMs = Math.max(...harm.map(it => it.gapMs));
    figure('S5', 'longest gap of the other track', gapMs, { unit: 'ms', atMost: 500, busyAtMost: 1_500 });
  });

  it('S6: nothing goes out before the first key frame, and then all of it', async () => {
    await using place = new Place();
    const { source, relay, seen } = await relayed(place, { manner: { keyless: true }, join: 'next' });
    await until('the source is pulled', () => source.pullers === 1);
    await pass(6_000);
    expect([seen.pushes.length, relay.report.state]).toEqual([0, 'opening']);
    source.behave({ keyless: false });
    await framesMore(seen, 30);
    expect([seen.pushes[0]?.startedAtKey, relay.report.pullEpoch]).toEqual([true, 1]);
    const beforeKey = seen.video.isKey.indexOf(true);
    figure('S6', 'pictures in front of the first key frame', beforeKey, { unit: 'frames', exactly: 0 });
  });

  it('S7: garbage ends one attempt at once, or as a silence where it looks like a long message', async () => {
    await using place = new Place();
    const neighbour = await onAir(place);
    const told = await times(GARBAGE.length, async i => {
      const { source, relay, seen } = await onAir(place);
      const atMs = performance.now();
      source.sayBytes(GARBAGE[i] ?? Buffer.alloc(0));
      const loss = await until('garbage is told', () => relay.lossAfter(atMs));
      await framesMore(seen, 30);
      expect(seen.pushes).toHaveLength(1);
      return loss.atMs - atMs;
    });
    const [unmistakable = Number.NaN] = told;
    const harmed = lost(neighbour.seen);
    figure('S7', 'garbage told', unmistakable, { unit: 'ms', atMost: 1_000 });
    figure('S7', 'garbage that may be a long message told', Math.max(...told), {
      unit: 'ms',
      atMost: 5_100,
      busyAtMost: 6_500,
    });
    figure('S7', 'frames of a neighbour lost', harmed, { unit: 'frames', exactly: 0 });
  });

  it('S7: bytes that are wrong here and there harm no neighbour and no later attempt', async () => {
    await using place = new Place();
    const neighbour = await onAir(place);
    await times(10, async i => {
      const { pull, seen, relay } = await onAir(place);
      pull.set('down', { corruptOneIn: 2_000 * (i + 1) });
      await pass(5_000);
      pull.set('down', { corruptOneIn: Number.POSITIVE_INFINITY });
      pull.reset();
      await framesMore(seen, 30);
      expect(relay.bugs).toEqual([]);
    });
    const { seen, relay } = neighbour;
    expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1 });
    figure('S7', 'frames of a neighbour of ten spoilt sources lost', lost(seen), { unit: 'frames', exactly: 0 });
  });

  it('S8: a picture of another size goes out behind its own headers in the same push', async () => {
    await using place = new Place();
    const { source, seen } = await onAir(place);
    source.change({ tag: 'b', width: 640, height: 352 });
    await until('the other picture is here', () => seen.tags.at(-1)?.tag === 'b');
    await framesMore(seen, 30);
    const headers = seen.headers.filter(({ kind }) => kind === 'videoHeader');
    expect(headers).toHaveLength(2);
    expect(headers[1]?.body.equals(source.stream.videoHeader)).toBe(true);
    // Its header comes in front of the first frame that needs it; its time may be that of sound that is ahead.
    const firstAtMs = seen.tags.find(({ tag }) => tag === 'b')?.atMs ?? Number.NaN;
    expect(headers[1]?.atMs).toBeLessThanOrEqual(firstAtMs);
    figure('S8', 'frames lost at the change', lost(seen), {
      unit: 'frames',
      exactly: 0,
    });
    figure('S8', 'pushes that it took', seen.pushes.length, { unit: 'pushes', exactly: 1 });
  });

  it('S9: a codec that takes the place of another is passed on under its own name', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const sink = await startDestination(place, {});
    const relay = OneRelay.start(place, { from: source.url(), to: sink.url() });
    await until('frames arrive', () => (sink.visits[0]?.packets.length ?? 0) > 60);
    source.behave({ silent: true });
    await pass(300);
    const at = Math.floor(source.headMs);
    source.say({ kind: 'videoHeader', dtsMs: at, body: hevc(0, Buffer.alloc(40, 1)) });
    for (let i = 0; i < 20; i++) {
      source.say({ kind: i === 0 ? 'key' : 'inter', dtsMs: at + i * 40, body: hevc(1, Buffer.alloc(200, i), i === 0) });
    }
    const { packets } = sink.visit;
    const isHevc = (body: Buffer): boolean => body.toString('latin1', 1, 5) === 'hvc1';
    await until('they are here', () => packets.filter(({ payload }) => isHevc(payload)).length >= 20);
    const from = packets.findIndex(({ payload }) => isHevc(payload));
    expect(packets[from]?.kind).toBe('videoHeader');
    const wrong = packets.slice(from).filter(({ kind, payload }) => kind !== 'audio' && !isHevc(payload));
    expect(relay.report.pushEpoch).toBe(1);
    figure('S9', 'frames under a wrong name', wrong.length, { unit: 'frames', exactly: 0 });
  });
});

/** An H.265 body as enhanced RTMP carries it: type 0 is a sequence start, 1 a coded frame. */
function hevc(type: 0 | 1, data: Buffer, isKey = true): Buffer {
  const head = Buffer.of(0x80 | ((isKey ? 1 : 2) << 4) | type, ...Buffer.from('hvc1'));
  return Buffer.concat(type === 0 ? [head, data] : [head, Buffer.of(0, 0, 0), data]);
}
