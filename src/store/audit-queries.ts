import type { ExpressionBuilder, Insertable, Selectable } from 'kysely';
import type { AuditEntry } from '../task/audit.ts';
import type { Base, Entries } from './base.ts';
import type { Seal } from './seal.ts';
import type { AuditFilter, LogPage, Numbered } from './store.ts';
import type { AuditRow, Tables } from './tables.ts';

/** Rows removed in one transaction: few enough that nobody waits long behind them. */
const PURGE_TOGETHER = 500;

type SealedEntry = Pick<AuditEntry, 'changes'> & Pick<AuditEntry['actor'], 'name' | 'remote' | 'requestId'>;

function toRow(seal: Seal, { id, actor, changes, ...entry }: AuditEntry): Insertable<AuditRow> {
  const kept: SealedEntry = { changes, name: actor.name, remote: actor.remote, requestId: actor.requestId };
  return {
    id,
    account_id: entry.accountId,
    project_id: entry.projectId,
    at: entry.at,
    actor_kind: actor.kind,
    actor_id: actor.id,
    action: entry.action,
    target: entry.target,
    sealed: seal.close(`audit/${id}`, JSON.stringify(kept)),
  };
}

/** What was sealed was written here, so it is trusted once it has opened. */
function toEntry(seal: Seal, row: Selectable<AuditRow>): AuditEntry & Numbered {
  const { changes, ...actor } = JSON.parse(seal.open(`audit/${row.id}`, row.sealed)) as SealedEntry;
  return {
    n: row.n,
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    at: row.at,
    actor: { kind: row.actor_kind, id: row.actor_id, ...actor },
    action: row.action,
    target: row.target,
    changes,
  };
}

/** The base, but that each change keeps the entry too. */
export const noting = (base: Base, entry: AuditEntry): Base => ({
  ...base,
  write: (work, row) =>
    base.write(async (trx, entries) => {
      const answer = await work(trx, entries);
      if (answer !== false) addEntries(entries, base.seal, [entry]);
      return answer;
    }, row),
});

export function addEntries({ audit }: Entries, seal: Seal, entries: readonly AuditEntry[]): void {
  audit.push(...entries.map(entry => toRow(seal, entry)));
}

export const note = ({ write, seal }: Base, entries: readonly AuditEntry[]): Promise<void> =>
  write(async (_, left) => addEntries(left, seal, entries));

export async function listAudit(
  { db, seal }: Base,
  { accountId, projectId, actions, target, actorId, since, until }: AuditFilter,
  { after, before, limit }: LogPage,
): Promise<readonly (AuditEntry & Numbered)[]> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .where('account_id', '=', accountId)
    .$if(projectId !== undefined, q => q.where('project_id', '=', projectId ?? ''))
    .$if(actions !== undefined, q => q.where(eb => eb.or((actions ?? []).map(it => startsWith(eb, it)))))
    .$if(target !== undefined, q => q.where('target', '=', target ?? ''))
    .$if(actorId !== undefined, q => q.where('actor_id', '=', actorId ?? ''))
    .$if(since !== undefined, q => q.where('at', '>=', since ?? 0))
    .$if(until !== undefined, q => q.where('at', '<', until ?? 0))
    .$if(after !== undefined, q => q.where('n', '>', after ?? 0))
    .$if(before !== undefined, q => q.where('n', '<', before ?? 0))
    .orderBy('n', after === undefined ? 'desc' : 'asc')
    .limit(limit)
    .execute();
  return rows.map(row => toEntry(seal, row));
}

/** `user.` stands for every action that begins so. */
const startsWith = (eb: ExpressionBuilder<Tables, 'audit'>, action: string) =>
  action.endsWith('.') ? eb('action', 'like', `${action}%`) : eb('action', '=', action);

/** In portions, each in a transaction of its own. */
export async function purgeAudit({ write }: Base, before: number): Promise<number> {
  for (let total = 0; ; ) {
    const removed = await write(async trx => {
      const some = trx.selectFrom('audit').select('n').where('at', '<', before).orderBy('at').limit(PURGE_TOGETHER);
      const { numDeletedRows } = await trx.deleteFrom('audit').where('n', 'in', some).executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    });
    total += removed;
    if (removed < PURGE_TOGETHER) return total;
  }
}
