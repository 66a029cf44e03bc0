import { beforeEach, describe, expect, it } from 'vitest';
import { Fault, type FaultKind } from '../media/fault.ts';
import { HandClock } from './hand-clock.ts';
import { Turnstile } from './turnstile.ts';

const DEAD = 'dead.example:1935';
const never = new AbortController().signal;

describe('a turnstile', () => {
  let clock: HandClock;
  let turnstile: Turnstile;
  let dialledAtMs: number[];

  beforeEach(() => {
    clock = new HandClock();
    turnstile = new Turnstile({ now: () => clock.nowMs, sleep: clock.sleep, perSecond: 10 });
    dialledAtMs = [];
  });

  /** A dial that comes to nothing, of the given kind, or that succeeds. */
  function dial(kind?: FaultKind, host = DEAD, signal = never): Promise<unknown> {
    const attempt = async (): Promise<string> => {
      dialledAtMs.push(clock.nowMs);
      if (kind !== undefined) throw new Fault('push', kind, kind);
      return 'open';
    };
    return turnstile.pass(host, signal, attempt).catch((error: unknown) => error);
  }

  const dialledWithin = (fromMs: number, ms: number): number =>
    dialledAtMs.filter(at => at >= fromMs && at < fromMs + ms).length;

  it('lets one who is alone pass at once', async () => {
    await dial('unreachable');
    expect(dialledAtMs).toEqual([1_000]);
  });

  it('lets no more dial a dead host than it may bear, however many want to', async () => {
    for (let i = 0; i < 500; i++) void dial('unreachable');
    await clock.advance(10_000);
    const most = Math.max(...Array.from({ length: 100 }, (_, i) => dialledWithin(1_000 + i * 100, 1_000)));
    expect([most, dialledAtMs.length]).toEqual([10, 101]);
  });

  it('lets more or fewer pass once it is told to', async () => {
    for (let i = 0; i < 500; i++) void dial('unreachable');
    await clock.advance(5_000);
    turnstile.perSecond = 2;
    await clock.advance(5_000);
    expect([dialledWithin(2_000, 4_000), dialledWithin(7_000, 4_000)]).toEqual([40, 8]);
  });

  it('lets no two pass at once when one comes just as another is let in', async () => {
    await dial('timeout');
    await clock.advance(50);
    // The time has come, and the one who serves has not woken yet.
    clock.nowMs += 50;
    await dial('timeout');
    void dial('timeout');
    await clock.advance(500);
    expect(dialledAtMs).toEqual([1_000, 1_100, 1_200]);
  });

  it('keeps those who wait in their order', async () => {
    const order: number[] = [];
    for (let i = 0; i < 5; i++) {
      const attempt = async (): Promise<void> => {
        order.push(i);
        throw new Fault('push', 'timeout', 'late');
      };
      turnstile.pass(DEAD, never, attempt).catch(() => {});
    }
    await clock.advance(1_000);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([undefined, 'refused'] as const)('opens up to all once a host answers: %s', async kind => {
    for (let i = 0; i < 500; i++) void dial(kind);
    await clock.advance(50);
    expect(dialledAtMs).toHaveLength(500);
  });

  it.each(['unreachable', 'timeout', 'closed', 'name', 'tls', 'garbage'] as const)(
    'does not take this for an answer: %s',
    async kind => {
      for (let i = 0; i < 20; i++) void dial(kind);
      await clock.advance(950);
      expect(dialledAtMs).toHaveLength(10);
    },
  );

  it('keeps nobody from one host for the sake of another', async () => {
    for (let i = 0; i < 100; i++) void dial('timeout');
    await dial(undefined, 'healthy.example:1935');
    expect(dialledAtMs).toHaveLength(2);
  });

  it('lets go of those who are told to stop, who cost the others no time', async () => {
    const stop = new AbortController();
    const waits = Array.from({ length: 50 }, (_, i) => dial('timeout', DEAD, i === 0 ? never : stop.signal));
    stop.abort(new Error('stopped'));
    expect((await Promise.all(waits)).slice(1).every(error => String(error) === 'Error: stopped')).toBe(true);
    void dial('timeout');
    await clock.advance(100);
    expect(dialledAtMs).toEqual([1_000, 1_100]);
    await expect(turnstile.pass(DEAD, stop.signal, async () => 1)).rejects.toThrow('stopped');
  });

  it('forgets a host that nobody wants any more', async () => {
    for (let i = 0; i < 3; i++) void dial('timeout');
    await clock.advance(500);
    expect([turnstile.hosts, clock.sleepers]).toEqual([0, 0]);
  });
});
