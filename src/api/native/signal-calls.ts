import { COLUMNS, type SeriesPart, type Signals } from '../../control/signals.ts';
import type { Tasks } from '../../control/tasks.ts';
import { printTime } from './event.ts';
import type { Call } from './route.ts';
import type { PrintedSignal, SignalBy } from './signal-schema.ts';

export interface SignalCallsOptions {
  readonly tasks: Pick<Tasks, 'get'>;
  readonly signals: Pick<Signals, 'seriesOf'>;
}

/** What tasks have carried. */
export class SignalCalls {
  readonly #options: SignalCallsOptions;

  constructor(options: SignalCallsOptions) {
    this.#options = options;
  }

  async signal({ caller, id, query }: Call<SignalBy>): Promise<PrintedSignal> {
    const { tasks, signals } = this.#options;
    await tasks.get(caller, id);
    return printSeries(signals.seriesOf(id, query.span ?? '15m', query.since));
  }
}

const printSeries = ({ stepMs, from, rows }: SeriesPart): PrintedSignal => ({
  step_s: stepMs / 1_000,
  from: printTime(from),
  columns: [...COLUMNS],
  rows: rows.map(row => row && [...row]),
});
