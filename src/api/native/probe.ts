import type { UrlRole } from '../check-url.ts';
import { throttled } from './error.ts';
import { snake } from './event.ts';

/** What a probe is asked of: what tasks would pull, or push to. */
export type ProbedAs = 'source' | 'destination';

/** Looks at an address for some seconds; whatever comes of it is an answer. */
export type Probe = (url: string, as: ProbedAs) => Promise<ProbeAnswer>;

export type ProbeAnswer =
  | { readonly ok: true; readonly found: object }
  | { readonly ok: false; readonly kind: string; readonly error: string };

type Looked = { readonly ok: true } | Extract<ProbeAnswer, { ok: false }>;

/** Each of them is a connection, and seconds of somebody's media. */
const MOST_AT_ONCE = 4;
const RETRY_MS = 1_000;

export const ROLES: Readonly<Record<ProbedAs, readonly UrlRole[]>> = {
  source: ['live', 'file'],
  destination: ['destination'],
};

/** Lets few probes run at once, over all accounts. */
export class Prober {
  readonly #probe: Probe;
  #running = 0;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  async look(url: string, as: ProbedAs): Promise<Looked> {
    if (this.#running >= MOST_AT_ONCE) throw throttled('The node is looking at others now.', RETRY_MS);
    this.#running++;
    try {
      const answer = await this.#probe(url, as);
      if (!answer.ok) return { ok: false, kind: answer.kind, error: answer.error };
      return { ...(printDeep(answer.found) as object), ok: true };
    } finally {
      this.#running--;
    }
  }
}

/** The same with all its names in this dialect's spelling. */
function printDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(printDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [snake(name), printDeep(inner)]));
}
