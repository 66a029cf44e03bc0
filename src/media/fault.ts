/** Which half of a relay failed: the side we pull from or the side we push to. */
export type Side = 'pull' | 'push';

/**
 * Why, as a closed set of words that a run can decide on.
 * `keyless`: media comes, and none that can be started from; `refused`: the peer said no (bad key, denied); `policy`: our own address policy forbids the dial.
 */
export type FaultKind =
  | 'unreachable'
  | 'timeout'
  | 'closed'
  | 'silent'
  | 'keyless'
  | 'stalled'
  | 'garbage'
  | 'refused'
  | 'unsupported'
  | 'policy'
  | 'name'
  | 'tls'
  | 'lost';

/**
 * Why a peer says no, where its words tell. `taken`: somebody publishes under that name already; `denied`: this key or
 * this client may not; `credentials`: it wants a name and a password; `application`: it has no such application;
 * `redirected`: it sends us elsewhere, and we could not follow.
 */
export type RefusalClass = 'taken' | 'denied' | 'credentials' | 'application' | 'redirected' | 'unknown';

interface FaultOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
  readonly refusal?: RefusalClass;
  readonly track?: 'video' | 'audio';
}

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
  /** Of a peer that said no. */
  readonly refusal: RefusalClass | undefined;
  /** Of a source that goes on without one of its tracks. */
  readonly track: 'video' | 'audio' | undefined;

  constructor(side: Side, kind: FaultKind, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.side = side;
    this.kind = kind;
    this.retryable = options.retryable ?? kind !== 'unsupported';
    this.refusal = options.refusal;
    this.track = options.track;
  }
}

/** The fault itself, or the given thing wrapped as one: whatever is thrown at an edge leaves it as a Fault. */
export function asFault(side: Side, error: unknown): Fault {
  if (error instanceof Fault) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Fault(side, 'lost', message, { cause: error });
}
