/** What the store may lack: someone who answers it, or room. */
export type StorageTrouble = 'unavailable' | 'full';

const TROUBLES: ReadonlyMap<unknown, StorageTrouble> = new Map([
  ['busy', 'unavailable'],
  ['gone', 'unavailable'],
  ['full', 'full'],
  ['readOnly', 'full'],
]);

/** When to ask again: a database that is started anew takes about as long. */
export const STORAGE_RETRY_MS = 1_000;

/** The store's own failures, told by their name: this room does not know the store. */
export function storageTrouble(error: unknown): StorageTrouble | undefined {
  if (!(error instanceof Error) || error.name !== 'StoreFault' || !('kind' in error)) return undefined;
  return TROUBLES.get(error.kind);
}
