import type { Carried, Facts, Plan, PlannedSource, Plans } from '../../control/plan.ts';
import type { Airing } from '../../task/timeline.ts';
import { AtOnce } from './at-once.ts';
import type { Redact } from './event.ts';
import type { PrintedPlan } from './plan-schema.ts';
import type { Call } from './route.ts';
import type { TaskCalls } from './task-calls.ts';
import type { TaskWish } from './task-schema.ts';

export interface PlanCallsOptions {
  readonly plans: Pick<Plans, 'plan'>;
  readonly redact: Redact;
}

/** Each looks at several sources at once. */
const LOOKS = { most: 2, retryMs: 2_000 };

/** What would become of a task, without making it. */
export class PlanCalls {
  readonly #options: PlanCallsOptions;
  readonly #tasks: Pick<TaskCalls, 'specOf'>;
  readonly #looks = new AtOnce(LOOKS);

  constructor(options: PlanCallsOptions, tasks: Pick<TaskCalls, 'specOf'>) {
    this.#options = options;
    this.#tasks = tasks;
  }

  async plan({ caller, body }: Call<unknown, TaskWish>): Promise<PrintedPlan> {
    const { plans, redact } = this.#options;
    const spec = await this.#tasks.specOf(caller, body);
    return printPlan(await this.#looks.take(() => plans.plan(caller, spec)), redact);
  }
}

const JOINTS = { copy: 'copy', headerUpdate: 'header_update', incompatible: 'incompatible' } as const;

function printPlan({ sources, timeline, startsAt, endsAt, joints, warnings }: Plan, redact: Redact): PrintedPlan {
  return {
    starts_at: moment(startsAt),
    ends_at: endsAt === null ? null : moment(endsAt),
    sources: sources.map(source => printSource(source, redact)),
    timeline: timeline === null ? [] : timeline.airings.map(printAiring),
    timeline_is_whole: timeline === null || timeline.isWhole,
    cut_by_end: timeline?.isCut ?? false,
    joints: joints.map(({ from, to, kind, because }) => ({ from, to, kind: JOINTS[kind], because })),
    warnings: warnings.map(({ code, field, message }) => ({ code, field, message })),
  };
}

const moment = (at: number): string => new Date(at).toISOString();
const inSeconds = (ms: number): number => ms / 1_000;

const printAiring = ({ round, index, repeat, inMs, outMs, startsAt, endsAt }: Airing) => ({
  round,
  index,
  repeat,
  in_s: inSeconds(inMs),
  out_s: inSeconds(outMs),
  starts_at: moment(startsAt),
  ends_at: moment(endsAt),
});

type PrintedSource = PrintedPlan['sources'][number];

function printSource(source: PlannedSource, redact: Redact): PrintedSource {
  const { field, looked } = source;
  const named = { field, url: redact(source.url) };
  if (!looked.ok) return { ...named, found: null, error: { kind: looked.kind, message: looked.error } };
  return { ...named, found: printFound(source), error: null };
}

function printFound(source: PlannedSource): PrintedSource['found'] {
  if (!source.looked.ok) return null;
  const { video, audio, verdicts, notes } = source.looked.found;
  const { rtmp, enhancedRtmp, srt } = verdicts;
  return {
    kind: source.kind,
    ...extentOf(source),
    video: video === undefined ? null : sized(video),
    audio: audio === undefined ? null : heard(audio),
    verdicts: { rtmp: carried(rtmp), enhanced_rtmp: carried(enhancedRtmp), srt: carried(srt) },
    notes: [...notes],
  };
}

const carried = ({ copies, because }: Carried) => ({ copies, because });

type Extent = Pick<NonNullable<PrintedSource['found']>, 'duration_s' | 'bitrate_kbit' | 'longest_gop_s'>;

function extentOf({ kind, looked }: PlannedSource): Extent {
  const unknown = { duration_s: null, bitrate_kbit: null, longest_gop_s: null };
  if (!looked.ok) return unknown;
  if (kind === 'live') {
    const { bitrateKbit, video } = looked.found;
    return {
      ...unknown,
      bitrate_kbit: bitrateKbit,
      longest_gop_s: video === undefined ? null : inSeconds(video.keyFrames.longestGapMs),
    };
  }
  const { durationMs, bytes, keyFrames, video } = looked.found;
  return {
    duration_s: durationMs === undefined ? null : inSeconds(durationMs),
    bitrate_kbit: durationMs === undefined || bytes === undefined ? null : Math.round((bytes * 8) / durationMs),
    longest_gop_s: video === undefined ? null : inSeconds(keyFrames.longestGapMs),
  };
}

const sized = ({ codec, width, height, fps }: NonNullable<Facts['video']>) => ({
  codec,
  ...(width === undefined ? {} : { width }),
  ...(height === undefined ? {} : { height }),
  ...(fps === undefined ? {} : { fps }),
});

const heard = ({ codec, sampleRate, channels }: NonNullable<Facts['audio']>) => ({
  codec,
  ...(sampleRate === undefined ? {} : { sample_rate: sampleRate }),
  ...(channels === undefined ? {} : { channels }),
});
