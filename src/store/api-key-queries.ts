import type { ApiKey } from '../task/account.ts';
import type { Base } from './base.ts';
import type { ApiKeyRow } from './tables.ts';

const toRow = (key: ApiKey): ApiKeyRow => ({
  id: key.id,
  hash: key.hash,
  account_id: key.accountId,
  project_id: key.projectId,
  name: key.name,
  enabled: key.enabled ? 1 : 0,
  created_at: key.createdAt,
  expires_at: key.expiresAt,
  user_id: key.userId,
  policies: key.policies && JSON.stringify(key.policies),
  last_used_at: null,
});

const toApiKey = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  hash: row.hash,
  accountId: row.account_id,
  projectId: row.project_id,
  name: row.name,
  enabled: row.enabled === 1,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  userId: row.user_id,
  policies: row.policies === null ? null : (JSON.parse(row.policies) as readonly string[]),
});

export async function getApiKey({ db }: Base, hash: string): Promise<ApiKey | undefined> {
  const row = await db.selectFrom('api_keys').selectAll().where('hash', '=', hash).executeTakeFirst();
  return row && toApiKey(row);
}

export async function listApiKeys({ db }: Base): Promise<readonly ApiKey[]> {
  const rows = await db.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(toApiKey);
}

export const addApiKey = ({ write }: Base, key: ApiKey): Promise<void> =>
  write(async trx => {
    await trx.insertInto('api_keys').values(toRow(key)).execute();
  });

export const setApiKeyEnabled = ({ write }: Base, id: string, enabled: boolean): Promise<boolean> =>
  write(async trx => {
    const patch = { enabled: enabled ? 1 : 0 };
    const { numUpdatedRows } = await trx
      .updateTable('api_keys')
      .set(patch)
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  });

export const removeApiKey = ({ write }: Base, id: string): Promise<boolean> =>
  write(async trx => {
    const { numDeletedRows } = await trx.deleteFrom('api_keys').where('id', '=', id).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  });

export const purgeApiKeys = ({ write }: Base, expiredBefore: number): Promise<void> =>
  write(async trx => {
    await trx.deleteFrom('api_keys').where('expires_at', '<', expiredBefore).execute();
  });

/** Access keys count as well: their ids and those of API keys do not meet. */
export async function lastUses({ db }: Base): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('access_keys')
    .select(['access_key as id', 'last_used_at'])
    .unionAll(db.selectFrom('api_keys').select(['id', 'last_used_at']))
    .execute();
  return new Map(rows.flatMap(({ id, last_used_at: at }) => (at === null ? [] : [[id, at] as const])));
}

export const setLastUse = ({ write }: Base, id: string, at: number): Promise<void> =>
  write(async trx => {
    await trx.updateTable('access_keys').set({ last_used_at: at }).where('access_key', '=', id).execute();
    await trx.updateTable('api_keys').set({ last_used_at: at }).where('id', '=', id).execute();
  });
