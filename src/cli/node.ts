import type { Command } from 'commander';
import { Unreachable } from '../client/refusal.ts';
import { Client } from '../client.ts';
import { type Config, isLoopback, type ListenAddress, printListen } from '../config.ts';
import type { OptionName } from '../options.ts';
import { configOf, withConfigFlags } from './config.ts';
import type { OpenAccounts } from './doors.ts';
import { Misused } from './exit.ts';
import type { World } from './program.ts';

/** Long enough for a command, and for a stream to be taken up again; it is deleted when the command ends. */
const PASSING_KEY_MS = 15 * 60_000;

/** Gives a command the flags by which it finds its node, and the key to show there. */
export const withNodeFlags = (command: Command, beside: readonly OptionName[] = []): Command =>
  withConfigFlags(command, ['data', 'listen', ...beside])
    .option('--api <URL>', 'the node to ask (default: the one of this machine; MILLRACE_API)')
    .option('--account <A>', 'whose, without a key in MILLRACE_API_KEY (default: default)');

interface NodeFlags {
  readonly api?: string;
  readonly account?: string;
}

/** Opens the API of a node for as long as `use` takes. */
export async function usingNode<T>(command: Command, world: World, use: (client: Client) => Promise<T>): Promise<T> {
  const { signal, terminal } = world;
  const config = configOf(command, terminal);
  const flags: NodeFlags = command.opts();
  const base = addressOf(flags.api ?? terminal.env.MILLRACE_API, config);
  await using keys = keysFor(base, { world, config, account: flags.account });
  const client = new Client({ base, token: () => keys.token(), signal: AbortSignal.any([signal, terminal.gone]) });
  try {
    return await use(client);
  } catch (error) {
    throw error instanceof Unreachable ? new Unreachable(`${error.message}; ${HINT}`, { cause: error }) : error;
  }
}

const HINT = '"millrace serve" runs a node, --api names another one';

function addressOf(given: string | undefined, { listen }: Config): string {
  if (given === undefined || given === '') return `http://${printListen(dialled(listen))}`;
  const url = URL.parse(given);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== ''
  )
    throw new Misused('the node is named as http://HOST:PORT or https://HOST, without a user and a query');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Where a node that listens there is found from its own machine. */
function dialled({ host, port }: ListenAddress): ListenAddress {
  if (port === 0) throw new Misused('the node listens on a port that the system has chosen: name it with --api');
  return { host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port };
}

interface Keys extends AsyncDisposable {
  token(): Promise<string>;
}

interface Whose {
  readonly world: World;
  readonly config: Config;
  readonly account: string | undefined;
}

/** The key of the environment, or passing ones of the node's own store: whoever may read that may do everything. */
function keysFor(base: string, { world, config, account }: Whose): Keys {
  const given = world.terminal.env.MILLRACE_API_KEY ?? '';
  if (given === '') {
    const { host } = new URL(base);
    if (host === printListen(config.listen) || isLoopback(new URL(base).hostname.replace(/^\[|\]$/g, '')))
      return new PassingKeys({ world, config, account });
    throw new Misused(`set MILLRACE_API_KEY to an API key of ${base} ("millrace key create --api" makes one there)`);
  }
  if (account !== undefined) throw new Misused('the key in MILLRACE_API_KEY says whose account it is: leave --account');
  if (!/^[\x21-\x7e]{1,512}$/.test(given)) throw new Misused('MILLRACE_API_KEY holds characters that no key has');
  return { token: async () => given, [Symbol.asyncDispose]: async () => {} };
}

class PassingKeys implements Keys {
  readonly #whose: Whose;
  #made: readonly string[] = [];

  constructor(whose: Whose) {
    this.#whose = whose;
  }

  token(): Promise<string> {
    return this.#using(async ({ accounts, apiKeys }) => {
      const { account } = this.#whose;
      if (account !== undefined && (await accounts.findAccount(account)) === undefined)
        throw new Misused(`there is no account ${account}`);
      const whose = account === undefined ? {} : { accountId: account };
      const { key, token } = await apiKeys.create({
        ...whose,
        lifeMs: PASSING_KEY_MS,
        isPassing: true,
      });
      this.#made = [...this.#made, key.id];
      return token;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#made.length === 0) return;
    // One that cannot be deleted expires soon.
    await this.#using(({ apiKeys }) => Promise.all(this.#made.map(id => apiKeys.removePassing(id)))).catch(
      () => undefined,
    );
  }

  async #using<T>(use: (open: OpenAccounts) => Promise<T>): Promise<T> {
    const { openAccounts } = await this.#whose.world.doors();
    const open = await openAccounts(this.#whose.config, { mustStand: true });
    try {
      return await use(open);
    } finally {
      await open.close();
    }
  }
}
