import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Place } from './place.ts';
import { type Road, UdpProxy } from './udp-proxy.ts';
import { until } from './wait.ts';

const COUNT = 400;

let place: Place;
let echo: Socket;
let heard: number[];
beforeEach(async () => {
  place = new Place();
  heard = [];
  echo = await openSocket();
  echo.on('message', bytes => heard.push(bytes.readUInt32BE(0)));
});
afterEach(() => place[Symbol.asyncDispose]());

async function openSocket(): Promise<Socket> {
  const socket = place.own(createSocket('udp4'), it => it.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

const numbered = (number: number): Buffer => {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(number);
  return bytes;
};

/** Sends numbered datagrams on such a road; answers which arrived, in their order. */
async function sent(road: Partial<Road>, seed = 7): Promise<readonly number[]> {
  const proxy = await UdpProxy.start(place, { to: echo.address().port, seed });
  proxy.set('up', road);
  const sender = await openSocket();
  heard = [];
  for (let i = 0; i < COUNT; i++) {
    sender.send(numbered(i), proxy.port, '127.0.0.1');
    // So few at a time that no buffer of the kernel loses one.
    if (i % 20 === 19) await until('they are through', () => proxy.counts('up').taken === i + 1, { everyMs: 1 });
  }
  const { lost, doubled } = proxy.counts('up');
  await until('all have come', () => heard.length === COUNT - lost + doubled, { everyMs: 1 });
  return heard;
}

it('hands everything on, in order, where nothing else is said', async () => {
  expect(await sent({})).toEqual(Array.from({ length: COUNT }, (_, i) => i));
});

it('loses one in so many', async () => {
  const arrived = await sent({ loseOneIn: 10 });
  expect(COUNT - arrived.length).toBeGreaterThan(COUNT / 20);
  expect(COUNT - arrived.length).toBeLessThan(COUNT / 5);
  expect(arrived).toEqual([...new Set(arrived)].sort((one, other) => one - other));
});

it('doubles one in so many', async () => {
  const arrived = await sent({ doubleOneIn: 10 });
  expect(new Set(arrived).size).toBe(COUNT);
  expect(arrived.length - COUNT).toBeGreaterThan(COUNT / 20);
});

it('brings one in so many behind those that follow it, and loses none by it', async () => {
  const arrived = await sent({ delayOneIn: 10, delayBehind: 3 });
  expect([...arrived].sort((one, other) => one - other)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
  const early = arrived.filter((number, i) => number > i).length;
  expect(early).toBeGreaterThan(COUNT / 20);
});

it('does the same with the same seed, and something else with another', async () => {
  const road = { loseOneIn: 10, doubleOneIn: 10, delayOneIn: 10, delayBehind: 2 };
  const once = await sent(road);
  expect(await sent(road)).toEqual(once);
  expect(await sent(road, 8)).not.toEqual(once);
});

it('loses the same ones whatever else happens on the road', async () => {
  const lost = (arrived: readonly number[]): number[] =>
    Array.from({ length: COUNT }, (_, i) => i).filter(i => !arrived.includes(i));
  expect(lost(await sent({ loseOneIn: 10, doubleOneIn: 5, delayOneIn: 5 }))).toEqual(
    lost(await sent({ loseOneIn: 10 })),
  );
});

it('brings answers back to each of those who asked', async () => {
  echo.on('message', (bytes, { port, address }) => echo.send(bytes, port, address));
  const proxy = await UdpProxy.start(place, { to: echo.address().port });
  const answers = await Promise.all(
    [1, 2].map(async number => {
      const sender = await openSocket();
      const answered = once(sender, 'message');
      sender.send(numbered(number), proxy.port, '127.0.0.1');
      return ((await answered)[0] as Buffer).readUInt32BE(0);
    }),
  );
  expect(answers).toEqual([1, 2]);
});

it('lets nothing through while it is cut', async () => {
  const proxy = await UdpProxy.start(place, { to: echo.address().port });
  const sender = await openSocket();
  proxy.set('up', { cut: true });
  sender.send(numbered(1), proxy.port, '127.0.0.1');
  await until('it is lost', () => proxy.counts('up').lost === 1);
  proxy.set('up', { cut: false });
  sender.send(numbered(2), proxy.port, '127.0.0.1');
  await until('the next one arrives', () => heard.length === 1);
  expect(heard).toEqual([2]);
});
