import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openSink, type SinkOptions } from '../open.ts';
import { Batch, type PacketKind, type Sink } from '../packet.ts';
import type { Referral } from '../referral.ts';
import { acknowledgement, MessageType, pingRequest } from './message.ts';
import { at, type Script, ScriptedServer } from './scripted-server.ts';

const servers: ScriptedServer[] = [];
const sinks: Sink[] = [];
let nowMs = 0;

afterEach(async () => {
  nowMs = 0;
  await Promise.all(sinks.splice(0).map(sink => sink.close(10)));
  for (const server of servers.splice(0)) await server.close();
});

const REFERRAL = { level: 'status', code: 'NetConnection.Connect.ReconnectRequest' };

interface Tries extends Pick<SinkOptions, 'referred'> {
  readonly script?: Script;
  readonly firstTimestampMs?: number;
}

async function publish({ script, ...options }: Tries = {}): Promise<{ server: ScriptedServer; sink: Sink }> {
  const server = await ScriptedServer.listen(script === undefined ? {} : { script });
  servers.push(server);
  const dialler = new Dialler({ preset: 'lab' });
  const signal = new AbortController().signal;
  const sink = await openSink(server.url('live/SECRETKEY'), { dialler, signal, now: () => nowMs, ...options });
  sinks.push(sink);
  return { server, sink };
}

const HEADS: Readonly<Record<PacketKind, readonly number[]>> = {
  metadata: [2, 0, 10, ...Buffer.from('onMetaData'), 8, 0, 0, 0, 0, 0, 0, 9],
  videoHeader: [0x17, 0],
  audioHeader: [0xaf, 0],
  key: [0x17, 1],
  inter: [0x27, 1],
  disposable: [0x27, 1],
  audio: [0xaf, 1],
};

type Frame = readonly [kind: PacketKind, dtsMs: number, bytes?: number];

function batchOf(...frames: readonly Frame[]): Batch {
  const batch = new Batch();
  for (const [kind, dtsMs, bytes = 50] of frames) {
    const head = Buffer.from(HEADS[kind]);
    const payload = kind === 'metadata' ? head : Buffer.concat([head, Buffer.alloc(bytes - head.length, dtsMs & 0xff)]);
    const packet = batch.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(payload, 0, payload.length);
  }
  return batch;
}

async function received(server: ScriptedServer, count: number): Promise<[PacketKind, number][]> {
  await vi.waitFor(() => expect(server.visit.packets.length).toBeGreaterThanOrEqual(count), { interval: 2 });
  return server.visit.packets.map(({ kind, dtsMs }) => [kind, dtsMs]);
}

async function faultOf(sink: Sink): Promise<Fault> {
  let fault: unknown;
  await vi.waitFor(
    () => {
      try {
        sink.write(batchOf(['audio', 0]));
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(Fault);
    },
    { timeout: 5000, interval: 2 },
  );
  return fault as Fault;
}

describe('an RTMP sink', () => {
  it('begins each publish at 0, whatever the clock of its media', async () => {
    const { server, sink } = await publish();
    sink.write(batchOf(['metadata', 0], ['videoHeader', 0], ['audioHeader', 0], ['key', 500_000], ['audio', 500_010]));
    sink.write(batchOf(['inter', 500_040], ['videoHeader', 500_040]));
    expect(await received(server, 7)).toEqual([
      ['metadata', 0],
      ['videoHeader', 0],
      ['audioHeader', 0],
      ['key', 0],
      ['audio', 10],
      ['inter', 40],
      ['videoHeader', 40],
    ]);
    expect(sink.flowing).toBe(true);
    expect(sink.drops).toEqual({ disposable: 0, untilKey: 0 });
  });

  it('sends headers that come before any media with the first time', async () => {
    const { server, sink } = await publish({ firstTimestampMs: 5000 });
    sink.write(batchOf(['videoHeader', 0]));
    sink.write(batchOf(['key', 77_000], ['audio', 76_990], ['inter', 77_040]));
    expect((await received(server, 4)).map(([, dtsMs]) => dtsMs)).toEqual([5000, 5000, 5000, 5040]);
  });

  it.each([0xffffff, 2 ** 31, 2 ** 32])('passes the boundary of its timestamps at %i', async boundary => {
    const { server, sink } = await publish({ firstTimestampMs: boundary - 80 });
    const frames = [0, 40, 80, 120].map((dtsMs, i): Frame => [i === 0 ? 'key' : 'inter', dtsMs, 200_000]);
    sink.write(batchOf(...frames));
    const times = (await received(server, 4)).map(([, dtsMs]) => dtsMs);
    expect(times.map(time => time - (times[0] ?? 0))).toEqual([0, 40, 80, 120]);
    expect((times[0] ?? 0) % 2 ** 32).toBe((boundary - 80) % 2 ** 32);
    expect(server.visit.packets.every(({ payload }) => payload.length === 200_000)).toBe(true);
  });

  it('is overdue with a destination that has acknowledged and stops, and never with one that does not', async () => {
    const { server, sink } = await publish();
    const send = (bytes: number): void => sink.write(batchOf(['audio', 0, bytes]));
    send(2_000_000);
    expect(sink.overdueBytes).toBe(0);
    const pongs = (): number =>
      server.visit.messages.filter(({ type, payload }) => type === 4 && payload[1] === 7).length;
    for (let acks = 1; acks <= 3; acks++) {
      send(100_000);
      server.visit.control(MessageType.acknowledgement, acknowledgement(1));
      server.visit.control(MessageType.userControl, pingRequest(5));
      await vi.waitFor(() => {
        sink.write(batchOf());
        expect(pongs()).toBe(acks);
      });
    }
    expect(sink.overdueBytes).toBe(0);
    await vi.waitFor(() => {
      send(500_000);
      expect(sink.overdueBytes).toBeGreaterThan(0);
    });
  });

  it('answers pings under media', async () => {
    const { server, sink } = await publish();
    server.visit.control(MessageType.userControl, pingRequest(5));
    await vi.waitFor(() => {
      sink.write(batchOf(['audio', 0]));
      expect(server.visit.messages.some(({ type, payload }) => type === 4 && payload[1] === 7)).toBe(true);
    });
  });

  it('keeps its memory bounded and its audio whole with a destination that reads nothing for a while', async () => {
    const { server, sink } = await publish();
    server.visit.socket.pause();
    let audio = 0;
    let last = 0;
    for (; sink.drops.untilKey < 20 && last < 100_000; last += 40) {
      nowMs = Math.min(last, 5000);
      sink.write(batchOf([last % 2000 === 0 ? 'key' : 'inter', last, 100_000], ['audio', last, 100]));
      audio++;
      expect(sink.queuedBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
    }
    expect(sink.drops.untilKey).toBeGreaterThanOrEqual(20);
    server.visit.socket.resume();
    const heard = (): number => server.visit.packets.filter(({ kind }) => kind === 'audio').length;
    await vi.waitFor(
      () => {
        sink.write(batchOf());
        expect(heard()).toBe(audio);
      },
      { timeout: 5000, interval: 5 },
    );
    const { bytesOut } = sink;
    expect(bytesOut).toBeGreaterThan(0);
    expect(sink.queuedBytes).toBe(0);
  });

  it('gives up a destination that reads nothing for 6 s', async () => {
    const { server, sink } = await publish();
    server.visit.socket.pause();
    while (sink.queuedBytes === 0) sink.write(batchOf(['key', 0, 1_000_000]));
    nowMs = 6100;
    expect(() => sink.write(batchOf())).toThrow(expect.objectContaining({ side: 'push', kind: 'stalled' }));
  });

  it.each(['end', 'resetAndDestroy'] as const)('tells a connection that is gone (%s)', async way => {
    const { server, sink } = await publish();
    server.visit.socket[way]();
    expect(await faultOf(sink)).toMatchObject({ side: 'push', kind: 'closed' });
  });

  it('tells what the destination says when it ends the publish', async () => {
    const { server, sink } = await publish();
    server.visit.status('NetStream.Publish.Denied', { level: 'error', description: 'SECRETKEY was banned' });
    const fault = await faultOf(sink);
    expect(fault).toMatchObject({ side: 'push', kind: 'closed', message: expect.stringContaining('*** was banned') });
    expect(fault.message).not.toContain('SECRETKEY');
  });

  it('hears a no that comes in one read with the yes', async () => {
    const script = at('publish', visit => {
      visit.socket.cork();
      visit.status('NetStream.Publish.Start');
      visit.status('NetStream.Publish.Denied', { level: 'error', description: 'too late' });
      visit.socket.uncork();
    });
    await expect(publish({ script })).rejects.toMatchObject({
      kind: 'closed',
      message: expect.stringContaining('late'),
    });
  });

  it('tells where its destination sends it, and goes on', async () => {
    const told: Referral[] = [];
    const { server, sink } = await publish({ referred: to => told.push(to) });
    server.visit.command(['onStatus', 0, null, { ...REFERRAL, tcUrl: 'rtmp://b.example/live', description: 'move' }]);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    expect(told).toEqual([{ url: 'rtmp://b.example/live/SECRETKEY', isSameServer: false, words: 'move' }]);
    sink.write(batchOf(['key', 0]));
    expect(await received(server, 1)).toEqual([['key', 0]]);
  });

  it('hears that it is sent elsewhere before it has begun', async () => {
    const told: Referral[] = [];
    const script = at('createStream', (visit, asked) => {
      visit.command(['onStatus', 0, null, REFERRAL]);
      visit.answer(asked);
    });
    const { server } = await publish({ script, referred: to => told.push(to) });
    expect(told.map(({ url }) => url)).toEqual([server.url('live/SECRETKEY')]);
  });

  it.each([undefined, null, 7, true, {}, [], ['rtmp://b.example/live'], new Date(0), '\u0000', '%%%'])(
    'lives with a place of no sense: %s',
    async tcUrl => {
      const told: Referral[] = [];
      const { server, sink } = await publish({ referred: to => told.push(to) });
      server.visit.command(['onStatus', 0, null, { ...REFERRAL, tcUrl, description: tcUrl }]);
      await vi.waitFor(() => expect(told).toHaveLength(1));
      sink.write(batchOf(['key', 0]));
      expect(await received(server, 1)).toHaveLength(1);
    },
  );

  it('needs nobody who wants to be told', async () => {
    const { server, sink } = await publish();
    for (let i = 0; i < 1_000; i++) server.visit.command(['onStatus', 0, null, REFERRAL]);
    server.visit.control(MessageType.userControl, pingRequest(7));
    await vi.waitFor(() => {
      sink.write(batchOf());
      expect(server.visit.messages.some(({ type }) => type === MessageType.userControl)).toBe(true);
    });
  });

  it('gives up a destination that sends without end', async () => {
    const { server, sink } = await publish();
    for (let i = 0; i < 6; i++) server.visit.message(99, Buffer.alloc(1_000_000));
    expect(await faultOf(sink)).toMatchObject({ kind: 'garbage', message: expect.stringContaining('floods') });
  });

  it('hears a destination that sends as much over days', async () => {
    const { server, sink } = await publish();
    nowMs = 86_400_000;
    for (let i = 0; i < 6; i++) server.visit.message(99, Buffer.alloc(1_000_000));
    server.visit.control(MessageType.userControl, pingRequest(7));
    await vi.waitFor(() => {
      sink.write(batchOf());
      expect(server.visit.messages.some(({ type }) => type === MessageType.userControl)).toBe(true);
    });
  });

  it('says good-bye behind its media, and hears the end', async () => {
    const { server, sink } = await publish();
    const big = batchOf(['key', 0, 500_000], ['audio', 1]);
    sink.write(big);
    const ended = once(server.visit.socket, 'end');
    await Promise.all([sink.close(), ended]);
    expect(server.visit.packets).toHaveLength(2);
    expect(server.visit.names().slice(-2)).toEqual(['FCUnpublish', 'deleteStream']);
    expect(server.visit.asked.at(-1)?.values).toEqual([null, 1]);
    await sink.close();
  });

  it('closes in time with a destination that reads nothing', async () => {
    const { server, sink } = await publish();
    server.visit.socket.pause();
    while (sink.queuedBytes === 0) sink.write(batchOf(['key', 0, 1_000_000]));
    const from = performance.now();
    await sink.close(50);
    expect(performance.now() - from).toBeLessThan(1000);
    server.visit.socket.resume();
    await vi.waitFor(() => expect(server.visit.socket.destroyed).toBe(true));
  });
});
