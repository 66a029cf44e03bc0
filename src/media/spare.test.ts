import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { Batch, type PacketKind, type Source } from './packet.ts';
import { Spare, type SpareOptions } from './spare.ts';

type Given = readonly [kind: PacketKind, dtsMs: number];

class Script implements Source {
  bytesIn = 0;
  closed = false;
  fault: Fault | undefined;
  queue: Given[] = [];

  read(into: Batch): void {
    for (const [kind, dtsMs] of this.queue.splice(0)) {
      const packet = into.next();
      packet.reset(kind, dtsMs);
      packet.addSpan(Buffer.from(`${kind} ${dtsMs}`), 0, `${kind} ${dtsMs}`.length);
      this.bytesIn += packet.size;
    }
    if (this.fault !== undefined) throw this.fault;
  }

  close(): void {
    this.closed = true;
  }
}

class Rig {
  nowMs = 0;
  readonly source = new Script();
  readonly spare: Spare;

  constructor(options: Partial<SpareOptions> = {}) {
    this.spare = new Spare(this.source, { now: () => this.nowMs, holdMs: 3_000, silentMs: 5_000, ...options });
  }

  tick(...given: Given[]): void {
    this.source.queue.push(...given);
    this.nowMs += 50;
    this.spare.tick();
  }

  /** So much live media: a key frame a second, 20 pictures, and sound. */
  play(fromMs: number, toMs: number, { sound = true } = {}): void {
    for (let dtsMs = fromMs; dtsMs < toMs; dtsMs += 50) {
      const kind = dtsMs % 1_000 === 0 ? 'key' : 'inter';
      this.tick([kind, dtsMs], ...(sound ? [['audio', dtsMs + 3] as const] : []));
    }
  }

  /** What it gives once it is on air. */
  read(): string[] {
    const batch = new Batch();
    this.spare.read(batch);
    return batch.packets.slice(0, batch.count).map(packet => packet.copyPayload().toString());
  }
}

const HEADERS: Given[] = [
  ['videoHeader', 0],
  ['audioHeader', 0],
];
const signal = new AbortController().signal;

describe('a spare', () => {
  it('gives the codec headers, then its media from the newest key frame before the wanted time on, then what comes', () => {
    const rig = new Rig();
    rig.tick(...HEADERS);
    rig.play(0, 2_300);
    rig.spare.beginAt(rig.nowMs - 700);
    rig.source.queue.push(['inter', 2_300]);
    const given = rig.read();
    expect(given.slice(0, 4)).toEqual(['videoHeader 0', 'audioHeader 0', 'key 1000', 'audio 1003']);
    expect(given.at(-1)).toBe('inter 2300');
    expect(given).toHaveLength(2 + 2 * 26 + 1);
    rig.source.queue.push(['inter', 2_350]);
    expect(rig.read()).toEqual(['inter 2350']);
  });

  it('begins at its oldest key frame when none is old enough, and at the newest for now', () => {
    for (const [agoMs, first] of [
      [60_000, 'key 0'],
      [0, 'key 2000'],
    ] as const) {
      const rig = new Rig({ holdMs: 60_000 });
      rig.play(0, 2_300);
      rig.spare.beginAt(rig.nowMs - agoMs);
      expect(rig.read()[0]).toBe(first);
    }
  });

  it('lets go of groups that are older than it is to hold, with the headers that were in force kept', () => {
    const rig = new Rig({ holdMs: 2_000 });
    rig.tick(...HEADERS);
    rig.play(0, 4_000);
    rig.tick(['videoHeader', 77]);
    rig.play(4_000, 9_500);
    rig.spare.beginAt(0);
    expect(rig.read().slice(0, 3)).toEqual(['videoHeader 77', 'audioHeader 0', 'key 7000']);
  });

  it('holds no more bytes than it may, and is well all the same', () => {
    const rig = new Rig({ holdBytes: 300 });
    for (let dtsMs = 0; dtsMs < 20_000; dtsMs += 50) {
      rig.tick([dtsMs % 5_000 === 0 ? 'key' : 'inter', dtsMs]);
      expect(rig.spare.heldBytes).toBeLessThanOrEqual(300);
    }
    expect(rig.spare.wellMs).toBeGreaterThan(19_000);
    expect(rig.spare.usable).toBe(false);
    rig.tick(['key', 20_000]);
    expect(rig.spare.usable).toBe(true);
    expect(rig.spare.atKey).toBe(true);
  });

  it('is not well before its first key frame, nor after a pause', () => {
    const rig = new Rig();
    rig.play(50, 950);
    expect(rig.spare.wellMs).toBe(0);
    rig.play(1_000, 3_000);
    expect(rig.spare.wellMs).toBe(1_950);
    for (let i = 0; i < 41; i++) rig.tick();
    expect(rig.spare.usable).toBe(false);
    rig.play(3_000, 4_000);
    expect(rig.spare.wellMs).toBe(950);
  });

  it('is not well while its times stand still', () => {
    const rig = new Rig();
    rig.play(0, 1_000);
    for (let i = 0; i < 45; i++) rig.tick(['inter', 950]);
    expect(rig.spare.wellMs).toBe(0);
  });

  it('is not well without a track that it had, or that it needs', () => {
    const rig = new Rig();
    rig.play(0, 1_000);
    rig.play(1_000, 7_000, { sound: false });
    expect(rig.spare.wellMs).toBe(0);
    const needy = new Rig({ needs: 'audio' });
    needy.play(0, 3_000, { sound: false });
    expect(needy.spare.wellMs).toBe(0);
    needy.play(3_000, 4_000);
    expect(needy.spare.wellMs).toBe(950);
  });

  it('takes a source without video for one of sound after a second, and begins anywhere', () => {
    const rig = new Rig();
    for (let dtsMs = 0; dtsMs < 3_000; dtsMs += 50) rig.tick(['audio', dtsMs]);
    expect(rig.spare.usable).toBe(true);
    expect(rig.spare.atKey).toBe(true);
    rig.spare.beginAt(rig.nowMs - 500);
    expect(rig.read()[0]).toBe('audio 2450');
  });

  it('begins with a picture where one shows up late', () => {
    const rig = new Rig();
    for (let dtsMs = 0; dtsMs < 3_000; dtsMs += 50) rig.tick(['audio', dtsMs]);
    rig.tick(['videoHeader', 3_000], ['inter', 3_000]);
    expect(rig.spare.usable).toBe(false);
    rig.play(3_000, 3_500);
    rig.spare.beginAt(0);
    expect(rig.read().slice(0, 2)).toEqual(['videoHeader 3000', 'key 3000']);
  });

  it('tells those who wait for it of its fault, and ends when it is silent', async () => {
    const lost = new Rig();
    const waits = lost.spare.until(() => false, signal);
    lost.source.fault = new Fault('pull', 'closed', 'gone');
    lost.tick();
    await expect(waits).rejects.toThrow('gone');
    const silent = new Rig();
    const waitsToo = silent.spare.until(() => silent.spare.wellMs > 500, signal);
    silent.play(0, 1_000);
    await waitsToo;
    const ended = silent.spare.until(() => false, signal);
    for (let i = 0; i < 102; i++) silent.tick();
    await expect(ended).rejects.toThrow('no media for 5 s');
  });

  it('ends when it shows nothing to begin with for fifteen seconds', async () => {
    const rig = new Rig();
    const waits = rig.spare.until(() => rig.spare.usable, signal);
    for (let dtsMs = 0; dtsMs < 15_200; dtsMs += 50) rig.tick(['inter', dtsMs]);
    await expect(waits).rejects.toThrow('no key frame for 15 s');
  });

  it('says what it sends a second', () => {
    const rig = new Rig();
    rig.play(0, 11_000, { sound: false });
    expect(rig.spare.rateKbit).toBeCloseTo((20 * 10.9 * 8) / 1_000, 0);
  });

  it('closes its source', () => {
    const rig = new Rig();
    rig.play(0, 1_000);
    rig.spare.close();
    expect(rig.source.closed).toBe(true);
    expect(rig.spare.heldBytes).toBe(0);
  });

  it('begins at the key frame of a time, and with the sound that nobody has had', () => {
    const rig = new Rig();
    rig.play(0, 2_200);
    expect([rig.spare.hasKey(1_000), rig.spare.hasKey(1_050), rig.spare.newestMs]).toEqual([true, false, 2_150]);
    rig.spare.beginAtKey(1_000, 1_053);
    expect(rig.read().slice(0, 4)).toEqual(['key 1000', 'inter 1050', 'inter 1100', 'audio 1103']);
  });

  it('waits for a key frame that has not come, and gives the sound in front of it that nobody has had', () => {
    const rig = new Rig();
    rig.tick(...HEADERS);
    rig.play(0, 1_900);
    rig.spare.beginAtKey(2_000, 1_903);
    expect(rig.read()).toEqual(['videoHeader 0', 'audioHeader 0']);
    rig.source.queue.push(['inter', 1_900], ['audio', 1_903], ['inter', 1_950], ['audio', 1_953]);
    expect(rig.read()).toEqual(['audio 1953']);
    rig.source.queue.push(['inter', 1_975], ['key', 2_040], ['inter', 2_090], ['audio', 2_003]);
    expect(rig.read()).toEqual(['key 2040', 'inter 2090', 'audio 2003']);
    rig.source.queue.push(['inter', 10], ['audio', 10]);
    expect(rig.read()).toEqual(['inter 10', 'audio 10']);
  });
});
