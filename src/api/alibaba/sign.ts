import { createHash, createHmac } from 'node:crypto';
import { headerValues, type WireRequest } from '../auth.ts';
import type { Pair } from '../target.ts';

/** The older signature: over the parameters alone, wherever they stand, with a method of its own. */
export const CLASSIC_METHOD = 'HMAC-SHA1';
/** The newer one: over the query, the named headers and a hash of the body. */
export const ACS3_ALGORITHM = 'ACS3-HMAC-SHA256';

const MOST_SIGNED_HEADERS = 64;

/** What a classic client must have signed, rebuilt from every parameter but the signature itself. */
export function classicStringToSign(method: string, pairs: readonly Pair[]): string {
  const signed = pairs.filter(([name]) => name !== 'Signature');
  return `${method}&${encode('/')}&${encode(canonicalQuery(signed))}`;
}

export const signClassic = (secretKey: string, stringToSign: string): string =>
  createHmac('sha1', `${secretKey}&`).update(stringToSign).digest('base64');

export interface Authorization {
  readonly algorithm: string;
  readonly accessKey: string;
  /** As listed: the client signed this very list. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** `ACS3-… Credential=…,SignedHeaders=a;b,Signature=…`; undefined where it is not of this form. */
export function readAuthorization(header: string): Authorization | undefined {
  const [algorithm = '', rest = ''] = splitOnce(header.trim(), ' ');
  const parts = rest.split(',').map(part => splitOnce(part.trim(), '='));
  const fields = new Map(parts);
  const accessKey = fields.get('Credential') ?? '';
  const signedHeaders = (fields.get('SignedHeaders') ?? '').toLowerCase().split(';');
  const signature = fields.get('Signature') ?? '';
  if (signature === '' || parts.length !== 3 || !fields.has('Credential')) return undefined;
  if (signedHeaders.length > MOST_SIGNED_HEADERS) return undefined;
  if (!signedHeaders.every(name => /^[\w!#$%&'*+.^`|~-]{1,256}$/.test(name))) return undefined;
  return { algorithm, accessKey, signedHeaders, signature };
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** What an ACS3 client must have signed, rebuilt from the wire. */
export function canonicalRequest(request: WireRequest, signedHeaders: readonly string[]): string {
  const headers = signedHeaders.map(name => `${name}:${headerValues(request.rawHeaders, name).join(',').trim()}\n`);
  return [
    request.method,
    request.target.segments.map(encode).join('/'),
    canonicalQuery(request.target.query),
    headers.join(''),
    signedHeaders.join(';'),
    hashBody(request.body),
  ].join('\n');
}

export const hashBody = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

export function acs3StringToSign(canonical: string): string {
  // Node hands header bytes over as latin1, so latin1 gives back the very bytes the client signed.
  return `${ACS3_ALGORITHM}\n${createHash('sha256').update(canonical, 'latin1').digest('hex')}`;
}

export const signAcs3 = (secretKey: string, stringToSign: string): string =>
  createHmac('sha256', secretKey).update(stringToSign).digest('hex');

function canonicalQuery(pairs: readonly Pair[]): string {
  const sorted = pairs.toSorted((a, b) => compareBytes(a[0], b[0]) || compareBytes(a[1], b[1]));
  return sorted.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** RFC 3986 unreserved characters stay; encodeURIComponent leaves five more. */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
