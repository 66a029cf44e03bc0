import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Base } from './base.ts';
import type { Duty, KeptNode, NodeRenewal, NodeState } from './node-store.ts';
import type { NodeRow } from './tables.ts';

/**
 * One statement, so that of two that come together one sees the other. A renewal that lies in the future was written
 * before the clock was set back, and holds nobody off for longer than one in the past.
 */
export const renewNode = ({ atOnce, clock }: Base, { staleMs, ...node }: NodeRenewal): Promise<boolean> =>
  atOnce(async trx => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('nodes')
      .values({ ...node, state: 'active', renewals: 1, seen_at: clock })
      .onConflict(conflict =>
        conflict
          .column('name')
          .doUpdateSet(eb => ({ ...node, renewals: eb('nodes.renewals', '+', 1), seen_at: clock }))
          .where(isOursOrStale('nodes', { incarnation: node.incarnation, clock, staleMs })),
      )
      .executeTakeFirstOrThrow();
    return Number(numInsertedOrUpdatedRows) > 0;
  });

interface Claimant {
  readonly incarnation: string;
  readonly clock: RawBuilder<number>;
  readonly staleMs: number;
}

const isOursOrStale = (table: 'nodes' | 'duties', { incarnation, clock, staleMs }: Claimant): RawBuilder<SqlBool> => {
  const row = sql.table(table);
  return sql`(${row}.incarnation = ${incarnation} or abs(${clock} - ${row}.seen_at) >= ${staleMs})`;
};

export async function listNodes({ db }: Base): Promise<readonly KeptNode[]> {
  const rows = await db.selectFrom('nodes').selectAll().orderBy('name').execute();
  return rows.map(toNode);
}

const toNode = ({ seen_at, ...row }: NodeRow): KeptNode => ({ ...row, seenAt: seen_at });

export const setNodeState = ({ write }: Base, name: string, state: NodeState): Promise<boolean> =>
  write(async trx => {
    const { numUpdatedRows } = await trx
      .updateTable('nodes')
      .set({ state })
      .where('name', '=', name)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  });

export const removeNode = ({ atOnce }: Base, name: string, incarnation?: string): Promise<boolean> =>
  atOnce(async trx => {
    const { numDeletedRows } = await trx
      .deleteFrom('nodes')
      .where('name', '=', name)
      .$if(incarnation !== undefined, q => q.where('incarnation', '=', incarnation ?? ''))
      .executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  });

export const takeDuty = ({ atOnce, clock }: Base, { staleMs, ...duty }: Duty): Promise<boolean> =>
  atOnce(async trx => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('duties')
      .values({ ...duty, renewals: 1, seen_at: clock })
      .onConflict(conflict =>
        conflict
          .column('name')
          .doUpdateSet(eb => ({ ...duty, renewals: eb('duties.renewals', '+', 1), seen_at: clock }))
          .where(isOursOrStale('duties', { incarnation: duty.incarnation, clock, staleMs })),
      )
      .executeTakeFirstOrThrow();
    return Number(numInsertedOrUpdatedRows) > 0;
  });

export const leaveDuty = ({ atOnce }: Base, name: string, incarnation: string): Promise<void> =>
  atOnce(async trx => {
    await trx.deleteFrom('duties').where('name', '=', name).where('incarnation', '=', incarnation).execute();
  });
