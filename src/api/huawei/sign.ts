import { createHash, createHmac } from 'node:crypto';
import { headerValues, type WireRequest } from '../auth.ts';
import type { Target } from '../target.ts';

/** The one algorithm spoken: HMAC with the secret key itself over a hash of the canonical request, without a nonce. */
export const ALGORITHM = 'SDK-HMAC-SHA256';

const MOST_SIGNED_HEADERS = 64;

export interface Authorization {
  readonly algorithm: string;
  readonly accessKey: string;
  /** As listed: the client sorted them, and signed this very list. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** `SDK-HMAC-SHA256 Access=…, SignedHeaders=a;b, Signature=…`; undefined where it is not of this form. */
export function readAuthorization(header: string): Authorization | undefined {
  const [algorithm = '', rest = ''] = splitOnce(header.trim(), ' ');
  const fields = new Map(rest.split(',').map(part => splitOnce(part.trim(), '=')));
  const accessKey = fields.get('Access') ?? '';
  const signedHeaders = (fields.get('SignedHeaders') ?? '').toLowerCase().split(';');
  const signature = fields.get('Signature') ?? '';
  if (!/^[\w.-]{1,128}$/.test(accessKey) || !/^[0-9a-f]{64}$/.test(signature)) return undefined;
  if (signedHeaders.length > MOST_SIGNED_HEADERS) return undefined;
  if (!signedHeaders.every(name => /^[\w!#$%&'*+.^`|~-]{1,256}$/.test(name))) return undefined;
  return { algorithm, accessKey, signedHeaders, signature };
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The instant an X-Sdk-Date names, in epoch milliseconds. */
export function readSdkDate(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const at = Date.parse(iso);
  return Number.isNaN(at) || new Date(at).toISOString() !== iso ? undefined : at;
}

export const printSdkDate = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** What the client must have signed, rebuilt from the wire. Undefined where a signed header did not come. */
export function canonicalRequest(request: WireRequest, signedHeaders: readonly string[]): string | undefined {
  const headers: string[] = [];
  for (const name of signedHeaders) {
    const values = headerValues(request.rawHeaders, name);
    if (values.length === 0) return undefined;
    headers.push(`${name}:${values.join(', ').trim()}\n`);
  }
  return [
    request.method,
    canonicalPath(request.target),
    canonicalQuery(request.target),
    headers.join(''),
    signedHeaders.join(';'),
    createHash('sha256').update(request.body).digest('hex'),
  ].join('\n');
}

export function sign(secretKey: string, date: string, canonical: string): string {
  // Node hands header bytes over as latin1, so latin1 gives back the very bytes the client signed.
  const hash = createHash('sha256').update(canonical, 'latin1').digest('hex');
  return createHmac('sha256', secretKey).update(`${ALGORITHM}\n${date}\n${hash}`).digest('hex');
}

/** The path ends in a slash here even where it has none on the wire. */
function canonicalPath(target: Target): string {
  const path = target.segments.map(encode).join('/');
  return path.endsWith('/') ? path : `${path}/`;
}

function canonicalQuery(target: Target): string {
  const sorted = target.query.toSorted((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]));
  return sorted.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** RFC 3986 unreserved characters stay; encodeURIComponent leaves five more. */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
