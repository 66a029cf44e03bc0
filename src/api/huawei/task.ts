import {
  type CallbackSpec,
  type Destination,
  type ListSource,
  LONGEST_SPAN_MS,
  type SourceSpec,
  type SpecChange,
  type TaskSpec,
} from '../../task/spec.ts';
import type { Task } from '../../task/task.ts';
import type { CheckUrl, UrlRole } from '../check-url.ts';
import type { Json } from '../json.ts';
import { badParameter } from './error.ts';
import { checkWord, Fields } from './fields.ts';
import { printTime, readTime } from './time.ts';

export interface ReadOptions {
  readonly checkUrl: CheckUrl;
  readonly now: number;
  /** Stands where the request names no region. */
  readonly region: string;
}

const SOURCE_TYPES = ['PullLivePushLive', 'PullVodPushLive'] as const;
const EVENTS = [
  'TaskStart',
  'TaskExit',
  'VodSourceFileStart',
  'VodSourceFileFinish',
  'ResetTaskConfig',
  'TaskAlarm',
] as const;
const REFRESH = {
  immediate_new_source: 'newSource',
  continue_from_file_start: 'fileStart',
  continue_from_break_point: 'breakpoint',
} as const satisfies Record<string, ListSource['refresh']>;
const REFRESH_TYPES = ['immediate_new_source', 'continue_from_file_start', 'continue_from_break_point'] as const;

const URL_TEXT = { min: 1, max: 2048 };
const MOST_SECONDS = 2_100_000_000;
const INT32 = 2_147_483_647;
export const TASK_ID = { min: 1, max: 128 };

/** The body of POST as a spec. Throws a HuaweiError that names the first field that will not do. */
export function readCreate(body: Json, options: ReadOptions): TaskSpec {
  const fields = new Fields(body);
  const region = fields.text('region', { min: 1, max: 64 }) ?? options.region;
  const type = fields.oneOf('source_type', SOURCE_TYPES);
  if (type === undefined) throw badParameter('source_type', `must be one of ${SOURCE_TYPES.join(', ')}`);
  const isLive = type === 'PullLivePushLive';
  const urls = readUrls(fields, { name: 'source_urls', min: 1, role: isLive ? 'live' : 'file' }, options.checkUrl);
  if (urls === undefined) throw badParameter('source_urls', 'is required');
  const source = isLive ? liveSource(urls) : readList(fields, { ...FRESH_LIST, items: itemsOf(urls) });
  const startAt = readInstant(fields, 'start_time') ?? Math.floor(options.now / 1000) * 1000;
  return {
    dialect: 'huawei',
    name: '',
    region,
    source,
    standby: readStandby(fields, options.checkUrl),
    destination: readDestination(fields, options.checkUrl),
    startAt,
    endAt: readInstant(fields, 'end_time') ?? startAt + LONGEST_SPAN_MS,
    callback: readCallback(fields, options.checkUrl),
    enabled: true,
    retry: null,
    echo: {},
  };
}

const MODIFIABLE_SWITCH = ['pause', 'enable'] as const;

/** The id of the task that the body of PUT is about: read first, for the rest depends on what kind of task it is. */
export function readTaskId(body: Json): string {
  const taskId = new Fields(body).text('task_id', TASK_ID);
  if (taskId === undefined) throw badParameter('task_id', 'is required');
  return taskId;
}

/** What the body of PUT asks of this task. Fields that only file tasks have are ignored on a live one. */
export function readModify(body: Json, spec: TaskSpec, checkUrl: CheckUrl): SpecChange {
  const fields = new Fields(body);
  const wanted = fields.oneOf('status', MODIFIABLE_SWITCH);
  const source = readNewSource(fields, spec.source, checkUrl);
  const startAt = readInstant(fields, 'start_time');
  const endAt = readInstant(fields, 'end_time');
  const events = readEvents(fields);
  return {
    ...(wanted === undefined ? {} : { enabled: wanted === 'enable' }),
    ...(source === spec.source ? {} : { source }),
    ...(startAt === undefined ? {} : { startAt }),
    ...(endAt === undefined ? {} : { endAt }),
    ...(events === undefined ? {} : { callback: callbackOf({ url: '', ...spec.callback }, events) }),
  };
}

function readNewSource(fields: Fields, source: SourceSpec, checkUrl: CheckUrl): SourceSpec {
  const role = source.kind === 'live' ? 'live' : 'file';
  const urls = readUrls(fields, { name: 'source_urls', min: 1, role }, checkUrl);
  if (source.kind === 'live') return urls === undefined ? source : liveSource(urls);
  const listed = LIST_FIELDS.some(name => fields.has(name));
  if (urls === undefined && !listed) return source;
  return readList(fields, urls === undefined ? source : { ...source, items: itemsOf(urls) });
}

const LIST_FIELDS = ['vod_loop_time', 'vod_refresh_type', 'vod_start_video_index', 'vod_start_video_time'];

const FRESH_LIST: Omit<ListSource, 'items'> = {
  kind: 'list',
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};

/** This dialect knows nothing of a file but its address. */
const itemsOf = (urls: readonly string[]): ListSource['items'] => urls.map(url => ({ url }));

function liveSource(urls: readonly string[]): SourceSpec {
  const [url, ...others] = urls;
  if (url === undefined || others.length > 0) {
    throw badParameter('source_urls', 'must hold exactly one URL for PullLivePushLive');
  }
  return { kind: 'live', url };
}

/** The list with what the request says in place of what stood. */
function readList(fields: Fields, before: ListSource): ListSource {
  const refresh = fields.oneOf('vod_refresh_type', REFRESH_TYPES);
  const startIndex = fields.integer('vod_start_video_index', 0, INT32) ?? before.startIndex;
  if (startIndex >= before.items.length) {
    throw badParameter('vod_start_video_index', 'must be less than the number of source_urls');
  }
  return {
    ...before,
    rounds: readRounds(fields) ?? before.rounds,
    startIndex,
    startSeconds: fields.integer('vod_start_video_time', 0, MOST_SECONDS) ?? before.startSeconds,
    refresh: refresh === undefined ? before.refresh : REFRESH[refresh],
  };
}

function readRounds(fields: Fields): number | 'endless' | undefined {
  const text = fields.text('vod_loop_time', { max: 10 });
  if (text === undefined) return undefined;
  if (text === '' || text === '-1') return 'endless';
  const rounds = /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  if (!(rounds <= INT32)) throw badParameter('vod_loop_time', `must be "-1" or a count from "1" to "${INT32}"`);
  return rounds;
}

interface UrlsWish {
  readonly name: string;
  readonly min: number;
  readonly role: UrlRole;
}

function readUrls(fields: Fields, { name, min, role }: UrlsWish, checkUrl: CheckUrl): string[] | undefined {
  const urls = fields.texts(name, { min, max: 30 }, URL_TEXT);
  for (const url of urls ?? []) requireUrl(name, url, role, checkUrl);
  return urls;
}

function requireUrl(name: string, url: string, role: UrlRole, checkUrl: CheckUrl): void {
  const problem = checkUrl(url, role);
  if (problem !== undefined) throw badParameter(name, problem);
}

/** The pages limit the standby to file tasks, against their own sample; it is taken for both. */
function readStandby(fields: Fields, checkUrl: CheckUrl): readonly string[] {
  const type = fields.text('backup_source_type', { max: 64 }) ?? '';
  if (type !== '') checkWord('backup_source_type', type, ['PullLivePushLive']);
  return readUrls(fields, { name: 'backup_source_urls', min: 0, role: 'live' }, checkUrl) ?? [];
}

function readDestination(fields: Fields, checkUrl: CheckUrl): Destination {
  const url = fields.text('destination_url', { max: 2048 }) ?? '';
  const domain = fields.text('domain', { max: 255 }) ?? '';
  const app = fields.text('app_name', { max: 128 }) ?? '';
  const stream = fields.text('stream_name', { max: 512 }) ?? '';
  const args = readArgs(fields);
  if (url === '') return ingestDestination(domain, app, stream, args);
  if (domain !== '' || app !== '' || stream !== '') {
    throw badParameter('destination_url', 'excludes domain, app_name and stream_name');
  }
  requireUrl('destination_url', url, 'destination', checkUrl);
  return { kind: 'url', url, args };
}

function ingestDestination(domain: string, app: string, stream: string, args: string): Destination {
  if (domain === '' && app === '' && stream === '') {
    throw badParameter('destination_url', 'give it, or domain, app_name and stream_name together');
  }
  for (const [name, value] of Object.entries({ domain, app_name: app, stream_name: stream })) {
    if (value === '') throw badParameter(name, 'is required when destination_url is not given');
  }
  if (!isHostName(domain)) throw badParameter('domain', 'must be a host name');
  requireNamePart('app_name', app);
  requireNamePart('stream_name', stream);
  return { kind: 'ingest', domain: domain.toLowerCase(), app, stream, args };
}

const isHostName = (text: string): boolean =>
  text.length <= 253 && text.split('.').every(label => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));

/** These become one part of a path each: what would end the part or the path has no place in them. */
function requireNamePart(name: string, value: string): void {
  if (!/^[!-~]+$/.test(value) || /[/\\?#]/.test(value) || value === '.' || value === '..') {
    throw badParameter(name, 'must be printable ASCII without spaces, "/", "\\", "?" or "#"');
  }
}

/** Query-like text that is appended to the push address as it is. */
function readArgs(fields: Fields): string {
  const args = fields.text('push_args', { max: 2048 }) ?? '';
  if (!/^[!-~]*$/.test(args) || /[\\#]/.test(args)) {
    throw badParameter('push_args', 'must be printable ASCII without spaces, "\\" or "#"');
  }
  return args;
}

function readInstant(fields: Fields, name: string): number | undefined {
  const text = fields.text(name, { max: 64 });
  if (text === undefined) return undefined;
  const at = readTime(text);
  if (at === undefined) {
    throw badParameter(name, 'must be a time like 2006-01-02T15:04:05Z in the years 2000 to 2100');
  }
  return at;
}

function readCallback(fields: Fields, checkUrl: CheckUrl): CallbackSpec | null {
  const given = fields.text('callback_url', { max: 2048 }) ?? '';
  const events = readEvents(fields) ?? [];
  if (given === '') return callbackOf({ url: '' }, events);
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  requireUrl('callback_url', url, 'callback', checkUrl);
  return callbackOf({ url }, events);
}

const callbackOf = (callback: Omit<CallbackSpec, 'events'>, events: readonly string[]): CallbackSpec | null =>
  callback.url === '' && events.length === 0 ? null : { ...callback, events };

function readEvents(fields: Fields): readonly string[] | undefined {
  const given = fields.texts('callback_events', { min: 0, max: 64 }, { max: 64 });
  return given && [...new Set(given.map(event => checkWord('callback_events', event, EVENTS)))];
}

/** What GET shows of a task. Times and counts that the service types as text are text. */
export function printTask(task: Task): Record<string, unknown> {
  const { spec } = task;
  return {
    task_id: task.id,
    status: printStatus(task),
    create_time: printTime(task.createdAt),
    region: spec.region,
    source_type: sourceType(spec),
    source_urls: sourceUrls(spec),
    ...printDestination(spec.destination),
    start_time: printTime(spec.startAt),
    end_time: printTime(spec.endAt),
    callback_events: spec.callback?.events ?? [],
    callback_url: spec.callback?.url ?? '',
    ...(spec.standby.length === 0 ? {} : { backup_source_type: 'PullLivePushLive', backup_source_urls: spec.standby }),
    ...(spec.source.kind === 'list' ? printList(spec.source) : {}),
  };
}

export const sourceType = ({ source }: TaskSpec): string =>
  source.kind === 'live' ? 'PullLivePushLive' : 'PullVodPushLive';

export const sourceUrls = ({ source }: TaskSpec): readonly string[] =>
  source.kind === 'live' ? [source.url] : source.items.map(({ url }) => url);

/** The form of the target that was not used is shown empty. */
export const printDestination = (destination: Destination): Record<string, string> =>
  destination.kind === 'url'
    ? { domain: '', app_name: '', stream_name: '', push_args: destination.args, destination_url: destination.url }
    : {
        domain: destination.domain,
        app_name: destination.app,
        stream_name: destination.stream,
        push_args: destination.args,
        destination_url: '',
      };

const printList = (list: ListSource): Record<string, unknown> => ({
  vod_loop_time: list.rounds === 'endless' ? '-1' : String(list.rounds),
  vod_start_video_index: list.startIndex,
  vod_start_video_time: list.startSeconds,
  vod_refresh_type: REFRESH_TYPES.find(type => REFRESH[type] === list.refresh),
});

/** `suspend` is the only value the pages ever show; the others are lower-case words of the same kind. */
export function printStatus(task: Task): string {
  switch (task.status) {
    case 'scheduled':
      return 'waiting';
    case 'running':
      return 'running';
    case 'recovering':
      return 'retrying';
    case 'exited':
      return 'finished';
    case 'stopped':
      if (!task.spec.enabled) return 'suspend';
      return task.movedBy === 'gaveUp' ? 'failed' : task.movedBy === 'finished' ? 'finished' : 'suspend';
  }
}
