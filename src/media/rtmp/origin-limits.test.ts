import { afterEach, expect, it } from 'vitest';
import { monotonic } from '../clock.ts';
import type { Fault } from '../fault.ts';
import { MessageType } from './message.ts';
import { Origin, type OriginLimits } from './origin.ts';
import { Guest } from './origin-guest.ts';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function startOrigin(limits: Partial<OriginLimits>, isOwn: (address: string) => boolean = () => true) {
  const faults: Fault[] = [];
  const onLeft = (fault: Fault) => void faults.push(fault);
  const at = { host: '127.0.0.1', port: 0, tickMs: 5, now: monotonic };
  const origin = await Origin.listen({ ...at, limits, isOwn, onLeft });
  open.push(origin);
  return { origin, address: origin.address, faults };
}

function own(guest: Guest): Guest {
  open.push(guest);
  return guest;
}

const HEADER = Buffer.from('170000000001640015ffe1', 'hex');
const frame = (head: string, bytes: number): Buffer => Buffer.concat([Buffer.from(head, 'hex'), Buffer.alloc(bytes)]);
const key = (bytes: number): Buffer => frame('17010000000000000465', bytes);

async function publishGroup(address: string, name: string, bytes: number): Promise<Guest> {
  const guest = own(await Guest.publisher(address, `live/${name}`));
  guest.media('videoHeader', 0, HEADER);
  guest.media('key', 0, key(bytes));
  return guest;
}

it('forgets the largest group when all groups together hold too much, and keeps the others', async () => {
  const { origin, address } = await startOrigin({ allGopBytes: 400_000 });
  const cached = (): number[] => origin.streams().map(stream => stream.cachedBytes);
  await publishGroup(address, 'small', 50_000);
  await expect.poll(cached).toEqual([50_010]);
  const large = await publishGroup(address, 'large', 900_000);
  await expect.poll(() => origin.streams()[1]?.packetsIn).toBe(2);
  await expect.poll(cached).toEqual([50_010, 0]);
  const player = own(await Guest.player(address, 'live/small'));
  await player.until(() => player.seen.length === 2);
  large.media('key', 40, key(100_000));
  await expect.poll(cached).toEqual([50_010, 100_010]);
});

it('ends the connection that holds the most when all together hold too much', async () => {
  const { origin, address, faults } = await startOrigin({ allHeldBytes: 300_000 });
  await publishGroup(address, 'good', 1_000);
  const hoarders = await Promise.all([100_000, 250_000].map(bytes => hoard(address, bytes)));
  await hoarders[1]?.until(() => hoarders[1]?.ended === true);
  expect(hoarders[0]?.ended).toBe(false);
  expect(faults.map(({ kind }) => kind)).toEqual(['stalled']);
  expect(origin.streams().filter(stream => stream.publishing)).toHaveLength(2);
});

/** A publisher that begins a message and does not finish it. */
async function hoard(address: string, bytes: number): Promise<Guest> {
  const guest = own(await Guest.publisher(address, `live/h${bytes}`, { chunkSize: 1_000_000 }));
  const head = Buffer.from('0600000000000009010000000000', 'hex').subarray(0, 12);
  head.writeUIntBE(900_000, 4, 3);
  guest.socket.write(Buffer.concat([head, key(bytes)]));
  return guest;
}

it('lets a player in only when little enough waits for the others', async () => {
  const { origin, address } = await startOrigin({ allQueuedBytes: 1_000_000 });
  await publishGroup(address, 'large', 12_000_000);
  await expect.poll(() => origin.streams()[0]?.cachedBytes).toBe(12_000_010);
  const lazy = own(await Guest.player(address, 'live/large'));
  lazy.socket.pause();
  await expect.poll(() => origin.streams()[0]?.bytesOut).toBeGreaterThan(0);
  const late = own(await Guest.player(address, 'live/large'));
  expect(late.seen).toEqual([]);
  lazy.socket.destroy();
  await late.until(() => late.seen.length === 2);
});

it('lets an address in only so many times, but for its own machine’s', async () => {
  const { address, origin, faults } = await startOrigin({ connectionsOfAddress: 2 }, () => false);
  const [first] = await Promise.all([1, 2].map(at => Guest.publisher(address, `live/s${at}`).then(own)));
  const third = own(await Guest.open(address));
  await third.until(() => third.ended);
  expect(faults.map(({ message }) => message)).toEqual(['127.0.0.1 was not let in: it has 2 connections already']);
  first?.socket.destroy();
  await expect.poll(() => origin.connections).toBe(1);
  own(await Guest.player(address, 'live/s2'));
  const free = await startOrigin({ connectionsOfAddress: 2 });
  await Promise.all([1, 2, 3].map(at => Guest.publisher(free.address, `live/s${at}`).then(own)));
  expect(free.origin.connections).toBe(3);
});

it('says whom it has not let in when it is full', async () => {
  const { address, faults } = await startOrigin({ connections: 1 });
  own(await Guest.publisher(address, 'live/s1'));
  const second = own(await Guest.open(address));
  await second.until(() => second.ended);
  await expect.poll(() => faults.map(({ message }) => message)).toEqual([expect.stringContaining('127.0.0.1 was not')]);
});

it('ends a player that sends more than a player has to say', async () => {
  const { address, faults } = await startOrigin({});
  const player = own(await Guest.player(address, 'live/s1'));
  const bytes = Buffer.alloc(60_000, 0xaf);
  for (let i = 0; i < 40; i++) player.tell(MessageType.audio, bytes);
  await player.until(() => player.ended);
  expect(faults.map(({ kind }) => kind)).toEqual(['garbage']);
});
