import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { frames, media, publish, videoOf, watch } from './lab/ffmpeg.ts';
import { Millrace, processesOf } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

/** What a hostile peer says once a byte has come, then and again. Everything is bounded: it says it a few times and stays. */
const POISON: Readonly<Record<string, () => Buffer>> = {
  noise: () => randomBytes(64 * 1024),
  'a wrong version': () => Buffer.concat([Buffer.of(9), randomBytes(1536 * 2)]),
  'a handshake, then noise': () => Buffer.concat([Buffer.of(3), randomBytes(1536 * 2 + 4096)]),
  'a giant message': () => answered(Buffer.of(0x06, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0), randomBytes(32_768)),
  'a chunk size of 0': () => answered(Buffer.of(0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
  'a chunk size of 2^31': () => answered(Buffer.of(0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x80, 0, 0, 0)),
  'nested objects without end': () => answered(command(Buffer.alloc(20_000, Buffer.of(3, 0, 1, 0x61)))),
  'unknown types': () => answered(Buffer.of(0x03, 0, 0, 0, 0, 0, 4, 99, 0, 0, 0, 0, 1, 2, 3, 4)),
};

/** The server's half of a handshake with something behind it. */
const answered = (...behind: Buffer[]): Buffer => Buffer.concat([Buffer.of(3), Buffer.alloc(1536 * 2), ...behind]);

/** One command message, cut into chunks of 128 bytes. */
function command(payload: Buffer): Buffer {
  const head = Buffer.of(
    0x03,
    0,
    0,
    0,
    payload.length >> 16,
    (payload.length >> 8) & 255,
    payload.length & 255,
    20,
    0,
    0,
    0,
    0,
  );
  const parts: Buffer[] = [head];
  for (let at = 0; at < payload.length; at += 128) {
    if (at > 0) parts.push(Buffer.of(0xc3));
    parts.push(payload.subarray(at, at + 128));
  }
  return Buffer.concat(parts);
}

async function hostilePeer(place: Place, say: () => Buffer): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(say()));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    for (const socket of sockets) socket.destroy();
    it.close();
  });
  return `rtmp://127.0.0.1:${(server.address() as AddressInfo).port}/live/x`;
}

const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

it('keeps a healthy task whole beside poisoned sources and destinations on the same worker', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const origin = await Nginx.start(place);
  const sink = await Nginx.start(place);
  const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
  const { huawei } = millrace;
  publish(place, file, origin.url('in'));
  const healthy = await huawei.createLive(origin.url('in'), sink.url('out'));
  await until('it runs', async () => (await huawei.status(healthy)) === 'running');
  const { seen } = watch(place, sink.url('out'));
  await until('frames arrive', () => seen.length > 50);
  const pusher = await sink.publisherOf('out');
  const [worker] = processesOf(millrace.data).filter(it => it.command.includes('worker/main'));
  const before = rssMb(worker?.pid ?? 0);

  const poisoned: string[] = [];
  for (const say of Object.values(POISON)) {
    poisoned.push(await huawei.createLive(await hostilePeer(place, say), sink.url(`p${poisoned.length}`)));
    poisoned.push(await huawei.createLive(origin.url('in'), await hostilePeer(place, say)));
  }
  await pass(12_000);
  for (const id of poisoned) expect(['retrying', 'waiting']).toContain(await huawei.status(id));
  expect(await huawei.status(healthy)).toBe('running');
  expect(await sink.publisherOf('out')).toBe(pusher);
  const whole = videoOf(await frames(file)).map(frame => frame.hash);
  const places = videoOf(seen).map(frame => whole.indexOf(frame.hash));
  const holes = places.filter((at, i) => i > 0 && at !== (places[i - 1] ?? 0) + 1);
  expect(holes).toEqual([]);
  const grown = rssMb(worker?.pid ?? 0) - before;
  console.log(
    `${poisoned.length} poisoned tasks for 12 s: ${places.length} frames of the healthy one, no hole; worker grew by ${Math.round(grown)} MB`,
  );
  expect(grown).toBeLessThan(64);
  expect(processesOf(millrace.data).some(it => it.pid === worker?.pid)).toBe(true);
});

it('outlives hostile visitors at its own RTMP server', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const millrace = await Millrace.start(place);
  publish(place, file, `${millrace.rtmp}/live/src`);
  const { port } = new URL(millrace.rtmp.replace('rtmp:', 'http:'));
  const { seen } = watch(place, `${millrace.rtmp}/live/src`);
  await until('frames arrive', () => seen.length > 50);
  const [server] = processesOf(millrace.data).filter(it => it.command.includes('worker/origin'));
  const before = rssMb(server?.pid ?? 0);
  for (let round = 0; round < 20; round++) {
    for (const say of Object.values(POISON)) {
      const socket = place.own(createConnection({ port: Number(port), host: '127.0.0.1' }), it => it.destroy());
      socket.on('error', () => {});
      socket.write(say());
    }
  }
  const count = seen.length;
  await until('frames go on', () => seen.length > count + 150);
  const whole = videoOf(await frames(file)).map(frame => frame.hash);
  const places = videoOf(seen).map(frame => whole.indexOf(frame.hash));
  expect(places.filter((at, i) => i > 0 && at !== (places[i - 1] ?? 0) + 1)).toEqual([]);
  const grown = rssMb(server?.pid ?? 0) - before;
  console.log(`160 hostile visitors: ${places.length} frames, no hole; the server grew by ${Math.round(grown)} MB`);
  expect(grown).toBeLessThan(64);
});
