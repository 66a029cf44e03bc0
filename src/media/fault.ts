/** Which half of a relay failed: the side we pull from or the side we push to. */
export type Side = 'pull' | 'push';

/**
 * Why, as a closed set of words that a run can decide on.
 * `refused`: the peer said no (bad key, denied); `policy`: our own address policy forbids the dial.
 */
export type FaultKind =
  | 'unreachable'
  | 'timeout'
  | 'closed'
  | 'silent'
  | 'stalled'
  | 'garbage'
  | 'refused'
  | 'unsupported'
  | 'policy'
  | 'name'
  | 'tls'
  | 'lost';

/**
 * The world's failure, as opposed to a caller's mistake or our own bug.
 * `message` is fit for an operator: it never carries a stream key (see `redactUrl` in media/address.ts).
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly side: Side;
  readonly kind: FaultKind;
  /** False where another try of the very same thing cannot help, e.g. a codec the destination cannot take. */
  readonly retryable: boolean;

  constructor(side: Side, kind: FaultKind, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.side = side;
    this.kind = kind;
    this.retryable = options.retryable ?? kind !== 'unsupported';
  }
}

/** The fault itself, or the given thing wrapped as one: whatever is thrown at an edge leaves it as a Fault. */
export function asFault(side: Side, error: unknown): Fault {
  if (error instanceof Fault) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Fault(side, 'lost', message, { cause: error });
}
