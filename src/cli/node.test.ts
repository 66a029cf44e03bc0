import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Around, commandLine, keyDoor } from '../../test/lab/command-line.ts';
import { freePort, Place } from '../../test/lab/place.ts';
import { type ScriptedNode, scriptNode } from '../../test/lab/scripted-node.ts';

describe('a command that talks to a node', () => {
  let place: Place;
  let node: ScriptedNode;
  let calls: unknown[][];
  beforeEach(async () => {
    place = new Place();
    calls = [];
    node = await scriptNode(place, () => ({ body: { endpoints: [] } }));
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const endpoints = (flags: readonly string[] = [], { terminal = {}, ...rest }: Around = {}) =>
    commandLine(['callback', 'endpoints', ...flags], {
      doors: keyDoor(calls, ['acme']),
      terminal: { cwd: place.dir, ...terminal },
      ...rest,
    });
  const listen = () => ['--listen', new URL(node.base).host];

  it('finds the one of its own machine, with a key that goes with the command', async () => {
    expect(await endpoints(listen())).toMatchObject({ code: 0, err: '' });
    expect(node.asked[0]?.headers.authorization).toBe('Bearer mlr_k1');
    expect(calls).toEqual([
      ['create', { isPassing: true, lifeMs: 900_000 }],
      ['remove', 'k1'],
    ]);
  });

  it('finds it where it listens on every address', async () => {
    expect((await endpoints(['--listen', `0.0.0.0:${new URL(node.base).port}`])).code).toBe(0);
  });

  it('acts for the account it is told', async () => {
    await endpoints([...listen(), '--account', 'acme']);
    expect(calls[0]).toEqual(['create', { accountId: 'acme', isPassing: true, lifeMs: 900_000 }]);
  });

  it('makes no account that there was not', async () => {
    const ended = await endpoints([...listen(), '--account', 'acne']);
    expect(ended).toEqual({ code: 2, out: '', err: 'millrace: there is no account acne\n' });
    expect(calls).toEqual([]);
  });

  it('takes node and key from the environment', async () => {
    const env = { MILLRACE_API: `${node.base}/`, MILLRACE_API_KEY: 'mlr_mine' };
    expect((await endpoints([], { terminal: { env } })).code).toBe(0);
    expect(node.asked[0]?.headers.authorization).toBe('Bearer mlr_mine');
    expect(calls).toEqual([]);
  });

  it('goes by the flag before the variable', async () => {
    const env = { MILLRACE_API: 'http://127.0.0.1:1', MILLRACE_API_KEY: 'mlr_mine' };
    expect((await endpoints(['--api', node.base], { terminal: { env } })).code).toBe(0);
  });

  it.each([
    ['an address that is none', ['--api', 'relay.example:8080'], {}, /named as http:/],
    ['an address with a password', ['--api', 'http://a:canary@relay.example'], {}, /named as http:/],
    ['another machine without a key', ['--api', 'https://relay.example'], {}, /set MILLRACE_API_KEY to an API key/],
    ['an account beside a key', ['--account', 'acme'], { MILLRACE_API_KEY: 'mlr_canary' }, /leave --account/],
    ['a key that is none', [], { MILLRACE_API_KEY: 'mlr_canary\n' }, /characters that no key has/],
    ['a port of the choice of the system', ['--listen', '127.0.0.1:0'], {}, /name it with --api/],
  ])('refuses %s', async (_, flags, env, words) => {
    const { code, err } = await endpoints(flags, { terminal: { env } });
    expect([code, err]).toEqual([2, expect.stringMatching(words)]);
    expect(err).not.toContain('canary');
  });

  it('says in a line that no node runs, with a code of its own', async () => {
    const { code, out, err } = await endpoints(['--listen', `127.0.0.1:${await freePort()}`]);
    expect([code, out]).toEqual([6, '']);
    expect(err).toMatch(
      /^millrace: no node answers at http:\/\/127[^\n]*refused; "millrace serve" runs a node[^\n]*\n$/,
    );
    expect(calls.at(-1)).toEqual(['remove', 'k1']);
  });

  it.each([
    [400, 2],
    [401, 4],
    [403, 4],
    [404, 3],
    [409, 5],
    [500, 1],
  ])('ends for status %i with %i', async (status, code) => {
    const refusing = await scriptNode(place, () => ({ status, body: { code: 'CODE', detail: 'what is wrong' } }));
    expect(await endpoints(['--api', refusing.base])).toEqual({
      code,
      out: '',
      err: 'millrace: what is wrong (CODE)\n',
    });
  });

  it('ends at once, without a word, when it is interrupted', async () => {
    const ending = new AbortController();
    const silent = await scriptNode(place, () => () => ending.abort());
    const ended = await endpoints(['--api', silent.base], { signal: ending.signal });
    expect(ended).toEqual({ code: 130, out: '', err: '' });
  });
});
