import { type Address, printable, type RtmpTarget } from '../address.ts';
import { credentialsOf, decoded } from '../credentials.ts';
import { Fault, type RefusalClass, type Side } from '../fault.ts';
import type { AmfObject, AmfValue } from './amf0.ts';
import { type Command, numberOf } from './link.ts';

/** What a status object of a server says, in `_result`, `_error` and `onStatus` alike. */
export interface Answer {
  readonly level: string;
  readonly code: string;
  readonly description: string;
  /** Where the server sends us instead: a whole URL, or one without the stream's name. */
  readonly redirect: { readonly url: string; readonly whole: boolean } | undefined;
  /** Where we are asked to connect anew, absolute or relative; empty where that is said of no place. */
  readonly tcUrl: string;
}

const LONGEST_WORDS = 200;
/** What is longer is neither a code nor an address, and words that long are not looked through for what they mean. */
const LONGEST_TEXT = 4_096;
/** Shorter pieces of a key occur in ordinary words, and give little away. */
const SHORTEST_SECRET = 4;

/** The status object may stand at any place, or be missing: then everything is empty. */
export function readAnswer(command: Command): Answer {
  const info = command.values.find(isObject) ?? {};
  return {
    level: textOf(info.level),
    code: textOf(info.code),
    description: textOf(info.description),
    redirect: readRedirect(info),
    tcUrl: textOf(info.tcUrl),
  };
}

/** Whether the server says no. Codes that nobody has heard of say nothing. */
export function isRefusal({ level, code }: Answer): boolean {
  return level === 'error' || /\.(BadName|Denied|Rejected|Failed|StreamNotFound|InvalidSign)$/.test(code);
}

/** By the code, which few servers get wrong. */
const CODES: readonly (readonly [RegExp, RefusalClass])[] = [
  [/\.BadName$/, 'taken'],
  [/\.(InvalidApp|AppShutdown)$/, 'application'],
  [/\.(Denied|InvalidSign)$/, 'denied'],
];

/** By the words, where the code says no more than no. */
const WORDS: readonly (readonly [RegExp, RefusalClass])[] = [
  [/authmod=|need auth|auth(entication)? required|\bcredentials?\b|\bpassword\b/i, 'credentials'],
  [/application .*(not defined|not found|unknown|invalid)|no such app/i, 'application'],
  [/already (publishing|published|exists?|in use|connected)|in use|busy|duplicate/i, 'taken'],
  [/auth|denied|forbidden|not allowed|permission|expired|token|signature|invalid (stream )?key|\b40[13]\b/i, 'denied'],
];

/** Why the server says no, as far as its code and its words tell. */
export function classOf({ code, description }: Answer): RefusalClass {
  const byCode = CODES.find(([pattern]) => pattern.test(code));
  const byWords = WORDS.find(([pattern]) => pattern.test(description));
  return byCode?.[1] ?? byWords?.[1] ?? 'unknown';
}

/** The server's refusal of a step, in its own words. */
export function refusal(options: { side: Side; where: string; step: string; answer: Answer; secrets: Secrets }): Fault {
  const { side, where, step, answer, secrets } = options;
  if (/authmod=(adobe|llnw)/i.test(answer.description)) {
    const sentence = secrets.hasPassword
      ? `${where} does not take this user name and password`
      : `${where} asks for a user name and a password: put them in front of the host, as user:password@host`;
    return new Fault(side, 'refused', sentence, { refusal: 'credentials' });
  }
  const words = [answer.code, answer.description].filter(text => text !== '').join(': ');
  const sentence = `${where} refused ${step}: ${secrets.mask(words) || 'it gave no reason'}`;
  return new Fault(side, 'refused', sentence, { refusal: classOf(answer) });
}

/** What must not come out of the peer's mouth: servers like to quote the name they were asked for. */
export class Secrets {
  readonly hasPassword: boolean;
  readonly #texts: readonly string[];

  constructor(address: Address, { streamName }: RtmpTarget) {
    const name = streamName.split('?')[0] ?? '';
    // Values only: the server may well speak of a "token" or a "sign".
    const values = address.query
      .slice(1)
      .split('&')
      .map(pair => pair.slice(pair.indexOf('=') + 1));
    const { name: user = '', password = '' } = credentialsOf(address.userinfo) ?? {};
    this.hasPassword = user !== '';
    const texts = [streamName, name, address.query.slice(1), ...values, user, password];
    const spellings = texts
      .flatMap(text => [text, decoded(text), encodeURIComponent(text)])
      .filter(text => text.length >= SHORTEST_SECRET);
    this.#texts = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  }

  /** The words on one printable line of bounded length, without the secrets. */
  mask(words: string): string {
    let text = words;
    for (const secret of this.#texts) text = text.replaceAll(secret, '***');
    return printable(text).trim().slice(0, LONGEST_WORDS);
  }
}

function readRedirect(info: AmfObject): Answer['redirect'] {
  const ex = info.ex;
  if (!isObject(ex) || (ex.code !== undefined && numberOf(ex.code) !== 302)) return undefined;
  const whole = textOf(ex.redirect2);
  if (whole !== '') return { url: whole, whole: true };
  const url = textOf(ex.redirect);
  return url === '' ? undefined : { url, whole: false };
}

function isObject(value: AmfValue): value is AmfObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

const textOf = (value: AmfValue): string => (typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : '');
