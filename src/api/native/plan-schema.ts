import Type, { type Static } from 'typebox';
import { WARNING_CODES } from '../../control/plan-warnings.ts';
import { oneOf, orNull, strict } from './schema.ts';

const moment = Type.String({ format: 'date-time' });
const count = Type.Integer({ minimum: 0 });
const seconds = Type.Number({ minimum: 0 });
const optionalNumber = Type.Optional(Type.Number());

const carried = strict({ copies: oneOf('yes', 'change', 'no'), because: Type.String() });

const found = strict({
  kind: oneOf('live', 'file'),
  duration_s: orNull(seconds),
  bitrate_kbit: orNull(Type.Number()),
  video: orNull(strict({ codec: Type.String(), width: optionalNumber, height: optionalNumber, fps: optionalNumber })),
  audio: orNull(strict({ codec: Type.String(), sample_rate: optionalNumber, channels: optionalNumber })),
  longest_gop_s: orNull(seconds),
  verdicts: strict({ rtmp: carried, enhanced_rtmp: carried, srt: carried }),
  notes: Type.Array(Type.String()),
});

const source = strict({
  field: Type.String(),
  url: Type.String(),
  found: orNull(found),
  error: orNull(strict({ kind: Type.String(), message: Type.String() })),
});

const airing = strict({
  round: count,
  index: count,
  repeat: count,
  in_s: seconds,
  out_s: seconds,
  starts_at: moment,
  ends_at: moment,
});

const joint = strict({
  from: count,
  to: count,
  kind: oneOf('copy', 'header_update', 'incompatible'),
  because: Type.String(),
});

const warning = strict({ code: oneOf(...WARNING_CODES), field: Type.String(), message: Type.String() });

export const PLAN = strict(
  {
    starts_at: moment,
    ends_at: orNull(moment),
    sources: Type.Array(source),
    /** Empty of a live stream. */
    timeline: Type.Array(airing),
    /** Whether the timeline holds all there is up to the end. */
    timeline_is_whole: Type.Boolean(),
    cut_by_end: Type.Boolean(),
    joints: Type.Array(joint),
    warnings: Type.Array(warning),
  },
  'Plan',
);

export type PrintedPlan = Static<typeof PLAN>;
