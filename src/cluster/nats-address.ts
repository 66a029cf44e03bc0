/** Where NATS is, and how one is let in there. */
export interface NatsAddress {
  /** HOST:PORT of each server; one of them is enough. */
  readonly servers: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly isSecure: boolean;
}

const SCHEMES: Readonly<Record<string, boolean>> = { 'nats:': false, 'tls:': true };
const PORT = '4222';

/** `nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT]`, or `tls://`, and more of them behind commas. Undefined: it is none. */
export function parseNatsAddress(text: string): NatsAddress | undefined {
  const urls = text.split(',').map(part => parseUrl(part.trim()));
  const [first] = urls;
  if (!first || urls.some(url => url?.protocol !== first.protocol)) return undefined;
  const hosts = urls.flatMap(url => (url ? [`${url.hostname}:${url.port || PORT}`] : []));
  return { servers: hosts, isSecure: SCHEMES[first.protocol] === true, ...credentialsOf(urls) };
}

function parseUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare = url && ['', '/'].includes(url.pathname) && url.search === '' && url.hash === '';
  return url && isBare && url.hostname !== '' && SCHEMES[url.protocol] !== undefined ? url : undefined;
}

function credentialsOf(urls: readonly (URL | undefined)[]): Pick<NatsAddress, 'user' | 'password' | 'token'> {
  const url = urls.find(it => it !== undefined && it.username !== '');
  if (!url) return {};
  const user = decoded(url.username);
  return url.password === '' ? { token: user } : { user, password: decoded(url.password) };
}

/** What is no code for anything stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** For people: without what lets one in. */
export const printNatsAddress = ({ servers, isSecure }: NatsAddress): string =>
  servers.map(server => `${isSecure ? 'tls' : 'nats'}://${server}`).join(',');
