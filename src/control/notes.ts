import type { Store } from '../store/store.ts';
import { type Actor, type AuditEntry, fieldChanges } from '../task/audit.ts';

export interface NotesOptions {
  readonly store: Pick<Store, 'noting'>;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly by: Actor;
}

/** A change, before it is made. Secrets do not come here: what a field is set to is told by stars. */
export interface Noted {
  readonly accountId: string;
  readonly projectId?: string;
  readonly action: string;
  readonly target: string;
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
}

export const MASKED = '***';

/** Keeps what one actor changes, each beside its change. */
export class Notes {
  readonly #options: NotesOptions;

  constructor(options: NotesOptions) {
    this.#options = options;
  }

  /** The store for the write that makes the change. */
  on(noted: Noted): Store {
    return this.#options.store.noting(entryOf(noted, this.#options));
  }

  entry(noted: Noted): AuditEntry {
    return entryOf(noted, this.#options);
  }
}

export const entryOf = (
  { accountId, projectId = '', action, target, before = {}, after = {} }: Noted,
  { now, newId, by }: Omit<NotesOptions, 'store'>,
): AuditEntry => ({
  ...{ id: newId(), accountId, projectId, at: now(), actor: by, action, target },
  changes: fieldChanges(before, after),
});
