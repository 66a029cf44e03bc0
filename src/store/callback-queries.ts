import type { CallbackSecret } from '../task/account.ts';
import type { Base } from './base.ts';
import type { Seal } from './seal.ts';
import type { Endpoint } from './store.ts';
import type { CallbackSecretRow, EndpointRow } from './tables.ts';

const toEndpointRow = (seal: Seal, endpoint: Endpoint): EndpointRow => ({
  id: endpoint.id,
  account_id: endpoint.accountId,
  failing_since: endpoint.failingSince,
  paused_at: endpoint.pausedAt,
  last_error: endpoint.lastError,
  sealed: seal.close(`endpoints/${endpoint.id}`, endpoint.url),
});

const toEndpoint = (seal: Seal, row: EndpointRow): Endpoint => ({
  id: row.id,
  accountId: row.account_id,
  url: seal.open(`endpoints/${row.id}`, row.sealed),
  failingSince: row.failing_since,
  pausedAt: row.paused_at,
  lastError: row.last_error,
});

const toSecret = (seal: Seal, row: CallbackSecretRow): CallbackSecret => ({
  id: row.id,
  accountId: row.account_id,
  secret: seal.open(`callback_secrets/${row.id}`, row.sealed),
  createdAt: row.created_at,
  retiresAt: row.retires_at,
});

export async function listEndpoints({ db, seal }: Base, accountId?: string): Promise<readonly Endpoint[]> {
  const all = db.selectFrom('endpoints').selectAll().orderBy('failing_since').orderBy('id');
  const rows = await (accountId === undefined ? all : all.where('account_id', '=', accountId)).execute();
  return rows.map(row => toEndpoint(seal, row));
}

export const putEndpoint = ({ write, seal }: Base, endpoint: Endpoint): Promise<void> =>
  write(async trx => {
    const row = toEndpointRow(seal, endpoint);
    await trx
      .insertInto('endpoints')
      .values(row)
      .onConflict(conflict => conflict.column('id').doUpdateSet(row))
      .execute();
  });

export const removeEndpoint = ({ write }: Base, id: string): Promise<boolean> =>
  write(async trx => {
    const { numDeletedRows } = await trx.deleteFrom('endpoints').where('id', '=', id).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  });

export async function callbackSecrets({ db, seal }: Base, accountId: string): Promise<readonly CallbackSecret[]> {
  const rows = await db
    .selectFrom('callback_secrets')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  return rows.map(row => toSecret(seal, row));
}

export const addCallbackSecret = (
  { write, seal }: Base,
  { id, accountId, secret, createdAt, retiresAt }: CallbackSecret,
  othersRetireAt: number,
): Promise<void> =>
  write(async trx => {
    await trx
      .deleteFrom('callback_secrets')
      .where('account_id', '=', accountId)
      .where('retires_at', '<=', createdAt)
      .execute();
    await trx
      .updateTable('callback_secrets')
      .set({ retires_at: othersRetireAt })
      .where('account_id', '=', accountId)
      .where('retires_at', 'is', null)
      .execute();
    const sealed = seal.close(`callback_secrets/${id}`, secret);
    const row = { id, account_id: accountId, created_at: createdAt, retires_at: retiresAt, sealed };
    await trx.insertInto('callback_secrets').values(row).execute();
  });
