import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { consoleLink } from './cli/banner.ts';
import type { OpenAccounts } from './cli/doors.ts';
import { type Config, printListen } from './config.ts';
import { Accounts } from './control/accounts.ts';
import { ApiKeys } from './control/api-keys.ts';
import { Setup } from './control/setup.ts';
import { openPostgres } from './store/postgres.ts';
import { loadSealKey, loadSharedKey, readGivenKey } from './store/seal.ts';
import { openSqlite, type SqliteOptions } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { type Actor, NODE } from './task/audit.ts';

const now = Date.now;
const newId = randomUUID;

const storeFile = ({ data }: Config): string => join(data, 'millrace.db');

/** `committed` is told of each commit. */
export async function openStore(config: Config, committed: SqliteOptions['committed'] = () => {}): Promise<Store> {
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const { database: url, sealKeyFile: given } = config;
  const ownKey = join(config.data, 'seal.key');
  if (url !== null) {
    const sealKey = (isNew: boolean) => (given === null ? loadSharedKey(ownKey, isNew) : readGivenKey(given));
    return openPostgres({ url, sealKey, committed });
  }
  const file = storeFile(config);
  return openSqlite({ file, sealKey: given === null ? loadSealKey(ownKey, file) : readGivenKey(given), committed });
}

/** Opens what the commands need that work on accounts beside a running node. */
export async function openAccounts(config: Config, { mustStand = false } = {}): Promise<OpenAccounts> {
  if (mustStand && config.database === null && !existsSync(storeFile(config))) throw new NoData(config.data);
  const store = await openStore(config);
  const acting = { store, now, newId, randomBytes, by: atTerminal() };
  const accounts = new Accounts(acting);
  const apiKeys = new ApiKeys({ ...acting, accounts });
  const setup = setupOf({ store, accounts });
  const makeSetupLink = async (): Promise<string> =>
    consoleLink({
      console: consoleAt(config, `http://${printListen(config.listen)}`),
      setupToken: (await setup.makeLink()).token,
    });
  return { accounts, apiKeys, makeSetupLink, close: () => store.close() };
}

class NoData extends Error {
  override readonly name = 'NoData';

  constructor(data: string) {
    super(`no node has kept its data in ${data}: name the directory with --data, or set MILLRACE_API_KEY`);
  }
}

/** Whoever gives commands on the data directory, as the machine knows them. */
export const atTerminal = (): Actor => ({ ...NODE, kind: 'command', name: userName() });

/** In a container the user may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

interface Kept {
  readonly store: Store;
  readonly accounts: Accounts;
}

export const setupOf = ({ store, accounts }: Kept): Setup =>
  new Setup({ store, users: accounts.users, now, newId, randomBytes });

/** A new link's; undefined where there is an administrator. */
export async function setupTokenOf(kept: Kept): Promise<string | undefined> {
  const setup = setupOf(kept);
  return (await setup.isNeeded()) ? (await setup.makeLink()).token : undefined;
}

/** Where people find it, from the machine of the node at least. */
export const consoleAt = ({ consoleUrl }: Config, api: string): string =>
  consoleUrl ?? api.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
