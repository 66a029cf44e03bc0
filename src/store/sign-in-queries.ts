import type { SetupLink, SignIn, User } from '../task/account.ts';
import type { Base } from './base.ts';
import { toUserRow } from './rows.ts';
import type { SignInRow } from './tables.ts';

const toSignIn = (row: SignInRow): SignIn => ({
  id: row.id,
  hash: row.hash,
  userId: row.user_id,
  accountId: row.account_id,
  createdAt: row.created_at,
  seenAt: row.seen_at,
  remote: row.remote,
  agent: row.agent,
});

export async function getSignIn({ db }: Base, hash: string): Promise<SignIn | undefined> {
  const row = await db.selectFrom('sign_ins').selectAll().where('hash', '=', hash).executeTakeFirst();
  return row && toSignIn(row);
}

export async function listSignIns({ db }: Base, accountId: string): Promise<readonly SignIn[]> {
  const rows = await db
    .selectFrom('sign_ins')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('seen_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(toSignIn);
}

export const addSignIn = ({ write }: Base, signIn: SignIn): Promise<void> =>
  write(async trx => {
    const { hash, id, userId, accountId, createdAt, seenAt, remote, agent } = signIn;
    await trx
      .insertInto('sign_ins')
      .values({
        ...{ hash, id, remote, agent },
        ...{ user_id: userId, account_id: accountId, created_at: createdAt, seen_at: seenAt },
      })
      .execute();
  });

export const setSignInSeen = ({ write }: Base, hash: string, at: number): Promise<void> =>
  write(async trx => {
    await trx.updateTable('sign_ins').set({ seen_at: at }).where('hash', '=', hash).execute();
  });

export const removeSignIn = ({ write }: Base, id: string): Promise<boolean> =>
  write(async trx => {
    const { numDeletedRows } = await trx.deleteFrom('sign_ins').where('id', '=', id).executeTakeFirstOrThrow();
    return numDeletedRows === 1n;
  });

export const purgeSignIns = (
  { write }: Base,
  { createdAt, seenAt }: { readonly createdAt: number; readonly seenAt: number },
): Promise<void> =>
  write(async trx => {
    await trx
      .deleteFrom('sign_ins')
      .where(eb => eb.or([eb('created_at', '<', createdAt), eb('seen_at', '<', seenAt)]))
      .execute();
  });

export async function getSetupLink({ db }: Base, hash: string): Promise<SetupLink | undefined> {
  const row = await db.selectFrom('setup_links').selectAll().where('hash', '=', hash).executeTakeFirst();
  return row && { hash: row.hash, expiresAt: row.expires_at, usedAt: row.used_at };
}

export const putSetupLink = ({ write }: Base, { hash, expiresAt, usedAt }: SetupLink, now: number): Promise<void> =>
  write(async trx => {
    await trx
      .deleteFrom('setup_links')
      .where(eb => eb.or([eb('used_at', 'is', null), eb('expires_at', '<', now)]))
      .execute();
    await trx.insertInto('setup_links').values({ hash, expires_at: expiresAt, used_at: usedAt }).execute();
  });

export const useSetupLink = (
  { write, locksRows }: Base,
  { hash, now, user }: { readonly hash: string; readonly now: number; readonly user: User },
): Promise<boolean> =>
  write(async trx => {
    // Two nodes may be shown it at once, with two names.
    const link = await trx
      .selectFrom('setup_links')
      .select('hash')
      .where('hash', '=', hash)
      .where('used_at', 'is', null)
      .where('expires_at', '>', now)
      .$if(locksRows, q => q.forUpdate())
      .executeTakeFirst();
    if (link === undefined) return false;
    const { numInsertedOrUpdatedRows: added } = await trx
      .insertInto('users')
      .values(toUserRow(user))
      .onConflict(conflict => conflict.columns(['account_id', 'name']).doNothing())
      .executeTakeFirstOrThrow();
    if (added !== 1n) return false;
    await trx.updateTable('setup_links').set({ used_at: now }).where('hash', '=', hash).execute();
    return true;
  });
