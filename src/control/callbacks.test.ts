import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../store/store.ts';
import type { CallbackSpec } from '../task/spec.ts';
import type { Callbacks, CallbacksOptions, Post } from './callbacks.ts';
import { DAY, OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

const HOOK = 'http://hooks.example/in?key=secret';

interface Posted {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
}

let room: Rehearsal;
let posted: Posted[];
let callbacks: Callbacks;
beforeEach(async () => {
  room = await rehearse({ render: onlyTold });
  posted = [];
});
afterEach(() => room.close());

/** Every event but the claims, so that tests read as what a user sees. */
const onlyTold: NonNullable<NonNullable<Parameters<typeof rehearse>[0]>['render']> = event =>
  event.type === 'claimed' ? undefined : { contentType: 'application/json', body: `${event.seq} ${event.type}` };

function receive(
  answer: (url: string, body: string, signal: AbortSignal) => Promise<number> | number,
  sign?: CallbacksOptions['sign'],
): void {
  const post: Post = async ({ url, body, headers }, { signal }) => {
    posted.push({ url, body, headers, at: room.clock.now() });
    return { status: await answer(url, body, signal) };
  };
  callbacks = room.callbacks(post, sign);
  callbacks.start();
}

const spec = (url = HOOK) => room.spec({ callback: { url, events: [] } });
const create = (url?: string) => room.tasks.create(OWNER, spec(url));
const bodies = () => posted.map(({ body }) => body);

/** Lets time pass until the condition holds. */
const passUntil = (holds: () => void | Promise<void>, ms = 100) =>
  vi.waitFor(
    async () => {
      await room.clock.pass(ms);
      await holds();
    },
    { timeout: 8000, interval: 1 },
  );

const outbox = () => room.store.dueDeliveries({ now: 0, until: Number.MAX_SAFE_INTEGER, limit: 1000 });

describe('a callback', () => {
  it.each([200, 204, 299])('is delivered by any 2xx: %i', async status => {
    receive(() => status);
    await create();
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(posted).toMatchObject([{ url: HOOK, body: '1 created' }]);
  });

  it('goes out in the order of its task, one at a time', async () => {
    const open: (() => void)[] = [];
    receive(() => new Promise(resolve => open.push(() => resolve(200))));
    const task = await create();
    await room.tasks.change(OWNER, task.id, { endAt: task.spec.endAt + 1 });
    await room.tasks.delete(OWNER, task.id);
    for (let at = 0; at < 3; at += 1) {
      await passUntil(() => expect(open).toHaveLength(at + 1));
      open[at]?.();
    }
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(bodies()).toEqual(['1 created', '2 changed', '3 deleted']);
  });

  it.each([
    ['a status', () => 500],
    ['a redirect', () => 302],
    ['an error', () => Promise.reject(new Error('connection refused'))],
  ])(
    'that meets %s is tried 12 times with the same body within a quarter of an hour, then dropped',
    async (_, answer) => {
      receive(answer);
      await create();
      await passUntil(async () => expect(await outbox()).toEqual([]), 60_000);
      expect(new Set(bodies())).toEqual(new Set(['1 created']));
      expect(posted).toHaveLength(12);
      const span = (posted.at(-1)?.at ?? 0) - (posted[0]?.at ?? 0);
      expect(span).toBeGreaterThan(10 * 60_000);
      expect(span).toBeLessThan(16 * 60_000);
      expect(room.logs.map(({ message }) => message)).toEqual([
        'a callback failed and will be tried again',
        'a callback was given up',
      ]);
    },
  );

  it('is tried again after growing gaps', async () => {
    receive(() => 500);
    await create();
    await passUntil(() => expect(posted.length).toBeGreaterThanOrEqual(6));
    const gaps = posted.slice(1, 6).map(({ at }, index) => (at - (posted[index]?.at ?? 0)) / 1000);
    [1, 2, 5, 10, 20].forEach((gap, index) => {
      expect(gaps[index]).toBeGreaterThanOrEqual(gap);
      expect(gaps[index]).toBeLessThan(gap + 0.7);
    });
  });

  it('holds the later ones of its task back until it is delivered', async () => {
    let works = false;
    receive(() => (works ? 200 : 503));
    const task = await create();
    await room.tasks.delete(OWNER, task.id);
    await passUntil(() => expect(posted).toHaveLength(3));
    works = true;
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(bodies()).toEqual(['1 created', '1 created', '1 created', '1 created', '2 deleted']);
  });

  it('holds the later ones of its task back until it is dead', async () => {
    receive((_url, body) => (body === '1 created' ? 500 : 200));
    const task = await create();
    await room.tasks.delete(OWNER, task.id);
    await passUntil(async () => expect(await outbox()).toEqual([]), 60_000);
    expect(bodies().slice(-2)).toEqual(['1 created', '2 deleted']);
  });

  it('is given ten seconds, then cut and tried again', async () => {
    const cut: AbortSignal[] = [];
    receive((_url, _body, signal) => {
      cut.push(signal);
      return cut.length === 1 ? new Promise(() => undefined) : 200;
    });
    await create();
    await passUntil(() => expect(posted).toHaveLength(1));
    await room.clock.pass(9_000);
    expect(cut[0]?.aborted).toBe(false);
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(cut[0]?.aborted).toBe(true);
  });

  it('leaves no key in the log nor in the store', async () => {
    const leak = () => Promise.reject(new Error(`cannot POST ${HOOK} nor /in?key=secret`));
    receive(leak);
    await create();
    await passUntil(async () => expect((await outbox())[0]?.attempts).toBe(1));
    const [delivery] = await outbox();
    expect(delivery?.lastError).toBe('cannot POST http://hooks.example nor ***');
    expect(JSON.stringify(room.logs)).not.toContain('secret');
  });
});

describe('a callback of the Alibaba dialect', () => {
  const alibaba = {
    dialect: 'alibaba',
    callback: { url: HOOK, events: [], key: 'k'.repeat(16), signed: true },
  } as const;
  const createThere = (callback: Partial<CallbackSpec> = {}) =>
    room.tasks.create(OWNER, room.spec({ ...alibaba, callback: { ...alibaba.callback, ...callback } }));
  /** Tells the key that a delivery brought, and the time at which it was asked. */
  const sign: CallbacksOptions['sign'] = { alibaba: ({ key }, nowMs) => ({ 'x-key': key, 'x-at': String(nowMs) }) };

  it('is tried five times more a second apart, then at the common pace, twelve times in all', async () => {
    receive(() => 500);
    await createThere();
    await passUntil(async () => expect(await outbox()).toEqual([]), 30_000);
    const gaps = posted.slice(1).map(({ at }, index) => (at - (posted[index]?.at ?? 0)) / 1000);
    expect(gaps.map(gap => Math.floor(gap))).toEqual([1, 1, 1, 1, 1, 40, 60, 120, 180, 180, 240]);
  });

  it('is given five seconds', async () => {
    const cut: AbortSignal[] = [];
    receive((_url, _body, signal) => {
      cut.push(signal);
      return new Promise(() => undefined);
    });
    await createThere();
    await passUntil(() => expect(posted).toHaveLength(1));
    await room.clock.pass(4_500);
    expect(cut[0]?.aborted).toBe(false);
    await room.clock.pass(1_000);
    expect(cut[0]?.aborted).toBe(true);
  });

  it('is signed anew for each try, with the key of the moment of its event', async () => {
    receive(() => (posted.length < 3 ? 500 : 200), sign);
    const { id } = await createThere();
    await room.tasks.change(OWNER, id, { callback: { ...alibaba.callback, key: 'another key' } });
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(posted.map(({ headers }) => headers['x-key'])).toEqual([...Array(3).fill('k'.repeat(16)), 'another key']);
    expect(posted.map(({ headers }) => Number(headers['x-at']))).toEqual(posted.map(({ at }) => at));
    expect(new Set(posted.slice(0, 3).map(({ at }) => at)).size).toBe(3);
  });

  it.each([
    ['that is not to be signed', { signed: false }],
    ['without a key', { key: '' }],
  ])('%s brings no key', async (_, callback) => {
    receive(() => 200, sign);
    await createThere(callback);
    await passUntil(() => expect(posted).toHaveLength(1));
    expect(posted[0]?.headers).toMatchObject({ 'x-key': '' });
  });

  it('that cannot be signed is not sent', async () => {
    const broken = {
      alibaba: () => {
        throw new Error('no such digest');
      },
    };
    receive(() => 200, broken);
    await createThere();
    await passUntil(async () => expect((await outbox())[0]?.lastError).toBe('no such digest'));
    expect(posted).toEqual([]);
  });

  it('stays without its signature where another dialect speaks', async () => {
    receive(() => 200, sign);
    await create();
    await passUntil(() => expect(posted).toHaveLength(1));
    expect(posted[0]?.headers).toEqual({});
  });
});

describe('the outbox', () => {
  it('sends after a restart what was stored before it', async () => {
    const task = await create();
    await room.tasks.delete(OWNER, task.id);
    room = await room.again({ render: onlyTold });
    receive(() => 200);
    await passUntil(() => expect(bodies()).toEqual(['1 created', '2 deleted']));
  });

  it('sends again after a restart what was being sent', async () => {
    receive(() => new Promise(() => undefined));
    await create();
    await passUntil(() => expect(posted).toHaveLength(1));
    room = await room.again({ render: onlyTold });
    expect(await outbox()).toMatchObject([{ attempts: 0, state: 'waiting' }]);
    receive(() => 200);
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(bodies()).toEqual(['1 created', '1 created']);
  });

  it('keeps the count of tries over a restart', async () => {
    receive(() => 500);
    await create();
    await passUntil(async () => expect((await outbox())[0]?.attempts).toBe(2));
    room = await room.again({ render: onlyTold });
    expect((await outbox())[0]?.attempts).toBe(2);
  });

  it.each(['while it runs', 'while it is down'])(
    'does not wait for a wall clock that was set back a day %s',
    async when => {
      let works = false;
      receive(() => (works ? 200 : 500));
      await create();
      await passUntil(async () => expect((await outbox())[0]?.attempts).toBe(2));
      works = true;
      if (when === 'while it is down') room = await room.again({ render: onlyTold });
      room.clock.setWall(-DAY);
      if (when === 'while it is down') receive(() => 200);
      await passUntil(async () => expect(await outbox()).toEqual([]));
      expect(posted.at(-1)?.at).toBeLessThan(room.spec().startAt + 1);
    },
  );

  it('does not wait with the later ones of a task for a wall clock that was set back a day', async () => {
    const { id } = await create();
    await room.tasks.change(OWNER, id, { name: 'renamed' });
    await room.tasks.change(OWNER, id, { name: 'renamed again' });
    room.clock.setWall(-DAY);
    receive(() => 200);
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(bodies()).toEqual(['1 created', '2 changed', '3 changed']);
    expect(posted.at(-1)?.at).toBeLessThan(room.spec().startAt + 60_000);
  });

  it('does not send again what it could not note, and notes it when it can', async () => {
    await room.close();
    let isFull = true;
    const full = () => Promise.reject(new Error('disk full'));
    room = await rehearse({
      render: onlyTold,
      store: store => ({ ...store, updateDelivery: (...args) => (isFull ? full() : store.updateDelivery(...args)) }),
    });
    receive(() => 200);
    await create();
    await passUntil(() => expect(posted).toHaveLength(1));
    await room.clock.pass(5000);
    isFull = false;
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(posted).toHaveLength(1);
  });

  it('is read again when it could not be read', async () => {
    await room.close();
    let fails = 3;
    room = await rehearse({
      render: onlyTold,
      store: store => ({
        ...store,
        dueDeliveries: (...args) =>
          fails-- > 0 ? Promise.reject(new Error('disk failure')) : store.dueDeliveries(...args),
      }),
    });
    receive(() => 200);
    await create();
    await passUntil(() => expect(bodies()).toEqual(['1 created']));
    expect(room.logs).toHaveLength(1);
  });
});

describe('many callbacks', () => {
  it('have at most 8 in flight to one host, and a slow host holds no other', async () => {
    const slow = new Set<string>();
    receive(url => {
      if (!url.includes('slow')) return 200;
      slow.add(url);
      return new Promise(() => undefined);
    });
    await Promise.all(Array.from({ length: 400 }, (_, at) => create(`http://slow.example/${at}`)));
    await passUntil(() => expect(slow.size).toBe(8));
    await create('http://quick.example/');
    await passUntil(() => expect(posted.some(({ url }) => url.includes('quick'))).toBe(true));
    expect(slow.size).toBe(8);
  });

  it('have at most 64 in flight in all, and the freed places go round', async () => {
    let inFlight = 0;
    let most = 0;
    receive(async (_url, _body, signal) => {
      most = Math.max(most, ++inFlight);
      await room.clock.sleep(500, signal);
      inFlight -= 1;
      return 200;
    });
    for (let host = 0; host < 9; host += 1) {
      await Promise.all(Array.from({ length: 30 }, () => create(`http://host${host}.example/`)));
      await room.clock.pass(1, 1);
    }
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(most).toBe(64);
    expect(posted).toHaveLength(270);
    // The first eight hosts alone could keep all places taken until the last one's turn.
    expect(posted.slice(0, 130).some(({ url }) => url.includes('host8'))).toBe(true);
  });

  it('to a healthy host all arrive, each once', { timeout: 60_000 }, async () => {
    const many = 2000;
    receive(() => 200);
    await Promise.all(Array.from({ length: many }, () => create()));
    const began = performance.now();
    await passUntil(async () => expect(await outbox()).toEqual([]), 250);
    console.info(`${many} callbacks delivered in ${Math.round(performance.now() - began)} ms`);
    expect(posted).toHaveLength(many);
  });
});

describe('closing', () => {
  it('may be asked twice, cuts what is in flight and counts it as no try', async () => {
    let seen: AbortSignal | undefined;
    receive((_url, _body, signal) => {
      seen = signal;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('cut'))));
    });
    await create();
    await passUntil(() => expect(posted).toHaveLength(1));
    await Promise.all([callbacks.close(), callbacks.close()]);
    expect(seen?.aborted).toBe(true);
    const [delivery]: readonly (Delivery | undefined)[] = await outbox();
    expect(delivery?.attempts).toBe(0);
  });
});
