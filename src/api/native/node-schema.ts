import Type, { type Static } from 'typebox';
import { oneOf, orNull, strict } from './schema.ts';

const count = Type.Integer({ minimum: 0 });
const figure = Type.Number({ minimum: 0 });

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
    /** `unknown` of a node that has not been heard of lately. */
    state: oneOf('ready', 'starting', 'unknown'),
    /** `silent`: not heard of for a while. `gone`: certainly not at work. */
    presence: oneOf('present', 'silent', 'gone'),
    /** What its operator wants of it. */
    wanted: oneOf('active', 'cordoned', 'draining'),
    takes_tasks: Type.Boolean(),
    /** It is this node that answers. */
    self: Type.Boolean(),
    runs: count,
    capacity: count,
    load: figure,
    /** What it does for all nodes. */
    duties: Type.Array(Type.String()),
    clock_offset_s: orNull(Type.Number()),
    uptime_s: orNull(figure),
    tasks: strict({ running: count, recovering: count, scheduled: count }),
    workers: Type.Array(worker),
    control: orNull(strict({ pid: count, ...load })),
    kbit_in: figure,
    kbit_out: figure,
    viewers: count,
  },
  'Node',
);

export const NODES = strict({ nodes: Type.Array(node) });
export type PrintedNodes = Static<typeof NODES>;
