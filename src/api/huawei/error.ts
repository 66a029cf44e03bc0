import { InvalidTask, UnknownTask, WrongStatus } from '../../task/error.ts';
import type { Log } from '../log.ts';
import { type RefusalKind, refusalOf } from '../refusal.ts';
import { STORAGE_RETRY_MS, storageTrouble } from '../storage.ts';

/** The answers of the service and of the gateway in front of it, as data. */
export const ANSWERS = {
  parameter: { status: 400, code: 'LIVE.100011001' },
  method: { status: 400, code: 'LIVE.100011011' },
  mediaType: { status: 400, code: 'LIVE.100011012' },
  encoding: { status: 415, code: 'LIVE.100011012' },
  state: { status: 400, code: 'LIVE.103011022' },
  unknown: { status: 404, code: 'LIVE.103011019' },
  /** The modify page declares no 404. */
  unknownToModify: { status: 400, code: 'LIVE.103011019' },
  noService: { status: 401, code: 'LIVE.100011003' },
  project: { status: 401, code: 'LIVE.100011015' },
  internal: { status: 500, code: 'LIVE.100011005' },
  noRoute: { status: 404, code: 'APIG.0101' },
  malformed: { status: 400, code: 'APIG.0201' },
  slow: { status: 408, code: 'APIG.0201' },
  bodyTooLarge: { status: 413, code: 'APIG.0201' },
  urlTooLong: { status: 414, code: 'APIG.0201' },
  headerTooLong: { status: 494, code: 'APIG.0201' },
  headersTooLarge: { status: 431, code: 'APIG.0201' },
  unavailable: { status: 503, code: 'APIG.0202' },
  identity: { status: 401, code: 'APIG.0301' },
  renewToken: { status: 401, code: 'APIG.0307' },
  forbidden: { status: 403, code: 'APIG.0302' },
  throttled: { status: 429, code: 'APIG.0308' },
} as const;

export type Answer = keyof typeof ANSWERS;

/** A refusal in this dialect's words. */
export class HuaweiError extends Error {
  override readonly name = 'HuaweiError';
  readonly answer: Answer;
  /** When to ask again, where that is known. */
  readonly retryAfterMs: number | undefined;

  constructor(answer: Answer, message: string, retryAfterMs?: number) {
    super(message);
    this.answer = answer;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface ErrorBody {
  readonly error_code: string;
  readonly error_msg: string;
  readonly request_id: string;
}

export function printError(error: HuaweiError, requestId: string): { status: number; body: ErrorBody } {
  const { status, code } = ANSWERS[error.answer];
  return { status, body: { error_code: code, error_msg: error.message, request_id: requestId } };
}

const REFUSALS: Readonly<Record<RefusalKind, Answer>> = {
  malformed: 'malformed',
  cutOff: 'malformed',
  mediaType: 'mediaType',
  encoding: 'encoding',
  bodyTooLarge: 'bodyTooLarge',
  urlTooLong: 'urlTooLong',
  headerTooLong: 'headerTooLong',
  noRoute: 'noRoute',
};

/** Whatever was thrown, as an answer. What nobody expected is logged, and its text is not shown. */
export function asAnswer(error: unknown, requestId: string, log: Log): HuaweiError {
  if (error instanceof HuaweiError) return error;
  const refusal = refusalOf(error);
  if (refusal !== undefined) return new HuaweiError(REFUSALS[refusal.kind], refusal.message);
  log.error({ requestId, err: error }, 'a request failed unexpectedly');
  return storageTrouble(error) === 'unavailable'
    ? new HuaweiError('unavailable', 'Backend unavailable.', STORAGE_RETRY_MS)
    : new HuaweiError('internal', 'Internal server error.');
}

export const badParameter = (field: string, rule: string): HuaweiError =>
  new HuaweiError('parameter', `Invalid request parameter: ${field}: ${rule}`);

/** The model's field names in this dialect's words. A longer path is found by its first parts. */
const FIELDS: Readonly<Record<string, string>> = {
  source: 'source_urls',
  'source.kind': 'source_type',
  'source.url': 'source_urls',
  'source.items': 'source_urls',
  'source.rounds': 'vod_loop_time',
  'source.startIndex': 'vod_start_video_index',
  'source.startSeconds': 'vod_start_video_time',
  'source.refresh': 'vod_refresh_type',
  standby: 'backup_source_urls',
  destination: 'destination_url',
  'destination.domain': 'domain',
  'destination.app': 'app_name',
  'destination.stream': 'stream_name',
  'destination.args': 'push_args',
  region: 'region',
  startAt: 'start_time',
  endAt: 'end_time',
  callback: 'callback_url',
  'callback.events': 'callback_events',
  enabled: 'status',
};

export function fieldName(modelName: string): string {
  const parts = modelName.replaceAll(/\[\d+\]/g, '').split('.');
  for (let count = parts.length; count > 0; count--) {
    const known = FIELDS[parts.slice(0, count).join('.')];
    if (known !== undefined) return known;
  }
  return modelName;
}

/** The model's refusals in this dialect's words; anything else is handed back as it is. */
export function translate(error: unknown, operation: 'create' | 'list' | 'modify' | 'delete'): unknown {
  if (error instanceof InvalidTask) {
    const [problem] = error.problems;
    return problem === undefined
      ? new HuaweiError('parameter', 'Invalid request parameter')
      : badParameter(fieldName(problem.field), problem.rule);
  }
  if (error instanceof UnknownTask) return unknownTask(operation);
  if (error instanceof WrongStatus) return new HuaweiError('state', error.message);
  return error;
}

export const unknownTask = (operation: 'create' | 'list' | 'modify' | 'delete'): HuaweiError =>
  new HuaweiError(operation === 'modify' ? 'unknownToModify' : 'unknown', 'task_id: the task does not exist');
