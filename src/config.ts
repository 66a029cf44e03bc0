import { availableParallelism, hostname } from 'node:os';
import { resolve } from 'node:path';
import { type ClusterConfig, printCluster, readCluster } from './config-cluster.ts';
import { type Found, findValues, type Origin, type Surroundings } from './config-sources.ts';
import { OPTIONS, type OptionName } from './options.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** Which addresses the node may dial: see docs/configuration.md. */
export type Network = 'public' | 'lan' | 'lab';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A key that automation hands in: it stands from the first start on. */
export interface GivenKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly projectId: string | null;
}

export interface Config extends ClusterConfig {
  /** Absolute. */
  readonly data: string;
  /** postgres://…, with its password; null: a file in `data`. */
  readonly database: string | null;
  /** Absolute: a key that is given; null: the one in `data`. */
  readonly sealKeyFile: string | null;
  readonly listen: ListenAddress;
  /** http(s)://HOST[:PORT], where people open the console; null: where the API listens. */
  readonly consoleUrl: string | null;
  /** null: no built-in RTMP server. */
  readonly rtmp: ListenAddress | null;
  readonly workers: number;
  readonly network: Network;
  /** Absolute: where `media://` files lie; null: there are none. */
  readonly media: string | null;
  /** Absolute: certificates to trust besides the system's; null: there are none. */
  readonly ca: string | null;
  /** Ports at which tasks may wait for SRT callers, both included; null: none. */
  readonly srtListen: { readonly from: number; readonly to: number } | null;
  readonly logLevel: LogLevel;
  /** `listen` null: only the API tells them. `tasks`: how many of them have figures of their own. */
  readonly metrics: { readonly listen: ListenAddress | null; readonly tasks: number };
  /** Absolute; null: none is written. */
  readonly readyFile: string | null;
  readonly region: string;
  /** Whether a task with counted tries is tried between them too. */
  readonly eagerRecovery: boolean;
  /** When a live source has failed, and what stands by for it. */
  readonly cover: {
    readonly silentMs: number;
    readonly warmSilentMs: number;
    readonly floorKbit: number;
    readonly warm: boolean;
    readonly delayMs: number;
    /** `off`, `hold`, or the address of a file. */
    readonly slate: string;
  };
  /** What becomes of a second task that pushes where another one does that has not ended. */
  readonly sameDestination: 'wait' | 'refuse';
  /** Whether the Alibaba dialect lets the end of a task on air be moved: the cloud's pages contradict each other. */
  readonly alibabaEndOnAir: 'fixed' | 'free';
  /** How long events can be read. */
  readonly keepEventsMs: number;
  /** What the callbacks of the Alibaba dialect call its two events. */
  readonly alibabaEvents: { readonly running: string; readonly exit: string };
  /** How many calls of one operation an account may make in a second, by dialect; 0: any number. */
  readonly callsPerSecond: { readonly alibaba: number; readonly huawei: number; readonly native: number };
  readonly givenKey: GivenKey | null;
  readonly origins: Readonly<Record<OptionName, Origin>>;
}

/** The caller's mistakes, all of them at once. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** What the process stands in: the one place that reads the environment. */
export const surroundings = (): Pick<Surroundings, 'env' | 'cwd' | 'cores'> => ({
  env: process.env,
  cwd: process.cwd(),
  cores: availableParallelism(),
});

/** Flags before environment before file before defaults. Throws BadConfig with every problem there is. */
export function readConfig(from: Surroundings): Config {
  const problems: string[] = [];
  const reader = new Reader(findValues(from, problems), from.cwd, problems);
  const config = assemble(reader, from.cores);
  if (config.nats !== null && config.database === null)
    problems.push('nodes that agree through NATS share a database: give --nats and --database together');
  if (problems.length > 0) throw new BadConfig(problems);
  return config;
}

/** Parses what was found for each option, and keeps where that was. */
class Reader {
  readonly origins: Record<OptionName, Origin>;
  readonly cwd: string;
  readonly problems: string[];
  readonly #found: ReadonlyMap<OptionName, Found>;

  constructor(found: ReadonlyMap<OptionName, Found>, cwd: string, problems: string[]) {
    this.#found = found;
    this.cwd = cwd;
    this.problems = problems;
    // Filled for every option by the loop's own list, so the cast states what is known.
    this.origins = Object.fromEntries(
      OPTIONS.map(({ name }) => [name, found.get(name)?.origin ?? 'default']),
    ) as Record<OptionName, Origin>;
  }

  text(name: OptionName): string | undefined {
    return this.#found.get(name)?.text;
  }

  path(name: OptionName): string | undefined {
    const found = this.#found.get(name);
    return found && resolve(found.base, found.text);
  }

  /** The parsed value, or the fallback where there is none or where it breaks its rule (which is then a problem). */
  parsed<T>(name: OptionName, fallback: T, parse: (text: string) => T | undefined, rule: string): T {
    const found = this.#found.get(name);
    if (found === undefined) return fallback;
    const value = parse(found.text);
    if (value !== undefined) return value;
    const place = found.origin === `--${name}` ? found.origin : `${name} (from ${found.origin})`;
    this.problems.push(`${place}: ${isSecret(name) ? 'the value' : `"${found.text}"`} is not ${rule}`);
    return fallback;
  }
}

const isSecret = (name: OptionName): boolean => OPTIONS.some(option => option.name === name && option.secret);

function assemble(reader: Reader, cores: number): Config {
  const listen = reader.parsed('listen', { host: '127.0.0.1', port: 8080 }, parseListen, LISTEN_RULE);
  const rtmp = reader.parsed('rtmp', { host: '127.0.0.1', port: 1935 }, parseListenOrOff, `${LISTEN_RULE}, or off`);
  const network = reader.parsed<Network>(
    'network',
    isLoopback(listen.host) ? 'lab' : 'public',
    text => NETWORKS.find(word => word === text),
    `one of ${NETWORKS.join(', ')}`,
  );
  return {
    data: reader.path('data') ?? resolve(reader.cwd, 'data'),
    database: reader.parsed('database', null, parseDatabase, DATABASE_RULE),
    sealKeyFile: reader.path('seal-key-file') ?? null,
    listen,
    consoleUrl: reader.parsed('console-url', null, parseOrigin, 'an address like https://millrace.example.com'),
    rtmp,
    workers: reader.parsed('workers', Math.min(4, Math.max(1, cores)), parseWorkers, 'a whole number from 1 to 64'),
    network,
    media: reader.path('media') ?? null,
    ca: reader.path('ca') ?? null,
    srtListen: reader.parsed('srt-listen', null, parsePorts, PORTS_RULE),
    logLevel: reader.parsed<LogLevel>(
      'log-level',
      'info',
      text => LEVELS.find(word => word === text),
      `one of ${LEVELS.join(', ')}`,
    ),
    metrics: readMetrics(reader),
    readyFile: reader.path('ready-file') ?? null,
    region: reader.parsed('region', 'default', parseRegion, 'a name of 1 to 64 letters, digits, "-" or "_"'),
    ...readCluster(reader, hostname()),
    eagerRecovery: reader.parsed('eager-recovery', true, parseSwitch, 'on or off'),
    cover: readCover(reader),
    sameDestination: reader.parsed<Config['sameDestination']>(
      'same-destination',
      'wait',
      text => (text === 'wait' || text === 'refuse' ? text : undefined),
      'wait or refuse',
    ),
    alibabaEndOnAir: reader.parsed<Config['alibabaEndOnAir']>(
      'alibaba-end-on-air',
      'fixed',
      text => (text === 'fixed' || text === 'free' ? text : undefined),
      'fixed or free',
    ),
    keepEventsMs: reader.parsed('keep-events', 90, parseDays, 'a number of days from 1d to 3650d') * DAY_MS,
    alibabaEvents: {
      running: reader.parsed('alibaba-running-event', 'LivePullToPushRunning', parseEventName, EVENT_NAME_RULE),
      exit: reader.parsed('alibaba-exit-event', 'LivePullToPushExit', parseEventName, EVENT_NAME_RULE),
    },
    callsPerSecond: {
      alibaba: reader.parsed('alibaba-calls-per-second', 10, parseRate, RATE_RULE),
      huawei: reader.parsed('huawei-calls-per-second', 0, parseRate, RATE_RULE),
      native: reader.parsed('native-calls-per-second', 100, parseRate, RATE_RULE),
    },
    givenKey: readGivenKey(reader),
    origins: reader.origins,
  };
}

const DATABASE_RULE = 'an address like postgres://USER:PASSWORD@HOST:PORT/NAME';

function parseDatabase(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, pathname } = new URL(text);
  const isPostgres = protocol === 'postgres:' || protocol === 'postgresql:';
  return isPostgres && hostname !== '' && /^\/[^/]+$/.test(pathname) ? text : undefined;
}

/** Who asks may be seen, how they prove it may not. */
function printDatabase(text: string): string {
  const { username, host, pathname } = new URL(text);
  return `postgres://${username === '' ? '' : `${username}:***@`}${host}${pathname}`;
}

const NETWORKS: readonly Network[] = ['public', 'lan', 'lab'];
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];
const LISTEN_RULE = 'an address like 127.0.0.1:8080 or [::1]:8080';

export function parseListen(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2];
  const port = Number(match[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** Without a path: the console is at the root. */
function parseOrigin(text: string): string | undefined {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null;
  const isPlain = url !== null && `${url.origin}/` === url.href;
  return isPlain ? url.origin : undefined;
}

const parseListenOrOff = (text: string): ListenAddress | null | undefined =>
  text === 'off' ? null : parseListen(text);

export const printListen = ({ host, port }: ListenAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host);

function parseWorkers(text: string): number | undefined {
  const count = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= 64 ? count : undefined;
}

const parseSwitch = (text: string): boolean | undefined =>
  text === 'on' || text === 'off' ? text === 'on' : undefined;

const PORTS_RULE = 'a port from 1024 to 65535, or two with a hyphen between them';

function parsePorts(text: string): Config['srtListen'] | undefined {
  const [, from, to = from] = /^([0-9]{4,5})(?:-([0-9]{4,5}))?$/.exec(text) ?? [];
  const range = { from: Number(from), to: Number(to) };
  return range.from >= 1_024 && range.from <= range.to && range.to <= 65_535 ? range : undefined;
}

export const printPorts = (range: Config['srtListen']): string => (range === null ? '' : `${range.from}-${range.to}`);

const RATE_RULE = 'a whole number from 0 to 10000';

function parseRate(text: string): number | undefined {
  const rate = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return rate <= 10_000 ? rate : undefined;
}

const DAY_MS = 24 * 3_600_000;

function parseDays(text: string): number | undefined {
  const days = Number(/^([0-9]{1,4})d$/.exec(text)?.[1] ?? 0);
  return days >= 1 && days <= 3_650 ? days : undefined;
}

const readMetrics = (reader: Reader): Config['metrics'] => ({
  listen: reader.parsed('metrics-listen', null, parseListenOrOff, `${LISTEN_RULE}, or off`),
  tasks: reader.parsed('metrics-tasks', 0, within(0, 10_000), 'a whole number from 0 to 10000'),
});

const SILENCE_RULE = 'whole milliseconds from 500 to 60000';

const readCover = (reader: Reader): Config['cover'] => ({
  silentMs: reader.parsed('source-silence', 5_000, within(500, 60_000), SILENCE_RULE),
  warmSilentMs: reader.parsed('source-silence-warm', 2_000, within(500, 60_000), SILENCE_RULE),
  floorKbit: reader.parsed('source-floor', 0, within(0, 1_000_000), 'whole kbit/s from 0 to 1000000'),
  warm: reader.parsed('warm-standby', false, parseSwitch, 'on or off'),
  delayMs: reader.parsed('delay-budget', 0, within(0, 30_000), 'whole milliseconds from 0 to 30000'),
  slate: reader.parsed('slate', 'off', parseSlate, 'off, hold, media://FILE or asset://ID'),
});

/** Whether the file is there and will do is seen when it is wanted. */
const parseSlate = (text: string): string | undefined =>
  text === 'off' || text === 'hold' || /^(media|asset):\/\/[^/\s].*$/.test(text) ? text : undefined;

/** A whole number between the two, both included. */
const within =
  (least: number, most: number) =>
  (text: string): number | undefined => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  };

const parseRegion = (text: string): string | undefined => (/^[A-Za-z0-9_-]{1,64}$/.test(text) ? text : undefined);

const EVENT_NAME_RULE = 'a name of 1 to 64 letters, digits, "-", "_" or "."';

const parseEventName = (text: string): string | undefined => (/^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : undefined);

/** Values are never repeated here: one of them is a secret. */
function readGivenKey(reader: Reader): GivenKey | null {
  const accessKey = reader.text('access-key');
  const secretKey = reader.text('secret-key');
  const projectId = reader.text('project-id') ?? null;
  if (accessKey === undefined && secretKey === undefined && projectId === null) return null;
  if (accessKey === undefined || secretKey === undefined) {
    reader.problems.push(
      'MILLRACE_ACCESS_KEY and MILLRACE_SECRET_KEY (and MILLRACE_PROJECT_ID) go together: set both or neither',
    );
    return null;
  }
  const rule = (name: string, text: string, shape: RegExp, said: string) =>
    shape.test(text) || reader.problems.push(`${name} is not ${said}`);
  rule('MILLRACE_ACCESS_KEY', accessKey, /^[A-Za-z0-9_-]{4,128}$/, '4 to 128 letters, digits, "-" or "_"');
  rule('MILLRACE_SECRET_KEY', secretKey, /^[\x21-\x7e]{8,256}$/, '8 to 256 printable characters without spaces');
  rule('MILLRACE_PROJECT_ID', projectId ?? 'x', /^[A-Za-z0-9_-]{1,64}$/, '1 to 64 letters, digits, "-" or "_"');
  return { accessKey, secretKey, projectId };
}

export interface ConfigLine {
  readonly name: OptionName;
  readonly value: string;
  readonly origin: Origin;
}

/** The whole configuration for people, secrets masked. */
export function printConfig(config: Config): readonly ConfigLine[] {
  const values: Record<OptionName, string> = {
    data: config.data,
    database: config.database === null ? '' : printDatabase(config.database),
    'seal-key-file': config.sealKeyFile ?? '',
    listen: printListen(config.listen),
    'console-url': config.consoleUrl ?? '',
    rtmp: config.rtmp === null ? 'off' : printListen(config.rtmp),
    workers: String(config.workers),
    network: config.network,
    media: config.media ?? '',
    ca: config.ca ?? '',
    'srt-listen': printPorts(config.srtListen),
    'log-level': config.logLevel,
    'metrics-listen': config.metrics.listen === null ? 'off' : printListen(config.metrics.listen),
    'metrics-tasks': String(config.metrics.tasks),
    'ready-file': config.readyFile ?? '',
    region: config.region,
    ...printCluster(config),
    'eager-recovery': config.eagerRecovery ? 'on' : 'off',
    'source-silence': String(config.cover.silentMs),
    'source-silence-warm': String(config.cover.warmSilentMs),
    'source-floor': String(config.cover.floorKbit),
    'warm-standby': config.cover.warm ? 'on' : 'off',
    'delay-budget': String(config.cover.delayMs),
    slate: config.cover.slate,
    'keep-events': `${config.keepEventsMs / DAY_MS}d`,
    'same-destination': config.sameDestination,
    'alibaba-end-on-air': config.alibabaEndOnAir,
    'alibaba-running-event': config.alibabaEvents.running,
    'alibaba-exit-event': config.alibabaEvents.exit,
    'alibaba-calls-per-second': String(config.callsPerSecond.alibaba),
    'huawei-calls-per-second': String(config.callsPerSecond.huawei),
    'native-calls-per-second': String(config.callsPerSecond.native),
    'access-key': config.givenKey?.accessKey ?? '',
    'secret-key': config.givenKey === null ? '' : '***',
    'project-id': config.givenKey?.projectId ?? '',
  };
  return OPTIONS.map(({ name }) => ({ name, value: values[name], origin: config.origins[name] }));
}
