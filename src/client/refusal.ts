interface RefusalFacts {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** The node has refused. The message is one sentence. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** UPPER_SNAKE; "" where the answer was not one of a node's. */
  readonly code: string;
  readonly retryAfterMs: number;

  constructor(message: string, { status = 0, code = '', retryAfterMs = 0, cause }: RefusalFacts = {}) {
    super(message, { cause });
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Nobody answers there, or what is said on the way is cut. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** It was reached and has not answered in time. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
}

/** What a node has answered, as the caller knows it to be. */
export function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new ApiError('the answer is not one of a node', { cause });
  }
}

interface Problem {
  readonly title?: unknown;
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly errors?: unknown;
}

export async function refusalOf(answer: Response, base: string): Promise<ApiError> {
  const problem = problemIn(await answer.text());
  const code = textOf(problem.code);
  const retryAfterMs = Number(answer.headers.get('retry-after') ?? 0) * 1000 || 0;
  const said = textOf(problem.detail) || textOf(problem.title);
  const fields = fieldsOf(problem.errors).filter(field => !said.includes(field));
  const sentence = [said, ...fields].filter(text => text !== '').join('; ');
  return new ApiError(
    code === ''
      ? `${base} answers with status ${answer.status}, not as a node does`
      : `${sentence === '' ? `status ${answer.status}` : sentence} (${code})`,
    { status: answer.status, code, retryAfterMs },
  );
}

function problemIn(text: string): Problem {
  try {
    const problem: unknown = JSON.parse(text);
    return typeof problem === 'object' && problem !== null ? problem : {};
  } catch {
    return {};
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** "limit: at most 1000", for each field that is wrong. */
function fieldsOf(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((one: { readonly field?: unknown; readonly rule?: unknown } | null) =>
    [textOf(one?.field), textOf(one?.rule)].filter(text => text !== '').join(': '),
  );
}

/** Errors of a connection, in a few words. */
export function wordsOf(cause: unknown): string {
  const code = codeOf(cause);
  return WORDS[code] ?? (code === '' ? 'the connection was lost' : code);
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
};

/** Of a host with several addresses the first failure stands for all. */
function codeOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return '';
  if ('code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof AggregateError ? codeOf(cause.errors[0]) : '';
}

/** Whether asking again cannot help. Who was never heard is not waited for. */
export function isFinal(error: unknown): boolean {
  if (error instanceof ApiError) return error.status < 500 && error.status !== 408 && error.status !== 429;
  return !(error instanceof Unreachable || error instanceof TooSlow);
}
