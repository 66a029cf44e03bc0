import { expect, test } from 'vitest';
import type { ApiKey } from '../../task/account.ts';
import type { WireRequest } from '../auth.ts';
import { Gate, type GateOptions } from './auth.ts';

const TOKEN = `mlr_${'a'.repeat(43)}`;
const KEY: ApiKey = {
  id: 'k1',
  hash: '',
  accountId: 'default',
  projectId: 'p1',
  name: '',
  enabled: true,
  createdAt: 0,
  expiresAt: null,
  userId: null,
  policies: null,
};
const CALL = ['millrace:events:list', 'GET /api/v1/events'] as const;

const wire = (...rawHeaders: string[]): WireRequest => ({
  method: 'GET',
  target: { segments: ['', ''], query: [] },
  rawHeaders,
  body: Buffer.alloc(0),
  remote: '127.0.0.1',
  requestId: 'r1',
});

function open(options: { key?: Partial<ApiKey>; may?: boolean | 'gone' } & Partial<GateOptions> = {}) {
  const { key = {}, may = true, ...more } = options;
  const clock = { now: 1_000_000, looks: 0 };
  const gate = new Gate({
    apiKeys: {
      find: async token => {
        clock.looks++;
        return token === TOKEN ? { ...KEY, ...key } : undefined;
      },
    },
    accounts: { rightsOf: async () => (may === 'gone' ? undefined : () => may), noteUse: () => {} },
    signIns: { find: async () => undefined },
    otherGates: [],
    throttle: { take: () => 0 },
    now: () => clock.now,
    ...more,
  });
  return { gate, clock };
}

test.each([`Bearer ${TOKEN}`, `bearer  ${TOKEN}  `, `BEARER\t${TOKEN}`])('an API key is taken as %j', async header => {
  const caller = await open().gate.admit(wire('Authorization', header), ...CALL);
  expect(caller).toMatchObject({ accountId: 'default', projectId: 'p1' });
});

test.each([
  [[], 'Send an API key'],
  [['authorization', 'Basic YTpi'], 'Send an API key'],
  [['authorization', 'Bearer'], 'no such API key'],
  [['authorization', `Bearer ${TOKEN}x`], 'no such API key'],
  [['authorization', `Bearer ${'x'.repeat(10_000)}`], 'no such API key'],
  [['authorization', `Bearer ${TOKEN}`, 'Authorization', `Bearer ${TOKEN}`], 'more than once'],
])('nobody is known by %j', async (headers, why) => {
  const refused = expect(open().gate.admit(wire(...headers), ...CALL)).rejects;
  await refused.toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining(why) });
});

test('a key that has expired, is disabled, or whose user is, opens nothing', async () => {
  const admit = (options: Parameters<typeof open>[0]) =>
    open(options).gate.admit(wire('authorization', `Bearer ${TOKEN}`), ...CALL);
  await expect(admit({ key: { expiresAt: 1_000_000 } })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(admit({ key: { expiresAt: 1_000_001 } })).resolves.toBeDefined();
  await expect(admit({ key: { enabled: false } })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(admit({ may: 'gone' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(admit({ may: false })).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('who calls too often is told when to come again', async () => {
  const { gate } = open({ throttle: { take: () => 1_500 } });
  const call = gate.admit(wire('authorization', `Bearer ${TOKEN}`), ...CALL);
  await expect(call).rejects.toMatchObject({ code: 'THROTTLED', circumstances: { retryAfterMs: 1_500 } });
});

test('after six wrong tries at one key its row is locked for five minutes, and nobody else’s', async () => {
  const { gate, clock } = open();
  const wrong = `Bearer mlr_${'b'.repeat(43)}`;
  for (let tries = 0; tries < 6; tries++) {
    await expect(gate.admit(wire('authorization', wrong), ...CALL)).rejects.toThrow('no such API key');
  }
  await expect(gate.admit(wire('authorization', wrong), ...CALL)).rejects.toThrow('Too many');
  expect(clock.looks).toBe(6);
  await expect(gate.admit(wire('authorization', `Bearer ${TOKEN}`), ...CALL)).resolves.toBeDefined();
  clock.now += 5 * 60_000;
  await expect(gate.admit(wire('authorization', wrong), ...CALL)).rejects.toThrow('no such API key');
});

test('the gates of the other dialects are asked in turn, where no API key is sent', async () => {
  const by = { kind: 'accessKey', id: 'AK', name: '', remote: '', requestId: '' } as const;
  const caller = { accountId: 'other', projectId: 'p2', may: () => true, by };
  const { gate } = open({ otherGates: [() => undefined, async () => caller] });
  expect(await gate.admit(wire('authorization', 'SDK-HMAC-SHA256 …'), ...CALL)).toBe(caller);
  await expect(gate.admit(wire('authorization', 'Bearer x'), ...CALL)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
});

test('who was admitted by a key is asked again; who signed cannot be, and stands for a while', async () => {
  const bearer = wire('authorization', `Bearer ${TOKEN}`);
  expect(await open().gate.standing(bearer, CALL[0])()).toBe(true);
  expect(await open({ may: false }).gate.standing(bearer, CALL[0])()).toBe(false);
  expect(await open({ key: { enabled: false } }).gate.standing(bearer, CALL[0])()).toBe(false);
  const { gate, clock } = open();
  const stands = gate.standing(wire('authorization', 'SDK-HMAC-SHA256 …'), CALL[0]);
  clock.now += 599_000;
  expect(await stands()).toBe(true);
  clock.now += 1_000;
  expect(await stands()).toBe(false);
});
