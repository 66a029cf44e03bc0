import type { Log } from '../log.ts';
import { type Refusal, type RefusalKind, refusalOf } from '../refusal.ts';
import { storageTrouble } from '../storage.ts';

/** The answers of the gateway and of the service that always say the same. */
export const ANSWERS = {
  'InvalidAction.NotFound': { status: 404, text: 'Specified api is not found, please check your url and method.' },
  UnsupportedHTTPMethod: { status: 400, text: 'This http method is not supported.' },
  'InvalidParameter.Format': { status: 400, text: 'Specified parameter format is not valid.' },
  'InvalidAccessKeyId.NotFound': { status: 404, text: 'Specified access key is not found.' },
  'InvalidAccessKeyId.Inactive': { status: 400, text: 'Specified access key is disabled.' },
  'InvalidAccessKeyId.Locked': {
    status: 403,
    text: 'Specified access key is locked for this address, because too many of its calls have failed.',
  },
  'InvalidSecurityToken.MismatchWithAccessKey': {
    status: 400,
    text: 'Specified SecurityToken mismatch with the AccessKey.',
  },
  'InvalidSecurityToken.Expired': { status: 400, text: 'Specified SecurityToken is expired.' },
  'InvalidTimeStamp.Format': { status: 400, text: 'Specified time stamp or date value is not well formatted.' },
  'InvalidTimeStamp.Expired': { status: 400, text: 'Specified time stamp or date value is expired.' },
  SignatureNonceUsed: { status: 400, text: 'Specified signature nonce was used already.' },
  InvalidSignatureMethod: { status: 400, text: 'Specified signature method is not valid.' },
  IncompleteSignature: { status: 400, text: 'The request signature does not conform to Aliyun standards.' },
  'Throttling.User': { status: 400, text: 'Request was denied due to user flow control.' },
  NoPermission: { status: 403, text: 'You are not authorized to perform this action.' },
  LiveServiceNotFound: { status: 400, text: 'Your account does not open Live service yet' },
  CodeInvalidAliUid: { status: 400, text: 'This aliuid does not have a live domain name.' },
  CodeTaskNotExist: { status: 400, text: 'Task does not exist.' },
  CodeTaskHasStarted: { status: 400, text: 'The task has already started.' },
  InternalError: { status: 500, text: 'The request processing has failed due to some unknown error.' },
  ServiceUnavailable: { status: 503, text: 'The request has failed due to a temporary failure of the server.' },
} as const;

export type AnswerCode = keyof typeof ANSWERS;

/** A refusal in this dialect's words. */
export class AlibabaError extends Error {
  override readonly name = 'AlibabaError';
  readonly code: string;
  readonly status: number;
  /** When to ask again, where that is known. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, status = 400, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** One of the answers above. */
export const refused = (code: AnswerCode): AlibabaError =>
  new AlibabaError(code, ANSWERS[code].text, ANSWERS[code].status);

export const throttled = (waitMs: number): AlibabaError => {
  const { status, text } = ANSWERS['Throttling.User'];
  return new AlibabaError('Throttling.User', text, status, waitMs);
};

export const missing = (name: string): AlibabaError =>
  new AlibabaError(`Missing${name}`, `${name} is mandatory for this action.`);

/** A parameter that the gateway itself reads. */
export const invalid = (name: string): AlibabaError =>
  new AlibabaError(`Invalid${name}`, `Specified parameter ${name} is not valid.`);

/** A parameter of an operation, with the rule it breaks, e.g. "must be an integer"; that may be a whole sentence. */
export const badParameter = (name: string, rule?: string): AlibabaError =>
  new AlibabaError(
    'InvalidParameter',
    `The specified ${name} is invalid${rule === undefined ? '' : `: ${rule.replace(/\.$/, '')}`}.`,
  );

/** What the contract asks where times do not fit: end before start, end in the past, not the time to restart. */
export const badDuration = (why: string): AlibabaError =>
  new AlibabaError('InvalidParam.CodeIllegalDuration', `${why}.`);

/** The statuses of HTTP, for the cloud tells no code of its own for these. */
const REFUSALS: Readonly<Record<Exclude<RefusalKind, 'noRoute'>, number>> = {
  malformed: 400,
  cutOff: 400,
  mediaType: 415,
  encoding: 415,
  bodyTooLarge: 413,
  urlTooLong: 414,
  headerTooLong: 431,
};

/** Whatever was thrown, as an answer. What nobody expected is logged, and its text is not shown. */
export function asAnswer(error: unknown, requestId: string, log: Log): AlibabaError {
  if (error instanceof AlibabaError) return error;
  const refusal = refusalOf(error);
  if (refusal !== undefined) return inOurWords(refusal);
  log.error({ requestId, err: error }, 'a request failed unexpectedly');
  return refused(storageTrouble(error) === 'unavailable' ? 'ServiceUnavailable' : 'InternalError');
}

/** There is one path only, so what is wrong there is the method. */
const inOurWords = ({ kind, message }: Refusal): AlibabaError =>
  kind === 'noRoute' ? refused('UnsupportedHTTPMethod') : new AlibabaError('InvalidParameter', message, REFUSALS[kind]);
