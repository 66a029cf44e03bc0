import { describe, expect, it } from 'vitest';
import { Batch, type PacketKind } from './packet.ts';
import { Splicer } from './splicer.ts';

type Given = readonly [kind: PacketKind, dtsMs: number];

/** Feeds one batch at a wall time and answers what came out. */
function feed(splicer: Splicer, wallMs: number, given: readonly Given[]): [PacketKind, number][] {
  const from = new Batch();
  const to = new Batch();
  for (const [kind, dtsMs] of given) {
    const packet = from.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(Buffer.from(kind), 0, kind.length);
  }
  splicer.place(from, to, wallMs);
  return to.packets.slice(0, to.count).map(packet => [packet.kind, packet.dtsMs]);
}

function begun(): Splicer {
  const splicer = new Splicer();
  splicer.begin();
  return splicer;
}

/** Real-time packets of a live source: 25 fps video with a key each second, AAC at 48 kHz. */
function live(startMs: number, lengthMs: number): Given[] {
  const given: Given[] = [];
  for (let t = 0; t < lengthMs; t += 40) given.push([t % 1000 === 0 ? 'key' : 'inter', startMs + t]);
  for (let t = 0; t < lengthMs; t += 21.33) given.push(['audio', Math.round(startMs + t)]);
  return given.sort((a, b) => a[1] - b[1]);
}

describe('Splicer', () => {
  it('lets nothing pass before the first key frame and starts there at zero', () => {
    const out = feed(begun(), 0, [
      ['inter', 5000],
      ['audio', 5010],
      ['key', 5040],
      ['audio', 5050],
    ]);
    expect(out).toEqual([
      ['key', 0],
      ['audio', 10],
    ]);
  });

  it('sends codec headers once, before the first frame, and again only when they change', () => {
    const splicer = begun();
    const first = feed(splicer, 0, [
      ['videoHeader', 0],
      ['audioHeader', 0],
      ['key', 0],
    ]);
    expect(first.map(([kind]) => kind)).toEqual(['videoHeader', 'audioHeader', 'key']);
    splicer.begin();
    const again = feed(splicer, 1000, [
      ['videoHeader', 0],
      ['key', 0],
    ]);
    expect(again.map(([kind]) => kind)).toEqual(['key']);
  });

  it('keeps the offset of audio against video over a change of source', () => {
    const splicer = begun();
    feed(splicer, 0, live(90_000, 1000));
    splicer.begin();
    const out = feed(splicer, 4000, [
      ['key', 7_000_000],
      ['audio', 7_000_017],
      ['inter', 7_000_040],
      ['audio', 7_000_038],
    ]);
    const [key] = out.filter(([kind]) => kind === 'key');
    const audio = out.filter(([kind]) => kind === 'audio');
    expect(audio.map(([, ms]) => ms - (key?.[1] ?? 0))).toEqual([17, 38]);
  });

  it('lets output time go on with the clock on the wall while no source is there', () => {
    const splicer = begun();
    feed(splicer, 0, [['key', 100]]);
    splicer.begin();
    expect(feed(splicer, 9000, [['key', 0]])).toEqual([['key', 9000]]);
  });

  it('keeps the shift of a source that comes back with its clock still running', () => {
    const splicer = begun();
    feed(splicer, 0, live(50_000, 1000));
    splicer.begin();
    expect(feed(splicer, 3100, [['key', 53_000]])).toEqual([['key', 3000]]);
  });

  it('does not send again what a returning source repeats from its cache as older than the last frame', () => {
    const splicer = begun();
    feed(splicer, 0, live(50_000, 1000));
    splicer.begin();
    const out = feed(splicer, 1100, [['key', 50_000]]);
    expect(out[0]?.[1]).toBeGreaterThanOrEqual(1000);
  });

  it('takes out a jump ahead that the wall does not explain, on both tracks alike', () => {
    const splicer = begun();
    feed(splicer, 0, live(0, 1000));
    const out = feed(splicer, 1000, live(3_600_000, 1000));
    const first = out[0]?.[1] ?? 0;
    expect(first).toBeGreaterThan(960);
    expect(first).toBeLessThanOrEqual(1040);
    const video = out.filter(([kind]) => kind !== 'audio').map(([, ms]) => ms);
    const audio = out.filter(([kind]) => kind === 'audio').map(([, ms]) => ms);
    expect(Math.abs((video[0] ?? 0) - (audio[0] ?? 0))).toBeLessThanOrEqual(40);
    expect(splicer.counts.jumps).toBe(2);
  });

  it('takes out a clock that starts anew without a reconnect', () => {
    const splicer = begun();
    feed(splicer, 0, live(100_000, 1000));
    const out = feed(splicer, 1000, live(0, 1000));
    expect(out[0]?.[1]).toBeLessThanOrEqual(1040);
    expect(out.at(-1)?.[1]).toBeLessThanOrEqual(2040);
  });

  it('keeps a real pause that the wall explains', () => {
    const splicer = begun();
    feed(splicer, 0, live(0, 1000));
    const out = feed(splicer, 8000, live(8000, 1000));
    expect(out[0]?.[1]).toBe(8000);
  });

  it('starts with audio alone after a second without any video', () => {
    const splicer = begun();
    const given: Given[] = [];
    for (let t = 0; t <= 1200; t += 20) given.push(['audio', t]);
    const out = feed(splicer, 0, given);
    expect(out[0]).toEqual(['audio', 0]);
    expect(splicer.audioOnly).toBe(true);
  });

  it('orders packets of one batch over both tracks', () => {
    const splicer = begun();
    feed(splicer, 0, [['key', 0]]);
    const out = feed(splicer, 100, [
      ['inter', 80],
      ['audio', 45],
      ['audio', 66],
    ]);
    expect(out.map(([, ms]) => ms)).toEqual([45, 66, 80]);
  });

  it('rises strictly per track whatever 300 random sources do', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed / 2147483648;
    };
    const splicer = begun();
    let wallMs = 0;
    const last = { video: -1, audio: -1 };
    for (let n = 0; n < 300; n++) {
      if (random() < 0.5) splicer.begin();
      wallMs += Math.floor(random() * 6000);
      const start = Math.floor(random() * 2 ** 32);
      for (const [kind, ms] of feed(splicer, wallMs, live(start, 200 + Math.floor(random() * 3000)))) {
        const track = kind === 'audio' ? 'audio' : 'video';
        expect(ms).toBeGreaterThan(last[track]);
        last[track] = ms;
      }
      expect(Math.abs(last.video - last.audio)).toBeLessThan(3100);
    }
  });
});
