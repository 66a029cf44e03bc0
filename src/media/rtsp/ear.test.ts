import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type DatagramCounts, Ear } from './ear.ts';

const HERE = '127.0.0.1';
const THERE = '127.0.0.2';
const SETTLED_MS = 1_000;
const opened: { close: () => unknown }[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const one of opened.splice(0)) one.close();
});

async function bound(address = HERE): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  return socket;
}

class Bench {
  readonly counts: DatagramCounts = { foreign: 0, overrun: 0, bytesIn: 0 };
  readonly heard: string[] = [];
  readonly ear: Ear;
  readonly #port: number;

  private constructor(socket: dgram.Socket, port: number, dense: boolean) {
    this.#port = port;
    this.ear = new Ear(socket, { local: HERE, peer: HERE, now: () => 0 }, { counts: this.counts, dense });
    opened.push(this.ear);
  }

  static async open({ roomBytes = 4 * 1024 * 1024, dense = true } = {}): Promise<Bench> {
    vi.spyOn(dgram.Socket.prototype, 'getRecvBufferSize').mockReturnValue(roomBytes);
    const socket = await bound();
    return new Bench(socket, socket.address().port, dense);
  }

  /** Resolves when the kernel has it. */
  send(from: dgram.Socket, text: string): Promise<void> {
    return new Promise((resolve, reject) =>
      from.send(text, this.#port, HERE, error => (error === null ? resolve() : reject(error))),
    );
  }

  drain(nowMs: number, mostBytes = 1_000_000): string[] {
    const from = this.heard.length;
    this.ear.drain(nowMs, mostBytes, (bytes, length) => this.heard.push(bytes.toString('latin1', 0, length)));
    return this.heard.slice(from);
  }

  /** Hears the first packet by an event, and is read in the tick from there on. */
  async settle(camera: dgram.Socket): Promise<void> {
    await this.send(camera, 'first');
    await vi.waitFor(() => expect(this.counts.bytesIn).toBe(5));
    expect(this.drain(SETTLED_MS)).toEqual(['first']);
  }
}

async function camera(address = HERE): Promise<dgram.Socket> {
  const socket = await bound(address);
  opened.push(socket);
  return socket;
}

/** Long enough for an event, if one were to come. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve));
};

describe('an ear for datagrams', () => {
  it('is read in the tick once it is settled who speaks, without an event for each packet', async () => {
    const [bench, sender] = [await Bench.open(), await camera()];
    await bench.settle(sender);
    for (const text of ['aaaa', 'bbbb', 'cccc']) await bench.send(sender, text);
    await turns();
    expect(bench.counts.bytesIn).toBe(5);
    expect(bench.drain(SETTLED_MS + 50)).toEqual(['aaaa', 'bbbb', 'cccc']);
    expect(bench.counts.bytesIn).toBe(17);
  });

  it('hears nobody else then', async () => {
    const [bench, sender] = [await Bench.open(), await camera()];
    await bench.settle(sender);
    const others = [await camera(), await camera(THERE)];
    for (const other of others) await bench.send(other, 'evil');
    await bench.send(sender, 'good');
    expect(bench.drain(SETTLED_MS + 50)).toEqual(['good']);
  });

  it('takes no more in one tick than it is asked to, and the rest in the next', async () => {
    const [bench, sender] = [await Bench.open(), await camera()];
    await bench.settle(sender);
    for (const text of ['aaaa', 'bbbb', 'cccc']) await bench.send(sender, text);
    expect(bench.drain(SETTLED_MS + 50, 8)).toEqual(['aaaa', 'bbbb']);
    expect(bench.drain(SETTLED_MS + 100, 8)).toEqual(['cccc']);
  });

  it('goes back to events when nothing comes for a while, and then is read in the tick again', async () => {
    const [bench, sender] = [await Bench.open(), await camera()];
    await bench.settle(sender);
    for (const atMs of [1_050, 1_100, 1_150]) expect(bench.drain(atMs)).toEqual([]);
    await bench.send(sender, 'again');
    await vi.waitFor(() => expect(bench.counts.bytesIn).toBe(10));
    expect(bench.drain(1_200)).toEqual(['again']);
    await bench.send(sender, 'more');
    await turns();
    expect(bench.counts.bytesIn).toBe(10);
    expect(bench.drain(1_250)).toEqual(['more']);
  });

  it('passes over packets that are empty', async () => {
    const [bench, sender] = [await Bench.open(), await camera()];
    await bench.settle(sender);
    for (const text of ['', 'aaaa', 'b', 'cccc']) await bench.send(sender, text);
    expect(bench.drain(SETTLED_MS + 50)).toEqual(['aaaa', 'cccc']);
  });

  it('keeps to events where the kernel has no room for what comes between a few ticks', async () => {
    const [bench, sender] = [await Bench.open({ roomBytes: 3 * 1_028 }), await camera()];
    await bench.settle(sender);
    await bench.send(sender, 'aaaa');
    await vi.waitFor(() => expect(bench.counts.bytesIn).toBe(9));
    expect(bench.drain(SETTLED_MS + 50)).toEqual(['aaaa']);
  });

  it('keeps to events where little comes', async () => {
    const [bench, sender] = [await Bench.open({ dense: false }), await camera()];
    await bench.settle(sender);
    await bench.send(sender, 'aaaa');
    await vi.waitFor(() => expect(bench.counts.bytesIn).toBe(9));
  });

  it('goes back to events when more comes than the kernel has room for, until that is long ago', async () => {
    const [bench, sender] = [await Bench.open({ roomBytes: 3 * 1_029 }), await camera()];
    await bench.settle(sender);
    for (const text of ['aaaa', 'bbbb']) await bench.send(sender, text);
    expect(bench.drain(SETTLED_MS + 50)).toEqual(['aaaa', 'bbbb']);
    for (const atMs of [1_100, 1_150]) {
      const before = bench.counts.bytesIn;
      await bench.send(sender, 'cccc');
      await vi.waitFor(() => expect(bench.counts.bytesIn).toBe(before + 4));
      expect(bench.drain(atMs)).toEqual(['cccc']);
    }
    await bench.send(sender, 'dddd');
    await vi.waitFor(() => expect(bench.counts.bytesIn).toBe(25));
    bench.drain(62_000);
    await bench.send(sender, 'eeee');
    await vi.waitFor(() => expect(bench.counts.bytesIn).toBe(29));
    bench.drain(123_000);
    await bench.send(sender, 'ffff');
    await turns();
    expect(bench.counts.bytesIn).toBe(29);
    expect(bench.drain(123_050)).toEqual(['ffff']);
  });

  it('outlives that its peer takes nothing, and speaks in the form that a settled socket wants', async () => {
    const [bench, sender] = [await Bench.open(), await bound()];
    await bench.settle(sender);
    const said = once(sender, 'message');
    bench.ear.say(Buffer.from('report'));
    expect(String((await said)[0])).toBe('report');
    sender.close();
    await once(sender, 'close');
    bench.ear.say(Buffer.from('report'));
    await turns();
    expect(bench.drain(SETTLED_MS + 50)).toEqual([]);
  });

  it('says and hears nothing once it is closed', async () => {
    const [bench, sender] = [await Bench.open(), await camera()];
    await bench.settle(sender);
    opened.splice(opened.indexOf(bench.ear), 1);
    bench.ear.close();
    bench.ear.say(Buffer.from('report'));
    expect(bench.drain(SETTLED_MS + 50)).toEqual([]);
  });
});
