import { NO_END, type TaskSpec } from '../task/spec.ts';
import type { Timeline } from '../task/timeline.ts';
import { expiryOf } from '../task/url-expiry.ts';
import type { Facts, FileFacts, PlannedJoint, PlannedSource } from './plan.ts';

export const WARNING_CODES = [
  'unreadable',
  'not_looked_at',
  'index_last',
  'long_gop',
  'no_key_frame_near_start',
  'start_behind_end',
  'out_behind_end',
  'no_audio',
  'no_video',
  'sample_rate_changes',
  'codec_changes',
  'codec_not_for_destination',
  'sound_left_out',
  'url_expires',
  'destination_in_use',
  'destination_is_source',
  'standby_is_source',
  'slower_than_real_time',
  'length_unknown',
  'nothing_to_play',
] as const;

export type WarningCode = (typeof WARNING_CODES)[number];

/** What an operator should know before the task is made; it is made all the same. */
export interface Warning {
  readonly code: WarningCode;
  /** Of the wish. */
  readonly field: string;
  readonly message: string;
}

export interface Planned {
  readonly spec: TaskSpec;
  readonly sources: readonly PlannedSource[];
  readonly timeline: Timeline | null;
  readonly joints: readonly PlannedJoint[];
  readonly rivals: readonly string[];
  readonly startsAt: number;
  readonly endsAt: number | null;
}

/** Players that come in wait for the next key frame; platforms ask for 2 to 4 s. */
const LONG_GOP_MS = 5_500;
/** Shown again in front of where somebody wanted to begin. */
const FAR_KEY_FRAME_MS = 4_000;
/** Less than that above its bit rate, and a file does not come in time when others share the line. */
const LEAST_PACE = 1.1;

export const warningsOf = (planned: Planned): readonly Warning[] => [
  ...planned.sources.flatMap(source => ofSource(source, planned)),
  ...ofJoints(planned),
  ...ofItems(planned),
  ...ofAddresses(planned),
  ...nothingToPlay(planned),
];

const warn = (holds: boolean, code: WarningCode, field: string, message: string): readonly Warning[] =>
  holds ? [{ code, field, message }] : [];

function ofSource(source: PlannedSource, planned: Planned): readonly Warning[] {
  const { field, looked } = source;
  if (!looked.ok) return [missed(field, looked)];
  const own = source.kind === 'file' && source.looked.ok ? ofFile(field, source.looked.found) : [];
  return [...own, ...ofTracks(field, looked.found, planned), ...ofGroups(source), ...expires(source, planned)];
}

function missed(field: string, { kind, error }: { readonly kind: string; readonly error: string }): Warning {
  if (kind === 'unseen') return { code: 'not_looked_at', field, message: `nobody knows what it is: ${error}` };
  return { code: 'unreadable', field, message: `cannot be had now: ${error}` };
}

function ofFile(field: string, found: FileFacts): readonly Warning[] {
  const { durationMs, bytes, readKbit, isIndexLast } = found;
  const kbit = durationMs === undefined || bytes === undefined ? 0 : (bytes * 8) / durationMs;
  return [
    ...warn(
      isIndexLast,
      'index_last',
      field,
      'its index lies behind its media: it takes longer to open, and a server without ranges cannot serve it; rewrite it with "faststart"',
    ),
    ...warn(
      readKbit !== undefined && readKbit < kbit * LEAST_PACE,
      'slower_than_real_time',
      field,
      `its server gave ${readKbit} kbit/s, and it needs ${Math.round(kbit)}`,
    ),
    ...warn(
      durationMs === undefined,
      'length_unknown',
      field,
      'its length is not known: what follows it is not, either',
    ),
  ];
}

function ofTracks(field: string, { video, audio, verdicts }: Facts, { spec }: Planned): readonly Warning[] {
  const isSilenced = spec.source.kind === 'list' && spec.source.silence === true;
  const { copies, because } = verdicts[kindOf(spec)];
  return [
    ...warn(audio === undefined && !isSilenced, 'no_audio', field, 'it has no sound; some platforms refuse that'),
    ...warn(video === undefined, 'no_video', field, 'it has no picture'),
    ...warn(copies === 'no', 'codec_not_for_destination', field, because),
    ...warn(copies === 'change', 'sound_left_out', field, because),
  ];
}

/** Whether a server speaks enhanced RTMP nobody knows before it is asked; plain RTMP all of them do. */
const kindOf = ({ destination }: TaskSpec): 'rtmp' | 'srt' =>
  destination.kind === 'url' && /^srt:/i.test(destination.url) ? 'srt' : 'rtmp';

function ofGroups(source: PlannedSource): readonly Warning[] {
  const gapMs = gapOf(source);
  const message = `up to ${(gapMs / 1_000).toFixed(1)} s lie between its key frames: viewers wait so long for a picture`;
  return warn(gapMs > LONG_GOP_MS, 'long_gop', source.field, message);
}

function gapOf({ kind, looked }: PlannedSource): number {
  if (!looked.ok) return 0;
  if (kind === 'live') return looked.found.video?.keyFrames.longestGapMs ?? 0;
  return looked.found.video === undefined ? 0 : looked.found.keyFrames.longestGapMs;
}

function expires({ field, url }: PlannedSource, { timeline, endsAt, spec }: Planned): readonly Warning[] {
  const at = expiryOf(url);
  if (at === undefined) return [];
  const index = Number(/\[(\d+)\]/.exec(field)?.[1] ?? Number.NaN);
  const isFile = field.startsWith('source.items');
  const last = isFile ? timeline?.airings.findLast(airing => airing.index === index)?.startsAt : undefined;
  // Of a list that goes on behind what was laid out, every file comes once more.
  const needed = isFile && timeline?.isWhole === true ? (last ?? 0) : (endsAt ?? spec.endAt);
  const message = `its signature ends at ${new Date(at).toISOString()}, and it is needed until ${describe(needed)}`;
  return warn(at < needed, 'url_expires', field, message);
}

const describe = (at: number): string => (at >= NO_END ? 'somebody stops the task' : new Date(at).toISOString());

function ofJoints({ joints, sources, spec }: Planned): readonly Warning[] {
  const boundary = spec.source.kind === 'list' ? (spec.source.boundary ?? 'inline') : 'inline';
  return joints.flatMap(({ from, to, kind, because }) => {
    const field = `source.items[${to}].url`;
    const [before, after] = [from, to].map(at => rateOf(sources[at]));
    const changes = before !== undefined && after !== undefined && before !== after;
    const refused = kind !== 'copy' && boundary === 'reject';
    const parted = kind === 'incompatible' && boundary === 'inline';
    return [
      ...warn(
        changes,
        'sample_rate_changes',
        field,
        `its sound has ${after} Hz after ${before} Hz: many players fall silent at such a change`,
      ),
      ...warn(refused, 'codec_changes', field, `it will not be played, as the task refuses what differs: ${because}`),
      ...warn(
        parted,
        'codec_changes',
        field,
        `${because}: many players stop there; "republish" begins a new push for it`,
      ),
    ];
  });
}

const rateOf = (source: PlannedSource | undefined): number | undefined =>
  source?.looked.ok ? source.looked.found.audio?.sampleRate : undefined;

function ofItems({ spec, sources }: Planned): readonly Warning[] {
  const { source } = spec;
  if (source.kind === 'live') return [];
  return source.items.flatMap(({ inMs = 0, outMs }, at) => {
    const planned = sources[at];
    if (planned?.kind !== 'file' || !planned.looked.ok) return [];
    const { found } = planned.looked;
    const isFirst = at === source.startIndex;
    const startMs = isFirst ? Math.max(source.startSeconds * 1_000, inMs) : inMs;
    const field = isFirst && startMs > inMs ? 'source.start_s' : `source.items[${at}].in_s`;
    return [
      ...startsWell(field, startMs, found),
      ...warn(
        outMs !== undefined && outMs > (found.durationMs ?? outMs),
        'out_behind_end',
        `source.items[${at}].out_s`,
        `the file ends at ${seconds(found.durationMs)} s`,
      ),
    ];
  });
}

function startsWell(field: string, startMs: number, { starts, durationMs }: FileFacts): readonly Warning[] {
  if (startMs === 0) return [];
  if (durationMs !== undefined && startMs >= durationMs) {
    return [{ code: 'start_behind_end', field, message: `the file ends at ${seconds(durationMs)} s` }];
  }
  const realMs = starts.get(startMs) ?? startMs;
  const message = `the key frame in front of it lies at ${seconds(realMs)} s: it begins there`;
  return warn(startMs - realMs > FAR_KEY_FRAME_MS, 'no_key_frame_near_start', field, message);
}

const seconds = (ms = 0): string => (ms / 1_000).toFixed(1);

function ofAddresses({ spec, rivals }: Planned): readonly Warning[] {
  const { source, standby, destination } = spec;
  const main = source.kind === 'live' ? source.url : undefined;
  const to = destination.kind === 'url' ? destination.url : undefined;
  const tasks = rivals.length === 1 ? `the task ${rivals[0]} pushes` : `${rivals.length} tasks push`;
  return [
    ...warn(rivals.length > 0, 'destination_in_use', 'destination', `${tasks} there in that time, too`),
    ...warn(
      to !== undefined && [main, ...standby].includes(to),
      'destination_is_source',
      'destination',
      'it is pulled from, too: the stream would run in a circle',
    ),
    ...standby.flatMap((url, at) =>
      warn(
        url === main || standby.indexOf(url) < at,
        'standby_is_source',
        `standby[${at}]`,
        'it is the same address once more: it fails when that fails',
      ),
    ),
  ];
}

const nothingToPlay = ({ timeline }: Planned): readonly Warning[] =>
  warn(
    timeline?.isWhole === true && timeline.airings.length === 0,
    'nothing_to_play',
    'source.items',
    'no file of the list can be played',
  );
