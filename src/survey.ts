import { X509Certificate } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, isLoopback, type ListenAddress, printListen } from './config.ts';
import { parseAddress } from './media/address.ts';
import { Dialler } from './media/net.ts';
import { readVersion } from './media/program-version.ts';
import { type Finding, findingsOf } from './ops/doctor/doctor.ts';
import type { ClockFacts, DataFacts, Facts, Listener, NameFacts } from './ops/doctor/facts.ts';
import { inspectSqlite } from './store/inspect.ts';
import { inspectPostgres } from './store/inspect-postgres.ts';

export interface SurveyOptions {
  /** Whether the node itself looks: what it listens at is its own then. */
  readonly isServing: boolean;
  readonly signal: AbortSignal;
}

/** What is well and what is not. */
export const diagnose = async (config: Config, options: SurveyOptions): Promise<readonly Finding[]> =>
  findingsOf(await survey(config, options));

/** Looks at the machine and the installation. Nothing is changed, but for a file that comes and goes in the data directory. */
export async function survey(config: Config, { isServing, signal }: SurveyOptions): Promise<Facts> {
  const [database, listeners, names, tickLateMs, allowed, ffmpeg, srt] = await Promise.all([
    databaseFacts(config),
    listenersOf(config, isServing),
    namesOf(),
    lateTick(),
    dialled(config, signal),
    readVersion('ffmpeg', ['-version'], signal),
    readVersion('srt-live-transmit', ['-version'], signal),
  ]);
  return {
    node: process.versions.node,
    data: dataFacts(config.data),
    database,
    sealKey: sealKeyOf(config),
    openFiles: openFiles(),
    memory: { limitBytes: memoryLimit(), swappedBytes: swapped() },
    processors: availableParallelism(),
    workers: config.workers,
    listeners,
    clock: clockFacts(config.data),
    tickLateMs,
    hasTimeZones: hasTimeZones(),
    names,
    families: families(),
    exposure: {
      listen: printListen(config.listen),
      isLoopback: isLoopback(config.listen.host),
      network: config.network,
      consoleUrl: config.consoleUrl,
    },
    spellings: { tried: spellingsFor(config).length, allowed },
    authorities: config.ca === null ? null : authoritiesIn(config.ca),
    media: config.media === null ? null : { path: config.media, error: wordsOf(() => readdirSync(config.media ?? '')) },
    programs: { ffmpeg, srt },
    hasConsole: existsSync(join(import.meta.dirname, '..', 'console', 'dist', 'index.html')),
    buffers: {
      sendBytes: numberIn('/proc/sys/net/core/wmem_max'),
      receiveBytes: numberIn('/proc/sys/net/core/rmem_max'),
    },
    localPorts: localPorts(),
  };
}

function dataFacts(path: string): DataFacts {
  const exists = existsSync(path);
  const space = seen(() => statfsSync(exists ? path : join(path, '..')));
  return {
    path,
    exists,
    error: exists ? wordsOf(() => touch(path)) : '',
    mode: exists ? statSync(path).mode : null,
    filesystem: space?.type ?? null,
    freeBytes: space === null ? null : space.bavail * space.bsize,
    freeFiles: space?.ffree ?? null,
  };
}

/** What may be written by its mode may still be refused by a full or a frozen file system. */
function touch(path: string): void {
  accessSync(path, constants.W_OK);
  const file = join(path, `.doctor.${process.pid}`);
  writeFileSync(file, 'x', { mode: 0o600 });
  rmSync(file, { force: true });
}

const databaseFacts = async ({ database, data }: Config): Promise<Facts['database']> =>
  database === null ? inspectSqlite(join(data, 'millrace.db')) : inspectPostgres(database);

const sealKeyOf = ({ sealKeyFile, data }: Config): Facts['sealKey'] =>
  seen(() => {
    const { mode, size } = statSync(sealKeyFile ?? join(data, 'seal.key'));
    // One that is handed in may be read by a group.
    return { mode: sealKeyFile === null ? mode : mode & ~0o040, bytes: size };
  });

/** The soft limit, which Node has raised to the hard one when it started. */
function openFiles(): number | null {
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(textIn('/proc/self/limits')) ?? [];
  return /^\d+$/.test(soft) ? Number(soft) : null;
}

/** Of the group of processes this one belongs to, or of the machine. */
function memoryLimit(): number | null {
  const limit = process.constrainedMemory();
  const total = kibIn('MemTotal');
  if (limit > 0 && (total === null || limit < total)) return limit;
  return total;
}

function swapped(): number | null {
  const [total, free] = [kibIn('SwapTotal'), kibIn('SwapFree')];
  return total === null || free === null ? null : total - free;
}

/** A line of /proc/meminfo, in bytes. */
function kibIn(name: string): number | null {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(textIn('/proc/meminfo')) ?? [];
  return kib === undefined ? null : Number(kib) * 1024;
}

function localPorts(): number | null {
  const [, from, to] = /^(\d+)\s+(\d+)/.exec(textIn('/proc/sys/net/ipv4/ip_local_port_range')) ?? [];
  return from === undefined ? null : Number(to) - Number(from) + 1;
}

async function listenersOf(config: Config, isServing: boolean): Promise<readonly Listener[]> {
  const isUp = isServing || (await isNode(config.listen));
  const rtmp = config.rtmp === null ? [] : [{ name: 'rtmp', option: 'rtmp', at: config.rtmp } as const];
  return Promise.all(
    [{ name: 'api', option: 'listen', at: config.listen } as const, ...rtmp].map(async ({ name, option, at }) => ({
      name,
      option,
      address: printListen(at),
      state: await stateOf(at, isUp),
    })),
  );
}

/** Whether a node answers there. It may be another one than that of the data directory: then its port is taken all the same. */
async function isNode({ host, port }: ListenAddress): Promise<boolean> {
  const at = printListen({ host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port });
  try {
    const answer = await fetch(`http://${at}/healthz`, { signal: AbortSignal.timeout(1_000) });
    const told: unknown = await answer.json();
    return typeof told === 'object' && told !== null && 'version' in told && 'pid' in told;
  } catch {
    return false;
  }
}

function stateOf({ host, port }: ListenAddress, isUp: boolean): Promise<Listener['state']> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', error => {
      const isTaken = 'code' in error && error.code === 'EADDRINUSE';
      resolve(isTaken ? (isUp ? 'ours' : 'taken') : 'refused');
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('free')));
  });
}

/** Where those that keep clocks leave a mark. */
const CLOCK_MARKS = [
  '/run/systemd/timesync/synchronized',
  '/run/chrony/chronyd.pid',
  '/run/ntpd.pid',
  '/run/ntpsec/ntpd.pid',
];

function clockFacts(data: string): ClockFacts {
  const newest = Math.max(
    0,
    ...['millrace.db', 'millrace.db-wal'].map(name => seen(() => statSync(join(data, name)).mtimeMs) ?? 0),
  );
  return {
    isKept: existsSync('/run/systemd') || existsSync('/run/chrony') ? CLOCK_MARKS.some(mark => existsSync(mark)) : null,
    behindMs: Math.max(0, newest - Date.now()),
  };
}

async function lateTick(): Promise<number> {
  const startedMs = performance.now();
  await sleep(50);
  return Math.max(0, performance.now() - startedMs - 50);
}

/** Shanghai has been eight hours ahead for as long as there are streams. */
function hasTimeZones(): boolean {
  const [at, zone] = [new Date('2026-07-01T00:00:00Z'), 'Asia/Shanghai'];
  return new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', hour12: false }).format(at) === '08';
}

/** No such name may ever be given to anybody (RFC 6761). */
const NO_NAME = 'millrace-doctor.invalid';
const NAME_TRY_MS = 1_500;

async function namesOf(): Promise<NameFacts> {
  const resolver = new Resolver({ timeout: NAME_TRY_MS, tries: 1 });
  const startedMs = performance.now();
  const told = (answer: NameFacts['answer'], detail = ''): NameFacts => ({
    servers: resolver.getServers().length,
    tookMs: performance.now() - startedMs,
    answer,
    detail,
  });
  try {
    return told('address', (await resolver.resolve4(NO_NAME)).join(', '));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return code === 'ENOTFOUND' || code === 'ENODATA' ? told('none') : told('failed', code);
  }
}

function families(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap(all => all ?? []);
  return [...new Set(addresses.filter(({ internal }) => !internal).map(({ family }) => family))].sort();
}

const METADATA = [
  ...['169.254.169.254', '0xa9fea9fe', '2852039166', '169.254.43518', '0251.0376.0251.0376', '１６９.254.169.254'],
  ...['[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]', '[fd00:ec2::254]', '100.100.100.200', '[fe80::1]'],
];
const THIS_MACHINE = [
  ...['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', 'localhost', 'localhost.', '0.0.0.0'],
  ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]'],
];

/** No policy lets metadata be reached; all but one keep the machine itself to itself. */
const spellingsFor = ({ network }: Config): readonly string[] =>
  network === 'lab' ? METADATA : [...METADATA, ...THIS_MACHINE];

/** Those that a relay would dial. Judged by the one who dials, on the address that a name stands for. */
async function dialled(config: Config, signal: AbortSignal): Promise<readonly string[]> {
  const dialler = new Dialler({ preset: config.network, dnsTimeoutMs: NAME_TRY_MS });
  const tried = spellingsFor(config).map(async host => {
    try {
      await dialler.locate(parseAddress(`http://${host}/`, ['http']), { side: 'pull', signal });
      return [host];
    } catch {
      return [];
    }
  });
  return (await Promise.all(tried)).flat();
}

const DAY_MS = 86_400_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Of the one that ends first. */
function authoritiesIn(file: string): Facts['authorities'] {
  try {
    const all = readFileSync(file, 'utf8').match(CERTIFICATE) ?? [];
    if (all.length === 0) return { daysLeft: null, error: `${file} holds no certificate` };
    const ends = all.map(pem => Date.parse(new X509Certificate(pem).validTo));
    return { daysLeft: Math.floor((Math.min(...ends) - Date.now()) / DAY_MS), error: '' };
  } catch (error) {
    return { daysLeft: null, error: `${file}: ${error instanceof Error ? error.message : error}` };
  }
}

function numberIn(file: string): number | null {
  const text = textIn(file).trim();
  return /^\d+$/.test(text) ? Number(text) : null;
}

const textIn = (file: string): string => seen(() => readFileSync(file, 'utf8')) ?? '';

function seen<Thing>(look: () => Thing): Thing | null {
  try {
    return look();
  } catch {
    return null;
  }
}

/** Why it does not go; "" where it does. */
function wordsOf(act: () => unknown): string {
  try {
    act();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
