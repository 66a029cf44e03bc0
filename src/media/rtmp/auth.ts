import { createHash } from 'node:crypto';
import type { Credentials } from '../credentials.ts';

export interface AuthOptions {
  readonly credentials: Credentials;
  readonly app: string;
  readonly random: (bytes: number) => Buffer;
}

/**
 * What the next connect says behind the app's name, by the words with which a server has refused the one before: the
 * schemes of Adobe's and of Limelight's servers, first the user's name, then the answer to a challenge. Undefined where
 * the words ask for neither, or say that it was of no use.
 */
export function authorization(words: string, options: AuthOptions): string | undefined {
  const scheme = /authmod=(adobe|llnw)/i.exec(words)?.[1]?.toLowerCase();
  if (scheme === undefined) return undefined;
  const asked = questionIn(words);
  const reason = asked.get('reason');
  if (reason !== undefined && reason !== 'needauth') return undefined;
  const given = [`authmod=${scheme}`, `user=${encodeURIComponent(options.credentials.name)}`];
  const answer = scheme === 'adobe' ? adobeAnswer(asked, options) : limelightAnswer(asked, options);
  return `?${[...given, ...answer].join('&')}`;
}

/** `?reason=needauth&salt=…&challenge=…`, somewhere in a sentence. */
function questionIn(words: string): ReadonlyMap<string, string> {
  const [, query = ''] = /\?([^\s\]]*)/.exec(words) ?? [];
  return new Map(
    query.split('&').map(pair => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function adobeAnswer(asked: ReadonlyMap<string, string>, { credentials, random }: AuthOptions): readonly string[] {
  const { name, password } = credentials;
  const [salt, challenge, opaque] = ['salt', 'challenge', 'opaque'].map(name => asked.get(name));
  if (salt === undefined || challenge === undefined) return [];
  const own = random(4).toString('hex');
  const secret = md5(name + salt + password, 'base64');
  const response = md5(secret + (opaque ?? challenge) + own, 'base64');
  return [`challenge=${own}`, `response=${response}`, ...(opaque === undefined ? [] : [`opaque=${opaque}`])];
}

const REALM = 'live';
const METHOD = 'publish';
const COUNT = '00000001';
const QUALITY = 'auth';

/** HTTP's digest (RFC 2617), over the app in place of a path. */
function limelightAnswer(asked: ReadonlyMap<string, string>, options: AuthOptions): readonly string[] {
  const { credentials, app, random } = options;
  const nonce = asked.get('nonce');
  if (nonce === undefined) return [];
  const own = random(4).toString('hex');
  const path = app.includes('/') ? `/${app}` : `/${app}/_definst_`;
  const secret = md5(`${credentials.name}:${REALM}:${credentials.password}`, 'hex');
  const place = md5(`${METHOD}:${path}`, 'hex');
  const response = md5([secret, nonce, COUNT, own, QUALITY, place].join(':'), 'hex');
  return [`nonce=${nonce}`, `cnonce=${own}`, `nc=${COUNT}`, `response=${response}`];
}

const md5 = (text: string, encoding: 'hex' | 'base64'): string => createHash('md5').update(text).digest(encoding);
