import { signal } from '@preact/signals';

export interface BrokenRule {
  readonly field: string;
  readonly rule: string;
}

/** What the node said of a call that did not go well: RFC 9457, as docs/problems.md tells it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly BrokenRule[];
  readonly requestId: string;
  /** The version that a change met instead of its own. */
  readonly version: number | undefined;

  constructor(status: number, told: ProblemBody) {
    super(told.detail ?? told.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = told.code ?? '';
    this.errors = told.errors ?? [];
    this.requestId = told.request_id ?? '';
    this.version = told.version;
  }
}

interface ProblemBody {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly BrokenRule[];
  readonly request_id?: string;
  readonly version?: number;
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

export interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Proves to the node that a change comes from its own page. */
let csrf = '';
export const setCsrf = (token: string): void => {
  csrf = token;
};

/** Rises when the node says that it does not know us any more. */
export const strangerCount = signal(0);

export const API = '/api/v1';

/** A call of the public API; the console has no other way in. Throws `Problem`. */
export async function call<T>(method: Method, path: string, asked: Asked = {}): Promise<T> {
  const response = await send(method, path, asked);
  const text = await response.text().catch(unreachable);
  const body = parsed(text);
  if (response.ok) return body as T;
  if (response.status === 401 && path !== '/session') strangerCount.value++;
  throw new Problem(response.status, isObject(body) ? body : { detail: response.statusText });
}

function send(method: Method, path: string, { body, headers, signal }: Asked): Promise<Response> {
  return fetch(`${API}${path}`, {
    method,
    credentials: 'same-origin',
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'GET' || csrf === '' ? {} : { 'x-millrace-csrf': csrf }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch(unreachable);
}

function unreachable(cause: unknown): never {
  if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
  throw new Problem(0, { code: 'UNREACHABLE', detail: '' });
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, { detail: error instanceof Error ? error.message : String(error) });

/** A query of what is given; what is empty is left out. */
export function query(given: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(given).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}
