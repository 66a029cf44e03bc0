import type { UrlRole } from '../check-url.ts';
import { AtOnce } from './at-once.ts';
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
const LOOKS = { most: 4, retryMs: 1_000 };

export const ROLES: Readonly<Record<ProbedAs, readonly UrlRole[]>> = {
  source: ['live', 'file'],
  destination: ['destination'],
};

/** Lets few probes run at once, over all accounts. */
export class Prober {
  readonly #probe: Probe;
  readonly #looks = new AtOnce(LOOKS);

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  async look(url: string, as: ProbedAs): Promise<Looked> {
    const answer = await this.#looks.take(() => this.#probe(url, as));
    if (!answer.ok) return { ok: false, kind: answer.kind, error: answer.error };
    return { ...(printDeep(answer.found) as object), ok: true };
  }
}

/** The same with all its names in this dialect's spelling. */
function printDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(printDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [snake(name), printDeep(inner)]));
}
