import type { Position } from '../../control/tasks.ts';
import { assetId, assetUrl, isAssetId } from '../../task/asset.ts';
import type { RetryPolicy } from '../../task/retry.ts';
import { type CallbackSpec, destinationUrl, type ListSource, type SourceSpec, type TaskSpec } from '../../task/spec.ts';
import type { Task } from '../../task/task.ts';
import type { CheckUrl, UrlRole } from '../check-url.ts';
import { badParameter, missing } from './error.ts';
import type { Params } from './params.ts';
import { printTime, readTime, unixSeconds } from './time.ts';

export interface ReadOptions {
  readonly checkUrl: CheckUrl;
  readonly regions: readonly string[];
}

const SOURCE_TYPES = ['live', 'vod', 'url'] as const;
export type SourceType = (typeof SOURCE_TYPES)[number];

/** The protocols of old and new pages, each with the schemes it comes over. */
const PROTOCOLS: ReadonlyMap<string, readonly string[]> = new Map([
  ['rtmp', ['rtmp', 'rtmps']],
  ['rtsp', ['rtsp', 'rtsps']],
  ['srt', ['srt']],
  ['http-flv', ['http', 'https']],
  ['flv', ['http', 'https']],
  ['hls', ['http', 'https']],
]);

const INT32 = 2_147_483_647;
const MOST_URLS = 30;
const LONGEST_URL = 2048;
const LONGEST_TARGET = 2000;
const LONGEST_NAME = 256;
const DEFAULT_RETRY: RetryPolicy = { count: 3, intervalMs: 60_000 };

/** Empty counts as absent. */
const readText = (params: Params, name: string, most: number): string | undefined =>
  readBounded(params, name, most) || undefined;

/** "" where it was sent empty. */
function readBounded(params: Params, name: string, most: number): string | undefined {
  const text = params.sent(name);
  if (text !== undefined && text.length > most) throw badParameter(name, `it takes at most ${most} characters`);
  // XML has no way to print them, so they could be taken but not shown.
  if (/\p{Cc}/u.test(text ?? '')) throw badParameter(name, 'it must not hold control characters');
  return text;
}

/** What Create asks for. Throws an AlibabaError that names the first parameter that will not do. */
export function readCreate(params: Params, options: ReadOptions): TaskSpec {
  const region = readRegion(params, options.regions);
  const startAt = requireTime(params, 'StartTime');
  const endAt = requireTime(params, 'EndTime');
  const type = requireSourceType(params);
  const urls = readUrls(params, type, options.checkUrl);
  if (urls === undefined) throw missing('SourceUrls');
  const destination = readDestination(params, options.checkUrl);
  return {
    dialect: 'alibaba',
    name: readText(params, 'TaskName', LONGEST_NAME) ?? '',
    region,
    source: type === 'live' ? liveSource(params, urls) : readList(params, { ...FRESH_LIST, items: itemsOf(urls) }),
    standby: [],
    destination: { kind: 'url', url: destination, args: '' },
    startAt,
    endAt,
    callback: readCallback(params, null, options.checkUrl),
    enabled: true,
    retry: readRetry(params),
    echo: { ...readEcho(params), ...(type === 'live' ? readIdleListSettings(params) : {}) },
  };
}

/** The wish as it would be with what Update carries, whether or not that may be changed now. */
export function readUpdate(params: Params, spec: TaskSpec, options: ReadOptions): TaskSpec {
  const type = sourceType(spec.source);
  const urls = readUrls(params, type, options.checkUrl);
  return {
    ...spec,
    region: readRegion(params, [...options.regions, spec.region]),
    startAt: readInstant(params, 'StartTime') ?? spec.startAt,
    endAt: readInstant(params, 'EndTime') ?? spec.endAt,
    source: readNewSource(params, spec, urls),
    callback: readCallback(params, spec.callback, options.checkUrl),
    echo: { ...spec.echo, ...readNotice(params), ...(type === 'live' ? readIdleListSettings(params) : {}) },
  };
}

const FRESH_LIST: Omit<ListSource, 'items'> = {
  kind: 'list',
  rounds: 1,
  startIndex: 0,
  startSeconds: 0,
  // A restart plays from the head that is configured, wherever the list stood.
  refresh: 'newSource',
};

export function readRegion(params: Params, regions: readonly string[]): string {
  const region = params.required('Region');
  if (!regions.includes(region)) throw badParameter('Region', 'it is not a region of this service');
  return region;
}

function requireTime(params: Params, name: string): number {
  params.required(name);
  const at = readInstant(params, name);
  if (at === undefined) throw missing(name);
  return at;
}

function readInstant(params: Params, name: string): number | undefined {
  const text = readText(params, name, 64);
  if (text === undefined) return undefined;
  const at = readTime(text);
  if (at === undefined) throw badParameter(name, 'it must be a time like 2006-01-02T15:04:05Z');
  return at;
}

function requireSourceType(params: Params): SourceType {
  const text = params.required('SourceType');
  const type = SOURCE_TYPES.find(known => known === text);
  if (type === undefined) throw badParameter('SourceType', `it must be one of ${SOURCE_TYPES.join(', ')}`);
  return type;
}

/** Addresses as the model holds them: media ids of `vod` become addresses of assets. */
function readUrls(params: Params, type: SourceType, checkUrl: CheckUrl): readonly string[] | undefined {
  const given = params.list('SourceUrls');
  if (given === undefined) return undefined;
  if (given.length === 0) throw badParameter('SourceUrls', 'it must hold at least one address');
  if (type === 'live' && given.length > 1)
    throw badParameter('SourceUrls', 'it takes one address where the source is live');
  if (given.length > MOST_URLS) throw badParameter('SourceUrls', `it takes at most ${MOST_URLS} addresses`);
  if (type === 'vod') return given.map(addressOfMedia);
  for (const url of given) requireUrl('SourceUrls', url, type === 'live' ? 'live' : 'file', checkUrl);
  return given;
}

function addressOfMedia(id: string): string {
  if (!isAssetId(id)) throw badParameter('SourceUrls', 'it must hold ids of media assets');
  return assetUrl(id);
}

function requireUrl(name: string, url: string, role: UrlRole, checkUrl: CheckUrl): void {
  const most = role === 'live' || role === 'file' ? LONGEST_URL : LONGEST_TARGET;
  if (url.length > most) throw badParameter(name, `it takes at most ${most} characters`);
  const problem = checkUrl(url, role);
  if (problem !== undefined) throw badParameter(name, problem);
}

function liveSource(params: Params, [url = '']: readonly string[]): SourceSpec {
  const protocol = readText(params, 'SourceProtocol', 64)?.toLowerCase();
  if (protocol === undefined) throw badParameter('SourceProtocol', 'it is required where the source is live');
  if (!PROTOCOLS.has(protocol)) {
    throw badParameter('SourceProtocol', `it must be one of ${[...PROTOCOLS.keys()].join(', ')}`);
  }
  checkProtocol(url, protocol);
  return { kind: 'live', url };
}

/** The protocol of a task stays what it was told to be, and its address fits it. */
function checkProtocol(url: string, protocol: string): void {
  const scheme = url.slice(0, Math.max(0, url.indexOf(':'))).toLowerCase();
  if (PROTOCOLS.get(protocol)?.includes(scheme) === false)
    throw badParameter('SourceUrls', `it must be an address of ${protocol}`);
}

function readNewSource(params: Params, { source, echo }: TaskSpec, urls: readonly string[] | undefined): SourceSpec {
  if (source.kind === 'live') {
    if (urls === undefined) return source;
    const [url = ''] = urls;
    checkProtocol(url, String(echo.SourceProtocol ?? '').toLowerCase());
    return { ...source, url };
  }
  return readList(params, urls === undefined ? source : { ...source, items: mergeItems(source, urls) });
}

const itemsOf = (urls: readonly string[]): ListSource['items'] => urls.map(url => ({ url }));

/** Unchanged addresses keep what this dialect cannot say of them. */
const mergeItems = ({ items }: ListSource, urls: readonly string[]): ListSource['items'] =>
  urls.length === items.length && urls.every((url, at) => items[at]?.url === url) ? items : itemsOf(urls);

/** The list with what the request says in place of what stood. */
function readList(params: Params, before: ListSource): ListSource {
  const repeats = params.integer('RepeatNumber', { min: -1, max: INT32 });
  const startIndex = params.integer('FileIndex', { min: 0, max: INT32 }) ?? before.startIndex;
  if (startIndex >= before.items.length)
    throw badParameter('FileIndex', 'it must be less than the number of SourceUrls');
  return {
    ...before,
    rounds: repeats === undefined ? before.rounds : roundsOf(repeats),
    startIndex,
    startSeconds: params.integer('Offset', { min: 0, max: MOST_OFFSET }) ?? before.startSeconds,
  };
}

const MOST_OFFSET = 2_100_000_000;

/** The service counts what comes after the first time. */
const roundsOf = (repeats: number): ListSource['rounds'] => (repeats < 0 ? 'endless' : repeats + 1);
const repeatsOf = (rounds: ListSource['rounds']): number => (rounds === 'endless' ? -1 : rounds - 1);

/** Settings of lists on a live task are taken, shown again, and mean nothing. */
function readIdleListSettings(params: Params): Record<string, number> {
  const given = {
    RepeatNumber: params.integer('RepeatNumber', { min: -1, max: INT32 }),
    Offset: params.integer('Offset', { min: 0, max: MOST_OFFSET }),
    FileIndex: params.integer('FileIndex', { min: 0, max: INT32 }),
  };
  return withoutAbsent(given);
}

function readDestination(params: Params, checkUrl: CheckUrl): string {
  const url = params.required('DstUrl');
  requireUrl('DstUrl', url, 'destination', checkUrl);
  return url;
}

function readRetry(params: Params): RetryPolicy {
  const count = params.integer('RetryCount', { min: 0, max: INT32 }) ?? DEFAULT_RETRY.count;
  const seconds = params.integer('RetryInterval', { min: 60, max: 300 });
  return { count, intervalMs: seconds === undefined ? DEFAULT_RETRY.intervalMs : seconds * 1000 };
}

/** The three settings of callbacks; what is absent stays, what is sent empty is taken away. */
function readCallback(params: Params, before: CallbackSpec | null, checkUrl: CheckUrl): CallbackSpec | null {
  const given = readBounded(params, 'CallbackUrl', LONGEST_TARGET);
  const url = given === undefined ? (before?.url ?? '') : withScheme(given);
  const key = readBounded(params, 'AuthKey', 64) ?? before?.key ?? '';
  const asked = readBounded(params, 'ReqAuth', 8);
  if (asked !== undefined && !['', 'yes', 'no'].includes(asked)) throw badParameter('ReqAuth', 'it must be yes or no');
  const signed = asked === undefined ? before?.signed : asked === '' ? undefined : asked === 'yes';
  if (url !== '' && url !== before?.url) requireUrl('CallbackUrl', url, 'callback', checkUrl);
  if (key !== '' && !/^[A-Za-z0-9]{16,64}$/.test(key))
    throw badParameter('AuthKey', 'it must be 16 to 64 letters and digits');
  if (signed === true && key === '') throw badParameter('AuthKey', 'it is required where ReqAuth is yes');
  if (url === '' && key === '' && signed === undefined) return null;
  const secret = key === '' ? {} : { key };
  return { url, events: before?.events ?? [], ...secret, ...(signed === undefined ? {} : { signed }) };
}

/** As everywhere here: a receiver that names no scheme is one of http. */
const withScheme = (url: string): string =>
  url === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`;

const readEcho = (params: Params): Record<string, string> => ({
  ...withoutAbsent({ SourceProtocol: readText(params, 'SourceProtocol', 64) }),
  ...readNotice(params),
});

const readNotice = (params: Params): Record<string, string> =>
  withoutAbsent({ NotifyItemSwitch: readText(params, 'NotifyItemSwitch', 64) });

function withoutAbsent<T>(fields: Readonly<Record<string, T | undefined>>): Record<string, T> {
  const there: Record<string, T> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) there[name] = value;
  return there;
}

export const TASK_STATUS = { scheduled: 0, running: 1, recovering: 2, stopped: 3, exited: -1 } as const;

/** What Describe and the list show of a task beside its TaskInfo. */
export function printTask(task: Task, position: Position): Record<string, unknown> {
  const isLive = task.spec.source.kind === 'live';
  return {
    TaskId: task.id,
    TaskStatus: TASK_STATUS[task.status],
    ...withoutAbsent<string | number>({
      TaskInvalidReason: invalidReason(task),
      TaskExitTime: task.exitedAt === null ? undefined : unixSeconds(task.exitedAt),
      TaskExitReason: exitReason(task),
    }),
    CurrentOffset: isLive ? 0 : unixSeconds(position.offsetMs),
    CurrentFileIndex: isLive ? 0 : position.index,
    TaskInfo: printTaskInfo(task),
  };
}

/** Why it does not run as it should: while it is tried again, and once it was stopped. */
export function invalidReason({ status, movedBy, cause }: Task): string | undefined {
  if (status !== 'recovering' && status !== 'stopped') return undefined;
  if (movedBy === 'finished') return undefined;
  // A restart is no failure.
  if (status === 'recovering' && cause === 'user') return undefined;
  switch (cause) {
    case 'source':
      return 'PullStreamFailed';
    case 'destination':
      return 'PushStreamFailed';
    case 'user':
      return 'TriggerByUser';
    default:
      return 'UnknownError';
  }
}

export function exitReason({ status, movedBy }: Task): string | undefined {
  if (status !== 'exited') return undefined;
  return movedBy === 'expired' ? 'OverEndTime' : 'TriggerByUser';
}

/** The task's settings as this dialect can say them. */
export function printTaskInfo({ id, spec }: Task): Record<string, unknown> {
  const { source, callback, retry, echo } = spec;
  return {
    TaskId: id,
    TaskName: spec.name,
    StartTime: printTime(spec.startAt),
    EndTime: printTime(spec.endAt),
    SourceType: sourceType(source),
    ...printProtocol(spec),
    SourceUrls: printUrls(source),
    DstUrl: printTarget(spec),
    CallbackURL: callback?.url ?? '',
    ...(source.kind === 'list' ? printList(source) : pick(echo, 'Offset', 'FileIndex', 'RepeatNumber')),
    ...(retry === null ? {} : { RetryCount: retry.count, RetryInterval: Math.round(retry.intervalMs / 1000) }),
    ...(callback?.key === undefined ? {} : { AuthKey: callback.key }),
    ...(callback?.signed === undefined ? {} : { ReqAuth: callback.signed ? 'yes' : 'no' }),
    ...pick(echo, 'NotifyItemSwitch'),
  };
}

/** A destination that is named and not addressed, as its public address. */
export const printTarget = ({ destination }: TaskSpec): string => destinationUrl(destination, undefined);

export function sourceType(source: SourceSpec): SourceType {
  if (source.kind === 'live') return 'live';
  return source.items.every(({ url }) => assetId(url) !== undefined) ? 'vod' : 'url';
}

/** As its user spelled it; of a task that never said it, the scheme where that is the protocol. */
function printProtocol({ source, echo }: TaskSpec): Record<string, string> {
  if (echo.SourceProtocol !== undefined) return { SourceProtocol: String(echo.SourceProtocol) };
  if (source.kind !== 'live') return {};
  const scheme = source.url.slice(0, source.url.indexOf(':')).toLowerCase();
  return PROTOCOLS.has(scheme) ? { SourceProtocol: scheme } : {};
}

function printUrls(source: SourceSpec): readonly string[] {
  if (source.kind === 'live') return [source.url];
  const urls = source.items.map(({ url }) => url);
  return sourceType(source) === 'vod' ? urls.map(url => assetId(url) ?? url) : urls;
}

const printList = ({ startSeconds, startIndex, rounds }: ListSource): Record<string, number> => ({
  Offset: Math.floor(startSeconds),
  FileIndex: startIndex,
  RepeatNumber: repeatsOf(rounds),
});

const pick = (echo: TaskSpec['echo'], ...names: readonly string[]): Record<string, unknown> =>
  withoutAbsent(Object.fromEntries(names.map(name => [name, echo[name]])));
