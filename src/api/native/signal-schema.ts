import Type, { type Static, type StaticDecode } from 'typebox';
import { COLUMNS } from '../../control/signals.ts';
import { anyOf, time } from './params.ts';
import { oneOf, orNull, strict } from './schema.ts';

const moment = Type.String({ format: 'date-time' });
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
