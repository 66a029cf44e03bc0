import { createHash, createHmac, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

// Both signatures of the Alibaba dialect, written down from its documents apart from the server's own code.

export interface AlibabaKey {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of a temporary key. */
  readonly token?: string;
}

export type Pairs = readonly (readonly [name: string, value: string])[];
export type Headers = Readonly<Record<string, string>>;
/** Values in place of the ones that would be sent; null leaves one out. */
export type Overrides = Readonly<Record<string, string | null>>;

export interface WireCall {
  readonly method: string;
  /** Path and query exactly as they go on the wire. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | Buffer;
}

export interface CallOptions {
  readonly mode?: 'v3' | 'classic';
  readonly method?: string;
  /** Where classic parameters stand: by default where pop-core has them, in the body of a POST. */
  readonly place?: 'query' | 'body';
  /** Common parameters (classic) or headers (V3), changed before the signature is made. */
  readonly common?: Overrides;
  readonly now?: number;
  readonly host?: string;
}

const VERSION = '2016-11-01';
const FORM = 'application/x-www-form-urlencoded';

export const percent = (text: string): string =>
  Array.from(Buffer.from(text), byte => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9\-_.~]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');

const joined = (pairs: Pairs): string => pairs.map(([name, value]) => `${percent(name)}=${percent(value)}`).join('&');
const byName = (pairs: Pairs): Pairs =>
  pairs.toSorted((a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])) || (a[1] < b[1] ? -1 : 1));
const stamp = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

function overridden(values: Headers, overrides: Overrides = {}): Headers {
  const all = Object.entries({ ...values, ...overrides });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** A call with the older signature. */
export function signClassic(key: AlibabaKey, action: string, params: Pairs, options: CallOptions = {}): WireCall {
  const { method = 'GET', place = method === 'POST' ? 'body' : 'query', now = Date.now() } = options;
  const common = overridden(
    {
      ...{ Action: action, Version: VERSION, Format: 'JSON', AccessKeyId: key.accessKey, Timestamp: stamp(now) },
      ...{ SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0', SignatureNonce: randomBytes(16).toString('hex') },
      ...(key.token === undefined ? {} : { SecurityToken: key.token }),
    },
    options.common,
  );
  const pairs: Pairs = [...Object.entries(common), ...params];
  const text = `${method}&%2F&${percent(joined(byName(pairs)))}`;
  const right = createHmac('sha1', `${key.secretKey}&`).update(text).digest('base64');
  const signature =
    options.common?.Signature === null ? [] : [['Signature', options.common?.Signature ?? right] as const];
  const sent = joined([...pairs.filter(([name]) => name !== 'Signature'), ...signature]);
  const headers = { host: options.host ?? 'relay.test' };
  return place === 'query'
    ? { method, url: `/?${sent}`, headers, body: '' }
    : { method, url: '/', headers: { ...headers, 'content-type': FORM }, body: sent };
}

export interface V3Options extends CallOptions {
  /** A form to send beside the query. */
  readonly form?: Pairs;
  /** The same as the bytes themselves. */
  readonly rawForm?: string;
  readonly contentType?: string;
  /** Names to leave out of SignedHeaders. */
  readonly unsigned?: readonly string[];
  readonly algorithm?: string;
}

/** A call with the newer signature. */
export function signV3(key: AlibabaKey, action: string, params: Pairs, options: V3Options = {}): WireCall {
  const { method = 'GET', form, rawForm, now = Date.now() } = options;
  const body = rawForm ?? (form === undefined ? '' : joined(form));
  const sts = key.token === undefined ? {} : { 'x-acs-accesskey-id': key.accessKey, 'x-acs-security-token': key.token };
  const headers = overridden(
    {
      ...{ host: options.host ?? 'relay.test', 'x-acs-action': action, 'x-acs-version': VERSION },
      ...{ 'x-acs-date': stamp(now), 'x-acs-signature-nonce': randomBytes(32).toString('hex') },
      ...{ 'x-acs-content-sha256': sha256(body), ...sts },
      ...(body === '' ? {} : { 'content-type': options.contentType ?? FORM }),
    },
    options.common,
  );
  const names = Object.keys(headers)
    .filter(name => !options.unsigned?.includes(name))
    .sort();
  const lines = names.map(name => `${name}:${(headers[name] ?? '').trim()}\n`).join('');
  const hash = headers['x-acs-content-sha256'] ?? sha256(body);
  const canonical = `${method}\n/\n${joined(byName(params))}\n${lines}\n${names.join(';')}\n${hash}`;
  const algorithm = options.algorithm ?? 'ACS3-HMAC-SHA256';
  const signature = createHmac('sha256', key.secretKey)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest('hex');
  const authorization = `${algorithm} Credential=${key.accessKey},SignedHeaders=${names.join(';')},Signature=${signature}`;
  const url = params.length === 0 ? '/' : `/?${joined(params)}`;
  return { method, url, headers: { ...headers, authorization }, body };
}

export interface AlibabaAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers is what the tests look into
  readonly body: any;
}

/** Calls the dialect with raw HTTP, so that a test can send what no SDK would. */
export class AlibabaClient {
  readonly #base: string;
  readonly #key: AlibabaKey;

  constructor(base: string, key: AlibabaKey) {
    this.#base = base;
    this.#key = key;
  }

  /** Signs for the very host that is called, and sends. */
  call(action: string, params: Readonly<Record<string, string | number>> = {}, options: V3Options = {}) {
    const pairs = Object.entries(params).map(([name, value]) => [name, String(value)] as const);
    return this.raw(this.signed(action, pairs, options));
  }

  signed(action: string, pairs: Pairs, options: V3Options = {}): WireCall {
    const full = { host: new URL(this.#base).host, ...options };
    return (options.mode === 'classic' ? signClassic : signV3)(this.#key, action, pairs, full);
  }

  /** Sends exactly what it is told; a header that is named in `twice` goes out two times. */
  raw({ method, url, headers, body }: WireCall, twice?: string): Promise<AlibabaAnswer> {
    const { hostname, port } = new URL(this.#base);
    const isUnsized = (body.length === 0 && method === 'GET') || headers['transfer-encoding'] !== undefined;
    const length = isUnsized ? {} : { 'content-length': Buffer.byteLength(body) };
    const value = headers[twice ?? ''];
    const doubled = twice === undefined || value === undefined ? {} : { [twice]: [value, value] };
    return new Promise((resolve, reject) => {
      const options = {
        hostname,
        port,
        method,
        path: url,
        headers: { ...length, ...headers, ...doubled },
        agent: false,
      };
      const request = httpRequest(options, response => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed(text) });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
