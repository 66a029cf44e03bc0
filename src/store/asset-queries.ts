import type { Kysely } from 'kysely';
import type { Asset } from '../task/asset.ts';
import type { Base, Work } from './base.ts';
import type { Seal } from './seal.ts';
import type { AssetRow, Tables } from './tables.ts';

type SealedAsset = Pick<Asset, 'url' | 'probe'>;

/** Ids hold any character, so they are spelled where one could end early. */
const placeOf = (accountId: string, id: string): string => `assets/${accountId}/${encodeURIComponent(id)}`;

const toRow = (seal: Seal, { id, accountId, createdAt, url, probe }: Asset): AssetRow => {
  const kept: SealedAsset = { url, probe };
  const sealed = seal.close(placeOf(accountId, id), JSON.stringify(kept));
  return { id, account_id: accountId, created_at: createdAt, sealed };
};

/** What was sealed was written here, so it is trusted once it has opened. */
function toAsset(seal: Seal, { id, account_id: accountId, created_at: createdAt, sealed }: AssetRow): Asset {
  const { url, probe } = JSON.parse(seal.open(placeOf(accountId, id), sealed)) as SealedAsset;
  return { id, accountId, url, createdAt, probe };
}

export async function getAsset({ db, seal }: Base, accountId: string, id: string): Promise<Asset | undefined> {
  const row = await db
    .selectFrom('assets')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && toAsset(seal, row);
}

export async function listAssets({ db, seal }: Base, accountId?: string): Promise<readonly Asset[]> {
  const all = db.selectFrom('assets').selectAll().orderBy('account_id').orderBy('created_at').orderBy('id');
  const rows = await (accountId === undefined ? all : all.where('account_id', '=', accountId)).execute();
  return rows.map(row => toAsset(seal, row));
}

export const addAsset = (base: Base, asset: Asset): Promise<boolean> =>
  write(base, async trx => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('assets')
      .values(toRow(base.seal, asset))
      .onConflict(conflict => conflict.columns(['account_id', 'id']).doNothing())
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  });

export async function putAsset(base: Base, asset: Asset): Promise<void> {
  const row = toRow(base.seal, asset);
  await write(base, async trx => {
    await trx
      .insertInto('assets')
      .values(row)
      .onConflict(conflict => conflict.columns(['account_id', 'id']).doUpdateSet({ sealed: row.sealed }))
      .execute();
    return true;
  });
}

export const removeAsset = (base: Base, accountId: string, id: string): Promise<boolean> =>
  write(base, async trx => {
    const { numDeletedRows } = await trx
      .deleteFrom('assets')
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return numDeletedRows === 1n;
  });

/** Raises the revision with the change: whoever has seen the new number sees the change, too. */
const write = (base: Base, work: Work<boolean>): Promise<boolean> =>
  base.write(async (trx, entries) => {
    const changed = await work(trx, entries);
    if (changed) await raiseRevision(trx);
    return changed;
  });

async function raiseRevision(trx: Kysely<Tables>): Promise<void> {
  await trx
    .insertInto('meta')
    .values({ name: 'assets', count: 1, sealed: null })
    .onConflict(conflict => conflict.column('name').doUpdateSet(eb => ({ count: eb('meta.count', '+', 1) })))
    .execute();
}

export async function assetsRevision({ db }: Base): Promise<number> {
  const row = await db.selectFrom('meta').select('count').where('name', '=', 'assets').executeTakeFirst();
  return row?.count ?? 0;
}
