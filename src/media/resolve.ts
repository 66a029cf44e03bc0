import { promises as dns } from 'node:dns';
import { readFile } from 'node:fs/promises';

/** The addresses a name stands for, in the order to try them. Throws when there are none or nobody can tell. */
export type Lookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

const QUERY_TIMEOUT_MS = 1500;
const HOSTS_FILE = '/etc/hosts';

/**
 * Asks the hosts file, then the name servers, without blocking a thread; the system's own resolver, which does block one,
 * is asked only about names that the name servers do not know (local names of mDNS and the like).
 */
export const resolveName: Lookup = async (name, signal) => {
  if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1', '::1'];
  const listed = await fromHostsFile(name);
  if (listed.length > 0) return listed;
  try {
    return await fromNameServers(name, signal);
  } catch (error) {
    if (!isUnknownName(error)) throw error;
    const found = await dns.lookup(name, { all: true });
    return found.map(({ address }) => address);
  }
};

/** True when the answer is "no such name", as opposed to no answer. */
export function isUnknownName(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOTFOUND' || code === 'ENODATA';
}

async function fromHostsFile(name: string): Promise<string[]> {
  const text = await readFile(HOSTS_FILE, 'utf8').catch(() => '');
  return text.split('\n').flatMap(line => {
    const [address, ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    return address !== undefined && names.some(given => given.toLowerCase() === name) ? [address] : [];
  });
}

async function fromNameServers(name: string, signal: AbortSignal): Promise<string[]> {
  const resolver = new dns.Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 2 });
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const [a, aaaa] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = interleave(addressesOf(a), addressesOf(aaaa));
    if (addresses.length > 0) return addresses;
    throw a.status === 'rejected' && !isUnknownName(a.reason) ? a.reason : reasonOf(aaaa);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

const addressesOf = (result: PromiseSettledResult<string[]>): string[] =>
  result.status === 'fulfilled' ? result.value : [];
const reasonOf = (result: PromiseSettledResult<string[]>): unknown =>
  result.status === 'rejected' ? result.reason : new Error('the name has no address');

/** One of each kind in turn, so that a host without a working IPv6 (or IPv4) route loses one attempt, not all of them. */
function interleave(first: readonly string[], second: readonly string[]): string[] {
  const longest = Math.max(first.length, second.length);
  return Array.from({ length: longest }, (_, i) => [first[i], second[i]])
    .flat()
    .filter(address => address !== undefined);
}
