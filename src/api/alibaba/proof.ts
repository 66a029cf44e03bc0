import { headerValues, sameText, type WireRequest } from '../auth.ts';
import { AlibabaError, badParameter, invalid, missing, refused } from './error.ts';
import type { Params } from './params.ts';
import {
  ACS3_ALGORITHM,
  type Authorization,
  acs3StringToSign,
  CLASSIC_METHOD,
  canonicalRequest,
  classicStringToSign,
  hashBody,
  readAuthorization,
  signAcs3,
  signClassic,
} from './sign.ts';

const MINUTE_MS = 60_000;
const CLASSIC_WINDOW_MS = 31 * MINUTE_MS;
const ACS3_WINDOW_MS = 15 * MINUTE_MS;
/** What a mismatch shows of the string to sign: beyond this, nobody compares it by eye. */
const MOST_SHOWN = 16_384;

/** What a request says of itself, in either signature's form. Nothing of it is believed before `isRight`. */
export interface Proof {
  readonly accessKey: string | undefined;
  readonly securityToken: string | undefined;
  readonly timestamp: string | undefined;
  readonly nonce: string | undefined;
  /** How far the time stamp may be off. */
  readonly windowMs: number;
  /** Throws where the signature is not of a kind that we could check. */
  requireForm(): void;
  isRight(secretKey: string): boolean;
  mismatch(): AlibabaError;
}

/** The newer signature shows by its header. */
export const isAcs3 = (request: WireRequest): boolean =>
  headerValues(request.rawHeaders, 'authorization').some(value => /^\s*ACS\d/.test(value));

export const readProof = (request: WireRequest, params: Params): Proof =>
  isAcs3(request) ? new Acs3Proof(request) : new ClassicProof(request, params);

/** A header that may stand once; empty counts as absent. */
export function headerText({ rawHeaders }: WireRequest, name: string): string | undefined {
  const [value = '', ...more] = headerValues(rawHeaders, name);
  if (more.length > 0) throw badParameter(name, 'it is given more than once');
  return value.trim() === '' ? undefined : value.trim();
}

class ClassicProof implements Proof {
  readonly accessKey: string | undefined;
  readonly securityToken: string | undefined;
  readonly timestamp: string | undefined;
  readonly nonce: string | undefined;
  readonly windowMs = CLASSIC_WINDOW_MS;
  readonly #request: WireRequest;
  readonly #params: Params;

  constructor(request: WireRequest, params: Params) {
    this.accessKey = params.text('AccessKeyId');
    this.securityToken = params.text('SecurityToken');
    this.timestamp = params.text('Timestamp');
    this.nonce = params.text('SignatureNonce');
    this.#request = request;
    this.#params = params;
  }

  requireForm(): void {
    if (this.#params.text('SignatureType') !== undefined) throw refused('InvalidSignatureMethod');
    if (this.#params.required('SignatureMethod') !== CLASSIC_METHOD) throw refused('InvalidSignatureMethod');
    if (this.#params.required('SignatureVersion') !== '1.0') throw invalid('SignatureVersion');
    this.#params.required('Signature');
  }

  isRight(secretKey: string): boolean {
    return sameText(signClassic(secretKey, this.#stringToSign()), this.#params.required('Signature'));
  }

  mismatch(): AlibabaError {
    const shown = maskToken(this.#stringToSign()).slice(0, MOST_SHOWN);
    return mismatch(`Specified signature is not matched with our calculation. server string to sign is:${shown}`);
  }

  #stringToSign(): string {
    return classicStringToSign(this.#request.method, this.#params.pairs);
  }
}

class Acs3Proof implements Proof {
  readonly accessKey: string | undefined;
  readonly securityToken: string | undefined;
  readonly timestamp: string | undefined;
  readonly nonce: string | undefined;
  readonly windowMs = ACS3_WINDOW_MS;
  readonly #request: WireRequest;
  readonly #authorization: Authorization;

  constructor(request: WireRequest) {
    this.#request = request;
    this.#authorization = requireAuthorization(request);
    this.accessKey = this.#authorization.accessKey === '' ? undefined : this.#authorization.accessKey;
    this.securityToken = headerText(request, 'x-acs-security-token');
    this.timestamp = headerText(request, 'x-acs-date');
    this.nonce = headerText(request, 'x-acs-signature-nonce');
  }

  requireForm(): void {
    if (this.#authorization.algorithm !== ACS3_ALGORITHM) throw refused('InvalidSignatureMethod');
    if (headerText(this.#request, 'x-acs-content-sha256') === undefined) throw missing('x-acs-content-sha256');
  }

  isRight(secretKey: string): boolean {
    const right = sameText(signAcs3(secretKey, this.#stringToSign()), this.#authorization.signature);
    return right && this.#unsigned().length === 0 && this.#isBodyHashed();
  }

  mismatch(): AlibabaError {
    const shown = `server StringToSign is [${this.#stringToSign()}]`;
    return mismatch(`Specified signature does not match our calculation. ${shown}`);
  }

  /** Over what should have been signed, which is what the client then finds different. */
  #stringToSign(): string {
    const { signedHeaders } = this.#authorization;
    const unsigned = this.#unsigned();
    const names = unsigned.length === 0 ? signedHeaders : [...signedHeaders, ...unsigned].sort();
    return acs3StringToSign(canonicalRequest(this.#request, names));
  }

  /** A header that is not signed could be anybody's; a body means what its content type says. */
  #unsigned(): string[] {
    const { rawHeaders, body } = this.#request;
    const present = rawHeaders.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase());
    const needed = present.filter(name => name.startsWith('x-acs-') || (name === 'content-type' && body.length > 0));
    const missed = [...ALWAYS_SIGNED, ...needed].filter(name => !this.#authorization.signedHeaders.includes(name));
    return [...new Set(missed)];
  }

  #isBodyHashed(): boolean {
    return headerText(this.#request, 'x-acs-content-sha256') === hashBody(this.#request.body);
  }
}

const ALWAYS_SIGNED = [
  'host',
  'x-acs-action',
  'x-acs-version',
  'x-acs-date',
  'x-acs-signature-nonce',
  'x-acs-content-sha256',
];

function requireAuthorization({ rawHeaders }: WireRequest): Authorization {
  const [header = '', ...more] = headerValues(rawHeaders, 'authorization');
  const authorization = more.length > 0 ? undefined : readAuthorization(header);
  if (authorization === undefined) throw refused('IncompleteSignature');
  return authorization;
}

const mismatch = (message: string): AlibabaError => new AlibabaError('SignatureDoesNotMatch', message);

/** The string is encoded twice: `&` and `=` between its parts are %26 and %3D. */
const maskToken = (stringToSign: string): string =>
  stringToSign.replaceAll(/(SecurityToken%3D)(?:(?!%26).)*/g, '$1***');
