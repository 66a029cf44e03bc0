import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../config.ts';
import { run } from './cli.ts';
import type { Accounts, Doors, Key } from './doors.ts';
import type { Terminal } from './terminal.ts';

const SECRET = 'secret-canary';
const KEY: Key = {
  accessKey: 'AK1',
  secretKey: SECRET,
  accountId: 'acme',
  projectId: 'p1',
  enabled: true,
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
};

/** Accounts that remember what was asked of them. */
function accountsOf(calls: unknown[][]): Accounts {
  const said =
    <T>(name: string, answer: T) =>
    async (...given: unknown[]): Promise<T> => {
      calls.push([name, ...given]);
      return answer;
    };
  return {
    createKey: said('createKey', KEY),
    listKeys: said('listKeys', [KEY]),
    disableKey: async key => key === 'AK1',
    enableKey: async key => key === 'AK1',
    deleteKey: async key => key === 'AK1',
    putUser: said('putUser', undefined),
    listUsers: said('listUsers', [{ name: 'ann', accountId: 'acme', createdAt: 0 }]),
    removeUser: said('removeUser', true),
    addDomain: said('addDomain', undefined),
    listDomains: said('listDomains', [{ name: 'push.example', target: 'rtmp://10.0.0.1' }]),
    removeDomain: said('removeDomain', false),
  };
}

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
        env: {},
        cwd,
        cores: 2,
        ...given,
      },
      doors: async () => ({
        serve: async () => {},
        tryRelay: async () => {},
        openAccounts: async () => ({
          accounts: accountsOf(calls),
          close: async () => {
            closed++;
          },
        }),
        ...doors,
      }),
      signal: new AbortController().signal,
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

  it('lists keys without their secrets', async () => {
    const plain = await millrace(['key', 'list']);
    expect(plain.out).toBe(
      'ACCESS KEY  ACCOUNT  PROJECT  STATE    CREATED\nAK1         acme     p1       enabled  2026-01-02T03:04:05Z\n',
    );
    const asJson = await millrace(['key', 'list', '--json']);
    expect(plain.out + asJson.out).not.toContain(SECRET);
  });

  it('says when the key is not there, and gives the store back all the same', async () => {
    expect((await millrace(['key', 'disable', 'AK1'])).code).toBe(0);
    expect((await millrace(['key', 'enable', 'AK1'])).code).toBe(0);
    expect(await millrace(['key', 'delete', 'AK2'])).toEqual({
      code: 1,
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
    await millrace(['domain', 'add', 'Push.Example', '--to', 'rtmp://10.0.0.1:1935']);
    expect((await millrace(['domain', 'list'])).out).toBe('NAME          TO\npush.example  rtmp://10.0.0.1\n');
    expect(await millrace(['domain', 'remove', 'x.example'])).toMatchObject({
      code: 1,
      err: 'millrace: there is no domain x.example\n',
    });
    expect(calls[0]).toEqual(['addDomain', 'push.example', 'rtmp://10.0.0.1:1935']);
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
    for (const command of ['serve', 'try', 'key', 'user', 'domain', 'config', 'version'])
      expect(help.out).toContain(`\n  ${command}`);
  });
});
