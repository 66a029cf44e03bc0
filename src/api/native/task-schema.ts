import Type, { type Static, type StaticDecode } from 'typebox';
import { EVENT_STATUSES } from './event.ts';
import { anyOf, integer, text, time, words } from './params.ts';
import { decimal, oneOf, orNull, strict, textOf, wholeNumber } from './schema.ts';

/** The task as this dialect reads and prints it. */

const MOST_COUNT = 2_147_483_647;
const MOST_SECONDS = 2_100_000_000;
const MOST_ITEMS = 2_000;
const MOST_STANDBYS = 30;
const MOST_TAGS = 16;
const MOST_DELAY_S = 30;
const MOST_LISTED = 1_000;

const url = textOf(1, 2_048);
const moment = Type.String({ format: 'date-time' });
const seconds = Type.Number({ minimum: 0 });
const count = Type.Integer({ minimum: 0 });
const region = text(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"');
const projectId = region;
const taskId = text(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'must be a UUID in small letters');
const tag = textOf(1, 64);
const DIALECTS = ['native', 'huawei', 'alibaba'] as const;

const tls = strict(
  {
    ca: Type.Optional(Type.String({ maxLength: 8_192 })),
    pins: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 8 })),
    server_name: Type.Optional(textOf(1, 253)),
  },
  'Trust',
);

const item = strict(
  {
    url,
    in_s: Type.Optional(decimal(0, MOST_SECONDS)),
    out_s: Type.Optional(decimal(0, MOST_SECONDS)),
    repeats: Type.Optional(wholeNumber(1, MOST_COUNT)),
    video_track: Type.Optional(wholeNumber(0, 63)),
    audio_track: Type.Optional(wholeNumber(0, 63)),
  },
  'ListItem',
);

const rounds = Type.Union([Type.Integer({ minimum: 1, maximum: MOST_COUNT }), Type.Literal('endless')], {
  'x-rule': `must be an integer from 1 to ${MOST_COUNT}, or endless`,
});
const boundary = oneOf('inline', 'republish', 'reject');
const onChange = oneOf('new_source', 'file_start', 'breakpoint');
const startIndex = wholeNumber(0, MOST_ITEMS - 1);
const startS = decimal(0, MOST_SECONDS);

const liveSource = strict({ kind: Type.Literal('live'), url, tls: Type.Optional(tls) }, 'LiveSource');

const listWish = strict(
  {
    kind: Type.Literal('list'),
    items: Type.Array(item, { minItems: 1, maxItems: MOST_ITEMS }),
    rounds: Type.Optional(rounds),
    start_index: Type.Optional(startIndex),
    start_s: Type.Optional(startS),
    boundary: Type.Optional(boundary),
    silence: Type.Optional(Type.Boolean()),
    on_change: Type.Optional(onChange),
  },
  'ListWish',
);

const listSource = strict(
  {
    kind: Type.Literal('list'),
    items: Type.Array(item),
    rounds,
    start_index: count,
    start_s: seconds,
    boundary,
    silence: Type.Boolean(),
    on_change: onChange,
  },
  'ListSource',
);

const namePart = text(
  /^(?!\.{1,2}$)[!-.0->@-[\]-~]{1,512}$/,
  'must be 1 to 512 printable characters without spaces, "/", "\\", "?" or "#"',
);

const destination = Type.Union([
  strict({ kind: Type.Literal('url'), url, tls: Type.Optional(tls) }),
  strict({
    kind: Type.Literal('ingest'),
    domain: textOf(1, 253),
    app: namePart,
    stream: namePart,
    args: Type.Optional(
      text(/^[!-"$-[\]-~]{0,2048}$/, 'must be up to 2048 printable characters without spaces, "\\" or "#"'),
    ),
    tls: Type.Optional(tls),
  }),
]);

const callbackWish = strict({
  url,
  events: Type.Optional(Type.Array(textOf(1, 64), { maxItems: 64, uniqueItems: true })),
});

const retry = strict({ count: wholeNumber(0, MOST_COUNT), interval_s: decimal(1, 86_400) }, 'RetryPolicy');

/** What may be said of a task whenever it is written. */
const settings = {
  name: Type.String({ maxLength: 128, 'x-rule': 'must have at most 128 characters' }),
  tags: Type.Array(tag, { maxItems: MOST_TAGS, uniqueItems: true }),
  region,
  source: Type.Union([liveSource, listWish]),
  standby: Type.Array(url, { maxItems: MOST_STANDBYS }),
  start_at: time,
  end_at: orNull(time),
  enabled: Type.Boolean(),
  callback: orNull(callbackWish),
  retry: orNull(retry),
  delay_s: orNull(decimal(0, MOST_DELAY_S)),
  slate: orNull(url),
};

export const TASK_WISH = Type.Object(
  {
    ...Type.Partial(Type.Object(settings)).properties,
    source: settings.source,
    destination,
    project_id: Type.Optional(projectId),
    /** Of the caller's choice; without it the node chooses. */
    id: Type.Optional(taskId),
  },
  { additionalProperties: false, title: 'TaskWish' },
);
export const TASK_CHANGE = anyOf(settings, 'TaskChange');

export type TaskWish = StaticDecode<typeof TASK_WISH>;
export type TaskChange = StaticDecode<typeof TASK_CHANGE>;

const position = strict({
  index: count,
  round: count,
  rounds,
  url: Type.String(),
  position_s: seconds,
  duration_s: orNull(seconds),
});

const flow = strict({ kbit: orNull(Type.Number()), fps: orNull(Type.Number()) });

export const ON_AIR = strict(
  {
    source: orNull(strict({ index: count, url: Type.String(), pinned: Type.Boolean() })),
    on_slate: Type.Boolean(),
    item: orNull(position),
    next: orNull(strict({ index: count, url: Type.String() })),
    in: flow,
    out: flow,
    queue_s: seconds,
    held_s: seconds,
    drops: Type.Record(Type.String(), count),
    reconnects: strict({ source: count, destination: count }),
    push_epoch: count,
    since: moment,
    media_s: seconds,
    node: Type.String(),
  },
  'OnAir',
);

export const STATUS = strict(
  {
    word: oneOf(...(['scheduled', 'running', 'recovering', 'stopped', 'exited'] as const)),
    since: moment,
    reason: Type.String(),
    side: orNull(oneOf('source', 'destination')),
    attempt: count,
    next_retry_at: orNull(moment),
    last_error: orNull(
      strict({ at: moment, side: oneOf('source', 'destination'), kind: Type.String(), message: Type.String() }),
    ),
    alarms: Type.Array(Type.String()),
  },
  'TaskStatus',
);

export const TASK = strict(
  {
    id: Type.String(),
    project_id: Type.String(),
    dialect: oneOf(...DIALECTS),
    name: Type.String(),
    tags: Type.Array(Type.String()),
    region: Type.String(),
    source: Type.Union([liveSource, listSource]),
    standby: Type.Array(Type.String()),
    destination,
    start_at: moment,
    end_at: orNull(moment),
    enabled: Type.Boolean(),
    callback: orNull(strict({ url: Type.String(), events: Type.Array(Type.String()) })),
    retry: orNull(retry),
    delay_s: orNull(Type.Number()),
    slate: orNull(Type.String()),
    version: Type.Integer({ minimum: 1 }),
    created_at: moment,
    status: STATUS,
    on_air: orNull(ON_AIR),
  },
  'Task',
);

export type PrintedTask = Static<typeof TASK>;
export type PrintedStatus = Static<typeof STATUS>;
export type PrintedOnAir = Static<typeof ON_AIR>;
export type PrintedSource = PrintedTask['source'];
export type PrintedDestination = PrintedTask['destination'];

export const TASK_LIST = strict({ tasks: Type.Array(TASK), next: orNull(Type.String()), total: count }, 'TaskList');
export const DELETED = strict({ deleted: Type.Literal(true) });

const flag = oneOf('true', 'false');
export const REVEAL = anyOf({ reveal: flag });
export const TASKS_BY = anyOf({
  status: words(EVENT_STATUSES),
  text: textOf(1, 256),
  tag,
  dialect: words(new Map(DIALECTS.map(word => [word, word]))),
  region,
  project_id: projectId,
  limit: integer(1, MOST_LISTED),
  after: text(/^\d{1,16}_[\w.-]{1,64}$/, 'must be a cursor from an answer'),
  reveal: flag,
});
export type TasksBy = StaticDecode<typeof TASKS_BY>;

export const SWITCH = strict({
  to: Type.Union([wholeNumber(0, MOST_STANDBYS), Type.Literal('auto')], {
    'x-rule': `must be an integer from 0 to ${MOST_STANDBYS}, or auto`,
  }),
});
export const JUMP = strict({
  index: startIndex,
  round: Type.Optional(wholeNumber(0, MOST_COUNT)),
  offset_s: Type.Optional(startS),
});
