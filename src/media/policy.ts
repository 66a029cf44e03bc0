import net from 'node:net';

/** Where relays may dial: the open internet only, also private networks, or (a laboratory) nearly everywhere. */
export type Preset = 'public' | 'lan' | 'lab';

/** `metadata`: link-local and cloud metadata addresses, which no preset allows: they answer with a host's credentials. */
type Reach = 'global' | 'private' | 'metadata' | 'special';
type Range = readonly [address: string, bits: number, reach: Reach];

/** IPv4 addresses that are not global: the IANA special-purpose registry (RFC 6890 and its successors). */
const IPV4_RANGES: readonly Range[] = [
  ['169.254.0.0', 16, 'metadata'],
  ['100.100.100.200', 32, 'metadata'],
  ['10.0.0.0', 8, 'private'],
  ['172.16.0.0', 12, 'private'],
  ['192.168.0.0', 16, 'private'],
  ['0.0.0.0', 8, 'special'],
  ['100.64.0.0', 10, 'special'],
  ['127.0.0.0', 8, 'special'],
  ['192.0.0.0', 24, 'special'],
  ['192.0.2.0', 24, 'special'],
  ['192.88.99.0', 24, 'special'],
  ['198.18.0.0', 15, 'special'],
  ['198.51.100.0', 24, 'special'],
  ['203.0.113.0', 24, 'special'],
  ['224.0.0.0', 3, 'special'],
];

/** IPv6 ranges that decide by themselves. What no row names is global inside 2000::/3 and special outside. */
const IPV6_RANGES: readonly Range[] = [
  ['fd00:ec2::254', 128, 'metadata'],
  ['fe80::', 10, 'metadata'],
  ['fc00::', 7, 'private'],
  ['2001::', 23, 'special'],
  ['2001:db8::', 32, 'special'],
  ['2002::', 16, 'special'],
  ['3fff::', 20, 'special'],
  ['2000::', 3, 'global'],
];

/** IPv6 forms that carry an IPv4 address, where it stands in them, and whether they reach no further than it does. */
const CARRIERS: readonly { prefix: string; bits: number; at: number; transparent: boolean }[] = [
  { prefix: '64:ff9b::', bits: 96, at: 12, transparent: true },
  { prefix: '::ffff:0:0', bits: 96, at: 12, transparent: false },
  { prefix: '::', bits: 96, at: 12, transparent: false },
  { prefix: '2002::', bits: 16, at: 2, transparent: false },
];

/** Whether the preset lets us dial this address. Pure; what is not an IP address is not allowed. */
export function allowsAddress(preset: Preset, ip: string): boolean {
  const reach = reachOf(ip);
  if (reach === undefined || reach === 'metadata') return false;
  if (preset === 'lab') return true;
  return reach === 'global' || (preset === 'lan' && reach === 'private');
}

/** Low ports other than those of the web and of RTSP, and the usual databases over HTTP: nothing there streams. */
export function allowsPort(preset: Preset, scheme: string, port: number): boolean {
  if (preset === 'lab') return true;
  if (port < 1024) return port === 80 || port === 443 || port === 554 || port === 322;
  return !WEB_SCHEMES.has(scheme) || !DATABASE_PORTS.has(port);
}

const WEB_SCHEMES = new Set(['http', 'https', 'ws', 'wss']);
const DATABASE_PORTS = new Set([1433, 1521, 2375, 2379, 3306, 4222, 5432, 6379, 9042, 9200, 11211, 27017]);

function reachOf(ip: string): Reach | undefined {
  // A zone id names an interface of this host: only link-local addresses need one.
  if (ip.includes('%')) return undefined;
  if (net.isIPv4(ip)) return findReach(bytesOfIpv4(ip), IPV4) ?? 'global';
  if (!net.isIPv6(ip)) return undefined;
  const bytes = bytesOfIpv6(ip);
  return carriedReach(bytes) ?? findReach(bytes, IPV6) ?? 'special';
}

/** The reach of an IPv6 address that stands for an IPv4 one; undefined for all others. */
function carriedReach(bytes: readonly number[]): Reach | undefined {
  const carrier = CARRIER_BYTES.find(({ prefix, bits }) => startsWith(bytes, prefix, bits));
  if (carrier === undefined) return undefined;
  const inner = findReach(bytes.slice(carrier.at, carrier.at + 4), IPV4) ?? 'global';
  return carrier.transparent || inner === 'metadata' ? inner : 'special';
}

interface RangeBytes {
  readonly prefix: readonly number[];
  readonly bits: number;
  readonly reach: Reach;
}

function findReach(bytes: readonly number[], ranges: readonly RangeBytes[]): Reach | undefined {
  return ranges.find(({ prefix, bits }) => startsWith(bytes, prefix, bits))?.reach;
}

function startsWith(bytes: readonly number[], prefix: readonly number[], bits: number): boolean {
  for (let i = 0, left = bits; left > 0; i++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if (((bytes[i] ?? 0) & mask) !== ((prefix[i] ?? 0) & mask)) return false;
  }
  return true;
}

function bytesOfIpv4(ip: string): number[] {
  return ip.split('.').map(Number);
}

/** The sixteen bytes of an address that `net.isIPv6` has accepted. */
function bytesOfIpv6(ip: string): number[] {
  const dotted = ip.slice(ip.lastIndexOf(':') + 1);
  const tail = dotted.includes('.') ? bytesOfIpv4(dotted) : [];
  const text = tail.length > 0 ? ip.slice(0, ip.length - dotted.length) : ip;
  const [before = '', after] = text.split('::');
  const head = wordsOf(before);
  const rest = [...wordsOf(after ?? ''), ...tail];
  return [...head, ...new Array<number>(16 - head.length - rest.length).fill(0), ...rest];
}

function wordsOf(text: string): number[] {
  const words = text.split(':').filter(word => word !== '');
  return words.flatMap(word => {
    const value = Number.parseInt(word, 16);
    return [value >> 8, value & 0xff];
  });
}

const IPV4: readonly RangeBytes[] = IPV4_RANGES.map(([ip, bits, reach]) => ({ prefix: bytesOfIpv4(ip), bits, reach }));
const IPV6: readonly RangeBytes[] = IPV6_RANGES.map(([ip, bits, reach]) => ({ prefix: bytesOfIpv6(ip), bits, reach }));
const CARRIER_BYTES = CARRIERS.map(carrier => ({ ...carrier, prefix: bytesOfIpv6(carrier.prefix) }));
