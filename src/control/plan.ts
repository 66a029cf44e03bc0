import { isAssetUrl } from '../task/asset.ts';
import { InvalidTask } from '../task/error.ts';
import type { ListItem } from '../task/playlist.ts';
import { checkSpec, destinationUrl, type ListSource, NO_END, type TaskSpec } from '../task/spec.ts';
import { type FileLength, type Timeline, timelineOf } from '../task/timeline.ts';
import type { Trust } from '../task/trust.ts';
import type { Addresses } from './assets.ts';
import type { Directory } from './directory.ts';
import { inParallel } from './parallel.ts';
import { type Warning, warningsOf } from './plan-warnings.ts';
import type { Owner } from './tasks.ts';
import { checkCertificates } from './trust.ts';

/** Whether a codec arrives at a kind of destination. */
export interface Carried {
  readonly copies: 'yes' | 'change' | 'no';
  readonly because: string;
}

export interface Facts {
  readonly video?: { readonly codec: string; readonly width?: number; readonly height?: number; readonly fps?: number };
  readonly audio?: { readonly codec: string; readonly sampleRate?: number; readonly channels?: number };
  readonly verdicts: Readonly<Record<'rtmp' | 'enhancedRtmp' | 'srt', Carried>>;
  readonly notes: readonly string[];
}

export interface FileFacts extends Facts {
  readonly durationMs?: number;
  readonly keyFrames: { readonly count: number; readonly longestGapMs: number };
  readonly bytes?: number;
  readonly isIndexLast: boolean;
  readonly readKbit?: number;
  /** Where it begins, by where it is entered. */
  readonly starts: ReadonlyMap<number, number>;
  /** What a decoder is told before its frames. */
  readonly headers: { readonly video: Buffer | undefined; readonly audio: Buffer | undefined };
}

export interface LiveFacts extends Facts {
  readonly bitrateKbit: number;
  readonly video?: Facts['video'] & { readonly keyFrames: { readonly longestGapMs: number } };
}

export type Looked<Found> =
  | { readonly ok: true; readonly found: Found }
  | { readonly ok: false; readonly kind: string; readonly error: string };

export interface Joint {
  readonly kind: 'copy' | 'headerUpdate' | 'incompatible';
  readonly because: string;
}

/** The media's eyes. */
export interface Eyes {
  file(url: string, offsetsMs: readonly number[], signal: AbortSignal): Promise<Looked<FileFacts>>;
  /** Nobody else than the task itself would believe. */
  live(url: string, tls: Trust | undefined, signal: AbortSignal): Promise<Looked<LiveFacts>>;
  joint(before: FileFacts, after: FileFacts): Joint;
}

/** What one address of a wish was found to be. The field says where it stands there. */
export type PlannedSource =
  | { readonly field: string; readonly url: string; readonly kind: 'file'; readonly looked: Looked<FileFacts> }
  | { readonly field: string; readonly url: string; readonly kind: 'live'; readonly looked: Looked<LiveFacts> };

/** Between two neighbours of a list; the last is followed by the first where there is another round. */
export interface PlannedJoint extends Joint {
  readonly from: number;
  readonly to: number;
}

export interface Plan {
  readonly sources: readonly PlannedSource[];
  /** null of a live stream, which is on air from the start to the end of the task. */
  readonly timeline: Timeline | null;
  readonly startsAt: number;
  readonly endsAt: number | null;
  readonly joints: readonly PlannedJoint[];
  readonly warnings: readonly Warning[];
}

export interface PlansOptions {
  readonly eyes: Eyes;
  readonly assets: { resolve(accountId: string, urls: readonly string[]): Promise<Addresses> };
  readonly directory: Pick<Directory, 'find'>;
  readonly targetOf: (domain: string, accountId: string) => Promise<string | undefined>;
  /** Wall clock. */
  readonly now: () => number;
  /** Ends with the node. */
  readonly signal: AbortSignal;
}

/** All looks together: somebody waits for the answer. */
const MOST_MS = 15_000;
const AT_ONCE = 4;
/** More files than that are not looked at. */
const MOST_FILES = 200;
const MOST_AIRINGS = 1_000;
const MOST_RIVALS = 100;

/** Tells what would become of a wish, without making a task of it. */
export class Plans {
  readonly #options: PlansOptions;

  constructor(options: PlansOptions) {
    this.#options = options;
  }

  async plan(owner: Owner, spec: TaskSpec): Promise<Plan> {
    const { now } = this.#options;
    const problems = [...checkSpec(spec, { now: now() }), ...checkCertificates(spec)];
    if (problems.length > 0) throw new InvalidTask(problems);
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(MOST_MS)]);
    const [sources, rivals] = await Promise.all([this.#look(owner, spec, signal), this.#rivals(owner, spec)]);
    const startsAt = Math.max(spec.startAt, now());
    const { timeline, joints } = this.#lists(spec, sources, startsAt);
    const endsAt = timeline === null ? (spec.endAt >= NO_END ? null : spec.endAt) : timeline.endsAt;
    const seen = { spec, sources, timeline, joints, rivals, startsAt, endsAt };
    return { sources, timeline, startsAt, endsAt, joints, warnings: warningsOf(seen) };
  }

  async #look({ accountId }: Owner, spec: TaskSpec, signal: AbortSignal): Promise<readonly PlannedSource[]> {
    const { eyes, assets } = this.#options;
    const wanted = addressesOf(spec);
    const addresses = await assets.resolve(accountId, wanted.map(({ url }) => url).filter(isAssetUrl));
    const files = new Map<string, Looked<FileFacts>>();
    const lives = new Map<string, Looked<LiveFacts>>();
    await inParallel(eachOnce(wanted), AT_ONCE, async ({ field, url, kind, tls }) => {
      const at = isAssetUrl(url) ? addresses[url] : url;
      if (kind === 'live') lives.set(field, await inTime(signal, () => eyes.live(url, tls, signal)));
      else if (at === undefined) files.set(url, missing);
      else files.set(url, await inTime(signal, () => eyes.file(at, offsetsOf(spec, url), signal)));
    });
    return wanted.map(({ field, url, kind }) =>
      kind === 'live'
        ? { field, url, kind, looked: lives.get(field) ?? notLooked }
        : { field, url, kind, looked: files.get(url) ?? notLooked },
    );
  }

  /** Tasks that push to the same address while this one would. */
  async #rivals({ accountId, projectId }: Owner, spec: TaskSpec): Promise<readonly string[]> {
    const { directory, targetOf } = this.#options;
    const addressOf = async ({ destination }: TaskSpec): Promise<string> =>
      destinationUrl(
        destination,
        destination.kind === 'ingest' ? await targetOf(destination.domain, accountId) : undefined,
      );
    const url = await addressOf(spec);
    const text = spec.destination.kind === 'url' ? spec.destination.url : spec.destination.stream;
    const owner = { accountId, projectId };
    const { tasks } = await directory.find(owner, { text, inSecrets: true }, { limit: MOST_RIVALS });
    const found: string[] = [];
    for (const task of tasks) {
      const overlaps = task.spec.startAt < spec.endAt && spec.startAt < task.spec.endAt;
      if (overlaps && task.status !== 'exited' && (await addressOf(task.spec)) === url) found.push(task.id);
    }
    return found;
  }

  #lists(
    { source, endAt }: TaskSpec,
    sources: readonly PlannedSource[],
    startAt: number,
  ): { readonly timeline: Timeline | null; readonly joints: readonly PlannedJoint[] } {
    if (source.kind === 'live') return { timeline: null, joints: [] };
    // They lie in front of the standbys.
    const planned = sources.slice(0, source.items.length);
    const span = { startAt, endAt: endAt >= NO_END ? Number.POSITIVE_INFINITY : endAt, most: MOST_AIRINGS };
    return {
      timeline: timelineOf(source, planned.map(lengthOf), span),
      joints: this.#joints(source, planned.map(foundIn)),
    };
  }

  #joints({ items, rounds }: ListSource, files: readonly (FileFacts | undefined)[]): readonly PlannedJoint[] {
    const playable = items.flatMap((_, at) => (files[at] === undefined ? [] : [at]));
    const goesRound = rounds === 'endless' || rounds > 1;
    const pairs = playable.flatMap((from, nth) => {
      const to = playable[nth + 1] ?? (goesRound ? playable[0] : undefined);
      return to === undefined ? [] : [{ from, to }];
    });
    return pairs.flatMap(({ from, to }) => {
      const [before, after] = [files[from], files[to]];
      if (before === undefined || after === undefined) return [];
      return [{ from, to, ...this.#options.eyes.joint(before, after) }];
    });
  }
}

const missing = { ok: false, kind: 'unknown', error: 'there is no such asset' } as const;
/** There were too many, or there was no time: nothing is known of it, which is not to say that it is not there. */
const notLooked = {
  ok: false,
  kind: 'unseen',
  error: 'there was no time to look at it, or there are too many',
} as const;

const foundIn = (source: PlannedSource | undefined): FileFacts | undefined =>
  source?.kind === 'file' && source.looked.ok ? source.looked.found : undefined;

/** A file that could not be had is passed over, as a run does. */
function lengthOf(source: PlannedSource | undefined): FileLength {
  const found = foundIn(source);
  const durationMs = found === undefined && source?.looked !== notLooked ? 0 : found?.durationMs;
  return { durationMs, startAt: offsetMs => found?.starts.get(offsetMs) ?? offsetMs };
}

interface Wanted {
  readonly field: string;
  readonly url: string;
  readonly kind: 'file' | 'live';
  readonly tls?: Trust | undefined;
}

function addressesOf({ source, standby }: TaskSpec): readonly Wanted[] {
  const main: readonly Wanted[] =
    source.kind === 'live'
      ? [{ field: 'source.url', url: source.url, kind: 'live', tls: source.tls }]
      : source.items.map(({ url }, at) => ({ field: `source.items[${at}].url`, url, kind: 'file' }));
  return [...main, ...standby.map((url, at): Wanted => ({ field: `standby[${at}]`, url, kind: 'live' }))];
}

/** Where a file is entered: at its in points, and where the first round begins. */
function offsetsOf({ source }: TaskSpec, url: string): readonly number[] {
  if (source.kind === 'live') return [];
  const { items, startIndex, startSeconds } = source;
  const begins = (item: ListItem, at: number): readonly number[] => [
    item.inMs ?? 0,
    ...(at === startIndex ? [Math.max(startSeconds * 1_000, item.inMs ?? 0)] : []),
  ];
  return items.flatMap((item, at) => (item.url === url ? begins(item, at) : [])).filter(ms => ms > 0);
}

/** Every stream, and every file once, up to so many. */
function eachOnce(wanted: readonly Wanted[]): readonly Wanted[] {
  const files = new Map(wanted.flatMap(it => (it.kind === 'file' ? [[it.url, it]] : [])));
  return [...wanted.filter(({ kind }) => kind === 'live'), ...[...files.values()].slice(0, MOST_FILES)];
}

/** What fails when the time is over says nothing of its source. */
async function inTime<Found>(signal: AbortSignal, look: () => Promise<Looked<Found>>): Promise<Looked<Found>> {
  if (signal.aborted) return notLooked;
  const looked = await look();
  return looked.ok || !signal.aborted ? looked : notLooked;
}
