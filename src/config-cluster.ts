import type { OptionName } from './options.ts';

/** What a node is among others. */
export interface ClusterConfig {
  /** nats://… or tls://…, with its password; null: the node is alone. */
  readonly nats: string | null;
  /** Of JetStream, where NATS servers are linked as leaf nodes. */
  readonly natsDomain: string | null;
  readonly nodeName: string;
  /** How long a node that is not heard of keeps its tasks. */
  readonly leaseMs: number;
  /** `api` carries no runs, `relay` answers no requests. */
  readonly role: 'all' | 'api' | 'relay';
  /** How many runs it means to carry at most; null: what its processes can. */
  readonly capacity: number | null;
  /** http(s)://HOST[:PORT], where the other nodes reach its API; null: where it listens. */
  readonly advertise: string | null;
}

interface Reading {
  parsed<T>(name: OptionName, fallback: T, parse: (text: string) => T | undefined, rule: string): T;
}

const ROLES = ['all', 'api', 'relay'] as const;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/;
const NAME_RULE = 'a name of 1 to 63 letters, digits, "-", "_" or "."';

export const readCluster = (reading: Reading, host: string): ClusterConfig => ({
  nats: reading.parsed('nats', null, parseNats, 'an address like nats://USER:PASSWORD@HOST:4222, or tls://'),
  natsDomain: reading.parsed('nats-domain', null, parseDomain, 'a name of 1 to 64 letters, digits, "-" or "_"'),
  nodeName: reading.parsed('node-name', nameOf(host), text => (NAME.test(text) ? text : undefined), NAME_RULE),
  leaseMs: reading.parsed('lease', 10, parseSeconds, 'a span from 2s to 60s') * 1_000,
  role: reading.parsed<ClusterConfig['role']>(
    'role',
    'all',
    text => ROLES.find(role => role === text),
    `one of ${ROLES.join(', ')}`,
  ),
  capacity: reading.parsed('capacity', null, parseCapacity, 'a whole number from 0 to 100000'),
  advertise: reading.parsed('advertise', null, parseAdvertised, 'an address like http://10.0.0.5:8080'),
});

export const printCluster = (config: ClusterConfig) => ({
  nats: config.nats === null ? '' : printNats(config.nats),
  'nats-domain': config.natsDomain ?? '',
  'node-name': config.nodeName,
  lease: `${config.leaseMs / 1_000}s`,
  role: config.role,
  capacity: config.capacity === null ? '' : String(config.capacity),
  advertise: config.advertise ?? '',
});

/** Hosts may be called what nodes may not. */
const nameOf = (host: string): string =>
  host
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'node';

/** Several servers of one NATS stand behind commas. */
function parseNats(text: string): string | undefined {
  const parts = text.split(',').map(part => URL.parse(part.trim()));
  const isGood = parts.every(url => url !== null && isBareNats(url) && url.protocol === parts[0]?.protocol);
  return isGood ? text : undefined;
}

const isBareNats = ({ protocol, hostname, pathname, search, hash }: URL): boolean =>
  (protocol === 'nats:' || protocol === 'tls:') && hostname !== '' && pathname.length <= 1 && search + hash === '';

/** Who asks may be seen, how they prove it may not; a name without a password is a token. */
function printNats(text: string): string {
  const urls = text.split(',').flatMap(part => URL.parse(part.trim()) ?? []);
  return urls.map(url => `${url.protocol}//${printUser(url)}${url.host}`).join(',');
}

function printUser({ username, password }: URL): string {
  if (username === '') return '';
  return password === '' ? '***@' : `${username}:***@`;
}

const parseDomain = (text: string): string | undefined => (/^[A-Za-z0-9_-]{1,64}$/.test(text) ? text : undefined);

function parseSeconds(text: string): number | undefined {
  const seconds = Number(/^([0-9]{1,2})s$/.exec(text)?.[1] ?? 0);
  return seconds >= 2 && seconds <= 60 ? seconds : undefined;
}

function parseCapacity(text: string): number | undefined {
  const runs = /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;
  return runs <= 100_000 ? runs : undefined;
}

function parseAdvertised(text: string): string | undefined {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null;
  return url !== null && `${url.origin}/` === url.href ? url.origin : undefined;
}
