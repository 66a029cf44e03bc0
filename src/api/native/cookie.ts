import { headerValues, sameText, type WireRequest } from '../auth.ts';
import { forbidden, unproven } from './refused.ts';

const COOKIE = 'millrace_session';
const CSRF_HEADER = 'x-millrace-csrf';
const SAFE: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
const MONTH_S = 30 * 86_400;

/** What the console's browser holds; undefined where it holds nothing. */
export function cookieOf({ rawHeaders }: WireRequest): string | undefined {
  const pairs = headerValues(rawHeaders, 'cookie').flatMap(line => line.split(';'));
  const own = pairs.map(pair => pair.trim()).filter(pair => pair.startsWith(`${COOKIE}=`));
  const [token, ...more] = [...new Set(own.map(pair => pair.slice(COOKIE.length + 1)))];
  // Another page of the host may have put one beside ours.
  if (more.length > 0) throw unproven('The cookie stands more than once.');
  return token === '' ? undefined : token;
}

/** `Secure` only where the browser came by TLS: it would not send the cookie back otherwise. */
export const setCookie = (token: string, { isSecure }: { readonly isSecure: boolean }): string =>
  `${COOKIE}=${token}; Path=/; Max-Age=${token === '' ? 0 : MONTH_S}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;

/**
 * A browser says from where a page asks. What is no page of ours has no business here, not even on another port of the
 * same host, which to cookies is the same site.
 */
export function refuseForeign({ rawHeaders }: WireRequest, consoleUrl: string | undefined): void {
  const [origin, ...more] = headerValues(rawHeaders, 'origin');
  const [host = ''] = headerValues(rawHeaders, 'host');
  const sites = headerValues(rawHeaders, 'sec-fetch-site');
  const isForeign = sites.some(site => site !== 'same-origin' && site !== 'none');
  const isOwn = origin === undefined || isOriginOf(origin, host, consoleUrl);
  if (isForeign || !isOwn || more.length > 0) throw forbidden('The request comes from a page of another origin.');
}

function isOriginOf(origin: string, host: string, consoleUrl: string | undefined): boolean {
  const url = URL.parse(origin);
  if (url === null) return false;
  return url.host === host.toLowerCase() || (consoleUrl !== undefined && url.origin === URL.parse(consoleUrl)?.origin);
}

/** The page shows that it has read what only a page of ours can read. */
export function requireCsrf({ method, rawHeaders }: WireRequest, csrf: string): void {
  if (SAFE.includes(method)) return;
  const [given, ...more] = headerValues(rawHeaders, CSRF_HEADER);
  if (given === undefined || more.length > 0 || !sameText(given.trim(), csrf)) {
    throw forbidden('X-Millrace-Csrf must be what GET /api/v1/session answers as csrf.');
  }
}
