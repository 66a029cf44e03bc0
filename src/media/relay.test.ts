import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import type { Batch, PacketKind, Sink, Source } from './packet.ts';
import { Heartbeat, Relay } from './relay.ts';

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
  readonly queuedMs = 0;
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
