import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type DatagramPair, openDatagramPair } from './datagrams.ts';
import { rtp } from './scripted-server.ts';

const HERE = '127.0.0.1';
const THERE = '127.0.0.2';
const opened: { close: () => unknown }[] = [];

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

async function pair(peer = HERE): Promise<DatagramPair> {
  const made = await openDatagramPair({ local: HERE, peer, now: () => 5 });
  opened.push(made);
  return made;
}

async function sender(address = HERE): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  opened.push(socket);
  return socket;
}

const packet = (sequence: number, bytes = 3): Buffer => rtp({ sequence, timestamp: 0 }, Buffer.alloc(bytes, 1));

/** The numbers that have come, in order. */
async function numbers(from: DatagramPair, count: number): Promise<number[]> {
  const got: number[] = [];
  await vi.waitFor(() => {
    const rtp = (bytes: Buffer): void => void got.push(bytes.readUInt16BE(2));
    from.drain(5, 1_000_000, { rtp, rtcp: () => undefined });
    expect(got.length).toBeGreaterThanOrEqual(count);
  });
  return got;
}

describe('a pair of UDP ports', () => {
  it('hands over what has come, in order, when it is asked', async () => {
    const [own, camera] = [await pair(), await sender()];
    for (const n of [7, 9, 8, 10]) camera.send(packet(n), own.ports.rtp, HERE);
    expect(await numbers(own, 4)).toEqual([7, 8, 9, 10]);
    expect(own.bytesIn).toBe(60);
  });

  it('does not give up what may have come while the process stood still', async () => {
    const [own, camera] = [await pair(), await sender()];
    const got: number[] = [];
    const take = { rtp: (bytes: Buffer) => void got.push(bytes.readUInt16BE(2)), rtcp: () => undefined };
    for (const n of [1, 3]) camera.send(packet(n), own.ports.rtp, HERE);
    await vi.waitFor(() => expect(own.bytesIn).toBe(30));
    own.drain(5, 1_000_000, take);
    own.drain(1_005, 1_000_000, take);
    camera.send(packet(2), own.ports.rtp, HERE);
    await vi.waitFor(() => expect(own.bytesIn).toBe(45));
    own.drain(1_055, 1_000_000, take);
    expect([got, own.late]).toEqual([[1, 2, 3], 0]);
  });

  it('gives up what has not come, though all was heard', async () => {
    const [own, camera] = [await pair(), await sender()];
    for (const n of [1, 3]) camera.send(packet(n), own.ports.rtp, HERE);
    await vi.waitFor(() => expect(own.bytesIn).toBe(30));
    const got: number[] = [];
    const take = { rtp: (bytes: Buffer) => void got.push(bytes.readUInt16BE(2)), rtcp: () => undefined };
    for (const nowMs of [5, 205, 255]) own.drain(nowMs, 1_000_000, take);
    expect(got).toEqual([1, 3]);
  });

  it('hears reports apart from media', async () => {
    const [own, camera] = [await pair(), await sender()];
    camera.send(Buffer.from('81cb000100000001', 'hex'), own.ports.rtcp, HERE);
    const heard: number[] = [];
    await vi.waitFor(() => {
      own.drain(5, 1_000_000, { rtp: () => undefined, rtcp: (_, length, cameMs) => heard.push(length, cameMs) });
      expect(heard).toEqual([8, 5]);
    });
  });

  it('hears nobody at another address, and counts what comes from there', async () => {
    const own = await pair();
    const [stranger, camera] = [await sender(THERE), await sender()];
    stranger.send(packet(1), own.ports.rtp, HERE);
    await vi.waitFor(() => expect(own.foreign).toBe(1));
    camera.send(packet(50), own.ports.rtp, HERE);
    expect(await numbers(own, 1)).toEqual([50]);
  });

  it('hears nobody at another port once the camera has spoken', async () => {
    const [own, camera, stranger] = [await pair(), await sender(), await sender()];
    camera.send(packet(1), own.ports.rtp, HERE);
    expect(await numbers(own, 1)).toEqual([1]);
    stranger.send(packet(2), own.ports.rtp, HERE);
    camera.send(packet(2), own.ports.rtp, HERE);
    camera.send(packet(3), own.ports.rtp, HERE);
    expect(await numbers(own, 2)).toEqual([2, 3]);
    expect(own.bytesIn).toBe(45);
  });

  it('keeps what is more than it is asked for', async () => {
    const [own, camera] = [await pair(), await sender()];
    for (const n of [1, 2, 3]) camera.send(packet(n), own.ports.rtp, HERE);
    await vi.waitFor(() => expect(own.bytesIn).toBe(45));
    const got: number[] = [];
    const take = { rtp: (bytes: Buffer) => void got.push(bytes.readUInt16BE(2)), rtcp: () => undefined };
    own.drain(5, 20, take);
    expect(got).toEqual([1, 2]);
    own.drain(5, 20, take);
    expect(got).toEqual([1, 2, 3]);
  });

  it('keeps no more than there is room for', async () => {
    const [own, camera] = [await pair(), await sender()];
    let sequence = 0;
    await vi.waitFor(
      () => {
        for (let n = 0; n < 100; n++) camera.send(packet(sequence++, 60_000), own.ports.rtp, HERE);
        expect(own.overrun).toBeGreaterThan(0);
      },
      { timeout: 10_000, interval: 5 },
    );
    const bytes = own.drain(5, Number.POSITIVE_INFINITY, { rtp: () => undefined, rtcp: () => undefined });
    expect(bytes).toBeLessThanOrEqual(8 * 1024 * 1024);
  });

  it('speaks to the ports that were told, and to those that speak when they are others', async () => {
    const [own, told, real] = [await pair(), await sender(), await sender()];
    own.told = { rtp: told.address().port, rtcp: told.address().port };
    const heard: string[] = [];
    told.on('message', bytes => heard.push(`told ${bytes}`));
    real.on('message', bytes => heard.push(`real ${bytes}`));
    own.punch(Buffer.from('a'));
    await vi.waitFor(() => expect(heard).toEqual(['told a']));
    real.send(packet(1), own.ports.rtp, HERE);
    await numbers(own, 1);
    own.punch(Buffer.from('b'));
    own.report(Buffer.from('c'));
    await vi.waitFor(() => expect(heard.sort()).toEqual(['real b', 'told a', 'told c']));
  });

  it.each([0, 53, 1023])('never speaks to port %i', async port => {
    const own = await pair();
    own.told = { rtp: port, rtcp: port };
    const send = vi.spyOn(dgram.Socket.prototype, 'send');
    own.punch(Buffer.from('a'));
    own.report(Buffer.from('a'));
    expect(send).not.toHaveBeenCalled();
    send.mockRestore();
  });

  it('may be closed twice, and says nothing from there on', async () => {
    const own = await pair();
    own.told = { rtp: 5_000, rtcp: 5_001 };
    own.close();
    own.close();
    own.punch(Buffer.from('a'));
    expect(own.drain(5, 100, { rtp: () => undefined, rtcp: () => undefined })).toBe(0);
  });
});
