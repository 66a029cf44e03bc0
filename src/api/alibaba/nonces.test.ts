import { describe, expect, test } from 'vitest';
import { BoundedNonces, type NonceLimits, type NonceStore, SharedNonces } from './nonces.ts';

describe('a memory of nonces', () => {
  function clocked(limits?: NonceLimits) {
    let now = 0;
    const nonces = new BoundedNonces({ now: () => now, ...(limits === undefined ? {} : { limits }) });
    return {
      /** Whether it is new, kept for a second. */
      isNew: (accessKey: string, nonce: string) => nonces.remember(accessKey, nonce, now + 1_000),
      pass: (ms: number) => {
        now += ms;
      },
    };
  }

  test('takes each once for each key', () => {
    const { isNew } = clocked();
    expect([isNew('a', '1'), isNew('a', '1'), isNew('a', '2'), isNew('b', '1'), isNew('b', '1')]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  test('forgets one when its time has come', () => {
    const { isNew, pass } = clocked();
    isNew('a', '1');
    pass(999);
    expect(isNew('a', '1')).toBe(false);
    pass(1);
    expect([isNew('a', '1'), isNew('a', '1')]).toEqual([true, false]);
  });

  test('lets the oldest of a key make room for its newest', () => {
    const { isNew } = clocked({ ofOneKey: 3, altogether: 100 });
    for (const nonce of ['1', '2', '3', '4']) isNew('a', nonce);
    expect([isNew('a', '4'), isNew('a', '2'), isNew('a', '1')]).toEqual([false, false, true]);
  });

  test('takes the room from the key that has most, and not from others', () => {
    const { isNew } = clocked({ ofOneKey: 1_000, altogether: 100 });
    isNew('modest', '1');
    for (let i = 0; i < 500; i++) isNew('greedy', String(i));
    expect([isNew('modest', '1'), isNew('greedy', '499'), isNew('greedy', '0')]).toEqual([false, false, true]);
  });

  test('uses up no room with what is past', () => {
    const { isNew, pass } = clocked({ ofOneKey: 1_000, altogether: 100 });
    for (let i = 0; i < 99; i++) isNew(`key ${i}`, '1');
    pass(1_000);
    isNew('a', '1');
    isNew('b', '1');
    for (let i = 0; i < 90; i++) isNew('c', String(i));
    expect([isNew('a', '1'), isNew('b', '1'), isNew('c', '0')]).toEqual([false, false, false]);
  });
});

describe('the nonces of several nodes', () => {
  class Table implements NonceStore {
    readonly rows = new Set<string>();
    readonly purgedAgoMs: number[] = [];
    isAway = false;

    async useNonce({ accessKey, value }: Parameters<NonceStore['useNonce']>[0]): Promise<boolean> {
      if (this.isAway) throw new Error('away');
      const isNew = !this.rows.has(`${accessKey} ${value}`);
      this.rows.add(`${accessKey} ${value}`);
      return isNew;
    }

    async purgeNonces(agoMs: number): Promise<number> {
      if (this.isAway) throw new Error('away');
      this.purgedAgoMs.push(agoMs);
      return 0;
    }
  }

  function nodes() {
    let now = 0;
    const store = new Table();
    const node = () => new SharedNonces({ store, now: () => now });
    const pass = (ms: number): void => {
      now += ms;
    };
    return { store, one: node(), other: node(), pass };
  }

  test('are taken once, by whichever of them', async () => {
    const { one, other } = nodes();
    expect(await one.remember('a', '1', 1_000)).toBe(true);
    expect(await other.remember('a', '1', 1_000)).toBe(false);
    expect(await other.remember('a', '2', 1_000)).toBe(true);
  });

  test('let nobody in while they cannot be looked up', async () => {
    const { store, one } = nodes();
    store.isAway = true;
    await expect(one.remember('a', '1', 1_000)).rejects.toThrow('away');
  });

  test('are removed once a minute while calls come, ten minutes after their time', async () => {
    const { store, one, pass } = nodes();
    for (let i = 0; i < 121; i++) {
      await one.remember('a', `${i}`, 1_000);
      pass(1_000);
    }
    expect(store.purgedAgoMs).toEqual([600_000, 600_000, 600_000]);
  });
});
