import type { Problem } from './error.ts';
import type { Playlist } from './playlist.ts';

/** A live stream, or a list of video files played as one. */
export type SourceSpec = LiveSource | ListSource;

export interface LiveSource {
  readonly kind: 'live';
  readonly url: string;
}

export interface ListSource extends Playlist {
  readonly kind: 'list';
}

/** A full address, or a name that the installation's domains table turns into one when the run starts. */
export type Destination =
  | { readonly kind: 'url'; readonly url: string; readonly args: string }
  | {
      readonly kind: 'ingest';
      readonly domain: string;
      readonly app: string;
      readonly stream: string;
      readonly args: string;
    };

export interface CallbackSpec {
  /** Empty where the user chose events but gave no address: nobody is told. */
  readonly url: string;
  /** The dialect's own event names the user asked for; empty means all. */
  readonly events: readonly string[];
}

export type DialectName = 'huawei' | 'alibaba' | 'native';

/** The part of a Task that the user writes. Wall-clock times are epoch milliseconds. */
export interface TaskSpec {
  readonly dialect: DialectName;
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
}

/** Fields a change may carry; absent means unchanged. `source` and `callback` are given whole. */
export type SpecChange = Partial<Omit<TaskSpec, 'dialect' | 'region' | 'destination'>>;

const DAY_MS = 86_400_000;
export const LONGEST_SPAN_MS = 7 * DAY_MS;
const YEAR_2000 = 946_684_800_000;
const YEAR_2101 = 4_133_980_800_000;
const MOST_URLS = 30;
const MOST_STANDBYS = 30;
const MOST_START_SECONDS = 2_100_000_000;

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
];

const checkSource = (source: SourceSpec, dialect: DialectName): readonly Problem[] =>
  source.kind === 'live' ? rule('source.url', isFilled(source.url), 'must not be empty') : checkList(source, dialect);

function checkList(list: ListSource, dialect: DialectName): readonly Problem[] {
  const most = dialect === 'native' ? Number.POSITIVE_INFINITY : MOST_URLS;
  const { urls, rounds, startIndex, startSeconds } = list;
  return [
    ...rule('source.urls', urls.length >= 1, 'must hold at least one address'),
    ...rule('source.urls', urls.length <= most, `takes at most ${MOST_URLS} addresses`),
    ...rule('source.urls', urls.every(isFilled), 'must not hold an empty address'),
    ...rule('source.rounds', rounds === 'endless' || isCount(rounds, 1), 'must be a whole number of at least 1'),
    ...rule('source.startIndex', isCount(startIndex, 0), 'must be a whole number of at least 0'),
    ...rule('source.startIndex', startIndex < Math.max(1, urls.length), 'must be less than the number of addresses'),
    ...rule(
      'source.startSeconds',
      startSeconds >= 0 && startSeconds <= MOST_START_SECONDS,
      `must lie between 0 and ${MOST_START_SECONDS}`,
    ),
  ];
}

const checkDestination = (destination: Destination): readonly Problem[] =>
  destination.kind === 'url'
    ? rule('destination.url', isFilled(destination.url), 'must not be empty')
    : [
        ...rule('destination.domain', isFilled(destination.domain), 'must not be empty'),
        ...rule('destination.app', isFilled(destination.app), 'must not be empty'),
        ...rule('destination.stream', isFilled(destination.stream), 'must not be empty'),
      ];

function checkTimes({ startAt, endAt }: TaskSpec, now: number): readonly Problem[] {
  const unreal = [
    ...rule('startAt', isInCalendar(startAt), 'must lie in the years 2000 to 2100'),
    ...rule('endAt', isInCalendar(endAt), 'must lie in the years 2000 to 2100'),
  ];
  if (unreal.length > 0) return unreal;
  return [
    ...rule('endAt', endAt > startAt, 'must be after the start'),
    ...rule('endAt', endAt > now, 'must be in the future'),
    ...rule('endAt', endAt - startAt <= LONGEST_SPAN_MS, 'must be at most 7 days after the start'),
  ];
}

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
 * named by itself (`source.urls`, `callback.events`), unless the whole is of another kind.
 */
export const changedFields = (before: TaskSpec, after: TaskSpec): readonly string[] => [
  ...changedSource(before.source, after.source),
  ...changedTop('standby', before, after),
  ...changedTop('startAt', before, after),
  ...changedTop('endAt', before, after),
  ...changedCallback(before.callback, after.callback),
  ...changedTop('enabled', before, after),
];

const changedTop = (field: keyof SpecChange, before: TaskSpec, after: TaskSpec): readonly string[] =>
  isSame(before[field], after[field]) ? [] : [field];

const changedSource = (before: SourceSpec, after: SourceSpec): readonly string[] =>
  before.kind === after.kind ? changedWithin('source', before, after) : ['source'];

function changedCallback(before: CallbackSpec | null, after: CallbackSpec | null): readonly string[] {
  if (before !== null && after !== null) return changedWithin('callback', before, after);
  return before === after ? [] : ['callback'];
}

function changedWithin(field: string, before: object, after: object): readonly string[] {
  const old = new Map(Object.entries(before));
  return Object.entries(after)
    .filter(([name, value]) => !isSame(old.get(name), value))
    .map(([name]) => `${field}.${name}`);
}

/** A spec's leaves are words, numbers, switches and lists of words; the rest is compared field by field above. */
function isSame(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return one.length === other.length && one.every((value, at) => value === other[at]);
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
