import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { monotonic } from '../clock.ts';
import type { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openSink, openSource } from '../open.ts';
import { Batch, type PacketKind, type Source } from '../packet.ts';
import { encodeAmf0 } from './amf0.ts';
import { clientHello, HANDSHAKE_SIZE } from './handshake.ts';
import { command, MessageType, pingRequest, UserControl, windowAckSize } from './message.ts';
import { Origin, type OriginLimits } from './origin.ts';
import { Guest, type Seen } from './origin-guest.ts';

interface Closable {
  close(): unknown;
}

const open: Closable[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

function own<T extends Closable>(thing: T): T {
  open.push(thing);
  return thing;
}

/** An origin whose clock can be put forward. */
async function startOrigin(limits: Partial<OriginLimits> = {}, tickMs = 5) {
  let skippedMs = 0;
  const faults: Fault[] = [];
  const now = () => monotonic() + skippedMs;
  const onLeft = (fault: Fault) => void faults.push(fault);
  const origin = own(await Origin.listen({ host: '127.0.0.1', port: 0, tickMs, now, limits, onLeft }));
  const skip = (ms: number) => {
    skippedMs += ms;
  };
  return { origin, address: origin.address, faults, skip };
}

const visit = async (address: string) => own(await Guest.open(address));
const arrive = async (address: string, app: string) => own(await Guest.arrive(address, app));
const publish = async (address: string, path: string, options?: { chunkSize: number }) =>
  own(await Guest.publisher(address, path, options));
const play = async (address: string, path: string) => own(await Guest.player(address, path));

/** Payloads that classify as their kind, with a body of their own. */
const HEADS: Record<PacketKind, Buffer> = {
  metadata: encodeAmf0(['onMetaData', { width: 480 }]),
  videoHeader: Buffer.from('170000000001640015ffe1', 'hex'),
  audioHeader: Buffer.from('af001210', 'hex'),
  key: Buffer.from('17010000000000000465', 'hex'),
  inter: Buffer.from('27010000000000000441', 'hex'),
  disposable: Buffer.from('27010000000000000401', 'hex'),
  audio: Buffer.from('af01', 'hex'),
};

function frame(kind: PacketKind, size = 3, fill = 7): Buffer {
  return kind === 'metadata' ? HEADS.metadata : Buffer.concat([HEADS[kind], Buffer.alloc(size, fill)]);
}

function sendAll(guest: Guest, packets: readonly (readonly [PacketKind, number])[]): void {
  for (const [kind, dtsMs] of packets) guest.media(kind, dtsMs, frame(kind));
}

const HEADERS = [
  ['metadata', 0],
  ['videoHeader', 0],
  ['audioHeader', 0],
] as const;

/** Bytes without sense, the same ones for the same seed (a linear congruence). */
function noise(seed: number, length: number): Buffer {
  let state = seed + 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}

/** How many packets the batch holds after another read, or why the source is gone. */
function readAll(source: Source, into: Batch): unknown {
  try {
    source.read(into);
    return into.count;
  } catch (error) {
    return error;
  }
}

const told = (seen: readonly Seen[]) => seen.map(({ kind, dtsMs }) => [kind, dtsMs]);

describe('the RTMP origin', () => {
  it('gives a player what a publisher sends, byte for byte', async () => {
    const { address } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    const player = await play(address, 'live/s1');
    sendAll(publisher, HEADERS);
    const frames: Buffer[] = [];
    for (let i = 0; i < 20; i++) {
      const payload = Buffer.concat([frame(i % 10 === 0 ? 'key' : 'inter'), randomBytes(i * 10_000)]);
      frames.push(payload);
      publisher.media(i % 10 === 0 ? 'key' : 'inter', i * 40, payload);
    }
    await player.until(() => player.seen.length === 23);
    expect(told(player.seen).slice(0, 5)).toEqual([...HEADERS, ['key', 0], ['inter', 40]]);
    expect(Buffer.concat(player.seen.slice(3).map(({ payload }) => payload)).equals(Buffer.concat(frames))).toBe(true);
  });

  it.each([
    ['live/s1?token=x', 'live/s1'],
    ['live/s1', 'live/s1?token=y'],
    ['a/b/c/s1', 'a/b/c/s1'],
    ['live?vhost=x/s1', 'live/s1'],
  ])('knows the stream published as %s and played as %s by one name', async (published, played) => {
    const { address } = await startOrigin();
    const publisher = await publish(address, published);
    const player = await play(address, played);
    sendAll(publisher, [...HEADERS, ['key', 0]]);
    await player.until(() => player.seen.length === 4);
    expect(player.seen[3]?.kind).toBe('key');
  });

  it('starts a late player with headers and the last key frame', async () => {
    const { origin, address } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    sendAll(publisher, [...HEADERS, ['key', 0], ['inter', 40], ['key', 80], ['audio', 90], ['disposable', 120]]);
    await expect.poll(() => origin.streams()[0]?.packetsIn).toBe(8);
    const player = await play(address, 'live/s1');
    sendAll(publisher, [['inter', 160]]);
    await player.until(() => player.seen.length === 7);
    const opening = [
      ['metadata', 0],
      ['videoHeader', 80],
      ['audioHeader', 80],
      ['key', 80],
      ['audio', 90],
      ['disposable', 120],
    ];
    expect(told(player.seen)).toEqual([...opening, ['inter', 160]]);
  });

  it('shows no frame of an old picture size behind a new codec header', async () => {
    const { origin, address } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    sendAll(publisher, [...HEADERS, ['key', 0]]);
    publisher.media('videoHeader', 40, frame('videoHeader', 9));
    await expect.poll(() => origin.streams()[0]?.packetsIn).toBe(5);
    const player = await play(address, 'live/s1');
    sendAll(publisher, [['key', 80]]);
    await player.until(() => player.seen.length === 4);
    expect(told(player.seen).at(-1)).toEqual(['key', 80]);
    expect(player.seen[1]?.payload.equals(frame('videoHeader', 9))).toBe(true);
  });

  it('lets a player in at the next key frame when the group was too large to keep', async () => {
    const { origin, address } = await startOrigin({ gopBytes: 1_000 });
    const publisher = await publish(address, 'live/s1');
    sendAll(publisher, [...HEADERS, ['key', 0]]);
    publisher.media('inter', 40, frame('inter', 2_000));
    await expect.poll(() => origin.streams()[0]?.packetsIn).toBe(5);
    const player = await play(address, 'live/s1');
    sendAll(publisher, [
      ['inter', 80],
      ['key', 120],
    ]);
    await player.until(() => player.seen.length === 4);
    expect(told(player.seen).at(-1)).toEqual(['key', 120]);
    expect(origin.streams()[0]?.cachedBytes).toBe(frame('key').length);
  });

  it('starts a player of a stream of sound alone without a key frame', async () => {
    const { address, skip } = await startOrigin();
    const player = await play(address, 'live/s1');
    const publisher = await publish(address, 'live/s1');
    sendAll(publisher, [
      ['audioHeader', 0],
      ['audio', 0],
    ]);
    skip(1_500);
    await player.until(() => player.seen.length > 0);
    sendAll(publisher, [['audio', 23]]);
    await player.until(() => player.seen.some(({ dtsMs }) => dtsMs === 23));
    expect(player.seen[0]?.kind).toBe('audioHeader');
  });

  it('keeps players through the end of a publish and goes on with the next one', async () => {
    const { address } = await startOrigin();
    const player = await play(address, 'live/s1');
    const first = await publish(address, 'live/s1');
    sendAll(first, [...HEADERS, ['key', 5_000]]);
    await player.until(() => player.seen.length === 4);
    first.close();
    await player.until(() => player.codes.includes('NetStream.Play.UnpublishNotify'));
    const second = await publish(address, 'live/s1');
    await player.until(() => player.codes.includes('NetStream.Play.PublishNotify'));
    sendAll(second, [...HEADERS, ['key', 0], ['inter', 40]]);
    await player.until(() => player.seen.length === 9);
    expect(told(player.seen.slice(4))).toEqual([...HEADERS, ['key', 0], ['inter', 40]]);
    expect(player.userControls()).toEqual([UserControl.streamBegin, UserControl.streamEof, UserControl.streamBegin]);
  });

  it('refuses a second publisher, and the first goes on undisturbed', async () => {
    const { address } = await startOrigin();
    const player = await play(address, 'live/s1');
    const first = await publish(address, 'live/s1');
    const second = await arrive(address, 'live');
    second.call('publish', 5, null, 's1?other=key', 'live');
    await second.until(() => second.ended);
    expect(second.codes).toEqual(['NetStream.Publish.BadName']);
    sendAll(first, [...HEADERS, ['key', 0]]);
    await player.until(() => player.seen.length === 4);
    expect(first.ended).toBe(false);
  });

  it('gives the name to a new publisher the moment the former one is gone, before any tick', async () => {
    const { address } = await startOrigin({}, 60_000);
    const first = await publish(address, 'live/s1');
    const second = await arrive(address, 'live');
    first.socket.resetAndDestroy();
    second.call('publish', 5, null, 's1', 'live');
    await second.until(() => second.codes.length > 0);
    expect(second.codes).toEqual(['NetStream.Publish.Start']);
  });

  it('takes media that does not wait for the publish to be answered, and what comes with its end', async () => {
    const { address } = await startOrigin();
    const player = await play(address, 'live/s1');
    const publisher = await arrive(address, 'live');
    publisher.socket.cork();
    publisher.call('publish', 5, null, 's1', 'live');
    sendAll(publisher, [...HEADERS, ['key', 0]]);
    publisher.socket.uncork();
    await player.until(() => player.seen.length === 4);
    publisher.socket.cork();
    sendAll(publisher, [['inter', 40]]);
    publisher.call('FCUnpublish', 6, null, 's1');
    publisher.call('deleteStream', 7, null, 1);
    publisher.socket.uncork();
    await player.until(() => player.codes.includes('NetStream.Play.UnpublishNotify'));
    expect(told(player.seen).at(-1)).toEqual(['inter', 40]);
    expect(publisher.ended).toBe(false);
  });

  it('lets a player go over to another stream on its connection', async () => {
    const { origin, address } = await startOrigin();
    const publisher = await publish(address, 'live/s2');
    const player = await play(address, 'live/s1');
    player.call('closeStream', 0, null);
    player.call('play', 0, null, 's2');
    sendAll(publisher, [...HEADERS, ['key', 0]]);
    await player.until(() => player.seen.length === 4);
    await expect.poll(() => origin.streams().map(({ name, players }) => [name, players])).toEqual([['live/s2', 1]]);
  });

  it('serves a hundred players of one stream the same bytes', async () => {
    const { origin, address } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    const players = await Promise.all(Array.from({ length: 100 }, () => play(address, 'live/s1')));
    sendAll(publisher, HEADERS);
    for (let i = 0; i < 50; i++) {
      const kind = i === 0 ? 'key' : 'inter';
      publisher.media(kind, i * 40, frame(kind, 5_000, i));
    }
    await Promise.all(players.map(player => player.until(() => player.seen.length === 53)));
    const bodies = players.map(({ seen }) => Buffer.concat(seen.map(({ payload }) => payload)));
    expect(bodies.every(body => body.equals(bodies[0] ?? Buffer.alloc(0)))).toBe(true);
    expect(origin.streams()[0]?.players).toBe(100);
  });

  it('gives a slow player the whole group it starts with, however long it takes', async () => {
    const { origin, address, skip } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    sendAll(publisher, HEADERS);
    const frames = 30;
    for (let i = 0; i < frames; i++) {
      const kind = i === 0 ? 'key' : 'inter';
      publisher.media(kind, i * 40, frame(kind, 400_000, i));
    }
    await expect.poll(() => origin.streams()[0]?.packetsIn, { timeout: 5_000 }).toBe(3 + frames);
    const player = await play(address, 'live/s1');
    player.socket.pause();
    await expect.poll(() => origin.streams()[0]?.bytesOut).toBeGreaterThan(frames * 400_000);
    skip(5_000);
    player.socket.resume();
    await player.until(() => player.seen.length === 3 + frames);
    expect(player.seen.slice(3).map(({ dtsMs }) => dtsMs)).toEqual(Array.from({ length: frames }, (_, i) => i * 40));
  });

  it('ends a player that takes nothing and costs the others nothing', async () => {
    const { origin, address, faults, skip } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    const good = await play(address, 'live/s1');
    const slow = await play(address, 'live/s1');
    slow.socket.pause();
    sendAll(publisher, HEADERS);
    const frames = 60;
    for (let i = 0; i < frames; i++) {
      const dtsMs = i * 400;
      publisher.media(i % 10 === 0 ? 'key' : 'inter', dtsMs, frame(i % 10 === 0 ? 'key' : 'inter', 400_000));
      await good.until(() => good.seen.length === 4 + i);
    }
    expect(origin.streams()[0]?.players).toBe(2);
    skip(7_000);
    sendAll(publisher, [['inter', frames * 400]]);
    await good.until(() => good.seen.length === 4 + frames);
    await expect.poll(() => faults.map(({ kind }) => kind)).toEqual(['stalled']);
    expect(origin.streams()[0]?.players).toBe(1);
  });
});

describe('the own client at the RTMP origin', () => {
  it('publishes and plays', async () => {
    const { address } = await startOrigin();
    const { signal } = new AbortController();
    const options = { dialler: new Dialler({ preset: 'lab' }), signal };
    const source = own(await openSource(`${address}/live/s1`, options));
    const sink = own(await openSink(`${address}/live/s1`, { ...options, now: monotonic }));
    const batch = new Batch();
    for (const [kind, dtsMs] of [...HEADERS, ['key', 0], ['inter', 40]] as const) {
      const payload = frame(kind);
      const packet = batch.next();
      packet.reset(kind, dtsMs);
      packet.addSpan(payload, 0, payload.length);
    }
    sink.write(batch);
    const got = new Batch();
    await expect.poll(() => readAll(source, got)).toBe(5);
    expect(got.packets.slice(0, 5).map(({ kind, dtsMs }) => [kind, dtsMs])).toEqual([
      ...HEADERS,
      ['key', 0],
      ['inter', 40],
    ]);
    await sink.close();
    await expect.poll(() => readAll(source, got)).toMatchObject({ kind: 'closed' });
  });
});

describe('times through the RTMP origin', () => {
  it.each([
    ['the 24 bit mark', 0xffffff - 100],
    ['2^31', 2 ** 31 - 100],
    ['2^32', 2 ** 32 - 100],
  ])('pass unchanged across %s, in small chunks and large', async (_, startMs) => {
    for (const chunkSize of [128, 65_536]) {
      const { address } = await startOrigin();
      const publisher = await publish(address, 'live/s1', { chunkSize });
      const player = await play(address, 'live/s1');
      const sent = Array.from({ length: 10 }, (_, i) => {
        const kind: PacketKind = i === 0 ? 'key' : 'inter';
        return { kind, dtsMs: startMs + i * 40, payload: frame(kind, 1_000, i) };
      });
      for (const { kind, dtsMs, payload } of sent) publisher.media(kind, dtsMs, payload);
      await player.until(() => player.seen.length === 10);
      expect(player.seen).toEqual(sent);
    }
  });
});

describe('negotiating with the RTMP origin', () => {
  it('answers both forms of the handshake', async () => {
    const { address } = await startOrigin();
    for (const mode of ['simple', 'digest'] as const) {
      const guest = await visit(address);
      await guest.greet(mode);
      await guest.connect('live');
      expect(guest.calls[0]?.[0]).toBe('_result');
    }
  });

  it('takes a handshake and a connect that come byte by byte', async () => {
    const { address } = await startOrigin();
    const guest = await visit(address);
    const hello = clientHello(randomBytes(HANDSHAKE_SIZE - 8), 'digest');
    for (const byte of hello.subarray(0, 30)) guest.socket.write(Buffer.of(byte));
    guest.socket.write(hello.subarray(30));
    await guest.until(() => guest.greeted);
    await guest.connect('live');
  });

  it('answers the calls of encoders and players', async () => {
    const { address } = await startOrigin();
    const guest = await arrive(address, 'live');
    ['releaseStream', 'FCPublish', 'FCSubscribe', 'getStreamLength', '_checkbw', 'FCUnpublish'].forEach((name, i) => {
      guest.call(name, 10 + i, null, 's1');
    });
    guest.call('somethingElse', 90, null);
    guest.call('createStream', 99, null);
    await guest.answer(99);
    const answers = guest.calls.filter(([name]) => name === '_result').map(([, number]) => number);
    expect(answers).toEqual([1, 2, 10, 11, 12, 13, 14, 15, 99]);
    const others = guest.calls.map(([name]) => name).filter(name => name !== '_result');
    expect(others).toEqual(['onFCPublish', 'onFCSubscribe', 'onFCUnpublish']);
  });

  it('understands commands that come as AMF3 messages', async () => {
    const { address } = await startOrigin();
    const guest = await arrive(address, 'live');
    guest.tell(MessageType.commandAmf3, Buffer.concat([Buffer.of(0), command('createStream', 33, null)]));
    await guest.answer(33);
  });

  it('answers a ping before, while playing and while publishing', async () => {
    const { address } = await startOrigin();
    const guests = [await arrive(address, 'live'), await play(address, 'live/s1'), await publish(address, 'live/s1')];
    for (const guest of guests) {
      guest.tell(MessageType.userControl, pingRequest(4711));
      await guest.until(() => guest.userControls().includes(UserControl.pingResponse));
    }
  });

  it('acknowledges every half of the window that a publisher asks for', async () => {
    const { address } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    publisher.tell(MessageType.windowAckSize, windowAckSize(20_000));
    const acknowledgements = () => publisher.messages.filter(({ type }) => type === MessageType.acknowledgement);
    for (let i = 1; i <= 5; i++) {
      publisher.media('key', i * 40, frame('key', 12_000));
      await publisher.until(() => acknowledgements().length === i);
    }
    expect(acknowledgements().at(-1)?.payload.readUInt32BE()).toBeGreaterThan(60_000);
  });
});

describe('the RTMP origin ends a connection', () => {
  const refusals = [
    ['of an HTTP client', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'garbage'],
    ['of a TLS client', Buffer.from('1603010200010001fc0303', 'hex'), 'garbage'],
  ] as const;
  it.each(refusals)('%s at its first bytes', async (_, bytes, kind) => {
    const { address, faults } = await startOrigin();
    const guest = await visit(address);
    guest.socket.write(bytes);
    await guest.until(() => guest.ended);
    expect(faults.map(fault => fault.kind)).toEqual([kind]);
  });

  it.each([
    ['says nothing', (_: Guest) => undefined],
    ['stops in its handshake', (guest: Guest) => guest.socket.write(Buffer.alloc(700, 3))],
    ['drips', (guest: Guest) => guest.socket.write(Buffer.of(3))],
  ])('that %s, once its time is over', async (_, act) => {
    const { origin, address, faults, skip } = await startOrigin();
    const guest = await visit(address);
    act(guest);
    await expect.poll(() => origin.connections).toBe(1);
    skip(10_001);
    await guest.until(() => guest.ended);
    expect(faults.map(({ kind }) => kind)).toEqual(['timeout']);
  });

  it('that connects but neither publishes nor plays in time', async () => {
    const { address, skip } = await startOrigin();
    const guest = await arrive(address, 'live');
    skip(10_001);
    await guest.until(() => guest.ended);
  });

  it('of a publisher that sends no media for a minute, but not of a player that waits', async () => {
    const { origin, address, skip } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    const player = await play(address, 'live/s2');
    skip(59_000);
    sendAll(publisher, HEADERS);
    await expect.poll(() => origin.streams()[0]?.packetsIn).toBe(3);
    skip(59_000);
    publisher.tell(MessageType.userControl, pingRequest(1));
    await publisher.until(() => publisher.userControls().includes(UserControl.pingResponse));
    skip(2_000);
    await publisher.until(() => publisher.ended);
    expect(player.ended).toBe(false);
  });

  it.each([
    ['publishes before it connects', (guest: Guest) => guest.call('publish', 5, null, 's1', 'live')],
    ['calls without a name', (guest: Guest) => guest.tell(MessageType.commandAmf0, encodeAmf0([5, 5]))],
    ['sends values that are none', (guest: Guest) => guest.tell(MessageType.commandAmf0, Buffer.of(2, 255, 255))],
    [
      'sends more than a negotiation needs',
      (guest: Guest) => {
        for (let i = 0; i < 4_000; i++) guest.call('somethingElse', 0, 'x'.repeat(40));
      },
    ],
  ])('that %s', async (_, act) => {
    const { address, faults } = await startOrigin();
    const guest = await visit(address);
    await guest.greet('simple');
    act(guest);
    await guest.until(() => guest.ended);
    expect(faults.map(({ kind }) => kind)).toEqual(['garbage']);
  });

  it('that publishes twice, and frees the name', async () => {
    const { origin, address } = await startOrigin();
    const publisher = await publish(address, 'live/s1');
    publisher.call('publish', 6, null, 's2', 'live');
    await publisher.until(() => publisher.ended);
    expect(publisher.codes.at(-1)).toBe('NetStream.Publish.Denied');
    await expect.poll(() => origin.streams()).toEqual([]);
  });

  it('that turns to random bytes, at any point, and no other', async () => {
    const { origin, address } = await startOrigin();
    const publisher = await publish(address, 'live/good');
    const player = await play(address, 'live/good');
    for (let i = 0; i < 20; i++) {
      const guests = [await visit(address), await arrive(address, 'live'), await publish(address, `live/${i}`)];
      const player = await play(address, `live/${i}`);
      for (const guest of [...guests, player]) guest.socket.end(noise(i, 100_000));
    }
    await expect.poll(() => origin.connections, { timeout: 5_000 }).toBe(2);
    sendAll(publisher, [...HEADERS, ['key', 0]]);
    await player.until(() => player.seen.length === 4);
  });

  it('beyond the number it may have', async () => {
    const { address } = await startOrigin({ connections: 2 });
    await visit(address);
    await visit(address);
    const third = await visit(address);
    await third.until(() => third.ended);
  });

  it('of everyone when it closes, twice if need be', async () => {
    const { origin, address } = await startOrigin();
    const guests = [await publish(address, 'live/s1'), await play(address, 'live/s1'), await visit(address)];
    await Promise.all([origin.close(), origin.close()]);
    await Promise.all(guests.map(guest => guest.until(() => guest.ended)));
    expect(origin.connections).toBe(0);
  });
});

it('an RTMP origin whose port is taken says so', async () => {
  const squatter = own(createServer());
  squatter.listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const bound = squatter.address();
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  await expect(Origin.listen({ host: '127.0.0.1', port, now: monotonic })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
