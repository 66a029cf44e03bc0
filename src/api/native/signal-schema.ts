import Type, { type Static, type StaticDecode } from 'typebox';
import { COLUMNS } from '../../control/signals.ts';
import { anyOf, time } from './params.ts';
import { oneOf, orNull, strict } from './schema.ts';

const moment = Type.String({ format: 'date-time' });
const count = Type.Integer({ minimum: 0 });
const figure = Type.Number({ minimum: 0 });

export const SIGNAL_BY = anyOf({ span: oneOf('15m', '24h'), since: time });
export type SignalBy = StaticDecode<typeof SIGNAL_BY>;

export const SIGNAL = strict(
  {
    step_s: figure,
    from: moment,
    columns: Type.Array(oneOf(...COLUMNS)),
    rows: Type.Array(orNull(Type.Array(orNull(figure)))),
  },
  'Signal',
);
export type PrintedSignal = Static<typeof SIGNAL>;

const load = { cpu: orNull(figure), rss_mb: orNull(figure), lag_ms: orNull(figure) };

const worker = strict(
  {
    slot: count,
    pid: orNull(count),
    runs: count,
    state: oneOf('up', 'away', 'draining'),
    ...load,
  },
  'Worker',
);

const node = strict(
  {
    name: Type.String(),
    version: Type.String(),
    region: Type.String(),
    state: oneOf('ready', 'starting'),
    uptime_s: figure,
    tasks: strict({ running: count, recovering: count, scheduled: count }),
    workers: Type.Array(worker),
    control: strict({ pid: count, ...load }),
    kbit_in: figure,
    kbit_out: figure,
    viewers: count,
  },
  'Node',
);

export const NODES = strict({ nodes: Type.Array(node) });
export type PrintedNodes = Static<typeof NODES>;
