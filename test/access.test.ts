import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Api, callTasks, startApi } from './lab/api.ts';
import { ConsoleUser } from './lab/console-user.ts';
import { type NativeAsk, nativeAsk } from './lab/native.ts';
import { Place } from './lab/place.ts';

const PASSWORD = 'CANARY correct horse';
const STREAM_KEY = 'CANARYstreamkey77';

let place: Place;
let api: Api;
let admin: ConsoleUser;
beforeEach(async () => {
  place = new Place();
  api = await startApi(place);
  await api.accounts.putUser('root', PASSWORD);
  admin = new ConsoleUser(api.base);
  await admin.login('root', PASSWORD);
});
afterEach(() => place[Symbol.asyncDispose]());

const asKey = (token: string): NativeAsk => nativeAsk(api.base, token);

describe('users', () => {
  it('are added with a role, changed, and removed', async () => {
    const added = await admin.ask('users', { body: { name: 'ann', password: PASSWORD, role: 'viewer' } });
    expect(added).toMatchObject({ status: 201, body: { name: 'ann', role: 'viewer', enabled: true } });
    const changed = await admin.ask('users/ann', { method: 'PATCH', body: { role: 'operator' } });
    expect(changed.body).toMatchObject({ role: 'operator', policies: ['OperatorAccess'] });
    expect((await admin.ask('users')).body.users.map(({ name }: { name: string }) => name)).toEqual(['ann', 'root']);
    expect((await admin.ask('users/ann', { method: 'DELETE' })).body).toEqual({ done: true });
    expect((await admin.ask('users/ann', { method: 'DELETE' })).status).toBe(404);
  });

  it('are told by fields what is wrong with them', async () => {
    const wrong = await admin.ask('users', { body: { name: 'a b', password: 'short', role: 'king' } });
    expect(wrong.status).toBe(400);
    const fields = wrong.body.errors.map(({ field }: { field: string }) => field);
    expect(fields.sort()).toEqual(['name', 'password', 'role']);
    const policies = { name: 'ann', password: PASSWORD, policies: ['nothing'] };
    expect((await admin.ask('users', { body: policies })).body.errors).toMatchObject([{ field: 'policies' }]);
    expect((await admin.ask('users', { body: { name: 'root', password: PASSWORD, role: 'viewer' } })).status).toBe(409);
  });

  it('always have an administrator among them', async () => {
    for (const body of [{ role: 'viewer' }, { enabled: false }, { policies: [] }]) {
      const refused = await admin.ask('users/root', { method: 'PATCH', body });
      expect(refused).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    }
    expect((await admin.ask('users/root', { method: 'DELETE' })).status).toBe(409);
    expect((await admin.ask('users')).status).toBe(200);
  });

  it('who are removed while they are changed are not there', async () => {
    await api.accounts.putUser('ann', PASSWORD);
    const ann = await api.accounts.requireUser('ann', 'default');
    // Once for the change, and then for the answer.
    const here = new ConsoleUser(api.own);
    await here.login('root', PASSWORD);
    vi.spyOn(api.store, 'user').mockResolvedValueOnce(ann).mockResolvedValueOnce(undefined);
    expect((await here.ask('users/ann', { method: 'PATCH', body: { role: 'viewer' } })).status).toBe(404);
  });

  it('of another account are not there', async () => {
    await api.accounts.putUser('eve', PASSWORD, { accountId: 'acme' });
    expect((await admin.ask('users')).body.users).toHaveLength(1);
    expect((await admin.ask('users/eve', { method: 'PATCH', body: { enabled: false } })).status).toBe(404);
    expect((await admin.ask('users/eve', { method: 'DELETE' })).status).toBe(404);
  });
});

describe('keys', () => {
  it('of the native API are shown once, used, switched off and deleted', async () => {
    const made = await admin.ask('keys', { body: { kind: 'api', name: 'dash', role: 'viewer', expires_in_s: 3_600 } });
    expect(made).toMatchObject({ status: 201, body: { kind: 'api', name: 'dash', secret_key: null } });
    const { id, token } = made.body;
    expect((await asKey(token)('tasks')).status).toBe(200);
    expect((await asKey(token)('users')).status).toBe(403);
    const { keys } = (await admin.ask('keys')).body;
    const listed = keys.find((key: { id: string }) => key.id === id);
    expect(listed.last_used_at).toMatch(/Z$/);
    expect(JSON.stringify(keys)).not.toContain(token);
    expect((await admin.ask(`keys/${id}`, { method: 'PATCH', body: { enabled: false } })).body.enabled).toBe(false);
    expect((await asKey(token)('tasks')).status).toBe(403);
    expect((await admin.ask(`keys/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await admin.ask(`keys/${id}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('for signing are made likewise, and open the dialects', async () => {
    const { body } = await admin.ask('keys', { body: { kind: 'access', region: 'cn-north-4' } });
    expect(body).toMatchObject({ kind: 'access', token: null, security_token: null, project_id: api.key.projectId });
    const key = { accessKey: body.id, secretKey: body.secret_key, projectId: body.project_id };
    expect((await callTasks({ base: api.base, key }, { method: 'GET' })).status).toBe(200);
    const { keys } = (await admin.ask('keys')).body;
    expect(keys.find(({ id }: { id: string }) => id === body.id).last_used_at).not.toBeNull();
    expect(JSON.stringify(keys)).not.toContain(body.secret_key);
    await admin.ask(`keys/${body.id}`, { method: 'DELETE' });
    expect((await callTasks({ base: api.base, key }, { method: 'GET' })).status).toBe(401);
  });

  it('of another account are not there', async () => {
    const { key } = await api.apiKeys.create({ accountId: 'acme' });
    expect((await admin.ask(`keys/${key.id}`, { method: 'DELETE' })).status).toBe(404);
  });

  it.each([
    [{ kind: 'api', user: 'nobody' }, 'user'],
    [{ kind: 'access', policies: ['nothing'] }, 'policies'],
    [{ kind: 'access', expires_in_s: 200_000 }, 'expires_in_s'],
    [{ kind: 'access', name: 'a' }, 'name'],
    [{ kind: 'api', role: 'viewer', policies: ['FullAccess'] }, 'policies'],
    [{ kind: 'other' }, 'kind'],
  ])('are told by a field what is wrong with %j', async (body, field) => {
    const refused = await admin.ask('keys', { body });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });
});

describe('domains, projects, policies and assets', () => {
  it('are listed, made and removed', async () => {
    const domain = { name: 'push.example', target: 'rtmp://127.0.0.1:1935' };
    expect((await admin.ask('domains', { body: domain })).body).toEqual(domain);
    expect((await admin.ask('domains')).body).toEqual({ domains: [domain] });
    expect((await admin.ask('domains/push.example', { method: 'DELETE' })).status).toBe(200);
    const project = (await admin.ask('projects', { body: { name: 'north' } })).body;
    expect((await admin.ask('projects')).body.projects).toContainEqual(project);
    const document = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'live:*', Resource: '*' }] };
    expect((await admin.ask('policies', { body: { name: 'p', document } })).body).toMatchObject({ built_in: false });
    expect((await admin.ask('policies')).body.policies).toHaveLength(4);
    expect((await admin.ask('policies/p', { method: 'DELETE' })).status).toBe(200);
    const asset = (await admin.ask('assets', { body: { url: `http://media.example/${STREAM_KEY}.mp4`, id: 'a1' } }))
      .body;
    expect(asset).toMatchObject({ id: 'a1', url: expect.not.stringContaining(STREAM_KEY) });
    expect((await admin.ask('assets?reveal=true')).body.assets[0].url).toContain(STREAM_KEY);
    expect((await admin.ask('assets/a1', { method: 'DELETE' })).status).toBe(200);
  });

  it('that will not do are refused with a field', async () => {
    const fieldOf = async (path: string, body: object) => (await admin.ask(path, { body })).body.errors?.[0]?.field;
    expect(await fieldOf('domains', { name: 'push.example', target: 'http://a' })).toBe('target');
    expect(await fieldOf('domains', { name: 'Push Example', target: 'rtmp://a' })).toBe('name');
    expect(await fieldOf('policies', { name: 'p', document: { Version: '2' } })).toBe('document');
    expect(await fieldOf('policies', { name: 'FullAccess', document: {} })).toBe('name');
    await admin.ask('assets', { body: { url: 'http://media.example/a.mp4', id: 'a1' } });
    const again = await admin.ask('assets', { body: { url: 'http://media.example/b.mp4', id: 'a1' } });
    expect(again).toMatchObject({ status: 409, body: { errors: [{ field: 'id' }] } });
    expect((await admin.ask('policies/FullAccess', { method: 'DELETE' })).status).toBe(409);
  });
});

describe('the audit log', () => {
  const wish = {
    name: 'shop',
    source: { kind: 'live', url: `rtmp://src.example/live/${STREAM_KEY}` },
    destination: { kind: 'url', url: `rtmp://dst.example/live/${STREAM_KEY}` },
    end_at: '2030-01-01T00:00:00Z',
    project_id: '',
  };
  const entries = async (query = ''): Promise<readonly { action: string; target: string; actor: { name: string } }[]> =>
    (await admin.ask(`audit?limit=100${query}`)).body.entries;

  it('tells of tasks over the native API who did what, before and after, masked', async () => {
    const { project_id: _, ...body } = wish;
    const { id, version } = (await admin.ask('tasks', { body: { ...body, project_id: api.key.projectId } })).body;
    expect(version).toBe(1);
    const source = { kind: 'live', url: `rtmp://src.example/live/${STREAM_KEY}2` };
    expect((await admin.ask(`tasks/${id}`, { method: 'PATCH', body: { name: 'mall', source } })).status).toBe(200);
    await admin.ask(`tasks/${id}/stop`, { method: 'POST' });
    await admin.ask(`tasks/${id}/start`, { method: 'POST' });
    await admin.ask(`tasks/${id}`, { method: 'DELETE' });
    const told = await entries(`&target=${id}`);
    const actions = ['task.delete', 'task.start', 'task.stop', 'task.change', 'task.create'];
    expect(told.map(({ action }) => action)).toEqual(actions);
    const change = told.find(({ action }) => action === 'task.change');
    expect(change).toMatchObject({
      actor: { kind: 'user', name: 'root', remote: '127.0.0.1' },
      changes: { name: { before: 'shop', after: 'mall' }, 'source.url': {} },
    });
    expect(JSON.stringify(told)).not.toContain(STREAM_KEY);
  });

  it('tells of tasks over the other dialects by which key', async () => {
    const trio = { domain: 'publish.example', app_name: 'live', stream_name: STREAM_KEY, push_args: `a=${STREAM_KEY}` };
    await api.accounts.addDomain('publish.example', 'rtmp://127.0.0.1');
    const source_urls = [`rtmp://src.example/live/${STREAM_KEY}`];
    const body = { source_type: 'PullLivePushLive', source_urls, ...trio };
    const created = await callTasks(api, { method: 'POST', body });
    expect(created.status).toBe(200);
    const [entry] = await entries('&action=task.create');
    expect(entry).toMatchObject({
      actor: { kind: 'access_key', id: api.key.accessKey },
      target: created.body.task_id,
      request_id: created.headers['x-request-id'],
      project_id: api.key.projectId,
    });
    expect(JSON.stringify(entry)).not.toContain(STREAM_KEY);
  });

  it('tells of users, keys, domains, policies, assets, secrets and sessions, without a secret', async () => {
    await admin.ask('users', { body: { name: 'ann', password: `${PASSWORD}1`, role: 'viewer' } });
    await admin.ask('users/ann', { method: 'PATCH', body: { password: `${PASSWORD}2` } });
    const { token } = (await admin.ask('keys', { body: { kind: 'api' } })).body;
    const { secret_key: secretKey } = (await admin.ask('keys', { body: { kind: 'access' } })).body;
    await admin.ask('domains', { body: { name: 'push.example', target: 'rtmp://127.0.0.1' } });
    await admin.ask('assets', { body: { url: `http://media.example/${STREAM_KEY}.mp4`, id: 'a1' } });
    const { secret } = (await admin.ask('callbacks/secret/rotate', { method: 'POST' })).body;
    const told = await entries();
    expect(told.map(({ action }) => action)).toEqual(
      expect.arrayContaining([
        ...['session.create', 'user.create', 'user.change', 'api_key.create', 'access_key.create'],
        ...['domain.create', 'asset.create', 'callback_secret.rotate'],
      ]),
    );
    const text = JSON.stringify(told);
    for (const hidden of ['CANARY', token, secretKey, secret, admin.cookie]) expect(text).not.toContain(hidden);
  });

  it('does not tell of what was refused', async () => {
    const before = await entries();
    await admin.ask('users/root', { method: 'DELETE' });
    await admin.ask('domains', { body: { name: 'push.example', target: 'nowhere' } });
    expect(await entries()).toEqual(before);
  });

  it('is read in pages, and narrowed', async () => {
    for (const name of ['a', 'b', 'c']) {
      await admin.ask('users', { body: { name, password: PASSWORD, role: 'viewer' } });
    }
    const first = (await admin.ask('audit?action=user.create&limit=2')).body;
    expect(first.entries.map(({ target }: { target: string }) => target)).toEqual(['c', 'b']);
    const rest = (await admin.ask(`audit?action=user.create&limit=2&before=${first.next}`)).body;
    expect(rest).toMatchObject({ entries: [{ target: 'a' }, { target: 'root' }], next: null });
    expect(await entries('&action=user.')).toHaveLength(4);
    expect(await entries('&target=b')).toHaveLength(1);
    expect((await admin.ask('audit?action=DROP')).status).toBe(400);
  });

  it('is of one account alone', async () => {
    const { token } = await api.apiKeys.create({ accountId: 'acme' });
    expect((await asKey(token)('audit')).body.entries.map(({ action }: { action: string }) => action)).toEqual([
      'api_key.create',
    ]);
  });
});
