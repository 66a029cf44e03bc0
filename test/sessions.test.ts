import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ROUTES } from '../src/api/native/routes.ts';
import { StoreFault } from '../src/store/store-fault.ts';
import { BUILT_IN_POLICIES, mayCall, POLICY_OF, type Role } from '../src/task/policy.ts';
import { type Api, sendRaw, startApi } from './lab/api.ts';
import { ConsoleUser } from './lab/console-user.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const PASSWORD = 'CANARY correct horse';
const HOUR = 3_600_000;
const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));

let place: Place;
let api: Api;
beforeEach(async () => {
  place = new Place();
  api = await startApi(place);
});
afterEach(() => place[Symbol.asyncDispose]());

/** Somebody with the role who has logged in. */
async function signedIn(role: Role = 'admin', name: string = role, at = api.base): Promise<ConsoleUser> {
  await api.accounts.putUser(name, PASSWORD, { policies: [POLICY_OF[role]] });
  const user = new ConsoleUser(at);
  const { status } = await user.login(name, PASSWORD);
  expect(status).toBe(200);
  return user;
}

describe('the first administrator', () => {
  const wish = { name: 'ann', password: PASSWORD };

  it('is made by a setup link, and is logged in at once', async () => {
    const visitor = new ConsoleUser(api.base);
    expect((await visitor.ask('session')).body).toMatchObject({ user: null, actions: [], setup_needed: true });
    const { token } = await api.setup.makeLink();
    expect((await visitor.ask('setup/check', { body: { token } })).status).toBe(200);
    const made = await visitor.ask('setup', { body: { token, ...wish } });
    expect(made).toMatchObject({ status: 201, body: { user: 'ann', role: 'admin', setup_needed: false } });
    expect((await visitor.ask('users')).status).toBe(200);
  });

  it('is made once: who opens the link again is told how to go on', async () => {
    const { token } = await api.setup.makeLink();
    await new ConsoleUser(api.base).ask('setup', { body: { token, ...wish } });
    const again = { token, ...wish, name: 'eve' };
    for (const [path, body] of [['setup', again] as const, ['setup/check', { token }] as const]) {
      const answer = await new ConsoleUser(api.base).ask(path, { body });
      expect(answer).toMatchObject({ status: 410, body: { code: 'LINK_VOID' } });
      expect(answer.body.detail).toMatch(/has been used.*millrace user add/);
    }
    expect(await api.accounts.listUsers()).toHaveLength(1);
  });

  it('is one of two who use the link at the same time', async () => {
    const { token } = await api.setup.makeLink();
    const both = ['ann', 'eve'].map(name => new ConsoleUser(api.base).ask('setup', { body: { token, ...wish, name } }));
    expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([201, 410]);
    expect(await api.accounts.listUsers()).toHaveLength(1);
  });

  it('is not made by a link that has expired, or was replaced, or never was', async () => {
    const { token: replaced } = await api.setup.makeLink();
    const { token: expired } = await api.setup.makeLink();
    const details = async (token: string) =>
      (await new ConsoleUser(api.base).ask('setup', { body: { token, ...wish } })).body.detail;
    expect(await details(replaced)).toMatch(/not known/);
    api.shift(30 * 60_000);
    expect(await details(expired)).toMatch(/expired.*millrace setup/);
    expect(await details('x'.repeat(43))).toMatch(/not known/);
  });

  it('is told of every field that will not do, and the link stays good', async () => {
    const { token } = await api.setup.makeLink();
    const visitor = new ConsoleUser(api.base);
    const refused = await visitor.ask('setup', { body: { token, name: 'a b', password: 'short' } });
    expect(refused.status).toBe(400);
    expect(refused.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual(['name', 'password']);
    expect((await visitor.ask('setup', { body: { token, ...wish } })).status).toBe(201);
  });

  it('is not made while there is one', async () => {
    const { token } = await api.setup.makeLink();
    await api.accounts.putUser('bob', PASSWORD);
    const answer = await new ConsoleUser(api.base).ask('setup', { body: { token, ...wish } });
    expect(answer).toMatchObject({ status: 410, body: { detail: expect.stringContaining('administrator already') } });
    await expect(api.setup.makeLink()).rejects.toThrow('administrator already');
  });
});

describe('a session', () => {
  it('is kept in a cookie that no script and no other site gets', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    const { headers } = await new ConsoleUser(api.base).login('ann', PASSWORD);
    const [cookie, ...more] = headers['set-cookie'] ?? [];
    expect(more).toEqual([]);
    expect(cookie).toMatch(/^millrace_session=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/);
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('travels by TLS alone where people open the console by https', async () => {
    await using behindProxy = new Place();
    const elsewhere = await startApi(behindProxy, { consoleUrl: 'https://millrace.example.com' });
    await elsewhere.accounts.putUser('ann', PASSWORD);
    const user = new ConsoleUser(elsewhere.base);
    const headers = { origin: 'https://millrace.example.com' };
    const answer = await user.ask('session', { body: { name: 'ann', password: PASSWORD }, headers });
    expect(answer.headers['set-cookie']?.[0]).toMatch(/; Secure$/);
    expect((await user.ask('tasks', { headers })).status).toBe(200);
  });

  it('begins with a token of its own, whatever the browser held before', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    const fixed = 'A'.repeat(43);
    const user = new ConsoleUser(api.base);
    user.cookie = fixed;
    await user.login('ann', PASSWORD);
    expect(user.cookie).not.toBe(fixed);
    const thief = new ConsoleUser(api.base);
    thief.cookie = fixed;
    expect((await thief.ask('tasks')).status).toBe(401);
  });

  it('that was there before ends when somebody logs in anew', async () => {
    const user = await signedIn();
    const former = Object.assign(new ConsoleUser(api.base), { cookie: user.cookie });
    await user.login('admin', PASSWORD);
    expect((await former.ask('tasks')).status).toBe(401);
  });

  it('tells who it is and what that one may do', async () => {
    const user = await signedIn('viewer');
    const { body } = await user.ask('session');
    expect(body).toMatchObject({ user: 'viewer', account: 'default', role: 'viewer', setup_needed: true });
    expect(body.actions).toContain('millrace:tasks:list');
    expect(body.actions).not.toContain('millrace:tasks:create');
    expect(body.csrf).toBe(user.csrf);
  });

  it('ends at logout, for every copy of the cookie', async () => {
    const user = await signedIn();
    const copy = Object.assign(new ConsoleUser(api.base), { cookie: user.cookie, csrf: user.csrf });
    expect((await user.ask('session', { method: 'DELETE' })).headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect((await copy.ask('tasks')).status).toBe(401);
    expect((await user.ask('session')).body).toMatchObject({ user: null });
  });

  it.each([
    ['a new password', () => api.accounts.putUser('admin', `${PASSWORD}2`)],
    ['being disabled', () => api.accounts.setUserEnabled('admin', false)],
    ['other rights', () => api.accounts.setPolicies('admin', ['ReadOnlyAccess'])],
    ['being removed', () => api.accounts.removeUser('admin')],
  ])('ends by %s', async (_what, change) => {
    const user = await signedIn();
    await change();
    expect((await user.ask('tasks')).status).toBe(401);
  });

  it('ends after twelve hours without a call, and after thirty days with them', async () => {
    const user = await signedIn();
    for (let hours = 0; hours < 30 * 24; hours += 11) {
      expect((await user.ask('tasks')).status).toBe(200);
      api.shift(11 * HOUR);
    }
    expect((await user.ask('tasks')).status).toBe(401);
    const idle = await signedIn();
    api.shift(12 * HOUR);
    expect((await idle.ask('tasks')).status).toBe(401);
  });

  it('is listed, and ended by its own user alone or by an administrator', async () => {
    const admin = await signedIn();
    const viewer = await signedIn('viewer');
    const { sessions } = (await viewer.ask('sessions')).body;
    expect(sessions).toMatchObject([{ user: 'viewer', remote: '127.0.0.1', current: true }]);
    const all = (await admin.ask('sessions')).body.sessions;
    const own = all.find(({ user }: { user: string }) => user === 'admin');
    expect((await viewer.ask(`sessions/${own.id}`, { method: 'DELETE' })).status).toBe(404);
    expect((await admin.ask(`sessions/${sessions[0].id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await viewer.ask('tasks')).status).toBe(401);
  });

  it('goes on with a new token when its user changes the password, and the others end', async () => {
    const user = await signedIn('viewer');
    const other = new ConsoleUser(api.base);
    await other.login('viewer', PASSWORD);
    const wish = { password: PASSWORD, new_password: `${PASSWORD}2` };
    const wrong = await user.ask('session/password', { body: { ...wish, password: 'wrong' } });
    expect(wrong.status).toBe(401);
    expect((await user.ask('session/password', { body: wish })).status).toBe(200);
    expect((await user.ask('tasks')).status).toBe(200);
    expect((await other.ask('tasks')).status).toBe(401);
    expect((await other.login('viewer', PASSWORD)).status).toBe(401);
  });

  it('takes a new password of as many characters as are asked for, however long each is', async () => {
    const user = await signedIn('viewer');
    const wish = { password: PASSWORD, new_password: '\u{1F511}'.repeat(256) };
    expect((await user.ask('session/password', { body: wish })).status).toBe(200);
    expect((await user.login('viewer', wish.new_password)).status).toBe(200);
  });

  it('is nobody`s only where it is over, and not where the store fails', async () => {
    const user = await signedIn('admin', 'admin', api.own);
    vi.spyOn(api.store, 'signIn').mockRejectedValueOnce(new StoreFault('busy', 'another writes'));
    expect((await user.ask('session')).status).toBe(503);
    expect((await user.ask('session')).body).toMatchObject({ user: 'admin' });
  });

  it('ends its event stream with it', async () => {
    await using quick = new Place();
    const streams = await startApi(quick, { streams: { keepAliveMs: 100 } });
    await streams.accounts.putUser('ann', PASSWORD);
    const user = new ConsoleUser(streams.base);
    await user.login('ann', PASSWORD);
    const headers = { cookie: `millrace_session=${user.cookie}` };
    const stream = await fetch(`${streams.base}/api/v1/events/stream`, { headers });
    expect(stream.status).toBe(200);
    const ended = stream.text();
    await user.ask('session', { method: 'DELETE' });
    expect(await ended).toContain('retry:');
  });
});

describe('a login', () => {
  it('answers alike, whether the name or the password is wrong', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    const answers = [await tryLogin('ann', 'wrong'), await tryLogin('nobody', PASSWORD)];
    const [one, other] = answers.map(({ status, body: { request_id: _, ...rest } }) => ({ status, rest }));
    expect(one).toEqual(other);
    expect(one?.status).toBe(401);
  });

  it('takes as long for a name that does not exist', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    const took = async (name: string): Promise<number> => {
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        const from = performance.now();
        await api.accounts.verifyPassword('default', name, 'wrong');
        times.push(performance.now() - from);
      }
      return Math.min(...times);
    };
    const [known, unknown] = [await took('ann'), await took('nobody')];
    expect(unknown / known).toBeGreaterThan(0.4);
    expect(unknown / known).toBeLessThan(2.5);
  });

  it('is locked for a minute after six wrong passwords in a row, even for the right one', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    for (let tries = 0; tries < 6; tries++) expect((await tryLogin('ann', 'wrong')).status).toBe(401);
    const locked = await tryLogin('ann', PASSWORD);
    expect(locked).toMatchObject({ status: 429, headers: { 'retry-after': '60' } });
    api.shift(60_000);
    expect((await tryLogin('ann', PASSWORD)).status).toBe(200);
  });

  it('is refused to a user who is disabled', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    await api.accounts.setUserEnabled('ann', false);
    expect((await tryLogin('ann', PASSWORD)).status).toBe(401);
  });

  it('is refused to a page of another site, which would log people in as somebody else', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    const call = { body: { name: 'ann', password: PASSWORD }, headers: { origin: 'https://evil.example' } };
    expect((await new ConsoleUser(api.base).ask('session', call)).status).toBe(403);
  });

  const tryLogin = (name: string, password: string) => new ConsoleUser(api.base).login(name, password);
});

describe('a request with the cookie', () => {
  const own = (): string => new URL(api.base).origin;

  it.each([
    ['without the token', {}, false, 403],
    ['with a wrong token', { 'x-millrace-csrf': 'x'.repeat(43) }, false, 403],
    ['with the token', {}, true, 201],
    ['from a page of another origin', { origin: 'https://evil.example' }, true, 403],
    ['from a page without an origin', { origin: 'null' }, true, 403],
    ['from another port of the host', { origin: 'http://127.0.0.1:1' }, true, 403],
    ['from another site, as the browser says', { 'sec-fetch-site': 'cross-site' }, true, 403],
    ['from the same site, which is another port', { 'sec-fetch-site': 'same-site' }, true, 403],
    ['from a page of ours, as the browser says', { 'sec-fetch-site': 'same-origin' }, true, 201],
  ])('that changes something %s', async (_how, headers, csrf, status) => {
    const user = await signedIn();
    const body = { name: 'push.example', target: 'rtmp://127.0.0.1' };
    expect((await user.ask('domains', { body, headers, csrf })).status).toBe(status);
  });

  it('that changes something passes from our own origin', async () => {
    const user = await signedIn();
    const body = { name: 'push.example', target: 'rtmp://127.0.0.1' };
    expect((await user.ask('domains', { body, headers: { origin: own() } })).status).toBe(201);
  });

  it('that only reads needs no token, but no page of another origin reads', async () => {
    const user = await signedIn();
    expect((await user.ask('tasks', { csrf: false })).status).toBe(200);
    expect((await user.ask('tasks', { headers: { origin: 'http://127.0.0.1:1' } })).status).toBe(403);
    expect((await user.ask('tasks', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
  });

  it('is refused with the token of another session', async () => {
    const user = await signedIn();
    const other = await signedIn('operator');
    const call = { body: { name: 'a', target: 'b' }, csrf: false, headers: { 'x-millrace-csrf': other.csrf } };
    expect((await user.ask('domains', call)).status).toBe(403);
  });

  it('is refused where two cookies stand beside each other', async () => {
    const user = await signedIn();
    const cookie = `millrace_session=${user.cookie}; millrace_session=${'x'.repeat(43)}`;
    expect((await sendRaw(api.base, { method: 'GET', url: '/api/v1/tasks', headers: { cookie } })).status).toBe(401);
  });
});

describe('forced browsing', () => {
  const ADMIN_ALONE = /^millrace:(users|keys|audit):|^millrace:(domains|projects|policies):write|callbacks:rotate/;

  it.each(['viewer', 'operator', 'admin'] as const)(
    'a %s gets 403 at exactly what the role does not allow',
    async role => {
      const user = await signedIn(role, 'somebody');
      const policy = [BUILT_IN_POLICIES.get(POLICY_OF[role]) ?? expect.fail()];
      for (const { method, path, action } of ROUTES) {
        if (action === 'open' || action === 'known') continue;
        const { status } = await user.ask(path.replace('/api/v1/', '').replace(':id', 'none'), bodyFor(method));
        const isAllowed = mayCall(policy, action);
        expect(`${method} ${path} ${status === 403}`).toBe(`${method} ${path} ${!isAllowed}`);
        expect(status).not.toBe(401);
        expect(status).toBeLessThan(500);
        if (ADMIN_ALONE.test(action)) expect(isAllowed).toBe(role === 'admin');
        if (role === 'viewer' && method !== 'GET') expect(isAllowed).toBe(false);
      }
    },
  );

  it('nobody gets anywhere without being known', async () => {
    const nobody = new ConsoleUser(api.base);
    for (const { method, path, action } of ROUTES) {
      if (action === 'open') continue;
      const { status } = await nobody.ask(path.replace('/api/v1/', '').replace(':id', 'none'), bodyFor(method));
      expect(`${method} ${path} ${status}`).toBe(`${method} ${path} 401`);
    }
  });

  it('a key for one project gives no rights for all of them', async () => {
    const { token } = await api.apiKeys.create({ projectId: api.key.projectId });
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ['users', 'keys', 'sessions'])
      expect((await new ConsoleUser(api.base).ask(path, { headers })).status).toBe(403);
  });

  /** What is sent is wrong where it is read at all: rights are asked for first. */
  const bodyFor = (method: string) =>
    method === 'GET' || method === 'DELETE' ? { method } : { method, body: { x: 1 } };
});

it('a node prints the setup link where people see it, and in no log line', async () => {
  // Each of several prints one, and the newest holds.
  const millrace = await Millrace.start(place, { isAlone: true });
  const link = await until('the link is printed', async () => /\/#\/setup\?token=([\w-]{43})/.exec(millrace.output));
  const [, token = ''] = link;
  expect(millrace.output.split('\n').filter(line => line.startsWith('{') && line.includes(token))).toEqual([]);
  const visitor = new ConsoleUser(millrace.api);
  const made = await visitor.ask('setup', { body: { token, name: 'ann', password: PASSWORD } });
  expect(made.status).toBe(201);
  expect(millrace.output).not.toContain(PASSWORD);
  expect(millrace.output).not.toContain(visitor.cookie);
});

it('a command beside the node makes a new link, in place of the one that was printed, and is noted by its user', async () => {
  const millrace = await Millrace.start(place);
  const printed = await until('a link', async () => /\/#\/setup\?token=([\w-]{43})/.exec(millrace.output)?.[1]);
  const command = (args: readonly string[], input = '') =>
    spawnSync(BIN, [...args, '--data', millrace.data], { input, encoding: 'utf8', env: millrace.variables });
  const [, token = ''] =
    /^http:\/\/127\.0\.0\.1:8080\/#\/setup\?token=([\w-]{43})\n$/.exec(command(['setup']).stdout) ?? [];
  const visitor = new ConsoleUser(millrace.api);
  expect((await visitor.ask('setup/check', { body: { token: printed } })).status).toBe(410);
  expect((await visitor.ask('setup', { body: { token, name: 'ann', password: PASSWORD } })).status).toBe(201);
  expect(command(['setup'])).toMatchObject({ status: 5, stderr: 'millrace: there is an administrator already\n' });
  expect(command(['user', 'add', 'bob', '--password-stdin'], `${PASSWORD}\n`).status).toBe(0);
  const { entries } = (await visitor.ask('audit?action=user.')).body;
  expect(entries).toMatchObject([
    { target: 'bob', actor: { kind: 'command', name: userInfo().username, remote: '' } },
    { target: 'ann', actor: { kind: 'user', name: 'ann', remote: '127.0.0.1' } },
  ]);
});

it('no password, cookie or token is ever logged', async () => {
  const { token } = await api.setup.makeLink();
  const user = new ConsoleUser(api.base);
  await user.ask('setup', { body: { token, name: 'ann', password: PASSWORD } });
  await user.login('ann', `${PASSWORD} wrong`);
  await user.ask('users', { body: { name: 'bob', password: `${PASSWORD}!`, role: 'viewer' } });
  await user.ask(`users?token=${user.cookie}`);
  const key = (await user.ask('keys', { body: { kind: 'api' } })).body.token;
  for (const secret of ['CANARY', token, user.cookie, user.csrf, key]) expect(api.logged()).not.toContain(secret);
});
