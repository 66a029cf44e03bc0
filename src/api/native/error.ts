import { IdTaken, InvalidTask, KeyReused, NotSuch, UnknownTask, WrongStatus } from '../../task/error.ts';
import type { Log } from '../log.ts';
import { type RefusalKind, refusalOf } from '../refusal.ts';
import { STORAGE_RETRY_MS, storageTrouble } from '../storage.ts';
import { snake } from './event.ts';

/** The answers of this dialect, by their codes. docs/problems.md says what each asks of its reader. */
export const ANSWERS = {
  INVALID_PARAMETER: { status: 400, title: 'A parameter breaks a rule' },
  MALFORMED_REQUEST: { status: 400, title: 'The request cannot be read' },
  UNAUTHENTICATED: { status: 401, title: 'Nobody is known by these credentials' },
  FORBIDDEN: { status: 403, title: 'The caller may not do this' },
  NOT_FOUND: { status: 404, title: 'There is nothing here' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method does nothing here' },
  CONFLICT: { status: 409, title: 'Something stands in the way' },
  WRONG_STATUS: { status: 409, title: 'The task does not stand so that this can be done' },
  LINK_VOID: { status: 410, title: 'The link opens nothing any more' },
  NOT_SAYABLE: { status: 409, title: 'The dialect of the task cannot say that' },
  KEY_REUSED: { status: 409, title: 'The key stands for another request' },
  VERSION_MISMATCH: { status: 412, title: 'The task is at another version' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  URI_TOO_LONG: { status: 414, title: 'The address is too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body is of a kind that is not read' },
  THROTTLED: { status: 429, title: 'Too many calls' },
  HEADER_TOO_LONG: { status: 431, title: 'A header is too long' },
  INTERNAL: { status: 500, title: 'Something went wrong here' },
  UNAVAILABLE: { status: 503, title: 'There is no room for this now' },
  STORAGE_FULL: { status: 507, title: 'Nothing can be stored' },
} as const;

export type AnswerCode = keyof typeof ANSWERS;

/** A field that breaks a rule, which is told as "must be …". */
export interface BrokenRule {
  readonly field: string;
  readonly rule: string;
}

export interface Circumstances {
  readonly errors?: readonly BrokenRule[];
  /** When to ask again, where that is known. */
  readonly retryAfterMs?: number;
  /** What the path does take. */
  readonly allow?: readonly string[];
  /** The version that stands. */
  readonly etag?: string;
}

/** A refusal in this dialect's words. */
export class NativeError extends Error {
  override readonly name = 'NativeError';
  readonly code: AnswerCode;
  readonly circumstances: Circumstances;

  constructor(code: AnswerCode, detail: string, circumstances: Circumstances = {}) {
    super(detail);
    this.code = code;
    this.circumstances = circumstances;
  }
}

export function invalid(errors: readonly BrokenRule[]): NativeError {
  const detail = errors.map(({ field, rule }) => `${field}: ${rule}`).join('; ');
  return new NativeError('INVALID_PARAMETER', `${detail}.`, { errors });
}

export const notFound = (what: string): NativeError => new NativeError('NOT_FOUND', `There is no such ${what}.`);

export const wrongStatus = (detail: string): NativeError => new NativeError('WRONG_STATUS', detail);

/** Of a task of another dialect: what that one has no words for. */
export function unfit(problems: readonly BrokenRule[]): NativeError {
  const errors = problems.map(inOurWords);
  const detail = errors.map(({ field, rule }) => `${field} ${rule}`).join('; ');
  return new NativeError('NOT_SAYABLE', `${detail}.`, { errors });
}

export const throttled = (detail: string, retryAfterMs: number): NativeError =>
  new NativeError('THROTTLED', detail, { retryAfterMs });

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: AnswerCode;
  readonly detail: string;
  readonly errors: readonly BrokenRule[];
  readonly request_id: string;
}

export interface PrintedProblem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Problem;
}

export function printError({ code, message, circumstances }: NativeError, requestId: string): PrintedProblem {
  const { errors = [], retryAfterMs, allow, etag } = circumstances;
  const { status, title } = ANSWERS[code];
  return {
    status,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }),
      ...(etag === undefined ? {} : { etag }),
      ...(allow === undefined ? {} : { allow: allow.join(', ') }),
      ...(code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer realm="millrace"' } : {}),
    },
    body: { type: `/docs/problems#${code}`, title, status, code, detail: message, errors, request_id: requestId },
  };
}

const REFUSALS: Readonly<Record<RefusalKind, AnswerCode>> = {
  malformed: 'MALFORMED_REQUEST',
  cutOff: 'MALFORMED_REQUEST',
  mediaType: 'UNSUPPORTED_MEDIA_TYPE',
  encoding: 'UNSUPPORTED_MEDIA_TYPE',
  bodyTooLarge: 'BODY_TOO_LARGE',
  urlTooLong: 'URI_TOO_LONG',
  headerTooLong: 'HEADER_TOO_LONG',
  noRoute: 'NOT_FOUND',
};

const ID_TAKEN = { field: 'id', rule: 'is taken' };

/** Whatever was thrown, as an answer. What nobody expected is logged, and its text is not shown. */
export function asAnswer(error: unknown, requestId: string, log: Log): NativeError {
  if (error instanceof NativeError) return error;
  if (error instanceof UnknownTask) return notFound('task');
  if (error instanceof InvalidTask) return invalid(error.problems.map(inOurWords));
  if (error instanceof IdTaken)
    return new NativeError('CONFLICT', 'A task has that id, or had it lately.', { errors: [ID_TAKEN] });
  if (error instanceof KeyReused)
    return new NativeError('KEY_REUSED', 'The Idempotency-Key came with another body before.');
  if (error instanceof NotSuch) return wrongStatus(`The ${error.message.replace(/^the /, '')}.`);
  if (error instanceof WrongStatus) return wrongStatus(`The task is ${error.status}: one cannot ${error.asked}.`);
  const refusal = refusalOf(error);
  if (refusal !== undefined) return new NativeError(REFUSALS[refusal.kind], refusal.message);
  log.error({ requestId, err: error }, 'a request failed unexpectedly');
  return ofStore(error) ?? new NativeError('INTERNAL', 'The request failed for a reason that is in the log.');
}

/** Fields of the model in this dialect's spelling, which counts durations in seconds: `source.items[2].in_s`. */
const inOurWords = ({ field, rule }: BrokenRule): BrokenRule => ({
  field: snake(field)
    .replace(/_(?:ms|seconds)$/, '_s')
    .replace('source.refresh', 'source.on_change'),
  rule,
});

function ofStore(error: unknown): NativeError | undefined {
  const trouble = storageTrouble(error);
  if (trouble === 'full') {
    return new NativeError('STORAGE_FULL', 'The disk of the node takes nothing more.', { retryAfterMs: 60_000 });
  }
  if (trouble === undefined) return undefined;
  return new NativeError('UNAVAILABLE', 'The store does not answer now.', { retryAfterMs: STORAGE_RETRY_MS });
}
