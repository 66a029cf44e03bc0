import type { Kysely } from 'kysely';
import type { AccessKey, Account, Domain, Project, Token, User } from '../task/account.ts';
import type { Policy } from '../task/policy.ts';
import type { Base } from './base.ts';
import {
  toAccessKey,
  toAccessKeyRow,
  toAccount,
  toAccountRow,
  toDomain,
  toPolicy,
  toPolicyRow,
  toToken,
  toTokenRow,
  toUser,
  toUserRow,
} from './rows.ts';
import type { AccountUse, UserChange, UserGuard } from './store.ts';
import type { Tables } from './tables.ts';

export async function getAccount({ db }: Base, id: string): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toAccount(row);
}

export async function listAccounts({ db }: Base): Promise<readonly Account[]> {
  const rows = await db.selectFrom('accounts').selectAll().orderBy('id').execute();
  return rows.map(toAccount);
}

export const addAccount = ({ write }: Base, account: Account): Promise<boolean> =>
  write(async trx => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('accounts')
      .values(toAccountRow(account))
      .onConflict(conflict => conflict.column('id').doNothing())
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  });

export const setAccountLive = ({ write }: Base, id: string, live: boolean): Promise<boolean> =>
  write(async trx => {
    const { numUpdatedRows } = await trx
      .updateTable('accounts')
      .set({ live: live ? 1 : 0 })
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  });

/** What goes with its account; the name may be given anew. */
const OWNED = [
  ...(['projects', 'policies', 'domains', 'assets'] as const),
  ...(['events', 'deliveries', 'endpoints', 'callback_secrets', 'audit', 'creations'] as const),
];

export const removeAccount = ({ write }: Base, id: string): Promise<AccountUse | undefined> =>
  write(async trx => {
    const stands = await trx.selectFrom('accounts').select('id').where('id', '=', id).executeTakeFirst();
    if (stands === undefined) return undefined;
    const use = await accountUse(trx, id);
    if (use.keys + use.users + use.tasks > 0) return use;
    for (const table of OWNED) {
      await trx.deleteFrom(table).where('account_id', '=', id).execute();
    }
    await trx.deleteFrom('accounts').where('id', '=', id).execute();
    return use;
  });

async function accountUse(trx: Kysely<Tables>, id: string): Promise<AccountUse> {
  const rowsOf = async (table: 'access_keys' | 'api_keys' | 'users' | 'tasks'): Promise<number> => {
    let rows = trx
      .selectFrom(table)
      .select(eb => eb.fn.countAll().as('count'))
      .where('account_id', '=', id);
    if (table === 'tasks') rows = rows.where('deleted', '=', 0);
    return Number((await rows.executeTakeFirstOrThrow()).count);
  };
  const keys = (await rowsOf('access_keys')) + (await rowsOf('api_keys'));
  return { keys, users: await rowsOf('users'), tasks: await rowsOf('tasks') };
}

export async function getAccessKey({ db, seal }: Base, accessKey: string): Promise<AccessKey | undefined> {
  const row = await db.selectFrom('access_keys').selectAll().where('access_key', '=', accessKey).executeTakeFirst();
  return row && toAccessKey(seal, row);
}

export async function listAccessKeys({ db, seal }: Base): Promise<readonly AccessKey[]> {
  const rows = await db.selectFrom('access_keys').selectAll().orderBy('created_at').orderBy('access_key').execute();
  return rows.map(row => toAccessKey(seal, row));
}

export const addAccessKey = ({ write, seal }: Base, key: AccessKey): Promise<boolean> =>
  write(async trx => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('access_keys')
      .values(toAccessKeyRow(seal, key))
      .onConflict(conflict => conflict.column('access_key').doNothing())
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  });

export const setAccessKeyEnabled = ({ write }: Base, accessKey: string, enabled: boolean): Promise<boolean> =>
  write(async trx => {
    const { numUpdatedRows } = await trx
      .updateTable('access_keys')
      .set({ enabled: enabled ? 1 : 0 })
      .where('access_key', '=', accessKey)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  });

export const removeAccessKey = ({ write }: Base, accessKey: string): Promise<boolean> =>
  write(async trx => {
    const { numDeletedRows } = await trx
      .deleteFrom('access_keys')
      .where('access_key', '=', accessKey)
      .executeTakeFirstOrThrow();
    return numDeletedRows === 1n;
  });

export const purgeAccessKeys = ({ write }: Base, expiredBefore: number): Promise<void> =>
  write(async trx => {
    await trx.deleteFrom('access_keys').where('expires_at', '<', expiredBefore).execute();
  });

export async function getUserById({ db }: Base, id: string): Promise<User | undefined> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toUser(row);
}

export async function getUser({ db }: Base, accountId: string, name: string): Promise<User | undefined> {
  const row = await db
    .selectFrom('users')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row && toUser(row);
}

export async function listUsers({ db }: Base): Promise<readonly User[]> {
  const rows = await db.selectFrom('users').selectAll().orderBy('account_id').orderBy('name').execute();
  return rows.map(toUser);
}

export const addUser = ({ write }: Base, user: User): Promise<boolean> =>
  write(async trx => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('users')
      .values(toUserRow(user))
      .onConflict(conflict => conflict.columns(['account_id', 'name']).doNothing())
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  });

export const changeUser = (
  { write, locksRows }: Base,
  id: string,
  { change, guard }: { readonly change: UserChange; readonly guard: UserGuard | undefined },
): Promise<boolean> =>
  write(async trx => {
    const row = await trx.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
    if (row === undefined) return false;
    await guarded(trx, { accountId: row.account_id, guard, locksRows }, () =>
      trx
        .updateTable('users')
        .set(toUserRow({ ...toUser(row), ...change }))
        .where('id', '=', id)
        .execute(),
    );
    await trx.deleteFrom('tokens').where('user_id', '=', id).execute();
    await trx.deleteFrom('sign_ins').where('user_id', '=', id).execute();
    return true;
  });

export const removeUser = (
  { write, locksRows }: Base,
  { accountId, name }: Pick<User, 'accountId' | 'name'>,
  guard: UserGuard | undefined,
): Promise<boolean> =>
  write(async trx => {
    const users = trx.selectFrom('users').select('id').where('account_id', '=', accountId).where('name', '=', name);
    await trx.deleteFrom('tokens').where('user_id', 'in', users).execute();
    await trx.deleteFrom('sign_ins').where('user_id', 'in', users).execute();
    await trx.deleteFrom('access_keys').where('user_id', 'in', users).execute();
    await trx.deleteFrom('api_keys').where('user_id', 'in', users).execute();
    const { numDeletedRows } = await guarded(trx, { accountId, guard, locksRows }, () =>
      trx.deleteFrom('users').where('account_id', '=', accountId).where('name', '=', name).executeTakeFirstOrThrow(),
    );
    return numDeletedRows === 1n;
  });

interface Guarded {
  readonly accountId: string;
  readonly guard: UserGuard | undefined;
  readonly locksRows: boolean;
}

/** The guard's throw undoes the whole write. What it looks at stays as it is until the end of the transaction. */
async function guarded<T>(
  trx: Kysely<Tables>,
  { accountId, guard, locksRows }: Guarded,
  act: () => Promise<T>,
): Promise<T> {
  const users = trx.selectFrom('users').selectAll().where('account_id', '=', accountId).orderBy('id');
  const usersNow = async (): Promise<readonly User[]> =>
    (await (locksRows ? users.forUpdate() : users).execute()).map(toUser);
  if (guard === undefined) return act();
  const before = await usersNow();
  const answer = await act();
  guard(before, await usersNow());
  return answer;
}

export async function getPolicy({ db }: Base, accountId: string, name: string): Promise<Policy | undefined> {
  const row = await db
    .selectFrom('policies')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row && toPolicy(row);
}

export async function listPolicies({ db }: Base): Promise<readonly Policy[]> {
  const rows = await db.selectFrom('policies').selectAll().orderBy('account_id').orderBy('name').execute();
  return rows.map(toPolicy);
}

export const putPolicy = ({ write }: Base, policy: Policy): Promise<void> =>
  write(async trx => {
    const row = toPolicyRow(policy);
    await trx
      .insertInto('policies')
      .values(row)
      .onConflict(conflict => conflict.columns(['account_id', 'name']).doUpdateSet({ document: row.document }))
      .execute();
  });

export const removePolicy = ({ write }: Base, accountId: string, name: string): Promise<boolean> =>
  write(async trx => {
    const { numDeletedRows } = await trx
      .deleteFrom('policies')
      .where('account_id', '=', accountId)
      .where('name', '=', name)
      .executeTakeFirstOrThrow();
    return numDeletedRows === 1n;
  });

export async function getProject({ db }: Base, id: string): Promise<Project | undefined> {
  const row = await db.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst();
  return row && { id: row.id, name: row.name, accountId: row.account_id };
}

export async function listProjects({ db }: Base, accountId: string): Promise<readonly Project[]> {
  const rows = await db
    .selectFrom('projects')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('name')
    .orderBy('id')
    .execute();
  return rows.map(row => ({ id: row.id, name: row.name, accountId: row.account_id }));
}

/** A project that stands takes the new name; it never passes to another account. */
export const putProject = ({ write }: Base, { id, name, accountId }: Project): Promise<void> =>
  write(async trx => {
    await trx
      .insertInto('projects')
      .values({ id, name, account_id: accountId })
      .onConflict(conflict => conflict.column('id').doUpdateSet({ name }))
      .execute();
  });

export async function getToken({ db }: Base, hash: string): Promise<Token | undefined> {
  const row = await db.selectFrom('tokens').selectAll().where('hash', '=', hash).executeTakeFirst();
  return row && toToken(row);
}

export const putToken = ({ write }: Base, token: Token): Promise<void> =>
  write(async trx => {
    const row = toTokenRow(token);
    await trx
      .insertInto('tokens')
      .values(row)
      .onConflict(conflict => conflict.column('hash').doUpdateSet(row))
      .execute();
  });

export const removeTokens = ({ write }: Base, userId: string): Promise<void> =>
  write(async trx => {
    await trx.deleteFrom('tokens').where('user_id', '=', userId).execute();
  });

export const purgeTokens = ({ write }: Base, expiredBefore: number): Promise<void> =>
  write(async trx => {
    await trx.deleteFrom('tokens').where('expires_at', '<', expiredBefore).execute();
  });

export async function getDomain({ db }: Base, name: string): Promise<Domain | undefined> {
  const row = await db.selectFrom('domains').selectAll().where('name', '=', name).executeTakeFirst();
  return row && toDomain(row);
}

export async function listDomains({ db }: Base): Promise<readonly Domain[]> {
  const rows = await db.selectFrom('domains').selectAll().orderBy('name').execute();
  return rows.map(toDomain);
}

export async function hasDomain({ db }: Base, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom('domains')
    .select('name')
    .where('account_id', '=', accountId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** A name belongs to one account: nobody leads another's streams elsewhere. */
export const putDomain = ({ write }: Base, { name, target, accountId }: Domain): Promise<boolean> =>
  write(async trx => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('domains')
      .values({ name, target, account_id: accountId })
      .onConflict(conflict =>
        conflict.column('name').doUpdateSet({ target }).where('domains.account_id', '=', accountId),
      )
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  });

export const removeDomain = ({ write }: Base, name: string): Promise<boolean> =>
  write(async trx => {
    const { numDeletedRows } = await trx.deleteFrom('domains').where('name', '=', name).executeTakeFirstOrThrow();
    return numDeletedRows === 1n;
  });
