import type { AuditFilter, LogPage, Numbered, Store } from '../store/store.ts';
import type { AuditEntry } from '../task/audit.ts';
import { type Part, partOf, scopeOf } from './history.ts';
import type { Owner } from './tasks.ts';

export type LoggedEntry = AuditEntry & Numbered;
export type AuditQuery = Omit<AuditFilter, 'accountId' | 'projectId'>;

/** Who changed what of an account, or of one project of it. */
export class Audit {
  readonly #store: Pick<Store, 'audit'>;

  constructor(store: Pick<Store, 'audit'>) {
    this.#store = store;
  }

  async list(owner: Owner, query: AuditQuery, page: LogPage): Promise<Part<LoggedEntry>> {
    const filter = { ...query, accountId: owner.accountId, ...scopeOf(owner, undefined) };
    const rows = await this.#store.audit(filter, { ...page, limit: page.limit + 1 });
    return partOf(rows, page, ({ n }) => n);
  }
}
