import net from 'node:net';
import { domainToASCII } from 'node:url';
import { allowsAddress, allowsPort, type Preset } from './policy.ts';
import { wishOf } from './rtsp/way.ts';
import { isListener, listenProblem, type PortRange, srtParameters } from './srt/target.ts';

/** A URL taken apart by the one parser that both validation and dialling use. */
export interface Address {
  readonly scheme: string;
  /** Lower-case ASCII name without a trailing dot, a dotted IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** From the first slash up to the query, byte for byte as given. */
  readonly path: string;
  /** From the question mark on, byte for byte as given; empty without one. */
  readonly query: string;
  /** What stands in front of the `@`; empty without one. */
  readonly userinfo: string;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  rtmp: 1935,
  rtmps: 443,
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  rtsp: 554,
  rtsps: 322,
};
const MAX_URL_CHARS = 2048;

/**
 * Throws a plain Error whose message is a sentence naming the broken rule; it never quotes the URL.
 * The raw text is checked first: what other parsers would quietly mend (a tab, a backslash) is refused here.
 */
export function parseAddress(url: string, allowedSchemes: readonly string[]): Address {
  checkCharacters(url);
  const [, rawScheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/.exec(url) ?? [];
  if (rawScheme === undefined || rest === undefined) throw new Error('The URL must begin with a scheme.');
  const scheme = rawScheme.toLowerCase();
  if (!allowedSchemes.includes(scheme)) {
    throw new Error(`The scheme of the URL must be one of: ${allowedSchemes.join(', ')}.`);
  }
  if (!rest.startsWith('//')) throw new Error('The scheme of the URL must be followed by "//" and a host.');
  const [authority, tail] = splitBefore(rest.slice(2), /[/?#]/);
  const { userinfo, hostPort } = splitUserinfo(authority, scheme);
  const { host, port } = parseHostPort(hostPort);
  const [path, query] = splitBefore(tail, /\?/);
  return { scheme, host, port: port ?? DEFAULT_PORTS[scheme] ?? missingPort(), path, query, userinfo };
}

/** What an RTMP client says about an address: where to connect, and the stream's name with its whole query. */
export interface RtmpTarget {
  readonly tcUrl: string;
  readonly app: string;
  readonly streamName: string;
}

/**
 * The stream is the last path segment with the whole query, because destinations carry their signature in it; the app is
 * the path in front of it, of any depth. With one segment only, the app's own parameters stand in the query
 * (`/live?vhost=a/stream`), and the last slash there parts the two. Behind a slash the query may be all there is: Bilibili
 * names its streams so (`/live-bvc/?streamname=a&key=b`).
 */
export function rtmpTarget(address: Address): RtmpTarget {
  const { path, query } = address;
  const inPath = path.lastIndexOf('/');
  const inQuery = inPath <= 0 ? query.lastIndexOf('/') : -1;
  const tail = path + query;
  const cut = inQuery >= 0 ? path.length + inQuery : inPath;
  const app = tail.slice(1, Math.max(cut, 1));
  const streamName = tail.slice(cut + 1);
  if (!path.startsWith('/') || app === '')
    throw new Error('An RTMP URL must name an app and a stream: rtmp://host/app/stream.');
  if (streamName === '' || streamName === '?') throw new Error('The stream name is missing at the end of the URL.');
  return { tcUrl: `${address.scheme}://${authorityOf(address)}/${app}`, app, streamName };
}

/** The URL that the address was parsed from, in its canonical spelling. Carries the key: never for a log. */
export function urlOf(address: Address): string {
  const userinfo = address.userinfo === '' ? '' : `${address.userinfo}@`;
  return `${address.scheme}://${userinfo}${authorityOf(address)}${address.path}${address.query}`;
}

/** Host and port as they stand in a URL; the scheme's own port is left out. */
export function authorityOf(address: Address): string {
  const host = net.isIPv6(address.host) ? `[${address.host}]` : address.host;
  return address.port === DEFAULT_PORTS[address.scheme] ? host : `${host}:${address.port}`;
}

/** The problem with the URL as a sentence, or undefined. Does not resolve names: the dialler judges what they stand for. */
export function checkUrl(
  url: string,
  options: { readonly schemes: readonly string[]; readonly policy: Preset; readonly listens?: PortRange | undefined },
): string | undefined {
  try {
    const address = parseAddress(url, options.schemes);
    if (address.scheme.startsWith('rtmp')) rtmpTarget(address);
    if (address.scheme.startsWith('rtsp')) wishOf(address);
    if (address.scheme === 'srt' && isListener(srtParameters(address))) return listenProblem(address, options.listens);
    return policyProblem(address, options.policy);
  } catch (error) {
    return (error as Error).message;
  }
}

function policyProblem({ host, port, scheme }: Address, policy: Preset): string | undefined {
  const local = host === 'localhost' || host.endsWith('.localhost');
  const denied = net.isIP(host) === 0 ? local && policy !== 'lab' : !allowsAddress(policy, host);
  if (denied) return `The network policy "${policy}" does not allow the host of the URL.`;
  if (!allowsPort(policy, scheme, port)) return `The network policy "${policy}" does not allow port ${port}.`;
  return undefined;
}

/**
 * A URL fit for a log: scheme, host, port and app stay, the stream name keeps two characters, query and userinfo go.
 * Never throws, whatever it is given.
 */
export function redactUrl(url: string): string {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]{0,15}):\/\/(.*)$/s.exec(url) ?? [];
  if (scheme === undefined || rest === undefined) return '***';
  const [authority, tail] = splitBefore(rest, /[/?#\\]/);
  const [path, query] = splitBefore(tail, /[?#]/);
  // A slash behind the key does not make the key an app.
  const trimmed = withoutLastSlashes(path);
  const cut = trimmed.lastIndexOf('/');
  const hostAt = authority.lastIndexOf('@') + 1;
  const safe = [
    `${scheme}://`,
    hostAt > 0 ? '***@' : '',
    authority.slice(hostAt),
    trimmed.slice(0, cut + 1),
    maskName(trimmed.slice(cut + 1)),
    query === '' ? '' : `${query.slice(0, 1)}***`,
  ].join('');
  return printable(safe).slice(0, 300);
}

/** By hand: what peers send may be tens of thousands of slashes, and a pattern begins anew at each. */
export function withoutLastSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end--;
  return text.slice(0, end);
}

/** Two characters tell streams apart in a log; of a short name even they would tell too much. */
const maskName = (name: string): string => (name === '' ? '' : `${name.length < 6 ? '' : name.slice(0, 2)}***`);

/** Text of a peer or a user, fit for one line: control characters and what turns the direction of writing become spaces. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, ' ');

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function checkCharacters(url: string): void {
  if (url.length > MAX_URL_CHARS) throw new Error(`The URL must not be longer than ${MAX_URL_CHARS} characters.`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(url)) throw new Error('The URL must not contain control characters.');
  if (/\s/.test(url)) throw new Error('The URL must not contain whitespace.');
  if (url.includes('\\')) throw new Error('The URL must not contain a backslash.');
}

/** The text up to the first match, and the rest with the match in front. */
function splitBefore(text: string, pattern: RegExp): [string, string] {
  const at = text.search(pattern);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

function splitUserinfo(authority: string, scheme: string): { userinfo: string; hostPort: string } {
  const at = authority.indexOf('@');
  if (at < 0) return { userinfo: '', hostPort: authority };
  if (authority.indexOf('@', at + 1) >= 0)
    throw new Error('The URL must not contain more than one "@" before its path.');
  const userinfo = authority.slice(0, at);
  const [user, password] = splitBefore(userinfo, /:/);
  // Servers that ask for the one ask for the other; a name alone is meant to look like a host.
  if (scheme.startsWith('rtmp') && (user === '' || password.length < 2)) {
    throw new Error('A user name in an RTMP URL must come with a password: user:password@host.');
  }
  // A user name spelled like a host and a path is there to fool another parser.
  if (/%(2f|5c|40)/i.test(user)) throw new Error('The user name in the URL must not contain "/", "\\" or "@".');
  return { userinfo, hostPort: authority.slice(at + 1) };
}

function parseHostPort(text: string): { host: string; port: number | undefined } {
  const [, bracketed, named, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? [];
  if (bracketed === undefined && named === undefined) throw new Error('The host of the URL is not written correctly.');
  const host = bracketed === undefined ? parseName(named ?? '') : parseIpv6(bracketed);
  return { host, port: portText === undefined ? undefined : parsePort(portText) };
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new Error('The port of the URL must be a number from 1 to 65535.');
  return port;
}

function missingPort(): never {
  throw new Error('The URL must name a port.');
}

function parseIpv6(text: string): string {
  if (text.includes('%')) throw new Error('The IPv6 address in the URL must not carry a zone.');
  if (!net.isIPv6(text)) throw new Error('The brackets in the URL must hold an IPv6 address.');
  return text.toLowerCase();
}

function parseName(text: string): string {
  if (text === '') throw new Error('The host of the URL is missing.');
  if (text.includes('%')) throw new Error('The host of the URL must not contain a percent sign.');
  // Full-width digits, ideographic dots and inet_aton's spellings (127.1, 0x7f.1, 0177.0.0.1, 2130706433) become what they
  // stand for before anything else is decided.
  const ascii = domainToASCII(text).toLowerCase();
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  if (name === '') throw new Error('The host of the URL is not a valid name.');
  if (net.isIPv4(name)) return name;
  if (looksNumeric(name)) throw new Error('The host of the URL looks like an IPv4 address but is none.');
  if (name.length > 253) throw new Error('The host of the URL must not be longer than 253 characters.');
  for (const label of name.split('.')) checkLabel(label);
  return name;
}

function checkLabel(label: string): void {
  if (label === '') throw new Error('The host of the URL must not contain an empty label.');
  if (label.length > 63) throw new Error('A label in the host of the URL must not be longer than 63 characters.');
  if (!/^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$/.test(label)) {
    throw new Error('The host of the URL may contain only letters, digits, hyphens and dots.');
  }
}

/** Names whose last label is a number are read as IPv4 addresses by resolvers and browsers alike. */
const looksNumeric = (name: string): boolean => /(^|\.)(0x[0-9a-f]*|\d+)$/.test(name);
