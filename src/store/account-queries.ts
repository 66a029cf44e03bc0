import type { AccessKey, Domain, Project, Token, User } from '../task/account.ts';
import type { Base } from './base.ts';
import { toAccessKey, toAccessKeyRow, toToken, toTokenRow, toUser, toUserRow } from './rows.ts';

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

export const putUser = ({ write }: Base, user: User): Promise<void> =>
  write(async trx => {
    await trx
      .insertInto('users')
      .values(toUserRow(user))
      .onConflict(conflict =>
        conflict.columns(['account_id', 'name']).doUpdateSet({ password_hash: user.passwordHash }),
      )
      .execute();
  });

/** With the tokens the user holds: who is gone has no way in. */
export const removeUser = ({ write }: Base, accountId: string, name: string): Promise<boolean> =>
  write(async trx => {
    const users = trx.selectFrom('users').select('id').where('account_id', '=', accountId).where('name', '=', name);
    await trx.deleteFrom('tokens').where('user_id', 'in', users).execute();
    const { numDeletedRows } = await trx
      .deleteFrom('users')
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
  return db.selectFrom('domains').selectAll().where('name', '=', name).executeTakeFirst();
}

export async function listDomains({ db }: Base): Promise<readonly Domain[]> {
  return db.selectFrom('domains').selectAll().orderBy('name').execute();
}

export const putDomain = ({ write }: Base, { name, target }: Domain): Promise<void> =>
  write(async trx => {
    await trx
      .insertInto('domains')
      .values({ name, target })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ target }))
      .execute();
  });

export const removeDomain = ({ write }: Base, name: string): Promise<boolean> =>
  write(async trx => {
    const { numDeletedRows } = await trx.deleteFrom('domains').where('name', '=', name).executeTakeFirstOrThrow();
    return numDeletedRows === 1n;
  });
