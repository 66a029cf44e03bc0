import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { FaultProxy } from './fault-proxy.ts';
import { Place } from './place.ts';
import { pass, until } from './wait.ts';

/** A server that echoes, behind a proxy, and a client of it. */
async function echo(place: Place, options: { seed?: number } = {}) {
  const peers: Socket[] = [];
  const server = place.own(
    createServer({ allowHalfOpen: true }, socket => {
      peers.push(socket);
      socket.on('error', () => {});
      socket.on('data', bytes => socket.write(bytes));
      socket.on('end', () => socket.end());
    }),
    it => {
      for (const peer of peers) peer.destroy();
      it.close();
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await FaultProxy.start(place, { to: (server.address() as AddressInfo).port, ...options });
  return { proxy, peers, client: await join(place, proxy) };
}

async function join(place: Place, proxy: FaultProxy) {
  const socket = place.own(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }), it => it.destroy());
  const seen = { bytes: Buffer.alloc(0), pieces: 0, end: '' };
  socket.on('data', bytes => {
    seen.bytes = Buffer.concat([seen.bytes, bytes]);
    seen.pieces++;
  });
  socket.on('error', error => {
    seen.end = (error as NodeJS.ErrnoException).code ?? 'error';
  });
  socket.on('end', () => {
    seen.end = 'FIN';
  });
  await new Promise(resolve => socket.once('connect', resolve).once('close', resolve));
  return { socket, seen };
}

const PIECE = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 251));

it('passes bytes on unchanged, and counts them', async () => {
  await using place = new Place();
  const { proxy, client } = await echo(place);
  client.socket.write(PIECE);
  await until('the echo is here', () => client.seen.bytes.length === PIECE.length);
  expect(client.seen.bytes.equals(PIECE)).toBe(true);
  expect([proxy.passedBytes('up'), proxy.passedBytes('down')]).toEqual([10_000, 10_000]);
});

it('delays, and does not reorder', async () => {
  await using place = new Place();
  const { proxy, client } = await echo(place);
  proxy.set('down', { delayMs: 200 });
  const at = performance.now();
  client.socket.write(PIECE);
  await until('the echo is here', () => client.seen.bytes.length === PIECE.length);
  expect(performance.now() - at).toBeGreaterThan(195);
  expect(client.seen.bytes.equals(PIECE)).toBe(true);
});

it('holds a bandwidth, also of a few bytes a second', async () => {
  await using place = new Place();
  const { proxy, client } = await echo(place);
  proxy.set('up', { bytesPerSecond: 20 });
  const at = performance.now();
  client.socket.write(PIECE);
  await until('ten bytes are here', () => client.seen.bytes.length >= 10, { everyMs: 5 });
  expect(performance.now() - at).toBeGreaterThan(400);
  proxy.set('up', { bytesPerSecond: 1_000_000 });
  await until('the rest is here', () => client.seen.bytes.length === PIECE.length);
});

it('stalls with the connection open until the sender feels it, and goes on where it was', async () => {
  await using place = new Place();
  const { proxy, client } = await echo(place);
  proxy.set('up', { stalled: true });
  for (let i = 0; i < 1_500; i++) client.socket.write(PIECE);
  await until('the sender is full', () => client.socket.writableLength > 1_000_000);
  await pass(50);
  expect(client.seen).toMatchObject({ pieces: 0, end: '' });
  proxy.set('up', { stalled: false });
  await until('all is here', () => proxy.passedBytes('down') === 1_500 * PIECE.length);
});

it('writes single bytes where it is told to', async () => {
  await using place = new Place();
  const { proxy, client } = await echo(place);
  proxy.set('down', { writeBytes: 1, bytesPerSecond: 400 });
  client.socket.write(PIECE.subarray(0, 100));
  await until('the echo is here', () => client.seen.bytes.length === 100);
  expect(client.seen.pieces).toBeGreaterThan(10);
});

it('lets what came apart arrive at once', async () => {
  await using place = new Place();
  const { proxy, client } = await echo(place);
  proxy.set('down', { coalesceMs: 1_000 });
  for (let i = 0; i < 5; i++) {
    client.socket.write(PIECE.subarray(0, 10));
    await pass(20);
  }
  await until('the echo is here', () => client.seen.bytes.length === 50);
  expect(client.seen.pieces).toBeLessThanOrEqual(2);
});

it('corrupts the same bytes for the same seed', async () => {
  await using place = new Place();
  const seen: Buffer[] = [];
  for (const seed of [7, 7, 8]) {
    const { proxy, client } = await echo(place, { seed });
    proxy.set('up', { corruptOneIn: 100 });
    client.socket.write(PIECE);
    await until('the echo is here', () => client.seen.bytes.length === PIECE.length);
    seen.push(client.seen.bytes);
  }
  const [one = PIECE, same = PIECE, other = PIECE] = seen;
  expect(one.equals(PIECE)).toBe(false);
  expect(one.equals(same)).toBe(true);
  expect(one.equals(other)).toBe(false);
});

it.each([
  ['cut', 'FIN'],
  ['reset', 'ECONNRESET'],
] as const)('ends connections by a %s', async (how, end) => {
  await using place = new Place();
  const { proxy, client } = await echo(place);
  client.socket.write(PIECE);
  await until('the echo is here', () => client.seen.bytes.length === PIECE.length);
  proxy[how]();
  await until('the client knows', () => client.seen.end === end);
});

it('closes one direction and keeps the other', async () => {
  await using place = new Place();
  const { proxy, client, peers } = await echo(place);
  client.socket.write(PIECE);
  await until('the echo is here', () => client.seen.bytes.length === PIECE.length);
  proxy.halfClose('down');
  await until('the client knows', () => client.seen.end === 'FIN');
  client.socket.write(PIECE);
  await until('the server still hears', () => peers[0]?.bytesRead === 2 * PIECE.length);
  expect(client.seen.bytes.length).toBe(PIECE.length);
});

it('turns away or ignores those who dial', async () => {
  await using place = new Place();
  const { proxy, peers } = await echo(place);
  proxy.welcome = 'reset';
  const turnedAway = await join(place, proxy);
  await until('it is reset', () => turnedAway.seen.end === 'ECONNRESET');
  proxy.welcome = 'hold';
  const ignored = await join(place, proxy);
  ignored.socket.write(PIECE);
  await pass(50);
  expect(ignored.seen).toMatchObject({ pieces: 0, end: '' });
  expect(peers).toHaveLength(1);
  expect(proxy.connectsAtMs).toHaveLength(3);
});

it('cuts a link without a word, and brings what was on its way when it is whole again', async () => {
  await using place = new Place();
  const { proxy, client, peers } = await echo(place);
  client.socket.write(PIECE);
  await until('the echo is here', () => client.seen.bytes.length === PIECE.length);
  proxy.sever();
  client.socket.write(PIECE);
  const late = await join(place, proxy);
  late.socket.write(PIECE);
  await pass(50);
  expect(client.seen).toMatchObject({ pieces: 1, end: '' });
  expect(late.seen).toMatchObject({ pieces: 0, end: '' });
  proxy.heal();
  await until('both are answered', () =>
    [client, late].every(({ seen }) => seen.bytes.length === PIECE.length * (seen === client.seen ? 2 : 1)),
  );
  expect(peers).toHaveLength(2);
});

it('tells nobody of an end on the other side of a cut link', async () => {
  await using place = new Place();
  const { proxy, client, peers } = await echo(place);
  client.socket.write(PIECE);
  await until('the echo is here', () => client.seen.bytes.length === PIECE.length);
  proxy.sever();
  client.socket.resetAndDestroy();
  await pass(50);
  expect(peers[0]?.destroyed).toBe(false);
  proxy.heal();
  await until('the server knows', () => peers[0]?.destroyed === true);
});
