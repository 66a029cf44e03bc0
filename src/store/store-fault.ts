/**
 * Why the store cannot do its work now. `full` and `readOnly` speak of the disk, `busy` of another writer or of too many
 * of our own, `broken` of a file that cannot be read as a database or a disk that fails, `gone` of a server that does not
 * answer.
 */
export type StoreFaultKind = 'full' | 'readOnly' | 'busy' | 'broken' | 'gone';

interface FaultOptions {
  readonly cause?: unknown;
  readonly passing?: boolean;
}

/** The world's failure below the store. The message carries no data. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  readonly kind: StoreFaultKind;
  /** It struck a transaction, of which nothing is left, and the same may succeed at once. */
  readonly passing: boolean;

  constructor(kind: StoreFaultKind, message: string, { cause, passing = false }: FaultOptions = {}) {
    super(message, { cause });
    this.kind = kind;
    this.passing = passing;
  }
}
