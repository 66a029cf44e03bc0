import type { Delivery } from '../store/store.ts';
import type { DialectName } from '../task/spec.ts';
import { type Sleep, within } from './deadline.ts';
import { readRetryAfter } from './pace.ts';
import { signWebhook } from './webhook.ts';

/** Sends one request and answers what the receiver said; must not follow redirects. */
export type Post = (
  request: PostRequest,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
) => Promise<PostAnswer>;

export interface PostRequest {
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
  /** Beyond those that every request has. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PostAnswer {
  readonly status: number;
  /** The header of that name, as it came. */
  readonly retryAfter?: string | undefined;
}

/** The headers by which a dialect's receivers know who calls; they are of this moment, hence made anew for each try. */
export type Sign = (delivery: Delivery, nowMs: number) => Readonly<Record<string, string>>;

export interface AttemptParts {
  readonly post: Post;
  /** The address without anything secret. */
  readonly redact: (url: string) => string;
  /** Whether this is our own refusal to dial the address. */
  readonly isBlocked: (cause: unknown) => boolean;
  /** Wall clock. */
  readonly now: () => number;
  readonly sleep: Sleep;
}

/**
 * What a try says of the delivery and its receiver. `gone`: it wants nothing any more; `overloaded`: it has too much to do;
 * `blocked`: it was not dialled, for the network policy forbids it.
 */
export type Verdict = 'taken' | 'gone' | 'overloaded' | 'blocked' | 'failed';

export interface Outcome {
  readonly verdict: Verdict;
  readonly status: number | null;
  /** "" where it was taken; carries no secret. */
  readonly error: string;
  readonly at: number;
  readonly tookMs: number;
  readonly retryAfterMs: number;
}

export interface Try {
  readonly url: string;
  /** Made for this very try. */
  readonly request: () => PostRequest;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const OVERLOADED: ReadonlySet<number> = new Set([429, 502, 504]);
const LONGEST_ERROR = 500;

/** One try. Never throws. */
export async function attempt(parts: AttemptParts, { url, request, timeoutMs, signal }: Try): Promise<Outcome> {
  const { post, sleep, now } = parts;
  const at = now();
  const took = (): number => Math.max(0, now() - at);
  const cut = new AbortController();
  let isLate = false;
  const patience: Sleep = async (ms, end) => {
    await sleep(ms, end);
    isLate = !end.aborted;
  };
  try {
    const answer = post(request(), { signal: AbortSignal.any([cut.signal, signal]), timeoutMs });
    const { status, retryAfter } = await within(answer, {
      ms: timeoutMs,
      sleep: patience,
      what: 'the receiver',
      signal,
    });
    return { ...judge(status), status, at, tookMs: took(), retryAfterMs: readRetryAfter(retryAfter, now()) };
  } catch (cause) {
    const verdict = parts.isBlocked(cause) ? 'blocked' : isLate || isTimeout(cause) ? 'overloaded' : 'failed';
    const error = withoutSecrets(cause, url, parts.redact(url));
    return { verdict, status: null, error, at, tookMs: took(), retryAfterMs: 0 };
  } finally {
    cut.abort();
  }
}

/** Every dialect's receivers can know the sender by the standard's headers too; the dialect's own stand beside them. */
export function requestFor(delivery: Delivery, { sign, secrets, now }: Signing): PostRequest {
  const { url, contentType, body, dialect, eventId } = delivery;
  const headers = { ...sign[dialect]?.(delivery, now), ...signWebhook({ id: eventId, atMs: now, body, secrets }) };
  return { url, contentType, body, headers };
}

export interface Signing {
  readonly sign: { readonly [dialect in DialectName]?: Sign };
  /** Of the account, the newest first. */
  readonly secrets: readonly string[];
  readonly now: number;
}

function judge(status: number): Pick<Outcome, 'verdict' | 'error'> {
  if (status >= 200 && status < 300) return { verdict: 'taken', error: '' };
  if (status === 410) return { verdict: 'gone', error: 'the receiver is gone (410)' };
  const error = `the receiver answered with status ${status}`;
  if (status >= 300 && status < 400) {
    return { verdict: 'failed', error: `${error}: redirects are not followed, update the URL` };
  }
  return { verdict: OVERLOADED.has(status) ? 'overloaded' : 'failed', error };
}

/** The one who posts may have its own watch, set to the same time. */
const isTimeout = (cause: unknown): boolean => cause instanceof Error && 'kind' in cause && cause.kind === 'timeout';

/** A callback's path and query may be its password. */
function withoutSecrets(cause: unknown, url: string, redacted: string): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const { pathname = '/', search = '', username = '', password = '' } = URL.parse(url) ?? {};
  const secrets = [url, pathname + search, search, pathname, username, password].filter(text => text.length > 1);
  const clean = secrets.reduce((text, secret) => text.replaceAll(secret, secret === url ? redacted : '***'), message);
  return clean.slice(0, LONGEST_ERROR);
}
