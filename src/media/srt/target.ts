import type { Address } from '../address.ts';

/** What an SRT address says beyond host and port; our own words for what libsrt is to be told. */
export type SrtParameters = ReadonlyMap<string, string>;

interface Rule {
  readonly isRight: (text: string) => boolean;
  readonly says: string;
}

const number = (least: number, most: number): Rule => ({
  isRight: text => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most,
  says: `must be a number from ${least} to ${most}`,
});
const oneOf = (...words: readonly string[]): Rule => ({
  isRight: text => words.includes(text),
  says: words.length === 1 ? `must be "${words[0]}"` : `must be one of ${words.join(', ')}`,
});
const text = (least: number, most: number): Rule => ({
  isRight: value => value.length >= least && value.length <= most && !UNSAYABLE.test(value),
  says: `must have ${least} to ${most} characters, and neither "&" nor a control character`,
});

/** The program that is given the address cuts it at "&" and undoes no escapes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const UNSAYABLE = /[&\u0000-\u001f\u007f]/;
const MS = number(0, 30_000);

const RULES: ReadonlyMap<string, Rule> = new Map([
  ['mode', oneOf('caller', 'listener')],
  ['streamid', text(0, 512)],
  ['passphrase', text(10, 79)],
  ['pbkeylen', oneOf('0', '16', '24', '32')],
  ['latency', MS],
  ['rcvlatency', MS],
  ['peerlatency', MS],
  ['tlpktdrop', oneOf('0', '1')],
  ['lossmaxttl', number(0, 1_000)],
  ['oheadbw', number(5, 100)],
  ['transtype', oneOf('live')],
  ['payloadsize', number(188, 1_456)],
]);

/** Throws a plain Error whose message is a sentence naming the broken rule; it never quotes a value. */
export function srtParameters({ path, query, userinfo }: Address): SrtParameters {
  if (userinfo !== '') throw new Error('An SRT URL must not carry a user name: it goes into "streamid".');
  if (path !== '' && path !== '/') throw new Error('An SRT URL must not have a path: a stream is named by "streamid".');
  const parameters = new Map<string, string>();
  for (const part of query.slice(1).split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decode(at < 0 ? part : part.slice(0, at)).toLowerCase();
    const value = at < 0 ? '' : decode(part.slice(at + 1));
    const rule = RULES.get(name);
    if (rule === undefined) throw new Error(`An SRT URL cannot carry this parameter; known are ${known()}.`);
    if (parameters.has(name)) throw new Error(`The parameter "${name}" of the SRT URL stands more than once.`);
    if (!rule.isRight(value)) throw new Error(`The parameter "${name}" of the SRT URL ${rule.says}.`);
    parameters.set(name, value);
  }
  return parameters;
}

/** Ports at which this machine may wait to be called, both included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

const ANY_HOST = '0.0.0.0';

/** Whether the peer is waited for, and not called. */
export const isListener = (parameters: SrtParameters): boolean => parameters.get('mode') === 'listener';

/** Why this machine may not wait there, as a sentence; undefined where it may. */
export function listenProblem({ host, port }: Address, allowed: PortRange | undefined): string | undefined {
  if (host !== ANY_HOST) return `An SRT listener is written srt://${ANY_HOST}:PORT?mode=listener.`;
  if (allowed === undefined) return 'SRT tasks may listen at no port of this node.';
  if (port >= allowed.from && port <= allowed.to) return undefined;
  return `SRT tasks may listen at the ports ${allowed.from} to ${allowed.to} of this node.`;
}

const known = (): string => [...RULES.keys()].join(', ');

/** A plus sign is one: stream ids are not forms. */
function decode(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    throw new Error('The SRT URL has a percent sign that escapes nothing.');
  }
}
