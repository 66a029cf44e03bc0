import type { Problem } from './error.ts';
import type { ListItem, Playlist } from './playlist.ts';
import type { RetryPolicy } from './retry.ts';
import { checkTrust, type Trust } from './trust.ts';

/** A live stream, or a list of video files played as one. */
export type SourceSpec = LiveSource | ListSource;

export interface LiveSource {
  readonly kind: 'live';
  readonly url: string;
  /** Of the source itself; its standbys are other peers. */
  readonly tls?: Trust;
}

export interface ListSource extends Playlist {
  readonly kind: 'list';
}

/** A full address, or a name that the installation's domains table turns into one when the run starts. */
export type Destination =
  | { readonly kind: 'url'; readonly url: string; readonly args: string; readonly tls?: Trust }
  | {
      readonly kind: 'ingest';
      readonly domain: string;
      readonly app: string;
      readonly stream: string;
      readonly args: string;
      readonly tls?: Trust;
    };

export interface CallbackSpec {
  /** Empty where the user chose events but gave no address: nobody is told. */
  readonly url: string;
  /** The dialect's own event names the user asked for; empty means all. */
  readonly events: readonly string[];
  /** Shared with the receiver: what is sent to it can be signed. */
  readonly key?: string;
  /** Whether the receiver wants it signed. */
  readonly signed?: boolean;
}

export type DialectName = 'huawei' | 'alibaba' | 'native';

/** The part of a Task that the user writes. Wall-clock times are epoch milliseconds. */
export interface TaskSpec {
  readonly dialect: DialectName;
  /** Empty where its user gave none. */
  readonly name: string;
  readonly region: string;
  readonly source: SourceSpec;
  /** Taken in order when the source is down. */
  readonly standby: readonly string[];
  readonly destination: Destination;
  readonly startAt: number;
  readonly endAt: number;
  readonly callback: CallbackSpec | null;
  /** The user's switch: false while paused. */
  readonly enabled: boolean;
  /** null: a lost side is tried until the task's end. */
  readonly retry: RetryPolicy | null;
  /** Words that its owner finds it by; none where absent. */
  readonly tags?: readonly string[];
  /** How much media of a live source is held back; null or absent: as the node does. Counts from the next run on. */
  readonly delayMs?: number | null;
  /** Which of its addresses a live task is to be at, 0 being the source; null or absent: the first that is well. */
  readonly pin?: number | null;
  /** What is shown without a source: `off`, `hold`, or where a file lies; null or absent: what the node shows. */
  readonly slate?: string | null;
  /** What a dialect takes and shows again and a task has no use for, e.g. how a protocol was spelled. */
  readonly echo: Readonly<Record<string, string | number>>;
}

/** Fields a change may carry; absent means unchanged. `source`, `callback`, `retry` and `echo` are given whole. */
export type SpecChange = Partial<Omit<TaskSpec, 'dialect' | 'destination'>>;

const DAY_MS = 86_400_000;
export const LONGEST_SPAN_MS = 7 * DAY_MS;
const YEAR_2000 = 946_684_800_000;
const YEAR_2101 = 4_133_980_800_000;
/** The end of a task that has none: the last moment there is. */
export const NO_END = YEAR_2101 - 1;
const MOST_TAGS = 16;
const LONGEST_TAG = 64;
const MOST_DELAY_MS = 30_000;
const MOST_ITEMS = 30;
const MOST_STANDBYS = 30;
const MOST_START_SECONDS = 2_100_000_000;
const LONGEST_FILE_MS = MOST_START_SECONDS * 1000;
const WITHIN_A_FILE = `must be whole milliseconds up to ${LONGEST_FILE_MS}`;

/** What a check answers: nothing, or the sentence of the broken rule. */
const rule = (field: string, holds: boolean, sentence: string): readonly Problem[] =>
  holds ? [] : [{ field, rule: sentence }];

/**
 * Every rule that spans dialects. Addresses themselves (scheme, host, policy) are checked where they are parsed;
 * here a URL only has to be there.
 */
export const checkSpec = (spec: TaskSpec, { now }: { readonly now: number }): readonly Problem[] => [
  ...checkSource(spec.source, spec.dialect),
  ...rule('standby', spec.standby.length <= MOST_STANDBYS, `takes at most ${MOST_STANDBYS} addresses`),
  ...rule('standby', spec.standby.every(isFilled), 'must not hold an empty address'),
  ...checkDestination(spec.destination),
  ...checkTimes(spec, now),
  ...checkRetry(spec.retry),
  ...checkTags(spec.tags ?? []),
  ...rule('delayMs', isCount(spec.delayMs ?? 0, 0) && (spec.delayMs ?? 0) <= MOST_DELAY_MS, WITHIN_DELAY),
  ...rule('slate', spec.slate !== '', 'must not be empty'),
  ...checkPin(spec),
];

const WITHIN_DELAY = `must be whole milliseconds up to ${MOST_DELAY_MS}`;

const checkPin = ({ pin = null, source, standby }: TaskSpec): readonly Problem[] => [
  ...rule('pin', pin === null || source.kind === 'live', 'is for live sources'),
  ...rule('pin', isCount(pin ?? 0, 0) && (pin ?? 0) <= standby.length, 'must be 0, or the number of a standby'),
];

const checkTags = (tags: readonly string[]): readonly Problem[] => [
  ...rule('tags', tags.length <= MOST_TAGS, `takes at most ${MOST_TAGS} tags`),
  ...rule(
    'tags',
    tags.every(tag => isFilled(tag) && tag.length <= LONGEST_TAG),
    `must have 1 to ${LONGEST_TAG} characters`,
  ),
  ...rule('tags', new Set(tags).size === tags.length, 'must not hold a tag twice'),
];

const checkSource = (source: SourceSpec, dialect: DialectName): readonly Problem[] =>
  source.kind === 'live' ? checkLive(source) : checkList(source, dialect);

const checkLive = ({ url, tls }: LiveSource): readonly Problem[] => [
  ...rule('source.url', isFilled(url), 'must not be empty'),
  ...checkTrust('source.tls', tls, url),
];

function checkList(list: ListSource, dialect: DialectName): readonly Problem[] {
  const most = dialect === 'native' ? Number.POSITIVE_INFINITY : MOST_ITEMS;
  const { items, rounds, startIndex, startSeconds } = list;
  return [
    ...rule('source.items', items.length >= 1, 'must hold at least one address'),
    ...rule('source.items', items.length <= most, `takes at most ${MOST_ITEMS} addresses`),
    ...items.flatMap((item, at) => checkItem(item, `source.items[${at}]`)),
    ...rule('source.rounds', rounds === 'endless' || isCount(rounds, 1), 'must be a whole number of at least 1'),
    ...rule('source.startIndex', isCount(startIndex, 0), 'must be a whole number of at least 0'),
    ...rule('source.startIndex', startIndex < Math.max(1, items.length), 'must be less than the number of addresses'),
    ...rule(
      'source.startSeconds',
      startSeconds >= 0 && startSeconds <= MOST_START_SECONDS,
      `must lie between 0 and ${MOST_START_SECONDS}`,
    ),
  ];
}

function checkItem(item: ListItem, field: string): readonly Problem[] {
  const { url, inMs = 0, outMs, repeats = 1, videoTrack = 0, audioTrack = 0 } = item;
  return [
    ...rule(`${field}.url`, isFilled(url), 'must not be empty'),
    ...rule(`${field}.inMs`, isCount(inMs, 0) && inMs <= LONGEST_FILE_MS, WITHIN_A_FILE),
    ...rule(`${field}.outMs`, outMs === undefined || (isCount(outMs, 1) && outMs <= LONGEST_FILE_MS), WITHIN_A_FILE),
    ...rule(`${field}.outMs`, outMs === undefined || !(outMs <= inMs), 'must lie behind the in point'),
    ...rule(`${field}.repeats`, isCount(repeats, 1), 'must be a whole number of at least 1'),
    ...rule(`${field}.videoTrack`, isCount(videoTrack, 0), 'must be a whole number of at least 0'),
    ...rule(`${field}.audioTrack`, isCount(audioTrack, 0), 'must be a whole number of at least 0'),
  ];
}

const checkDestination = (destination: Destination): readonly Problem[] =>
  destination.kind === 'url'
    ? [
        ...rule('destination.url', isFilled(destination.url), 'must not be empty'),
        ...checkTrust('destination.tls', destination.tls, destination.url),
      ]
    : [
        ...rule('destination.domain', isFilled(destination.domain), 'must not be empty'),
        ...rule('destination.app', isFilled(destination.app), 'must not be empty'),
        ...rule('destination.stream', isFilled(destination.stream), 'must not be empty'),
        ...checkTrust('destination.tls', destination.tls, undefined),
      ];

function checkTimes({ dialect, startAt, endAt }: TaskSpec, now: number): readonly Problem[] {
  const unreal = [
    ...rule('startAt', isInCalendar(startAt), 'must lie in the years 2000 to 2100'),
    ...rule('endAt', isInCalendar(endAt), 'must lie in the years 2000 to 2100'),
  ];
  if (unreal.length > 0) return unreal;
  return [
    ...rule('endAt', endAt > startAt, 'must be after the start'),
    ...rule('endAt', endAt > now, 'must be in the future'),
    // Only this dialect's pages know such a limit.
    ...rule(
      'endAt',
      dialect !== 'huawei' || endAt - startAt <= LONGEST_SPAN_MS,
      'must be at most 7 days after the start',
    ),
  ];
}

const checkRetry = (retry: RetryPolicy | null): readonly Problem[] =>
  retry === null
    ? []
    : [
        ...rule('retry.count', isCount(retry.count, 0), 'must be a whole number of at least 0'),
        ...rule('retry.intervalMs', isCount(retry.intervalMs, 1000), 'must be at least a second'),
      ];

const isFilled = (text: string): boolean => text !== '';
const isCount = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
const isInCalendar = (at: number): boolean => Number.isSafeInteger(at) && at >= YEAR_2000 && at < YEAR_2101;

/** The spec with the patch's fields in place; a field that is absent (or undefined) stays. */
export function mergeSpec(spec: TaskSpec, patch: SpecChange): TaskSpec {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  return { ...spec, ...Object.fromEntries(given) };
}

/**
 * The model's names of the fields that differ, in the order of the spec. Inside `source` and `callback` each field is
 * named by itself (`source.items`, `callback.events`), unless the whole is of another kind.
 */
export const changedFields = (before: TaskSpec, after: TaskSpec): readonly string[] => [
  ...changedTop('name', before, after),
  ...changedTop('region', before, after),
  ...changedSource(before.source, after.source),
  ...changedTop('standby', before, after),
  ...changedTop('startAt', before, after),
  ...changedTop('endAt', before, after),
  ...changedObject('callback', before.callback, after.callback),
  ...changedTop('enabled', before, after),
  ...changedObject('retry', before.retry, after.retry),
  ...changedBeyond('tags', [], before, after),
  ...changedBeyond('pin', null, before, after),
  ...changedBeyond('delayMs', null, before, after),
  ...changedBeyond('slate', null, before, after),
  ...changedWithin('echo', before.echo, after.echo),
];

const changedTop = (field: keyof SpecChange, before: TaskSpec, after: TaskSpec): readonly string[] =>
  isSame(before[field], after[field]) ? [] : [field];

/** Of a field that means `usual` where it is absent. */
const changedBeyond = (
  field: keyof SpecChange,
  usual: unknown,
  before: TaskSpec,
  after: TaskSpec,
): readonly string[] => (isSame(before[field] ?? usual, after[field] ?? usual) ? [] : [field]);

const changedSource = (before: SourceSpec, after: SourceSpec): readonly string[] =>
  before.kind === after.kind ? changedWithin('source', before, after) : ['source'];

function changedObject(field: string, before: object | null, after: object | null): readonly string[] {
  if (before !== null && after !== null) return changedWithin(field, before, after);
  return before === after ? [] : [field];
}

/** A field that is gone has changed, too. */
function changedWithin(field: string, before: object, after: object): readonly string[] {
  const old = new Map(Object.entries(before));
  const fresh = new Map(Object.entries(after));
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter(name => !isSame(old.get(name), fresh.get(name)))
    .map(name => `${field}.${name}`);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** A spec is data: words, numbers and switches, in lists and objects. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  return isObject(one) && isObject(other) && changedWithin('', one, other).length === 0;
}

/**
 * The address to dial. `domainTarget` is what the domains table says of the ingest domain (rtmp://HOST[:PORT]); a domain
 * without an entry stands for itself, as in the clouds. Whether that is allowed is the caller's decision.
 */
export function destinationUrl(destination: Destination, domainTarget: string | undefined): string {
  if (destination.kind === 'url') return withArgs(destination.url, destination.args);
  const target = withoutTrailing(domainTarget ?? `rtmp://${destination.domain}`);
  return withArgs(`${target}/${destination.app}/${destination.stream}`, destination.args);
}

function withArgs(url: string, args: string): string {
  const bare = args.replace(/^[?&]+/, '');
  if (bare === '') return url;
  if (url.endsWith('?') || url.endsWith('&')) return url + bare;
  return `${url}${url.includes('?') ? '&' : '?'}${bare}`;
}

const withoutTrailing = (target: string): string => (target.endsWith('/') ? target.slice(0, -1) : target);
