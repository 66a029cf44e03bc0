import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { run } from './cli.ts';
import type { Accounts, ApiKeys, Doors, Key, ListedApiKey } from './doors.ts';
import type { Terminal } from './terminal.ts';

const SECRET = 'secret-canary';
const KEY: Key = {
  accessKey: 'AK1',
  secretKey: SECRET,
  accountId: 'acme',
  projectId: 'p1',
  enabled: true,
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  policies: null,
  token: null,
  expiresAt: null,
};
const TEMPORARY: Key = { ...KEY, token: 'token-canary', expiresAt: Date.UTC(2026, 0, 2, 4, 4, 5), policies: ['p'] };
const ACME = { id: 'acme', createdAt: 0, live: true };

/** Accounts that remember what was asked of them. */
function accountsOf(calls: unknown[][]): Accounts {
  const said =
    <T>(name: string, answer: T) =>
    async (...given: unknown[]): Promise<T> => {
      calls.push([name, ...given]);
      return answer;
    };
  return {
    policies: {
      put: said('putPolicy', undefined),
      list: said('listPolicies', [
        { name: 'FullAccess', accountId: null },
        { name: 'p', accountId: 'acme' },
      ]),
      show: async name => (name === 'p' ? { Version: '1' } : undefined),
      remove: async name => name === 'p',
    },
    createAccount: said('createAccount', ACME),
    findAccount: async id => (id === 'acme' ? ACME : undefined),
    listAccounts: said('listAccounts', [ACME, { ...ACME, id: 'beta', live: false }]),
    setLive: async (id, live) => said('setLive', id === 'acme')(id, live),
    deleteAccount: async id => id === 'acme',
    createKey: async wish => said('createKey', wish.lifeMs === undefined ? KEY : TEMPORARY)(wish),
    listKeys: said('listKeys', [
      { ...KEY, user: null },
      { ...TEMPORARY, accessKey: 'AK2', user: 'ann', policies: [] },
    ]),
    disableKey: async key => key === 'AK1',
    enableKey: async key => key === 'AK1',
    deleteKey: async key => key === 'AK1',
    putUser: said('putUser', undefined),
    listUsers: said('listUsers', [
      { name: 'ann', accountId: 'acme', createdAt: 0, enabled: false, policies: ['p', 'q'] },
    ]),
    removeUser: said('removeUser', true),
    setPolicies: async (name, ...given) => said('setPolicies', name === 'ann')(name, ...given),
    setUserEnabled: async (name, ...given) => said('setUserEnabled', name === 'ann')(name, ...given),
    addDomain: said('addDomain', undefined),
    listDomains: said('listDomains', [{ name: 'push.example', target: 'rtmp://10.0.0.1', accountId: 'acme' }]),
    removeDomain: said('removeDomain', false),
  };
}

const API_KEY: ListedApiKey = {
  id: 'k1',
  accountId: 'acme',
  projectId: '',
  name: 'dash',
  enabled: true,
  createdAt: KEY.createdAt,
  expiresAt: null,
  policies: null,
  user: null,
};

const apiKeysOf = (calls: unknown[][]): ApiKeys => ({
  create: async wish => {
    calls.push(['createApiKey', wish]);
    return { key: API_KEY, token: 'mlr_canary' };
  },
  list: async () => [API_KEY],
  enable: async id => id === 'k1',
  disable: async id => id === 'k1',
  remove: async id => id === 'k1',
  removePassing: async id => id === 'k1',
});

describe('the command line', () => {
  let cwd: string;
  let calls: unknown[][];
  let closed: number;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
    calls = [];
    closed = 0;
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  async function millrace(
    argv: string[],
    doors: Partial<Doors> = {},
    given: Partial<Terminal> & { typed?: string } = {},
  ) {
    let out = '';
    let err = '';
    const code = await run(argv, {
      terminal: {
        stdin: Readable.from([given.typed ?? '']),
        out: text => {
          out += text;
        },
        err: text => {
          err += text;
        },
        live: false,
        gone: new AbortController().signal,
        now: () => 0,
        env: {},
        cwd,
        cores: 2,
        ...given,
      },
      doors: async () => ({
        serve: async () => {},
        tryRelay: async () => {},
        backup: () => Promise.reject(new Error('not here')),
        moveStore: () => Promise.reject(new Error('not here')),
        restore: () => Promise.reject(new Error('not here')),
        diagnose: async () => [],
        probeUrl: () => Promise.reject(new Error('not here')),
        probePush: () => Promise.reject(new Error('not here')),
        openAssets: () => Promise.reject(new Error('no asset is asked for here')),
        verifyWebhook: () => undefined,
        openAccounts: async () => ({
          accounts: accountsOf(calls),
          apiKeys: apiKeysOf(calls),
          makeSetupLink: async () => 'http://127.0.0.1:8080/#/setup?token=canary',
          close: async () => {
            closed++;
          },
        }),
        ...doors,
      }),
      signal: new AbortController().signal,
      handOver: new AbortController().signal,
    });
    return { code, out, err };
  }

  it('serves with the configuration of its flags', async () => {
    const seen: Config[] = [];
    const serve: Doors['serve'] = async config => void seen.push(config);
    const { code } = await millrace(['serve', '--data', 'state', '--log-level', 'warn', '--listen', '[::1]:0'], {
      serve,
    });
    expect(code).toBe(0);
    expect(seen).toMatchObject([{ data: join(cwd, 'state'), logLevel: 'warn', listen: { host: '::1', port: 0 } }]);
  });

  it.each([
    [[], false],
    [['--replace'], true],
  ])('serves after what it is told with %j', async (flags, replace) => {
    const seen: boolean[] = [];
    const serve: Doors['serve'] = async (_, options) => void seen.push(options.replace);
    await millrace(['serve', ...flags], { serve });
    expect(seen).toEqual([replace]);
  });

  it('prints a new link that makes the first administrator, and nothing else', async () => {
    const { code, out } = await millrace(['setup']);
    expect(out).toBe('http://127.0.0.1:8080/#/setup?token=canary\n');
    expect(code).toBe(0);
  });

  it('tells every mistake of a command line and of the environment at once', async () => {
    const { code, err } = await millrace(
      ['serve', '--wrokers', '3', '--rtmp', 'x'],
      {},
      { env: { MILLRACE_DTA: '1' } },
    );
    expect(code).toBe(2);
    expect(err.trim().split('\n')).toEqual([
      'millrace: unknown option --wrokers (did you mean --workers?)',
      'millrace: unknown environment variable MILLRACE_DTA (did you mean MILLRACE_DATA?)',
      'millrace: --rtmp: "x" is not an address like 127.0.0.1:8080 or [::1]:8080, or off',
    ]);
  });

  it.each([
    ['an unknown command', ['srve'], 'Did you mean serve?'],
    ['an unknown flag of a small command', ['key', 'create', '--acount', 'a'], 'Did you mean --account?'],
    ['a missing argument', ['key', 'delete'], 'missing required argument'],
    ['no command', [], 'Usage: millrace'],
  ])('ends with 2 for %s', async (_, argv, words) => {
    const { code, err } = await millrace(argv);
    expect(err).toContain(words);
    expect(code).toBe(2);
  });

  it.each([
    ['an address in use', Object.assign(new Error('taken'), { code: 'EADDRINUSE' }), 6],
    ['a data directory in use', Object.assign(new Error('in use'), { name: 'DataDirectoryInUse' }), 5],
    ['a link that is not needed', Object.assign(new Error('there is one'), { name: 'VoidSetupLink' }), 5],
    ['a name that breaks a rule', Object.assign(new Error('rule'), { name: 'InvalidAccount' }), 2],
    ['anything else', new Error('no'), 1],
  ])('ends for %s with its own code', async (_, error, expected) => {
    const { code, err } = await millrace(['serve'], { serve: () => Promise.reject(error) });
    expect([code, err]).toEqual([expected, `millrace: ${error.message}\n`]);
  });

  it('never prints a stream key with an error', async () => {
    const tryRelay = () => Promise.reject(new Error('rtmp://host.example/live/canary refused'));
    const { code, err } = await millrace(['try', 'rtmp://a/b/c', 'rtmp://d/e/f'], { tryRelay });
    expect(code).toBe(1);
    expect(err).toContain('host.example/live');
    expect(err).not.toContain('canary');
  });

  it('shows a new key with its secret, and gives the store back', async () => {
    const { out } = await millrace(['key', 'create', '--account', 'acme', '--project', 'p1']);
    expect(out).toContain(SECRET);
    expect(calls).toEqual([['createKey', { region: 'default', accountId: 'acme', projectId: 'p1' }]]);
    expect(closed).toBe(1);
  });

  it('prints a new key as JSON and as shell lines', async () => {
    expect(JSON.parse((await millrace(['key', 'create', '--json'])).out)).toEqual({
      accessKey: 'AK1',
      secretKey: SECRET,
      accountId: 'acme',
      projectId: 'p1',
    });
    expect((await millrace(['key', 'create', '--env'])).out).toBe(
      `export HUAWEICLOUD_SDK_AK=AK1\nexport HUAWEICLOUD_SDK_SK=${SECRET}\nexport HUAWEICLOUD_SDK_PROJECT_ID=p1\n`,
    );
  });

  it('makes a temporary key of a user, and shows its token too', async () => {
    const argv = ['key', 'create', '--account', 'acme', '--temporary', '1h', '--user', 'ann', '--policy', 'p'];
    const plain = await millrace(argv);
    expect(plain.out).toContain('token       token-canary');
    expect(plain.out).toContain('expires     2026-01-02T04:04:05Z');
    const wish = { region: 'default', accountId: 'acme', user: 'ann', policies: ['p'], lifeMs: 3_600_000 };
    expect(calls).toEqual([['createKey', wish]]);
    expect(JSON.parse((await millrace([...argv, '--json'])).out)).toMatchObject({
      user: 'ann',
      policies: ['p'],
      securityToken: 'token-canary',
      expires: '2026-01-02T04:04:05Z',
    });
    expect((await millrace([...argv, '--env'])).out).toContain('export HUAWEICLOUD_SDK_SECURITY_TOKEN=token-canary\n');
  });

  it.each(['', '0m', '0s', '1', 'm', '-1h', '1h 30m', '30m1h', '1h2d'])('takes no %j for a duration', async text => {
    const { code, err } = await millrace(['key', 'create', '--temporary', text]);
    expect([code, calls]).toEqual([2, []]);
    expect(err).toContain('Write it like 30s, 15m, 2h, 1h30m or 3d.');
  });

  it('understands hours and minutes together', async () => {
    await millrace(['key', 'create', '--temporary', '1h30m']);
    expect(calls).toEqual([['createKey', { region: 'default', lifeMs: 5_400_000 }]]);
  });

  it('tells when the account was not there and so was made', async () => {
    expect((await millrace(['key', 'create', '--account', 'acme'])).err).toBe('');
    expect((await millrace(['key', 'create', '--account', 'acne'])).err).toBe(
      'millrace: there was no account acne, so it was made\n',
    );
  });

  it('lists keys without their secrets', async () => {
    const plain = await millrace(['key', 'list']);
    expect(plain.out.trimEnd().split('\n')).toEqual([
      'ACCESS KEY  ACCOUNT  PROJECT  USER  POLICIES  STATE    CREATED               EXPIRES',
      'AK1         acme     p1       -     -         enabled  2026-01-02T03:04:05Z  never',
      'AK2         acme     p1       ann   none      enabled  2026-01-02T03:04:05Z  2026-01-02T04:04:05Z',
      '',
      'API KEY  NAME  ACCOUNT  PROJECT  USER  POLICIES  STATE    CREATED               EXPIRES',
      'k1       dash  acme     all      -     -         enabled  2026-01-02T03:04:05Z  never',
    ]);
    const asJson = await millrace(['key', 'list', '--json']);
    expect(plain.out + asJson.out).not.toContain('canary');
  });

  it('makes, lists and changes accounts', async () => {
    const made = await millrace(['account', 'create', 'acme', '--no-live', '--json']);
    expect(JSON.parse(made.out)).toEqual({ account: 'acme', live: true, created: '1970-01-01T00:00:00Z' });
    await millrace(['account', 'create', 'beta']);
    await millrace(['account', 'disable-live', 'acme']);
    await millrace(['account', 'enable-live', 'acme']);
    expect(calls).toEqual([
      ['createAccount', 'acme', { live: false }],
      ['createAccount', 'beta', { live: true }],
      ['setLive', 'acme', false],
      ['setLive', 'acme', true],
    ]);
    expect((await millrace(['account', 'list'])).out).toContain('beta     disabled      1970-01-01T00:00:00Z\n');
    expect((await millrace(['account', 'delete', 'acme'])).code).toBe(0);
    expect(await millrace(['account', 'delete', 'acne'])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/no account acne/),
    });
  });

  it('takes a policy from a file and from stdin', async () => {
    writeFileSync(join(cwd, 'p.json'), '{"Version":"1"}');
    await millrace(['policy', 'add', 'p', 'p.json', '--account', 'acme']);
    await millrace(['policy', 'add', 'q', '-'], {}, { typed: '{\n}\n' });
    expect(calls).toEqual([
      ['putPolicy', 'p', '{"Version":"1"}', 'acme'],
      ['putPolicy', 'q', '{\n}\n', undefined],
    ]);
    expect(await millrace(['policy', 'add', 'p', 'nowhere.json'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('nowhere.json cannot be read'),
    });
  });

  it('lists, shows and deletes policies', async () => {
    expect((await millrace(['policy', 'list'])).out).toBe(
      'NAME        ACCOUNT\nFullAccess  (built in)\np           acme\n',
    );
    expect(JSON.parse((await millrace(['policy', 'list', '--json'])).out)).toHaveLength(2);
    expect(JSON.parse((await millrace(['policy', 'show', 'p'])).out)).toEqual({ Version: '1' });
    expect((await millrace(['policy', 'delete', 'p'])).code).toBe(0);
    for (const verb of ['show', 'delete']) {
      expect(await millrace(['policy', verb, 'x'])).toEqual({
        code: 3,
        out: '',
        err: 'millrace: there is no policy x\n',
      });
    }
  });

  it('gives a user policies, and none', async () => {
    await millrace(['user', 'policy', 'ann', 'p', 'q', '--account', 'acme']);
    await millrace(['user', 'policy', 'ann', 'none']);
    await millrace(
      ['user', 'add', 'ann', '--password-stdin', '--policy', 'p', '--policy', 'q'],
      {},
      { typed: 'long enough' },
    );
    expect(calls).toEqual([
      ['setPolicies', 'ann', ['p', 'q'], 'acme'],
      ['setPolicies', 'ann', [], undefined],
      ['putUser', 'ann', 'long enough', { policies: ['p', 'q'] }],
    ]);
    expect(await millrace(['user', 'policy', 'ann', 'none', 'p'])).toMatchObject({ code: 2 });
    expect(await millrace(['user', 'policy', 'bob', 'p'])).toMatchObject({
      code: 3,
      err: 'millrace: there is no user bob\n',
    });
  });

  it('disables, enables and lists users', async () => {
    await millrace(['user', 'disable', 'ann']);
    await millrace(['user', 'enable', 'ann', '--account', 'acme']);
    expect(calls).toEqual([
      ['setUserEnabled', 'ann', false, undefined],
      ['setUserEnabled', 'ann', true, 'acme'],
    ]);
    expect((await millrace(['user', 'disable', 'bob'])).code).toBe(3);
    expect((await millrace(['user', 'list'])).out).toBe(
      'NAME  ACCOUNT  POLICIES  STATE     CREATED\nann   acme     p,q       disabled  1970-01-01T00:00:00Z\n',
    );
  });

  it('says when the key is not there, and gives the store back all the same', async () => {
    expect((await millrace(['key', 'disable', 'AK1'])).code).toBe(0);
    expect((await millrace(['key', 'enable', 'AK1'])).code).toBe(0);
    expect(await millrace(['key', 'delete', 'AK2'])).toEqual({
      code: 3,
      out: '',
      err: 'millrace: there is no access key AK2\n',
    });
    expect(closed).toBe(3);
  });

  it('takes a password from stdin', async () => {
    const { code } = await millrace(
      ['user', 'add', 'ann', '--password-stdin'],
      {},
      { typed: 'long enough\nnot this\n' },
    );
    expect(code).toBe(0);
    expect(calls).toEqual([['putUser', 'ann', 'long enough', {}]]);
  });

  it('asks for a password on a terminal without showing it', async () => {
    const modes: boolean[] = [];
    const stdin = Object.assign(Readable.from(['long ', 'enoughh\u007f', '\r']), {
      isTTY: true,
      setRawMode: (raw: boolean) => modes.push(raw),
    });
    const { code, out, err } = await millrace(['user', 'add', 'ann', '--account', 'acme'], {}, { stdin });
    expect([code, out, err]).toEqual([0, '', 'Password for ann: \n']);
    expect(modes).toEqual([true, false]);
    expect(calls).toEqual([['putUser', 'ann', 'long enough', { accountId: 'acme' }]]);
  });

  it.each([
    ['neither a terminal nor the flag', ['user', 'add', 'ann'], 'long enough', '--password-stdin'],
    ['a password as an argument', ['user', 'add', 'ann', 'long enough'], '', 'too many arguments'],
  ])('refuses %s', async (_, argv, typed, words) => {
    const { code, err } = await millrace(argv, {}, { typed });
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect(calls).toEqual([]);
  });

  it('adds, lists and removes domains', async () => {
    await millrace(['domain', 'add', 'Push.Example', '--to', 'rtmp://10.0.0.1:1935', '--account', 'acme']);
    expect((await millrace(['domain', 'list'])).out).toBe(
      'NAME          TO               ACCOUNT\npush.example  rtmp://10.0.0.1  acme\n',
    );
    expect(await millrace(['domain', 'remove', 'x.example'])).toMatchObject({
      code: 3,
      err: 'millrace: there is no domain x.example\n',
    });
    expect(calls[0]).toEqual(['addDomain', 'push.example', 'rtmp://10.0.0.1:1935', 'acme']);
  });

  it('shows the configuration with the origin of every value', async () => {
    const { out } = await millrace(
      ['config', 'show', '--origin', '--json', '--workers', '3'],
      {},
      { env: { MILLRACE_REGION: 'r1' } },
    );
    const lines: unknown = JSON.parse(out);
    expect(lines).toContainEqual({ name: 'workers', value: '3', origin: '--workers' });
    expect(lines).toContainEqual({ name: 'region', value: 'r1', origin: 'MILLRACE_REGION' });
    expect((await millrace(['config', 'show'])).out).toMatch(/^OPTION +VALUE\ndata +\//);
  });

  it('tells its version and helps', async () => {
    expect((await millrace(['version'])).out).toMatch(/^millrace \d+\.\d+\.\d+ \(Node 24\./);
    const help = await millrace(['help']);
    expect(help.code).toBe(0);
    for (const command of ['serve', 'try', 'account', 'key', 'user', 'policy', 'domain', 'config', 'version'])
      expect(help.out).toContain(`\n  ${command}`);
  });
});
