import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress } from './address.ts';
import { Fence } from './fence.ts';
import { Heartbeat } from './heartbeat.ts';
import { Dialler } from './net.ts';
import { openSink } from './open.ts';
import { Relay } from './relay.ts';
import { at, type Script, ScriptedServer } from './rtmp/scripted-server.ts';
import { asWire } from './wire.ts';

/** The three clocks of a machine, which go on together unless it sleeps or somebody sets one. */
class Clocks {
  bootMs = 100_000;
  nowMs = 5_000;
  wallMs = 1_800_000_000_000;
  reads = 0;

  sinceBoot = (): number => {
    this.reads++;
    return Math.floor(this.bootMs / 10) * 10;
  };
  now = (): number => this.nowMs;
  wall = (): number => this.wallMs;

  pass(ms: number): void {
    this.nowMs += ms;
    this.sleep(ms);
  }

  /** The machine is suspended: the monotonic clock stands still. */
  sleep(ms: number): void {
    this.bootMs += ms;
    this.wallMs += ms;
  }
}

describe('a fence', () => {
  let clocks: Clocks;
  let falls: number;
  const make = (isLeased = true): Fence => {
    const fence = new Fence({ ...clocks, isLeased });
    fence.onFall(() => falls++);
    return fence;
  };

  beforeEach(() => {
    clocks = new Clocks();
    falls = 0;
  });

  it('lets everything pass for ever where nobody else could push', () => {
    const fence = make(false);
    clocks.pass(1e9);
    expect([fence.holds, clocks.reads, falls]).toEqual([true, 0, 0]);
  });

  it('lets nothing pass before it was told until when', () => {
    expect(make().holds).toBe(false);
  });

  it('has not fallen while nothing could have been opened', () => {
    expect(make().hasFallen).toBe(false);
  });

  it('holds up to the deadline and no further', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    const held: number[] = [];
    for (let ms = 0; ms < 3_000; ms++, clocks.pass(1)) if (fence.holds) held.push(ms);
    // The exact clock goes in steps of 10 ms, and what it says may be as old as that.
    expect([held.length, held.at(-1), falls]).toEqual([1_990, 1_989, 1]);
  });

  it('is asked for next to nothing: the exact clock is read twenty times a second at the most', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 10_000);
    clocks.reads = 0;
    for (let ms = 0; ms < 1_000; ms++, clocks.pass(1)) for (let relay = 0; relay < 100; relay++) void fence.holds;
    expect(clocks.reads).toBe(20);
  });

  it('notices that the machine has slept, though its monotonic clock stood still', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    expect(fence.holds).toBe(true);
    clocks.sleep(3_000);
    expect(fence.holds).toBe(false);
  });

  it('is not led astray by a wall clock that is set back or forward', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    clocks.wallMs -= 86_400_000;
    clocks.pass(1_000);
    expect(fence.holds).toBe(true);
    clocks.wallMs += 2 * 86_400_000;
    expect(fence.holds).toBe(true);
    clocks.wallMs -= 86_400_000;
    clocks.pass(1_000);
    expect(fence.holds).toBe(false);
  });

  it('breaks off every push there is when it falls, before anybody else hears of it', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    const told: string[] = [];
    fence.onFall(() => told.push('fallen'));
    fence.guard(() => told.push('one'));
    const forget = fence.guard(() => told.push('closed before'));
    fence.guard(() => told.push('other'));
    forget();
    clocks.pass(2_000);
    expect(fence.holds).toBe(false);
    expect(told).toEqual(['one', 'other', 'fallen']);
  });

  it('breaks off what was open at the deadline, though the word that it may go on is read first', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    let isBroken = false;
    fence.guard(() => {
      isBroken = true;
    });
    clocks.sleep(8_000);
    fence.renew(clocks.bootMs + 2_000);
    expect([isBroken, falls, fence.holds]).toEqual([true, 1, true]);
  });

  it('goes on with what is open when it is renewed in time', () => {
    const fence = make();
    for (let i = 0; i < 10; i++) {
      fence.renew(clocks.bootMs + 2_000);
      clocks.pass(1_500);
    }
    expect([fence.holds, falls]).toEqual([true, 0]);
  });

  it('takes an old word for what it is', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    clocks.pass(2_500);
    fence.renew(clocks.bootMs - 100);
    expect([fence.holds, falls]).toEqual([false, 1]);
  });

  it('falls at once when it is told of a moment that is past', () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    fence.renew(0);
    expect([fence.holds, fence.hasFallen, falls]).toEqual([false, true, 1]);
  });

  it('holds for ever again once it is told so', () => {
    const fence = make();
    fence.renew(null);
    clocks.pass(1e9);
    expect(fence.holds).toBe(true);
  });

  it('keeps the heart from visiting any relay', async () => {
    const fence = make();
    fence.renew(clocks.bootMs + 2_000);
    const visited: string[] = [];
    const relay = (name: string): Relay =>
      Object.assign(new Relay({ now: clocks.now }), {
        tick: () => {
          visited.push(name);
          clocks.sleep(2_000);
        },
      });
    const beats = Promise.withResolvers<void>();
    const heart = new Heartbeat({
      tickMs: 1,
      onBug: () => {},
      onBeat: () => beats.resolve(),
      mayVisit: () => fence.holds,
    });
    heart.add(relay('first'));
    heart.add(relay('second'));
    await beats.promise;
    heart.close();
    expect(visited).toEqual(['first']);
  });
});

describe('the connections of a push', () => {
  let server: net.Server;
  let clocks: Clocks;
  let fence: Fence;
  let dialler: Dialler;
  const signal = new AbortController().signal;

  beforeEach(async () => {
    server = net.createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    clocks = new Clocks();
    fence = new Fence({ ...clocks, isLeased: true });
    fence.renew(clocks.bootMs + 2_000);
    dialler = new Dialler({ preset: 'lab', fence });
  });
  afterEach(() => {
    server.close();
  });

  const address = () => parseAddress(`rtmp://127.0.0.1:${(server.address() as net.AddressInfo).port}/a/b`, ['rtmp']);
  const dial = async (side: 'push' | 'pull') => {
    const [[there], here] = await Promise.all([once(server, 'connection'), dialler.dial(address(), { signal, side })]);
    return { here, there: there as net.Socket };
  };

  it('are reset when the fence falls, with what the kernel still holds for a peer that does not read', async () => {
    const { here, there } = await dial('push');
    const wire = asWire(here, 'push', { fence });
    const bytes = Buffer.alloc(1024 * 1024);
    while (wire.write(bytes, 0, bytes.length) > 0);
    fence.renew(0);
    const [error] = await once(there.resume(), 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('take nothing once the deadline is past, though nobody else has noticed that yet', async () => {
    const { here, there } = await dial('push');
    const wire = asWire(here, 'push', { fence });
    clocks.sleep(3_000);
    expect(() => wire.write(Buffer.from('late'), 0, 4)).toThrow('this node may not push');
    let heard = 0;
    there.on('data', data => {
      heard += data.length;
    });
    await once(there.resume(), 'error');
    expect(heard).toBe(0);
  });

  it('are not opened without a lease', async () => {
    fence.renew(0);
    await expect(dialler.dial(address(), { signal, side: 'push' })).rejects.toThrow('this node may not push');
  });

  it('are nobody else’s: a source goes on', async () => {
    const { here, there } = await dial('pull');
    fence.renew(0);
    here.write('on');
    expect(String((await once(there.resume(), 'data'))[0])).toBe('on');
    here.destroy();
  });

  it.each(['connect', 'createStream'])('ask for nothing more behind %s when the machine sleeps then', async step => {
    const asleep = at(step, () => clocks.sleep(8_000));
    // It answers all the same: its answer is the first that is read when the machine wakes.
    const script: Script = (visit, asked) => asleep(visit, asked) && false;
    const destination = await ScriptedServer.listen({ script });
    const opening = openSink(destination.url(), { dialler, signal, now: () => clocks.nowMs });
    await expect(opening).rejects.toMatchObject({ kind: 'lost', side: 'push' });
    expect(destination.visit.names().at(-1)).toBe(step);
    await destination.close();
  });
});
