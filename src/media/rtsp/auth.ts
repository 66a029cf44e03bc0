import { createHash, randomBytes } from 'node:crypto';
import type { Credentials } from '../credentials.ts';
import { headerOf, type RtspMessage } from './message.ts';

/** One way to prove who one is, as a server offers it: RFC 7235, section 4.1. */
interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Hash functions by what `algorithm` calls them, best first: RFC 7616, section 3.3. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-256-sess', 'sha256'],
  ['md5', 'md5'],
  ['md5-sess', 'md5'],
]);
const MOST_CHALLENGES = 16;

/** `missing`: the address names nobody; `unknown`: no offered way is known here; `rejected`: the proof was not taken. */
export type Verdict = 'tryAgain' | 'missing' | 'unknown' | 'rejected';

export interface Asked {
  readonly method: string;
  readonly uri: string;
}

/** Proves who we are in the way that a server has asked for. */
export class Login {
  readonly #credentials: Credentials | undefined;
  readonly #random: (bytes: number) => Buffer;
  #challenge: Challenge | undefined;
  #uses = 0;

  constructor(credentials: Credentials | undefined, random: (bytes: number) => Buffer = randomBytes) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /** Takes the challenges of a 401. `tries`: how many answers to this request have been one before. */
  hear(answer: RtspMessage, tries: number): Verdict {
    const offered = challengesOf(answer);
    if (this.#credentials === undefined) return 'missing';
    const best = bestOf(offered);
    if (best === undefined) return 'unknown';
    const isStale = best.parameters.get('stale')?.toLowerCase() === 'true';
    const isNews = this.#challenge === undefined || (best.scheme === 'digest' && (tries === 0 || isStale));
    this.#challenge = best;
    this.#uses = 0;
    return isNews && tries < 2 ? 'tryAgain' : 'rejected';
  }

  /** The value of the Authorization header; undefined while nobody has asked. */
  authorization(asked: Asked): string | undefined {
    if (this.#credentials === undefined || this.#challenge === undefined) return undefined;
    return this.#challenge.scheme === 'basic' ? basic(this.#credentials) : this.#digest(this.#challenge, asked);
  }

  /** RFC 7616, section 3.4; without `qop`, as RFC 2069 had it. */
  #digest({ parameters }: Challenge, { method, uri }: Asked): string {
    const { name, password } = this.#credentials ?? { name: '', password: '' };
    const realm = parameters.get('realm') ?? '';
    const nonce = parameters.get('nonce') ?? '';
    const algorithm = parameters.get('algorithm');
    const hash = hasher(algorithm);
    const cnonce = this.#random(12).toString('base64');
    const count = (++this.#uses).toString(16).padStart(8, '0');
    const plain = hash(`${name}:${realm}:${password}`);
    const own = algorithm?.toLowerCase().endsWith('-sess') === true ? hash(`${plain}:${nonce}:${cnonce}`) : plain;
    const hasQop = parameters.has('qop');
    const middle = hasQop ? `${nonce}:${count}:${cnonce}:auth` : nonce;
    const response = hash(`${own}:${middle}:${hash(`${method}:${uri}`)}`);
    const pairs = [`username=${quoted(name)}`, `realm=${quoted(realm)}`, `nonce=${quoted(nonce)}`, `uri="${uri}"`];
    pairs.push(`response="${response}"`);
    if (algorithm !== undefined) pairs.push(`algorithm=${algorithm}`);
    if (parameters.has('opaque')) pairs.push(`opaque=${quoted(parameters.get('opaque') ?? '')}`);
    if (hasQop || own !== plain) pairs.push(`cnonce="${cnonce}"`);
    if (hasQop) pairs.push('qop=auth', `nc=${count}`);
    return `Digest ${pairs.join(', ')}`;
  }
}

const basic = ({ name, password }: Credentials): string =>
  `Basic ${Buffer.from(`${name}:${password}`, 'utf8').toString('base64')}`;

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const hasher = (algorithm = 'md5'): ((text: string) => string) => {
  const name = ALGORITHMS.get(algorithm.toLowerCase()) ?? 'md5';
  return text => createHash(name).update(text, 'utf8').digest('hex');
};

/** Digest before Basic, and the stronger of two digests. */
function bestOf(offered: readonly Challenge[]): Challenge | undefined {
  const digests = offered.filter(isUsableDigest);
  const names = [...ALGORITHMS.keys()];
  const rank = ({ parameters }: Challenge): number => names.indexOf(algorithmOf(parameters));
  const [digest] = digests.sort((one, other) => rank(one) - rank(other));
  return digest ?? offered.find(({ scheme }) => scheme === 'basic');
}

const algorithmOf = (parameters: Challenge['parameters']): string =>
  (parameters.get('algorithm') ?? 'MD5').toLowerCase();

function isUsableDigest({ scheme, parameters }: Challenge): boolean {
  if (scheme !== 'digest' || !ALGORITHMS.has(algorithmOf(parameters))) return false;
  const qop = parameters.get('qop');
  return qop === undefined || qop.split(',').some(word => word.trim().toLowerCase() === 'auth');
}

/** Several may stand in one header or in several. */
function challengesOf(answer: RtspMessage): Challenge[] {
  const all = answer.headers.get('www-authenticate') ?? [];
  return all.flatMap(challengesIn).slice(0, MOST_CHALLENGES);
}

const PIECE = /[\s,]*([A-Za-z][\w-]*)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|\s+|$)/y;

/** A word followed by no "=" begins a challenge; the others are its parameters. */
function challengesIn(text: string): Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  PIECE.lastIndex = 0;
  for (let match = PIECE.exec(text); match !== null; match = PIECE.exec(text)) {
    const [, name = '', inQuotes, plain] = match;
    const value = inQuotes?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) found.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else found.at(-1)?.parameters.set(name.toLowerCase(), value);
    if (PIECE.lastIndex >= text.length) break;
  }
  return found;
}

/** Whether the server closes the connection behind its answer. */
export const isLast = (answer: RtspMessage): boolean => headerOf(answer, 'connection')?.toLowerCase() === 'close';
