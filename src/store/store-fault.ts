/**
 * Why the store cannot do its work now. `full` and `readOnly` speak of the disk, `busy` of another writer or of too many
 * of our own, `broken` of a file that cannot be read as a database or a disk that fails.
 */
export type StoreFaultKind = 'full' | 'readOnly' | 'busy' | 'broken';

/** The world's failure below the store. The message carries no data. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  readonly kind: StoreFaultKind;

  constructor(kind: StoreFaultKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}
