import { describe, expect, it } from 'vitest';
import { Delay, type DelayOptions } from './delay.ts';
import { Batch, type PacketKind } from './packet.ts';

const TICK_MS = 50;
const FRAME_MS = 40;
const FRAME_BYTES = 1_000;

class Rig {
  nowMs = 10_000;
  readonly delay: Delay;
  readonly out: { readonly kind: PacketKind; readonly dtsMs: number; readonly atMs: number }[] = [];
  /** How far the camera has filmed; what is not put in is lost. */
  #cameraMs = 0;
  #filmedMs = 0;
  readonly #in = new Batch();
  readonly #out = new Batch();

  constructor(options: DelayOptions) {
    this.delay = new Delay(options);
  }

  /** So much time in which the source sends what it films, or nothing; `shiftMs` is added to its times. */
  pass(ms: number, { sends = true, shiftMs = 0, speed = 1 } = {}): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += TICK_MS;
      this.#cameraMs += TICK_MS * speed;
      for (; this.#filmedMs < this.#cameraMs; this.#filmedMs += FRAME_MS) {
        if (sends) this.#film(this.#filmedMs + shiftMs);
      }
      this.tick();
    }
  }

  say(kind: PacketKind, dtsMs: number, text: string): void {
    const packet = this.#in.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(Buffer.from(text), 0, text.length);
  }

  tick(): void {
    this.delay.put(this.#in, this.nowMs);
    this.#in.clear();
    this.#out.clear();
    this.delay.take(this.#out, this.nowMs);
    for (const { kind, dtsMs } of this.#out.packets.slice(0, this.#out.count)) {
      this.out.push({ kind, dtsMs, atMs: this.nowMs });
    }
  }

  #film(dtsMs: number): void {
    const packet = this.#in.next();
    packet.reset(dtsMs % 1_000 === 0 ? 'key' : 'inter', dtsMs);
    packet.addSpan(Buffer.alloc(FRAME_BYTES, 7), 0, FRAME_BYTES);
  }

  get longestGapMs(): number {
    const ends = [...this.out.map(({ atMs }) => atMs), this.nowMs];
    return Math.max(...ends.slice(1).map((at, i) => at - (ends[i] as number)));
  }

  /** Media time that went out per time on the clock, over the last stretch. */
  paceOver(ms: number): number {
    const from = this.out.find(({ atMs }) => atMs >= this.nowMs - ms);
    const to = this.out.at(-1);
    return from === undefined || to === undefined ? Number.NaN : (to.dtsMs - from.dtsMs) / (to.atMs - from.atMs);
  }
}

describe('a delay', () => {
  it('gives out nothing before it holds what is wanted, and then goes on at the pace of life', () => {
    const rig = new Rig({ ms: 3_000 });
    rig.pass(2_900);
    expect(rig.out).toEqual([]);
    expect(rig.delay.airs).toBe(false);
    rig.pass(10_000);
    expect(rig.out[0]?.dtsMs).toBe(0);
    expect(rig.delay.heldMs).toBeGreaterThan(2_900);
    expect(rig.delay.heldMs).toBeLessThan(3_100);
    expect(rig.longestGapMs).toBeLessThanOrEqual(TICK_MS);
    expect(rig.paceOver(8_000)).toBeCloseTo(1, 2);
  });

  it('begins after the time that is wanted where its source is gone by then', () => {
    const rig = new Rig({ ms: 3_000 });
    rig.pass(1_000);
    rig.pass(1_900, { sends: false });
    expect(rig.out).toEqual([]);
    rig.pass(1_200, { sends: false });
    expect(rig.out.length).toBeGreaterThan(20);
  });

  it('goes on while the source is away, and regains slowly what that took', () => {
    const rig = new Rig({ ms: 5_000 });
    rig.pass(10_000);
    rig.pass(3_000, { sends: false });
    // What comes then is placed where the former ended.
    rig.pass(5_000, { shiftMs: -3_000 });
    expect(rig.longestGapMs).toBeLessThanOrEqual(TICK_MS);
    expect(rig.delay.heldMs).toBeLessThan(2_500);
    rig.pass(20_000, { shiftMs: -3_000 });
    expect(rig.paceOver(10_000)).toBeGreaterThan(0.975);
    expect(rig.paceOver(10_000)).toBeLessThan(0.99);
    rig.pass(180_000, { shiftMs: -3_000 });
    expect(rig.delay.heldMs).toBeGreaterThan(4_900);
    expect(rig.paceOver(10_000)).toBeCloseTo(1, 2);
  });

  it('tells where it stands when nothing is left, as if it had gone on', () => {
    const rig = new Rig({ ms: 2_000 });
    rig.pass(6_000);
    rig.pass(5_000, { sends: false });
    expect(rig.delay.heldMs).toBe(0);
    const airedMs = rig.delay.airedMs;
    expect((rig.delay.clockMs(rig.nowMs) ?? 0) - airedMs).toBeGreaterThan(2_900);
    expect((rig.delay.clockMs(rig.nowMs) ?? 0) - airedMs).toBeLessThan(3_100);
    expect(rig.delay.clockMs(rig.nowMs + 500)).toBe((rig.delay.clockMs(rig.nowMs) ?? 0) + 500);
  });

  it('lets out what is too much at no more than 1.05 times the pace of life', () => {
    const rig = new Rig({ ms: 2_000 });
    rig.pass(5_000);
    rig.pass(1_000, { speed: 5 });
    expect(rig.delay.heldMs).toBeGreaterThan(5_500);
    rig.pass(30_000);
    expect(rig.paceOver(25_000)).toBeGreaterThan(1.04);
    expect(rig.paceOver(25_000)).toBeLessThan(1.06);
    rig.pass(90_000);
    expect(rig.delay.heldMs).toBeLessThan(2_100);
    expect(rig.paceOver(10_000)).toBeCloseTo(1, 2);
  });

  it('holds no more bytes than it may: the oldest goes out', () => {
    const rig = new Rig({ ms: 10_000, mostBytes: 100 * FRAME_BYTES });
    for (let i = 0; i < 200; i++) {
      rig.pass(100);
      expect(rig.delay.heldBytes).toBeLessThanOrEqual(100 * FRAME_BYTES);
    }
    expect(rig.out[0]?.dtsMs).toBe(0);
    expect(rig.out.every(({ dtsMs }, i) => i === 0 || dtsMs === (rig.out[i - 1]?.dtsMs ?? 0) + FRAME_MS)).toBe(true);
  });

  it('has those codec headers in force that have gone out', () => {
    const rig = new Rig({ ms: 1_000 });
    rig.say('videoHeader', 0, 'one');
    rig.pass(3_000);
    expect(rig.delay.videoHeader?.toString()).toBe('one');
    rig.say('videoHeader', 3_000, 'two');
    rig.say('audioHeader', 3_000, 'sound');
    rig.pass(500);
    expect(rig.delay.videoHeader?.toString()).toBe('one');
    rig.pass(1_500);
    expect(rig.delay.videoHeader?.toString()).toBe('two');
    expect(rig.delay.audioHeader?.toString()).toBe('sound');
    expect(rig.out.filter(({ kind }) => kind === 'videoHeader')).toHaveLength(2);
  });

  it('does not jump behind a tick that came very late', () => {
    const rig = new Rig({ ms: 5_000 });
    rig.pass(10_000);
    const before = rig.delay.airedMs;
    rig.nowMs += 4_000;
    rig.tick();
    expect(rig.delay.airedMs - before).toBeLessThanOrEqual(1_050 + FRAME_MS);
  });
});
