import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, startApi } from './lab/api.ts';
import { commandLine } from './lab/command-line.ts';
import { Place } from './lab/place.ts';
import { Chance } from './lab/sim/chance.ts';
import { SomeWishes } from './lab/some-wishes.ts';

const CONFIGURATIONS = 1_000;
const LANES = 12;

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
    const inner = place.own(new Place(), it => it[Symbol.asyncDispose]());
    return startApi(inner, { callsPerSecond: { native: 0 } });
  };

  /** Runs a command for an account of its own. */
  const account = async (api: Api, id: string) => {
    await api.accounts.createAccount(id, { live: true });
    const { token } = await api.apiKeys.create({ accountId: id, name: 'of a test' });
    const env = { MILLRACE_API: api.base, MILLRACE_API_KEY: token };
    return async (argv: readonly string[], typed = '') => {
      const ended = await commandLine(argv, { terminal: { env }, typed });
      expect(ended.code, `${argv.join(' ')}\n${typed}\n${ended.err}`).toBe(0);
      return ended;
    };
  };

  const goesRound = async (at: number) => {
    const seed = 7_919 * at + 1;
    const wishes = new SomeWishes(new Chance(seed).next, `n${at}`).next();
    const [source, target] = [await account(here, `a${at}`), await account(there, `a${at}`)];
    await source(['apply', '-f', '-'], JSON.stringify({ millrace: 1, ...wishes }));
    const { out: first } = await source(['export', '--reveal']);
    await target(['apply', '-f', '-'], first);
    const { out: second } = await target(['export', '--reveal']);
    expect(second, `seed ${seed}`).toBe(first);
    const again = await target(['apply', '-f', '-', '--prune'], first);
    expect(again, `seed ${seed}`).toMatchObject({ out: '' });
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
