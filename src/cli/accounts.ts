import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { configOf } from './config.ts';
import type { Accounts, OpenAccounts } from './doors.ts';
import { Missing } from './exit.ts';
import type { World } from './program.ts';

/** Opens the accounts of the data directory for as long as `use` takes; a server may be running on it meanwhile. */
export async function usingAccounts<T>(
  command: Command,
  { terminal, doors }: World,
  use: (accounts: Accounts, beside: Pick<OpenAccounts, 'apiKeys'> & { readonly config: Config }) => Promise<T>,
): Promise<T> {
  const config = configOf(command, terminal);
  const { openAccounts } = await doors();
  const open = await openAccounts(config);
  try {
    return await use(open.accounts, { apiKeys: open.apiKeys, config });
  } finally {
    await open.close();
  }
}

/**
 * Makes something for an account, which is made along where there is none. That is told, for it may have been a slip of
 * the hand.
 */
export async function tellingNewAccount<T>(
  accounts: Accounts,
  { account, terminal }: { readonly account: string | undefined; readonly terminal: World['terminal'] },
  make: () => Promise<T>,
): Promise<T> {
  const stood = account === undefined || (await accounts.findAccount(account)) !== undefined;
  const made = await make();
  if (!stood) terminal.err(`millrace: there was no account ${account}, so it was made\n`);
  return made;
}

/** Ends the command where the thing it names is not there. */
export function mustBeThere(found: boolean, what: string): void {
  if (!found) throw new Missing(`there is no ${what}`);
}
