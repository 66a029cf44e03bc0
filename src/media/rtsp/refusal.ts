import { type Address, printable, redactUrl, urlOf } from '../address.ts';
import { decoded } from '../credentials.ts';
import { Fault, type RefusalClass } from '../fault.ts';
import type { RtspMessage } from './message.ts';
import type { Way } from './way.ts';

const LONGEST_WORDS = 200;
/** Shorter pieces of a key occur in ordinary words, and give little away. */
const SHORTEST_SECRET = 4;

/** The statuses that say more than no: RFC 2326, section 11.3. */
const CLASSES: ReadonlyMap<number, RefusalClass> = new Map([
  [401, 'denied'],
  [403, 'denied'],
  [407, 'credentials'],
]);
const UNSUPPORTED_TRANSPORT = 461;

/** `either`: the one and then the other. */
export type AskedWay = Way | 'either';

const NOT_CONNECTED = 'over the connection (RTP/AVP/TCP)';
const NO_WAY: Readonly<Record<AskedWay, string>> = {
  tcp: `${NOT_CONNECTED}: it offers UDP only`,
  http: `${NOT_CONNECTED}: it offers UDP only`,
  udp: 'over UDP (RTP/AVP)',
  either: `${NOT_CONNECTED}, and not over UDP either`,
};

/** A server as errors name it, and what must not come out of its mouth. */
export class Peer {
  readonly where: string;
  readonly #secrets: readonly string[];

  constructor(address: Address) {
    this.where = redactUrl(urlOf(address));
    const { userinfo, query, path } = address;
    const pairs = query.slice(1).split('&');
    const texts = [userinfo, ...userinfo.split(':'), path.slice(path.lastIndexOf('/') + 1), query.slice(1)];
    const values = pairs.map(pair => pair.slice(pair.indexOf('=') + 1));
    const spellings = [...texts, ...values].flatMap(text => [text, decoded(text), encodeURIComponent(decoded(text))]);
    this.#secrets = [...new Set(spellings.filter(text => text.length >= SHORTEST_SECRET))].sort(
      (one, other) => other.length - one.length,
    );
  }

  /** The words on one printable line of bounded length, without the secrets. */
  mask(words: string): string {
    let text = words;
    for (const secret of this.#secrets) text = text.replaceAll(secret, '***');
    return printable(text).trim().slice(0, LONGEST_WORDS);
  }

  fault(kind: 'closed' | 'garbage' | 'unsupported', what: string, cause?: unknown): Fault {
    return new Fault('pull', kind, `${this.where} ${what}`, { cause });
  }

  /** The server's no to a request, in its own words. */
  refused(method: string, { status, words }: RtspMessage, way: AskedWay = 'tcp'): Fault {
    if (status === UNSUPPORTED_TRANSPORT) return this.noWay(way);
    const refusal = CLASSES.get(status ?? 0) ?? 'unknown';
    const said = `${status ?? ''} ${this.mask(words)}`.trim();
    return new Fault('pull', 'refused', `${this.where} refused ${method}: ${said}`, { refusal });
  }

  /** The server does not send in the way that was asked for. */
  noWay(way: AskedWay): Fault {
    return this.fault('unsupported', `does not send RTP ${NO_WAY[way]}`);
  }

  /** The server wants to know who we are, and was not told or not content. */
  notLoggedIn(method: string, verdict: 'missing' | 'unknown' | 'rejected'): Fault {
    if (verdict === 'unknown') {
      const sentence = `${this.where} asks for a way to log in that is not known here`;
      return new Fault('pull', 'unsupported', sentence, { refusal: 'credentials' });
    }
    const isMissing = verdict === 'missing';
    const why = isMissing ? 'it asks for a name and a password' : 'it does not accept the name and the password';
    const sentence = `${this.where} refused ${method}: 401, ${why}`;
    return new Fault('pull', 'refused', sentence, { refusal: isMissing ? 'credentials' : 'denied' });
  }
}
