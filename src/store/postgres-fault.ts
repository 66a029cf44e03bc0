import { StoreFault, type StoreFaultKind } from './store-fault.ts';

/** PostgreSQL's codes (Appendix A of its manual) that say something about the world and not about a query. */
const FAULTS: Readonly<Record<string, StoreFaultKind>> = {
  '25006': 'readOnly',
  '25P03': 'gone',
  '25P04': 'busy',
  '28000': 'gone',
  '28P01': 'gone',
  '3D000': 'gone',
  '40001': 'busy',
  '40P01': 'busy',
  '53000': 'busy',
  '53100': 'full',
  '53200': 'busy',
  '53300': 'busy',
  '53400': 'busy',
  '55P03': 'busy',
  '57014': 'busy',
  '57P01': 'gone',
  '57P02': 'gone',
  '57P03': 'gone',
  '58030': 'broken',
  XX001: 'broken',
  XX002: 'broken',
};

/** Two transactions were in each other's way, or the connection was cut: nothing of ours is left. */
const PASSING: ReadonlySet<string> = new Set(['40001', '40P01', '57P01', '57P02', '25P03']);

/** What the driver itself says, which has no code. */
const POOL_EXHAUSTED = 'timeout exceeded when trying to connect';
const NO_ANSWER = 'Query read timeout';
const LOST = /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired)/;
/** Of the operating system: a name that is not known, a port that nobody listens on, a connection that broke. */
const SYSTEM_CODE = /^E[A-Z_]{3,}$/;
const BROKEN_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

/**
 * A failure of the world as a StoreFault, everything else as it is but for its details, which repeat values of columns.
 * `inUse`: of a connection that stood before.
 */
export function faultOf(error: unknown, { inUse }: { readonly inUse: boolean }): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if ('detail' in error) error.detail = undefined;
  const kind = kindOf(code, error.message);
  if (kind === undefined) return error;
  const passing = inUse && (PASSING.has(code) || BROKEN_CODES.has(code) || isLoss(code, error.message));
  return new StoreFault(kind, error.message || code, { cause: error, passing });
}

function kindOf(code: string, message: string): StoreFaultKind | undefined {
  if (message === POOL_EXHAUSTED) return 'busy';
  if (message === NO_ANSWER || isLoss(code, message) || SYSTEM_CODE.test(code)) return 'gone';
  return FAULTS[code];
}

/** Class 08 is that of connections. */
const isLoss = (code: string, message: string): boolean =>
  LOST.test(message) || (code.length === 5 && code.startsWith('08'));
