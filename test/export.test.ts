import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrintedTask } from '../src/api/native/task-schema.ts';
import { type Api, sendRaw, startApi } from './lab/api.ts';
import { commandLine } from './lab/command-line.ts';
import { Place } from './lab/place.ts';
import { Chance } from './lab/sim/chance.ts';
import { SomeWishes } from './lab/some-wishes.ts';

const CONFIGURATIONS = 1_000;
const LANES = 8;

/** In memory where there is such a place: what is compared is text, and thousands of commits wait for a disk. */
const BASE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Every account is as good as a fresh installation: it has nothing, and sees nothing of the others. */
describe('what is exported and applied elsewhere', () => {
  let place: Place;
  let here: Api;
  let there: Api;
  beforeAll(async () => {
    place = new Place();
    [here, there] = [await freshApi(), await freshApi()];
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const freshApi = async (): Promise<Api> => {
    const inner = place.own(new Place(BASE), it => it[Symbol.asyncDispose]());
    return startApi(inner, { callsPerSecond: { native: 0 } });
  };

  /** An account of its own: runs commands for it, and tells what it has, by the API alone. */
  const account = async (api: Api, id: string) => {
    await api.accounts.createAccount(id, { live: true });
    const { token } = await api.apiKeys.create({ accountId: id, name: 'of a test' });
    const env = { MILLRACE_API: api.base, MILLRACE_API_KEY: token };
    const wishes = async () => {
      const headers = { authorization: `Bearer ${token}` };
      const { body } = await sendRaw(api.base, { method: 'GET', url: '/api/v1/tasks?reveal=true', headers });
      return body.tasks.map(wishOf).sort(byId);
    };
    const command = async (argv: readonly string[], typed = '') => {
      const ended = await commandLine(argv, { terminal: { env }, typed });
      expect(ended.code, `${argv.join(' ')}\n${typed}\n${ended.err}`).toBe(0);
      return ended;
    };
    return { command, wishes };
  };

  /** Without what tells one making of a task from another. */
  const wishOf = ({ project_id: _, version: _v, created_at: _c, status: _s, on_air: _o, ...wish }: PrintedTask) => wish;
  const byId = (one: { readonly id: string }, other: { readonly id: string }) => one.id.localeCompare(other.id);

  const goesRound = async (at: number) => {
    const seed = 7_919 * at + 1;
    const wishes = new SomeWishes(new Chance(seed).next, `n${at}`).next();
    const [source, target] = [await account(here, `a${at}`), await account(there, `a${at}`)];
    await source.command(['apply', '-f', '-'], JSON.stringify({ millrace: 1, ...wishes }));
    const { out: first } = await source.command(['export', '--reveal']);
    await target.command(['apply', '-f', '-'], first);
    const { out: second } = await target.command(['export', '--reveal']);
    expect(second, `seed ${seed}`).toBe(first);
    // What no export wrote would be missed by none of them.
    expect(await target.wishes(), `seed ${seed}`).toEqual(await source.wishes());
    if (at % 10 === 0)
      expect((await target.command(['apply', '-f', '-', '--prune'], first)).out, `seed ${seed}`).toBe('');
    return Buffer.byteLength(first);
  };

  it(`is the same, byte for byte, of ${CONFIGURATIONS} configurations`, { timeout: 600_000 }, async () => {
    let next = 0;
    let bytes = 0;
    const lane = async () => {
      while (next < CONFIGURATIONS) {
        const written = await goesRound(next++);
        bytes += written;
      }
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: LANES }, lane));
    const seconds = ((performance.now() - started) / 1_000).toFixed(0);
    console.log(`${CONFIGURATIONS} configurations, ${bytes} bytes: all equal, in ${seconds} s`);
  });
});
