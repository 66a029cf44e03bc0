import type { ListItem } from '../../task/playlist.ts';
import {
  type CallbackSpec,
  type Destination,
  type ListSource,
  NO_END,
  type SourceSpec,
  type SpecChange,
  type TaskSpec,
} from '../../task/spec.ts';
import type { Trust } from '../../task/trust.ts';
import type { CheckUrl, UrlRole } from '../check-url.ts';
import { type BrokenRule, invalid } from './error.ts';
import { EVENT_TYPES } from './event.ts';
import type { TaskChange, TaskWish } from './task-schema.ts';

const REFRESH = { new_source: 'newSource', file_start: 'fileStart', breakpoint: 'breakpoint' } as const;

type Wished<Name extends keyof TaskWish> = NonNullable<TaskWish[Name]>;
type WishedSource = TaskWish['source'];
type WishedList = Extract<WishedSource, { kind: 'list' }>;

export interface ReadOptions {
  readonly checkUrl: CheckUrl;
  readonly now: number;
  /** Stands where the wish names no region. */
  readonly region: string;
}

/** What is wrong with the addresses of a wish, gathered so that all of it is told at once. */
class Addresses {
  readonly problems: BrokenRule[] = [];
  readonly #checkUrl: CheckUrl;

  constructor(checkUrl: CheckUrl) {
    this.#checkUrl = checkUrl;
  }

  check(field: string, url: string, role: UrlRole): string {
    const rule = url.includes('***')
      ? 'is masked: ask with reveal=true for the whole of it'
      : this.#checkUrl(url, role);
    if (rule !== undefined) this.problems.push({ field, rule });
    return url;
  }

  checkAll(field: string, urls: readonly string[], role: UrlRole): void {
    for (const [at, url] of urls.entries()) this.check(`${field}[${at}]`, url, role);
  }

  refuse(field: string, rule: string): void {
    this.problems.push({ field, rule });
  }

  settle(): void {
    if (this.problems.length > 0) throw invalid(this.problems.slice(0, 16));
  }
}

/** A whole task of this dialect. */
export function readWish(wish: TaskWish, { checkUrl, now, region }: ReadOptions): TaskSpec {
  const addresses = new Addresses(checkUrl);
  const spec: TaskSpec = {
    dialect: 'native',
    name: '',
    region,
    standby: [],
    startAt: now,
    endAt: NO_END,
    callback: null,
    enabled: true,
    retry: null,
    echo: {},
    ...readSettings(wish, undefined, addresses),
    source: readSource(wish.source, undefined, addresses),
    destination: readDestination(wish.destination, addresses),
  };
  addresses.settle();
  return spec;
}

/** What of a task is to be otherwise. Of a list that stays a list, what is not said stays. */
export function readChange(change: TaskChange, before: TaskSpec, checkUrl: CheckUrl): SpecChange {
  const addresses = new Addresses(checkUrl);
  const settings = readSettings(change, before, addresses);
  const { source } = change;
  const read = source === undefined ? {} : { source: readSource(source, before.source, addresses) };
  addresses.settle();
  return { ...settings, ...read, ...pinAfter(settings.standby, before) };
}

/** A standby that is gone is not waited for. */
const pinAfter = (standby: SpecChange['standby'], { pin = null }: TaskSpec): Pick<SpecChange, 'pin'> =>
  standby !== undefined && pin !== null && pin > standby.length ? { pin: null } : {};

function readSettings(given: TaskChange, before: TaskSpec | undefined, addresses: Addresses): SpecChange {
  const { name, tags, region, standby, start_at, end_at, enabled, callback, retry, delay_s, slate } = given;
  addresses.checkAll('standby', standby ?? [], 'live');
  return {
    ...(name === undefined ? {} : { name }),
    ...(tags === undefined ? {} : { tags }),
    ...(region === undefined ? {} : { region }),
    ...(standby === undefined ? {} : { standby }),
    ...(start_at === undefined ? {} : { startAt: start_at }),
    ...(end_at === undefined ? {} : { endAt: end_at ?? NO_END }),
    ...(enabled === undefined ? {} : { enabled }),
    ...(callback === undefined ? {} : { callback: callback && readCallback(callback, before, addresses) }),
    ...(retry === undefined ? {} : { retry: retry && { count: retry.count, intervalMs: inMs(retry.interval_s) } }),
    ...(delay_s === undefined ? {} : { delayMs: delay_s === null ? null : inMs(delay_s) }),
    ...(slate === undefined ? {} : { slate: slate && readSlate(slate, addresses) }),
  };
}

const inMs = (seconds: number): number => Math.round(seconds * 1_000);

/** `off`, `hold`, or a file of this machine or behind a name. */
function readSlate(slate: string, addresses: Addresses): string {
  if (slate === 'off' || slate === 'hold') return slate;
  if (/^(?:media|asset):\/\//.test(slate)) return addresses.check('slate', slate, 'file');
  addresses.refuse('slate', 'must be off, hold, media://FILE or asset://ID');
  return slate;
}

/** The words of the dialect that the task was made in; here, of this one. */
function readCallback(
  { url, events = [] }: Wished<'callback'>,
  before: TaskSpec | undefined,
  addresses: Addresses,
): CallbackSpec {
  const isOurs = before === undefined || before.dialect === 'native';
  if (isOurs && !events.every(event => EVENT_TYPES.has(event))) {
    addresses.refuse('callback.events', `must be of ${[...EVENT_TYPES.keys()].join(', ')}`);
  }
  addresses.check('callback.url', url, 'callback');
  return { ...before?.callback, url, events };
}

function readSource(source: WishedSource, before: SourceSpec | undefined, addresses: Addresses): SourceSpec {
  if (source.kind === 'list') return readList(source, before?.kind === 'list' ? before : undefined, addresses);
  const { kind, url, tls } = source;
  addresses.check('source.url', url, 'live');
  return { kind, url, ...readTrust(tls) };
}

const FRESH_LIST: Omit<ListSource, 'items'> = {
  kind: 'list',
  rounds: 1,
  startIndex: 0,
  startSeconds: 0,
  // An edit is not to disturb the file on air where it still stands in the list.
  refresh: 'breakpoint',
};

function readList(list: WishedList, before: ListSource | undefined, addresses: Addresses): ListSource {
  const items = list.items.map((item, at) => {
    addresses.check(`source.items[${at}].url`, item.url, 'file');
    return readItem(item);
  });
  const { rounds, start_index, start_s, boundary, silence, on_change } = list;
  return {
    ...FRESH_LIST,
    ...before,
    items,
    ...(rounds === undefined ? {} : { rounds }),
    ...(start_index === undefined ? {} : { startIndex: start_index }),
    ...(start_s === undefined ? {} : { startSeconds: start_s }),
    ...(boundary === undefined ? {} : { boundary }),
    ...(silence === undefined ? {} : { silence }),
    ...(on_change === undefined ? {} : { refresh: REFRESH[on_change] }),
  };
}

const readItem = ({ url, in_s, out_s, repeats, video_track, audio_track }: WishedList['items'][number]): ListItem => ({
  url,
  ...(in_s === undefined ? {} : { inMs: inMs(in_s) }),
  ...(out_s === undefined ? {} : { outMs: inMs(out_s) }),
  ...(repeats === undefined ? {} : { repeats }),
  ...(video_track === undefined ? {} : { videoTrack: video_track }),
  ...(audio_track === undefined ? {} : { audioTrack: audio_track }),
});

function readDestination(destination: TaskWish['destination'], addresses: Addresses): Destination {
  if (destination.kind === 'url') {
    const { kind, url, tls } = destination;
    return { kind, url: addresses.check('destination.url', url, 'destination'), args: '', ...readTrust(tls) };
  }
  const { kind, domain, app, stream, args = '', tls } = destination;
  return { kind, domain: domain.toLowerCase(), app, stream, args, ...readTrust(tls) };
}

type WishedTrust = NonNullable<Extract<WishedSource, { kind: 'live' }>['tls']>;

function readTrust(tls: WishedTrust | undefined): { readonly tls?: Trust } {
  if (tls === undefined) return {};
  const { ca, pins, server_name } = tls;
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(pins === undefined ? {} : { pins }),
      ...(server_name === undefined ? {} : { serverName: server_name }),
    },
  };
}
