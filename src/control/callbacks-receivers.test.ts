import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CALLBACK_BLOCKED, CALLBACK_GONE, CALLBACK_PAUSED } from '../task/alarm.ts';
import type { Event } from '../task/event.ts';
import type { Callbacks } from './callbacks.ts';
import { endpointId } from './endpoint.ts';
import { Blocked, DAY, HOUR, OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';
import { verifyWebhook } from './webhook.ts';

const HOOK = 'http://hooks.example/in?key=secret';
const ENDPOINT = endpointId(OWNER.accountId, HOOK);
const LONG = 30 * DAY;

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
  room = await rehearse();
  posted = [];
});
afterEach(() => room.close());

type Receive = (posted: Posted) => number | Promise<number>;

function receive(answer: Receive): void {
  callbacks = room.callbacks(async ({ url, body, headers }) => {
    const one = { url, body, headers, at: room.clock.now() };
    posted.push(one);
    return { status: await answer(one) };
  });
  callbacks.start();
}

async function startAnew(answer: Receive): Promise<void> {
  room = await room.again();
  receive(answer);
}

const create = (url = HOOK) =>
  room.tasks.create(OWNER, room.spec({ callback: { url, events: [] }, endAt: room.clock.now() + LONG }));

/** One more event of the task. */
async function happen(taskId: string): Promise<void> {
  const { spec } = await room.tasks.get(OWNER, taskId);
  await room.tasks.change(OWNER, taskId, { endAt: spec.endAt + 1 });
}

const pass = (ms: number, stepMs?: number) => room.clock.pass(ms, stepMs, 4);
const passUntil = (holds: () => void | Promise<void>, ms = 100, stepMs = 50) =>
  vi.waitFor(
    async () => {
      await pass(ms, stepMs);
      await holds();
    },
    { timeout: 20_000, interval: 1 },
  );
const all = () => room.store.deliveries({ accountId: OWNER.accountId }, { after: 0, limit: 1000 });
const waiting = async () => (await all()).filter(({ state }) => state === 'waiting');
const alarms = () =>
  room.events.flatMap(({ type, detail: { alarm, set } }: Event) => (type === 'alarm' ? [{ alarm, set }] : []));

describe('C5: a receiver that says it is gone (410)', () => {
  it('is sent nothing more of the task, which is told by an alarm', async () => {
    receive(() => 410);
    const task = await create();
    await passUntil(() => expect(alarms()).toEqual([{ alarm: CALLBACK_GONE, set: true }]));
    await happen(task.id);
    await room.tasks.delete(OWNER, task.id);
    await pass(10_000);
    expect(posted).toHaveLength(1);
    expect(await all()).toMatchObject([{ state: 'dead', attempts: 1, lastError: 'the receiver is gone (410)' }]);
  });

  it('loses what already waits for it', async () => {
    receive(() => (posted.length < 5 ? 500 : 410));
    const task = await create();
    for (let times = 0; times < 3; times++) await happen(task.id);
    await passUntil(async () => expect((await all()).map(({ state }) => state)).toEqual(Array(4).fill('dead')));
    const tries = posted.length;
    await pass(60_000, 1_000);
    expect(posted).toHaveLength(tries);
  });

  it('is asked again by another task, and once the callbacks of its own go elsewhere', async () => {
    receive(({ url }) => (url === HOOK ? 410 : 200));
    const task = await create();
    await passUntil(() => expect(alarms()).toHaveLength(1));
    await create();
    await passUntil(() => expect(alarms()).toHaveLength(2));
    await room.tasks.change(OWNER, task.id, { callback: { url: 'http://new.example/', events: [] } });
    await passUntil(() => expect(posted.map(({ url }) => url)).toContain('http://new.example/'));
    expect(alarms()).toContainEqual({ alarm: CALLBACK_GONE, set: false });
  });

  it('stays gone for a control process that was started anew', async () => {
    receive(() => 410);
    const task = await create();
    await passUntil(() => expect(alarms()).toHaveLength(1));
    await startAnew(() => 410);
    await happen(task.id);
    await pass(5_000);
    expect(posted).toHaveLength(1);
  });
});

describe('a receiver that takes nothing', () => {
  it('C3: loses nothing while it is down for three days, and has all within a step of the schedule', async () => {
    let isDown = true;
    receive(() => (isDown ? 503 : 200));
    const tasks = [await create(), await create()];
    const [busy, quiet] = tasks;
    for (let hours = 0; hours < 72; hours += 6) {
      await happen(busy?.id ?? '');
      await pass(6 * HOUR, 10 * 60_000);
    }
    expect((await all()).some(({ state }) => state === 'dead')).toBe(true);
    isDown = false;
    const backAt = room.clock.now();
    await passUntil(
      async () => expect((await all()).every(({ state }) => state === 'delivered')).toBe(true),
      HOUR,
      10 * 60_000,
    );
    expect(room.clock.now() - backAt).toBeLessThan(1.2 * DAY + 2 * HOUR);
    const taken = posted.filter(({ at }) => at >= backAt).map(({ body }) => JSON.parse(body));
    const seqs = (id = '') => new Set(taken.filter(({ taskId }) => taskId === id).map(({ seq }) => seq));
    expect([seqs(busy?.id).size, seqs(quiet?.id).size]).toEqual([13, 1]);
    expect(taken).toHaveLength(14);
    expect(await room.store.endpoints()).toEqual([]);
  });

  it('is paused after five days, and each task concerned says so once', async () => {
    receive(() => 500);
    const tasks = [await create(), await create()];
    for (let days = 0; days < 5; days++) {
      for (const { id } of tasks) await happen(id);
      await pass(DAY, 30 * 60_000);
    }
    await passUntil(() => expect(alarms()).toHaveLength(2), HOUR, 10 * 60_000);
    expect(alarms()).toEqual(Array(2).fill({ alarm: CALLBACK_PAUSED, set: true }));
    expect(await room.store.endpoints()).toMatchObject([{ id: ENDPOINT, url: HOOK, pausedAt: expect.any(Number) }]);
    const tries = posted.length;
    for (const { id } of tasks) await happen(id);
    await pass(2 * DAY, 30 * 60_000);
    expect(posted).toHaveLength(tries);
    expect(await waiting()).not.toEqual([]);
  });

  it('is not paused for two failures with days of silence in between', async () => {
    receive(() => 500);
    const task = await create();
    await pass(8 * DAY, 30 * 60_000);
    await happen(task.id);
    await pass(10_000);
    expect(alarms()).toEqual([]);
    expect(await room.store.endpoints()).toMatchObject([{ pausedAt: null }]);
  });

  describe('and is paused', () => {
    let taskId: string;
    const isPaused = async () => (await room.store.endpoints())[0]?.pausedAt != null;
    beforeEach(async () => {
      receive(() => 500);
      ({ id: taskId } = await create());
      await pass(1_000);
      const [row] = await room.store.endpoints();
      if (row === undefined) throw new Error('the receiver fails');
      await room.store.putEndpoint({ ...row, failingSince: room.clock.now() - 5 * DAY });
      room = await room.again();
    });

    it('gets all that waits once its owner wants it again', async () => {
      let isWell = false;
      receive(() => (isWell ? 200 : 500));
      await happen(taskId);
      await passUntil(async () => expect(await isPaused()).toBe(true));
      await passUntil(() => expect(alarms()).toEqual([{ alarm: CALLBACK_PAUSED, set: true }]));
      isWell = true;
      expect(await callbacks.resume('stranger', ENDPOINT)).toBe(false);
      expect(await callbacks.resume(OWNER.accountId, 'nobody')).toBe(false);
      expect(await callbacks.resume(OWNER.accountId, ENDPOINT)).toBe(true);
      await passUntil(async () => expect(await waiting()).toEqual([]), 1_000);
      expect(alarms()).toEqual([
        { alarm: CALLBACK_PAUSED, set: true },
        { alarm: CALLBACK_PAUSED, set: false },
      ]);
      expect(await room.store.endpoints()).toEqual([]);
    });

    it('stays so for a control process that was started anew, which tells tasks that come later', async () => {
      receive(() => 500);
      await happen(taskId);
      await passUntil(async () => expect(await isPaused()).toBe(true));
      const tries = posted.length;
      await startAnew(() => 200);
      await pass(1_000);
      await create();
      await passUntil(() => expect(alarms()).toEqual([{ alarm: CALLBACK_PAUSED, set: true }]));
      expect(posted).toHaveLength(tries);
    });
  });
});

describe('C12: a receiver whose address the network policy forbids', () => {
  it('is told as an alarm once, tried on, and cleared by the first callback that is taken', async () => {
    let isPrivate = true;
    receive(() => {
      if (isPrivate) throw new Blocked('the network policy "public" does not allow the address of hooks.example');
      return 200;
    });
    await create();
    await passUntil(() => expect(posted.length).toBeGreaterThan(2), 1_000, 250);
    expect(alarms()).toEqual([{ alarm: CALLBACK_BLOCKED, set: true }]);
    expect(room.events.find(({ type }) => type === 'alarm')?.reason).toMatch(/network policy/);
    expect((await waiting())[0]?.lastError).toMatch(/network policy/);
    isPrivate = false;
    await passUntil(async () => expect(await waiting()).toEqual([]), 10_000, 1_000);
    expect(alarms()).toEqual([
      { alarm: CALLBACK_BLOCKED, set: true },
      { alarm: CALLBACK_BLOCKED, set: false },
    ]);
  });

  it('is cleared also where another process had told it', async () => {
    receive(() => {
      throw new Blocked('forbidden');
    });
    await create();
    await passUntil(() => expect(alarms()).toHaveLength(1));
    await startAnew(() => 200);
    await passUntil(async () => expect(await waiting()).toEqual([]), 1_000);
    await passUntil(() => expect(alarms()).toEqual([{ alarm: CALLBACK_BLOCKED, set: false }]));
  });
});

describe('a control process that ends in the middle of it', () => {
  it('C10: has what it had not sent sent by the next one within 5 seconds', async () => {
    const tasks = await Promise.all(Array.from({ length: 50 }, () => create()));
    await startAnew(() => 200);
    const at = room.clock.now();
    await passUntil(async () => expect(await waiting()).toEqual([]));
    expect(posted).toHaveLength(tasks.length);
    expect((posted.at(-1)?.at ?? 0) - at).toBeLessThan(5_000);
  });

  it('C8: has only what was in flight sent twice, under the same id and in the same words', async () => {
    receive(({ body }) => (JSON.parse(body).seq === 2 ? new Promise<number>(() => undefined) : 200));
    const tasks = await Promise.all(Array.from({ length: 20 }, () => create()));
    const [first] = tasks;
    await passUntil(() => expect(posted).toHaveLength(20));
    await happen(first?.id ?? '');
    await passUntil(() => expect(posted).toHaveLength(21));
    await startAnew(() => 200);
    await passUntil(async () => expect(await waiting()).toEqual([]));
    expect(posted).toHaveLength(22);
    const [before, after] = posted.slice(-2);
    expect(after?.headers['webhook-id']).toBe(before?.headers['webhook-id']);
    expect(after?.body).toBe(before?.body);
  });
});

describe('a test call', () => {
  const test = (url = HOOK) =>
    callbacks.test({
      accountId: OWNER.accountId,
      url,
      body: { contentType: 'application/json', body: '{"type":"callback.test"}' },
      id: 'test-1',
    });

  it('is signed, sent once, and answers what came of it', async () => {
    receive(() => 200);
    expect(await test()).toEqual({ status: 200, tookMs: 0, error: '' });
    const [{ headers, body, at }] = posted as [Posted];
    const secrets = (await room.store.callbackSecrets(OWNER.accountId)).map(({ secret }) => secret);
    expect(verifyWebhook({ headers, body, secrets, nowMs: at })).toBeUndefined();
    expect(headers['webhook-id']).toBe('test-1');
    expect(await all()).toEqual([]);
  });

  it.each([
    ['a status', () => 500, { status: 500, error: 'the receiver answered with status 500' }],
    ['a receiver that is gone', () => 410, { status: 410, error: 'the receiver is gone (410)' }],
    ['an error', () => Promise.reject(new Error('refused')), { status: null, error: 'refused' }],
  ])('that meets %s says so and changes nothing', async (_, answer, told) => {
    receive(answer);
    expect(await test()).toMatchObject(told);
    await pass(10_000);
    expect(posted).toHaveLength(1);
    expect(await room.store.endpoints()).toEqual([]);
  });
});
