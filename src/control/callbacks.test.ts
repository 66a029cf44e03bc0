import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../store/store.ts';
import type { CallbackSpec } from '../task/spec.ts';
import type { Callbacks, CallbacksOptions, Post } from './callbacks.ts';
import { DAY, HOUR, OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';
import { verifyWebhook } from './webhook.ts';

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

type Answer = number | { readonly status: number; readonly retryAfter?: string };

function receive(
  answer: (url: string, body: string, signal: AbortSignal) => Answer | Promise<Answer>,
  sign?: CallbacksOptions['sign'],
): void {
  const post: Post = async ({ url, body, headers }, { signal }) => {
    posted.push({ url, body, headers, at: room.clock.now() });
    const answered = await answer(url, body, signal);
    return typeof answered === 'number' ? { status: answered } : answered;
  };
  callbacks = room.callbacks(post, sign);
  callbacks.start();
}

const spec = (url = HOOK) => room.spec({ callback: { url, events: [] } });
const create = (url?: string) => room.tasks.create(OWNER, spec(url));
const created = () => posted.filter(({ body }) => body === '1 created');
const bodies = () => posted.map(({ body }) => body);

const pass = (ms: number, stepMs?: number) => room.clock.pass(ms, stepMs, 4);

/** Lets time pass until the condition holds; whole days pass in longer steps. */
const passUntil = (holds: () => void | Promise<void>, ms = 100, stepMs = 50) =>
  vi.waitFor(
    async () => {
      await pass(ms, stepMs);
      await holds();
    },
    { timeout: 20_000, interval: 1 },
  );
const passDaysUntil = (holds: () => void | Promise<void>) => passUntil(holds, HOUR, 5 * 60_000);

const all = () => room.store.deliveries({ accountId: OWNER.accountId }, { after: 0, limit: 1000 });
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
    ['a redirect', () => 302],
    ['an error', () => Promise.reject(new Error('connection refused'))],
  ])('C2: that meets %s is tried again with the same body', async (_, answer) => {
    receive(() => (posted.length < 3 ? answer() : 200));
    await create();
    await passUntil(async () => expect(await outbox()).toEqual([]), 1_000, 250);
    expect(bodies()).toEqual(['1 created', '1 created', '1 created']);
  });

  it('C2: that is not taken is tried 10 times with the same body over three days, then kept as dead', async () => {
    receive(() => 500);
    await create();
    await passUntil(() => expect(posted).toHaveLength(5), 1_000, 1_000);
    await passDaysUntil(async () => expect(await outbox()).toEqual([]));
    expect(new Set(bodies())).toEqual(new Set(['1 created']));
    const gaps = posted.slice(1).map(({ at }, index) => at - (posted[index]?.at ?? 0));
    const wanted = [5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 24 * 3600];
    expect(gaps.map((gap, at) => Math.floor(gap / 1000 / (wanted[at] ?? 0)))).toEqual(wanted.map(() => 1));
    expect(await all()).toMatchObject([{ state: 'dead', attempts: 10, lastError: expect.stringMatching(/./) }]);
    expect(room.logs.map(({ message }) => message)).toEqual([
      'a callback failed and will be tried again',
      'a callback was given up',
    ]);
  });

  it('C4: that is redirected says what to do about it', async () => {
    receive(() => 308);
    await create();
    await passUntil(async () => expect(await outbox()).toMatchObject([{ attempts: 1 }]));
    expect((await outbox())[0]?.lastError).toBe(
      'the receiver answered with status 308: redirects are not followed, update the URL',
    );
  });

  it('C2: comes again when its receiver asked for it', async () => {
    receive(() => (posted.length === 1 ? { status: 503, retryAfter: '60' } : 200));
    await create();
    await passUntil(async () => expect(await outbox()).toEqual([]), 1_000);
    const [first, second] = posted.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(60_000);
    expect((second ?? 0) - (first ?? 0)).toBeLessThan(62_000);
  });

  it('keeps an account of its tries', async () => {
    receive(() => (posted.length < 3 ? 500 : 204));
    await create();
    await passUntil(async () => expect(await outbox()).toEqual([]), 1_000);
    const [delivery] = await all();
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 3, lastError: '' });
    expect(delivery?.log.map(({ status, error }) => [status, error])).toEqual([
      [500, 'the receiver answered with status 500'],
      [500, 'the receiver answered with status 500'],
      [204, ''],
    ]);
    expect(delivery?.log.map(({ at }) => at)).toEqual(posted.map(({ at }) => at));
    expect(delivery?.settledAt).toBeGreaterThanOrEqual(posted[2]?.at ?? 0);
  });

  it('C9: that fails holds the later ones of its task back for 5 seconds and no longer', async () => {
    receive((_url, body) => (body === '1 created' ? 500 : 200));
    const task = await create();
    await room.tasks.delete(OWNER, task.id);
    await passUntil(() => expect(bodies()).toContain('2 deleted'));
    const [first, later] = ['1 created', '2 deleted'].map(body => posted.find(one => one.body === body)?.at ?? 0);
    expect((later ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(5_000);
    expect((later ?? 0) - (first ?? 0)).toBeLessThan(5_400);
  });

  it('C9: that is not answered holds the later ones of its task back for 5 seconds and no longer', async () => {
    receive((_url, body) => (body === '1 created' ? new Promise<number>(() => undefined) : 200));
    const task = await create();
    await room.tasks.delete(OWNER, task.id);
    await passUntil(() => expect(bodies()).toContain('2 deleted'));
    expect((posted[1]?.at ?? 0) - (posted[0]?.at ?? 0)).toBeGreaterThanOrEqual(5_000);
    expect((posted[1]?.at ?? 0) - (posted[0]?.at ?? 0)).toBeLessThan(5_400);
  });

  it('C9: is tried first in its turn, however many before it fail', async () => {
    receive(() => 500);
    const task = await create();
    for (let at = 1; at <= 4; at++) await room.tasks.change(OWNER, task.id, { endAt: task.spec.endAt + at });
    await passUntil(() => expect(new Set(bodies()).size).toBe(5));
    expect([...new Set(bodies())]).toEqual(['1 created', '2 changed', '3 changed', '4 changed', '5 changed']);
  });

  it('holds none of another task', async () => {
    receive((_url, body) => (body === '1 created' ? 200 : 500));
    const task = await create();
    await room.tasks.change(OWNER, task.id, { endAt: task.spec.endAt + 1 });
    await passUntil(() => expect(bodies()).toContain('2 changed'));
    const before = posted.length;
    await create();
    await passUntil(() => expect(posted.length).toBeGreaterThan(before), 50);
    expect(posted.at(-1)?.body).toBe('1 created');
  });

  it('does not wait for one to a receiver that its task has left', async () => {
    receive(url => (url === HOOK ? new Promise<number>(() => undefined) : 200));
    const task = await create();
    await passUntil(() => expect(posted).toHaveLength(1));
    await room.tasks.change(OWNER, task.id, { callback: { url: 'http://other.example/', events: [] } });
    await passUntil(() => expect(posted.some(({ url }) => url.includes('other'))).toBe(true));
    expect((posted.at(-1)?.at ?? 0) - (posted[0]?.at ?? 0)).toBeLessThan(1_000);
  });

  it('C1: is given 15 seconds, then cut and tried again', async () => {
    const cut: AbortSignal[] = [];
    receive((_url, _body, signal) => {
      cut.push(signal);
      return cut.length === 1 ? new Promise(() => undefined) : 200;
    });
    await create();
    await passUntil(() => expect(posted).toHaveLength(1));
    await pass(14_000);
    expect(cut[0]?.aborted).toBe(false);
    await passUntil(async () => expect(await outbox()).toEqual([]));
    expect(cut[0]?.aborted).toBe(true);
  });

  it('C11: is signed with the secret of its account and the time of each try, under one id', async () => {
    receive(() => (posted.length < 4 ? 500 : 200));
    await create();
    await passUntil(async () => expect(await outbox()).toEqual([]), 1_000);
    const secrets = (await room.store.callbackSecrets('acme')).map(({ secret }) => secret);
    for (const { headers, body, at } of posted) {
      expect(verifyWebhook({ headers, body, secrets, nowMs: at, toleranceMs: 1_000 })).toBeUndefined();
    }
    expect(new Set(posted.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([room.events[0]?.id]));
    expect(new Set(posted.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(4);
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

  it('C2: is tried five times more a second apart, then at the common pace, fifteen times in all', async () => {
    receive(() => 500);
    await createThere();
    await passUntil(() => expect(posted).toHaveLength(6), 1_000, 250);
    await passUntil(() => expect(posted).toHaveLength(10), 2_000, 1_000);
    await passDaysUntil(async () => expect(await outbox()).toEqual([]));
    expect(posted).toHaveLength(15);
    const gaps = posted.slice(1).map(({ at }, index) => (at - (posted[index]?.at ?? 0)) / 1000);
    expect(gaps.slice(0, 5).every(gap => gap < 2.5)).toBe(true);
    expect(gaps.slice(5, 9).map(gap => Math.floor(gap / 5) * 5)).toEqual([5, 30, 120, 600]);
  });

  it('is given five seconds', async () => {
    const cut: AbortSignal[] = [];
    receive((_url, _body, signal) => {
      cut.push(signal);
      return new Promise(() => undefined);
    });
    await createThere();
    await passUntil(() => expect(posted).toHaveLength(1));
    await pass(4_500);
    expect(cut[0]?.aborted).toBe(false);
    await pass(1_000);
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
    expect(posted[0]?.headers).not.toHaveProperty('x-key');
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
    await pass(5000);
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
  it('C1: have at most 8 in flight to one receiver, and a slow one holds no other', async () => {
    const slow = new Set<string>();
    receive(url => {
      if (!url.includes('slow')) return 200;
      slow.add(url);
      return new Promise(() => undefined);
    });
    await Promise.all(Array.from({ length: 400 }, (_, at) => create(`http://slow.example/in?key=${at}`)));
    await passUntil(() => expect(slow.size).toBe(8));
    for (let at = 0; at < 20; at++) {
      const before = room.clock.now();
      await create(`http://quick.example/${at}`);
      await passUntil(() => expect(posted.some(({ url }) => url.endsWith(`quick.example/${at}`))).toBe(true), 50);
      expect((posted.at(-1)?.at ?? 0) - before).toBeLessThan(300);
    }
    expect(slow.size).toBe(8);
  });

  it('C13: of one task hold back none of another task of the same receiver', { timeout: 60_000 }, async () => {
    receive(async (_url, body, signal) => {
      if (body !== '1 created') await room.clock.sleep(1_000, signal);
      return 200;
    });
    const busy = await create();
    for (let at = 1; at <= 500; at++) await room.tasks.change(OWNER, busy.id, { endAt: busy.spec.endAt + at });
    await passUntil(() => expect(posted.length).toBeGreaterThan(2));
    for (let at = 0; at < 20; at++) {
      const count = created().length;
      const before = room.clock.now();
      await create();
      await passUntil(() => expect(created().length).toBe(count + 1), 50);
      expect((created().at(-1)?.at ?? 0) - before).toBeLessThan(300);
    }
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
      await pass(1, 1);
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
