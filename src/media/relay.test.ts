import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { Heartbeat } from './heartbeat.ts';
import { ListSource } from './list-source.ts';
import type { Batch, PacketKind, Sink, Source } from './packet.ts';
import { readyItem } from './ready-item.ts';
import { Relay } from './relay.ts';
import { type ItemWish, ScriptedItem } from './scripted-item.ts';

type Given = readonly [kind: PacketKind, dtsMs: number];

/** A source that hands over what the test queued for the next tick. */
class Script implements Source {
  bytesIn = 0;
  closed = false;
  fault: Fault | undefined;
  queue: Given[] = [];

  read(into: Batch): void {
    for (const [kind, dtsMs] of this.queue) {
      const packet = into.next();
      packet.reset(kind, dtsMs);
      packet.addSpan(Buffer.from(kind), 0, kind.length);
      this.bytesIn += kind.length;
    }
    this.queue = [];
    if (this.fault !== undefined) throw this.fault;
  }

  close(): void {
    this.closed = true;
  }
}

class Recorder implements Sink {
  readonly got: [PacketKind, number][] = [];
  readonly drops = { disposable: 0, untilKey: 0 };
  queuedMs = 0;
  readonly queuedBytes = 0;
  bytesOut = 0;
  flowing = false;
  fault: Fault | undefined;
  /** Takes everything, but nothing of it gets to the kernel. */
  mute = false;

  write(batch: Batch): void {
    if (this.fault !== undefined) throw this.fault;
    for (const packet of batch.packets.slice(0, batch.count)) {
      this.got.push([packet.kind, packet.dtsMs]);
      this.bytesOut += packet.size;
      if (!this.mute && (packet.kind === 'key' || packet.kind === 'audio')) this.flowing = true;
    }
  }

  async close(): Promise<void> {}
}

class Rig {
  nowMs = 0;
  readonly stop = new AbortController();
  readonly relay = new Relay({ now: () => this.nowMs });
  readonly source = new Script();
  readonly sink = new Recorder();

  tick(...given: Given[]): void {
    this.source.queue.push(...given);
    this.nowMs += 50;
    this.relay.tick();
  }
}

describe('Relay', () => {
  it('gives a sink that comes late the headers and the kept GOP, then goes on without a gap', async () => {
    const rig = new Rig();
    rig.relay.pull(rig.source, rig.stop.signal);
    rig.tick(['videoHeader', 0], ['audioHeader', 0], ['key', 0], ['audio', 5]);
    await rig.relay.ready(rig.stop.signal);
    rig.tick(['inter', 40]);
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.tick(['inter', 80]);
    rig.tick(['inter', 120]);
    expect(rig.sink.got).toEqual([
      ['videoHeader', 0],
      ['audioHeader', 0],
      ['key', 0],
      ['audio', 5],
      ['inter', 40],
      ['inter', 80],
      ['inter', 120],
    ]);
  });

  it('keeps the sink while a source dies and another comes', async () => {
    const rig = new Rig();
    const first = rig.relay.pull(rig.source, rig.stop.signal);
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.tick(['videoHeader', 0], ['key', 0], ['inter', 40]);
    rig.source.fault = new Fault('pull', 'closed', 'gone');
    rig.tick(['inter', 80]);
    expect((await first).message).toBe('gone');
    expect(rig.source.closed).toBe(true);
    const next = new Script();
    rig.relay.pull(next, rig.stop.signal);
    next.queue = [
      ['videoHeader', 0],
      ['key', 9000],
    ];
    rig.nowMs = 2000;
    rig.relay.tick();
    expect(rig.sink.got.at(-1)).toEqual(['key', 1950]);
    expect(rig.sink.got.filter(([kind]) => kind === 'videoHeader')).toHaveLength(1);
  });

  it('ends a source that sends nothing, and one whose media time stands still', async () => {
    for (const frozen of [[], [['audio', 7] as const]]) {
      const rig = new Rig();
      const end = rig.relay.pull(rig.source, rig.stop.signal);
      rig.tick(['key', 0]);
      for (let i = 0; i < 103; i++) rig.tick(...frozen);
      const fault = await end;
      expect(fault.kind).toBe('silent');
      expect(rig.nowMs).toBeLessThanOrEqual(5_200);
    }
  });

  it('is not fooled by two tracks that stand still at different times', async () => {
    const rig = new Rig();
    const end = rig.relay.pull(rig.source, rig.stop.signal);
    rig.tick(['key', 0]);
    for (let i = 0; i < 103; i++) rig.tick(i % 2 === 0 ? ['audio', 7] : ['inter', 40]);
    expect((await end).kind).toBe('silent');
  });

  it('takes a clock that begins anew for media that moves', () => {
    const rig = new Rig();
    rig.relay.pull(rig.source, rig.stop.signal);
    rig.tick(['key', 500_000]);
    for (let i = 0; i < 103; i++) rig.tick(['inter', i * 50]);
    expect(rig.source.closed).toBe(false);
  });

  it('tells flowing only after the sink has a key frame', async () => {
    const rig = new Rig();
    let told = false;
    rig.relay.flowing(rig.stop.signal).then(() => {
      told = true;
    });
    rig.relay.pull(rig.source, rig.stop.signal);
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.tick(['inter', 0]);
    await Promise.resolve();
    expect(told).toBe(false);
    rig.tick(['key', 40]);
    await new Promise(setImmediate);
    expect(told).toBe(true);
  });

  it('ends the push alone when the sink faults, and starts the next sink at a key frame', async () => {
    const rig = new Rig();
    rig.relay.pull(rig.source, rig.stop.signal);
    const end = rig.relay.push(rig.sink, rig.stop.signal);
    rig.tick(['key', 0]);
    rig.sink.fault = new Fault('push', 'closed', 'reset');
    rig.tick(['inter', 40]);
    expect((await end).message).toBe('reset');
    const second = new Recorder();
    rig.relay.push(second, rig.stop.signal);
    rig.tick(['inter', 80]);
    expect(second.got).toEqual([]);
    rig.tick(['key', 120], ['inter', 160]);
    expect(second.got.map(([kind]) => kind)).toEqual(['key', 'inter']);
    expect(rig.source.closed).toBe(false);
  });

  it('never starts a sink with a group that has a hole, where an earlier sink took the middle', () => {
    const rig = new Rig();
    rig.relay.pull(rig.source, rig.stop.signal);
    rig.sink.mute = true;
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.tick(['key', 0], ['inter', 40]);
    rig.tick(['inter', 80]);
    rig.sink.mute = false;
    rig.tick(['key', 120]);
    rig.tick(['inter', 160]);
    rig.sink.fault = new Fault('push', 'closed', 'reset');
    rig.tick(['inter', 200]);
    const second = new Recorder();
    rig.relay.push(second, rig.stop.signal);
    rig.tick(['inter', 240]);
    expect(second.got).toEqual([]);
    rig.tick(['key', 280]);
    expect(second.got).toEqual([['key', 280]]);
  });

  it('takes an abort as the end of both sides', async () => {
    const rig = new Rig();
    const pulled = rig.relay.pull(rig.source, rig.stop.signal);
    const pushed = rig.relay.push(rig.sink, rig.stop.signal);
    rig.stop.abort();
    expect((await pulled).kind).toBe('closed');
    expect((await pushed).kind).toBe('closed');
    await expect(rig.relay.ready(rig.stop.signal)).rejects.toBeDefined();
  });
});

/** A relay that plays files, on a clock of its own. */
class Playing {
  nowMs = 0;
  readonly stop = new AbortController();
  readonly relay = new Relay({ now: () => this.nowMs });
  readonly sink = new Recorder();
  readonly late: number[] = [];
  readonly list = new ListSource<string>({
    started: () => {},
    finished: () => {},
    failed: () => {},
    ranDry: () => {},
    late: (_place, _at, lateMs) => this.late.push(lateMs),
  });

  constructor() {
    this.relay.play(this.list, this.stop.signal);
  }

  async put(place: string, wish: ItemWish, cut = false): Promise<ScriptedItem> {
    const item = new ScriptedItem({ name: place, ...wish });
    const { signal } = this.stop;
    this.list.put(await readyItem(item, { sleep: () => Promise.reject(signal), signal, headMs: 1 }), { place, cut });
    return item;
  }

  /** Lets time go by; every tick must go by without a wait. */
  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += 50;
      this.relay.tick();
    }
  }

  get pictures(): number[] {
    return this.sink.got.filter(([kind]) => kind === 'key' || kind === 'inter').map(([, ms]) => ms);
  }
}

describe('a relay that plays files', () => {
  it('reads nothing while there is no sink, and starts with a second at once', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 60 });
    rig.pass(5_000);
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(50);
    expect(rig.sink.got.slice(0, 3)).toEqual([
      ['videoHeader', 0],
      ['audioHeader', 0],
      ['key', 0],
    ]);
    expect(rig.pictures.at(-1)).toBe(960);
    rig.pass(10_000);
    // And, as it is visited on every second tick only, what is due until then.
    expect(rig.pictures.length - 11 * 25).toBeGreaterThanOrEqual(0);
    expect(rig.pictures.length - 11 * 25).toBeLessThanOrEqual(3);
  });

  it('visits files on every second tick, and gives nothing later than on every one', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 60 });
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(100);
    const visits: boolean[] = [];
    for (let playedMs = 100; playedMs < 5_000; playedMs += 50) {
      const { length } = rig.sink.got;
      rig.pass(50);
      visits.push(rig.sink.got.length > length);
      expect(rig.pictures.at(-1)).toBeGreaterThanOrEqual(1_000 + playedMs - 40);
    }
    expect(visits).toEqual(visits.map((_, i) => i % 2 === 0));
  });

  it('visits files on every tick while bytes wait for the destination', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 60 });
    rig.relay.push(rig.sink, rig.stop.signal);
    Object.assign(rig.sink, { queuedBytes: 1 });
    rig.pass(100);
    const { length } = rig.sink.got;
    rig.pass(50);
    expect(rig.sink.got.length).toBeGreaterThan(length);
  });

  it('joins files without a gap, at the pace of the clock', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 2 });
    await rig.put('b', { seconds: 2 });
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(2_500);
    await rig.put('c', { seconds: 2 });
    rig.pass(3_000);
    const steps = rig.pictures.slice(1).map((ms, i) => ms - (rig.pictures[i] ?? 0));
    expect(new Set(steps).size).toBeLessThanOrEqual(2);
    expect(Math.max(...steps)).toBeLessThanOrEqual(50);
    expect(rig.pictures).toHaveLength(150);
    expect(rig.sink.got.filter(([kind]) => kind === 'videoHeader')).toHaveLength(1);
  });

  it('knows which file and which time of it the sink has taken, what it still holds left out', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 3 });
    await rig.put('b', { seconds: 30, startMs: 10_000 });
    expect(rig.relay.accepted).toBe(undefined);
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(1_500);
    const where = () => {
      const { segment, mediaMs } = rig.relay.accepted ?? { segment: 0, mediaMs: 0 };
      return rig.list.locate(segment, mediaMs);
    };
    expect(where()).toEqual({ place: 'a', fileMs: rig.sink.got.at(-1)?.[1] });
    rig.pass(1_500);
    expect(where()?.place).toBe('b');
    expect(where()?.fileMs).toBeGreaterThan(10_900);
    rig.sink.queuedMs = 1_200;
    expect(where()?.place).toBe('a');
    rig.stop.abort();
    expect(where()?.place).toBe('a');
  });

  describe('behind a sink that was lost with what it still held', () => {
    const lost = async (): Promise<Playing> => {
      const rig = new Playing();
      await rig.put('a', { seconds: 60 });
      rig.relay.push(rig.sink, rig.stop.signal);
      rig.pass(5_000);
      rig.sink.queuedMs = 2_000;
      rig.sink.fault = new Fault('push', 'stalled', 'it takes nothing');
      rig.pass(100);
      return rig;
    };

    it('stays where it was while the next one does not begin', async () => {
      const rig = await lost();
      const before = rig.relay.accepted;
      const next = new Recorder();
      next.fault = new Fault('push', 'closed', 'it hung up');
      rig.relay.push(next, rig.stop.signal);
      rig.pass(100);
      expect(rig.relay.accepted).toEqual(before);
    });

    it('stays where it was while a live source stands in', async () => {
      const rig = await lost();
      const before = rig.relay.accepted;
      const live = new Script();
      rig.relay.pull(live, rig.stop.signal);
      live.queue.push(['videoHeader', 0], ['key', 0]);
      rig.pass(50);
      rig.relay.push(new Recorder(), rig.stop.signal);
      rig.pass(50);
      live.queue.push(['key', 100]);
      rig.pass(50);
      expect(rig.relay.accepted).toEqual(before);
    });
  });

  it('does not read for a sink that is slow, and drops nothing; what is late comes at 1.05', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 200 });
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(5_000);
    const before = rig.pictures.length;
    rig.sink.queuedMs = 400;
    rig.pass(4_000);
    expect(rig.pictures.length).toBe(before);
    rig.sink.queuedMs = 0;
    rig.pass(10_000);
    expect(rig.pictures.length - before).toBeLessThanOrEqual(25 * 10 * 1.05 + 2);
    rig.pass(90_000);
    expect(rig.pictures.at(-1)).toBeGreaterThan(109_000 + 1_000 - 100);
    expect(new Set(rig.pictures.slice(1).map((ms, i) => ms - (rig.pictures[i] ?? 0)))).toEqual(new Set([40]));
    expect(rig.relay.skips).toBe(0);
  });

  it('asks once to pass over media that is more than 10 s late', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 200 });
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(5_000);
    rig.sink.queuedMs = 400;
    rig.pass(12_000);
    expect(rig.late).toHaveLength(1);
    expect(rig.late[0]).toBeGreaterThan(10_000);
    expect(rig.relay.skips).toBe(1);
  });

  it('forgets what a list without items was late, and gives a second at once when one comes', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 2 });
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(60_000);
    expect(rig.relay.skips).toBe(0);
    await rig.put('b', { seconds: 60 });
    rig.pass(100);
    rig.pass(1_000);
    expect(rig.pictures.at(-1)).toBeGreaterThanOrEqual(4_000);
    expect(rig.pictures.at(-1)).toBeLessThanOrEqual(4_200);
    expect(rig.late).toEqual([]);
  });

  it('does not hold it against a file that its bytes are late, and asks for no more than fits', async () => {
    const rig = new Playing();
    const item = await rig.put('a', { seconds: 200 });
    rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(5_000);
    const before = rig.pictures.length;
    item.starved = true;
    rig.pass(3_000);
    item.starved = false;
    rig.pass(1_000);
    expect(rig.pictures.length - before).toBeLessThanOrEqual(25 * 1.05 + 2);
  });

  it('starts the next sink where the list is put back to, with headers and a key frame', async () => {
    const rig = new Playing();
    await rig.put('a', { seconds: 60 });
    const pushed = rig.relay.push(rig.sink, rig.stop.signal);
    rig.pass(2_500);
    rig.sink.fault = new Fault('push', 'closed', 'reset');
    rig.pass(50);
    await pushed;
    rig.list.clear();
    await rig.put('a', { seconds: 60, startMs: 3_400 });
    const second = new Recorder();
    rig.relay.push(second, rig.stop.signal);
    rig.pass(50);
    expect(second.got.slice(0, 3).map(([kind]) => kind)).toEqual(['videoHeader', 'audioHeader', 'key']);
    expect(second.got[2]?.[1]).toBeGreaterThan(rig.pictures.at(-1) ?? 0);
  });
});

it('a bug in one relay does not stop the others of the heartbeat', async () => {
  const bugs: unknown[] = [];
  const heartbeat = new Heartbeat({ tickMs: 1, onBug: (_, error) => bugs.push(error) });
  const sick = new Relay({
    now: () => {
      throw new Error('bug');
    },
  });
  const ticked = Promise.withResolvers<void>();
  const well = new Relay({
    now: () => {
      if (bugs.length > 1) ticked.resolve();
      return 0;
    },
  });
  heartbeat.add(sick);
  heartbeat.add(well);
  await ticked.promise;
  heartbeat.close();
  expect(bugs.length).toBeGreaterThan(1);
});
