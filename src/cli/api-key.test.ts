import { describe, expect, it } from 'vitest';
import { commandLine } from '../../test/lab/command-line.ts';
import type { ApiKeyWish, ListedApiKey, OpenAccounts } from './doors.ts';

const KEY: ListedApiKey = {
  id: 'k1',
  accountId: 'acme',
  projectId: '',
  name: 'dash\u001b[2J',
  enabled: false,
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  expiresAt: Date.UTC(2026, 0, 2, 15, 4, 5),
  policies: ['p'],
  user: 'ann',
};

describe('the API keys of the command line', () => {
  function key(...argv: readonly string[]) {
    const wishes: ApiKeyWish[] = [];
    const acted: string[] = [];
    const act = (verb: string) => async (id: string) => acted.push(`${verb} ${id}`) > 0 && id === 'k1';
    const open = {
      accounts: {
        findAccount: async () => undefined,
        listKeys: async () => [],
        disableKey: async () => false,
        enableKey: async () => false,
        deleteKey: async () => false,
      },
      apiKeys: {
        create: async (wish: ApiKeyWish) => {
          wishes.push(wish);
          return { key: KEY, token: 'mlr_canary' };
        },
        list: async () => [KEY],
        enable: act('enable'),
        disable: act('disable'),
        remove: act('remove'),
        removePassing: act('remove'),
      },
      close: async () => {},
    };
    // Of all that accounts can do, these commands use no more.
    const doors = { openAccounts: async () => open as unknown as OpenAccounts };
    return commandLine(['key', ...argv], { doors }).then(ended => ({ ...ended, wishes, acted }));
  }

  it('are made as they are wished for, and shown once', async () => {
    const flags = ['--account', 'acme', '--user', 'ann', '--name', 'dash', '--policy', 'p', '--life', '12h'];
    const { out, err, wishes } = await key('create', '--api', ...flags);
    expect(wishes).toEqual([{ accountId: 'acme', user: 'ann', name: 'dash', policies: ['p'], lifeMs: 12 * 3_600_000 }]);
    expect(out).toBe(
      [
        'API key     mlr_canary   (shown this once)',
        'id          k1',
        'name        dash [2J',
        'expires     2026-01-02T15:04:05Z',
        'project     all',
        'account     acme',
        'user        ann',
        'policies    p',
        '',
      ].join('\n'),
    );
    expect(err).toBe('millrace: there was no account acme, so it was made\n');
  });

  it('are printed for a shell and as JSON', async () => {
    expect((await key('create', '--api', '--env')).out).toBe('export MILLRACE_API_KEY=mlr_canary\n');
    expect(JSON.parse((await key('create', '--api', '--json')).out)).toMatchObject({ apiKey: 'mlr_canary', id: 'k1' });
  });

  it.each([
    ['a security token for one', ['--api', '--temporary', '1h'], /expire with --life/],
    ['a name for an access key', ['--name', 'dash'], /for API keys/],
    ['a life for an access key', ['--life', '1h'], /for API keys/],
  ])('refuse %s', async (_, flags, words) => {
    const { code, err, wishes } = await key('create', ...flags);
    expect([code, wishes]).toEqual([2, []]);
    expect(err).toMatch(words);
  });

  it('are listed without themselves', async () => {
    const { out } = await key('list');
    expect(out).toContain('k1       dash [2J  acme     all      ann   p         disabled  2026-01-02T03:04:05Z');
    expect(JSON.parse((await key('list', '--json')).out)).toEqual([
      expect.objectContaining({ id: 'k1', projectId: null, user: 'ann', expires: '2026-01-02T15:04:05Z' }),
    ]);
  });

  it('are disabled, enabled and deleted by their ids', async () => {
    expect(await key('disable', 'k1')).toMatchObject({ code: 0, acted: ['disable k1'] });
    expect(await key('enable', 'k1')).toMatchObject({ code: 0, acted: ['enable k1'] });
    expect(await key('delete', 'k1')).toMatchObject({ code: 0, acted: ['remove k1'] });
    expect((await key('delete', 'k2')).code).toBe(3);
  });

  it('are not repeated when one is given in place of its id', async () => {
    const { code, err } = await key('delete', 'mlr_canary');
    expect([code, err]).toEqual([2, expect.not.stringContaining('canary')]);
  });
});
