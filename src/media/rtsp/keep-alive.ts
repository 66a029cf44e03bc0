import { headerOf, type RtspMessage } from './message.ts';

export type KeepAliveMethod = 'GET_PARAMETER' | 'OPTIONS';

const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;
/** A server that closes the connection so soon behind a question does so for its sake. */
const OFFENDED_MS = 5_000;
const MOST_KNOWN = 1_000;

/** Servers that take GET_PARAMETER ill: what one run has learnt of them serves the next. */
const offended = new Set<string>();

function remember(server: string): void {
  const [oldest] = offended.size >= MOST_KNOWN ? offended : [];
  if (oldest !== undefined) offended.delete(oldest);
  offended.add(server);
}

/** Whether the server lists the method among those it knows, or lists none at all. */
export function keepAliveMethod(server: string, options: RtspMessage): KeepAliveMethod {
  const known = headerOf(options, 'public');
  const isListed = known === undefined ? options.status === 200 : /\bGET_PARAMETER\b/i.test(known);
  return isListed && !offended.has(server) ? 'GET_PARAMETER' : 'OPTIONS';
}

/** Says when the server is to hear of us, and how, so that it goes on sending. */
export class KeepAlive {
  readonly #server: string;
  readonly #everyMs: number;
  #method: KeepAliveMethod;
  #askedMs: number;
  #waits = false;

  constructor(given: { server: string; method: KeepAliveMethod; timeoutSeconds: number; nowMs: number }) {
    this.#server = given.server;
    this.#method = given.method;
    this.#everyMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, given.timeoutSeconds * 500));
    this.#askedMs = given.nowMs;
  }

  /** The method to ask with now, if it is time. */
  due(nowMs: number): KeepAliveMethod | undefined {
    if (nowMs - this.#askedMs < this.#everyMs) return undefined;
    this.#askedMs = nowMs;
    this.#waits = true;
    return this.#method;
  }

  /** Asks again at once, because the answer was to say who we are. */
  repeat(): void {
    this.#askedMs = Number.NEGATIVE_INFINITY;
  }

  answered({ status = 0 }: RtspMessage): void {
    this.#waits = false;
    if (status >= 400 && status !== 401 && status !== 454) this.#giveUp();
  }

  /** The server has closed the connection. */
  closed(nowMs: number): void {
    if (this.#waits && nowMs - this.#askedMs <= OFFENDED_MS) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#method === 'GET_PARAMETER') remember(this.#server);
    this.#method = 'OPTIONS';
  }
}
