import { useSignal } from '@preact/signals';
import { useAnswer } from '../asked.ts';
import type { Signal, Task } from '../model.ts';
import { Chart } from '../parts/chart.tsx';
import { Answered, Empty } from '../parts/empty.tsx';
import { Time } from '../parts/time.tsx';
import { type Key, t } from '../words.ts';

const SPANS = ['15m', '24h'] as const;
const EVERY_MS = { '15m': 2_000, '24h': 10_000 } as const;

interface Panel {
  readonly title: Key;
  readonly digits: number;
  readonly columns: readonly (readonly [column: string, label: Key])[];
}

const PANELS: readonly Panel[] = [
  {
    title: 'signal.rate',
    digits: 0,
    columns: [
      ['in_kbit', 'rate.in'],
      ['out_kbit', 'rate.out'],
    ],
  },
  {
    title: 'signal.fps',
    digits: 1,
    columns: [
      ['in_fps', 'rate.in'],
      ['out_fps', 'rate.out'],
    ],
  },
  { title: 'signal.queue', digits: 2, columns: [['queue_s', 'signal.queue']] },
  { title: 'signal.keys', digits: 2, columns: [['key_frame_s', 'signal.keys']] },
  { title: 'signal.drops', digits: 0, columns: [['drops', 'signal.drops']] },
];

/** Is the picture healthy, and on which side did it go wrong? */
export function TaskSignal({ task }: { readonly task: Task }) {
  const span = useSignal<(typeof SPANS)[number]>('15m');
  const answer = useAnswer<Signal>(`/tasks/${task.id}/signal?span=${span.value}`, EVERY_MS[span.value]);
  return (
    <>
      <div class="row" role="group" aria-label={t('timeline.span')}>
        {SPANS.map(word => (
          <button
            key={word}
            type="button"
            class="chip"
            aria-pressed={span.value === word}
            onClick={() => (span.value = word)}
          >
            {t(`signal.${word}`)}
          </button>
        ))}
      </div>
      <Answered answer={answer}>{signal => <Panels signal={signal} />}</Answered>
    </>
  );
}

function Panels({ signal }: { readonly signal: Signal }) {
  const { from, step_s: stepS, columns, rows } = signal;
  if (from === null || rows.length === 0) return <Empty>{t('signal.none')}</Empty>;
  const start = Date.parse(from) / 1_000;
  const times = rows.map((_, at) => start + at * stepS);
  const valuesOf = (column: string): readonly (number | null)[] => {
    const index = columns.indexOf(column);
    return rows.map(row => row?.[index] ?? null);
  };
  return (
    <>
      <p class="faint">
        {t('signal.from')} <Time at={from} />
      </p>
      {PANELS.map(panel => (
        <Chart
          key={panel.title}
          title={t(panel.title)}
          times={times}
          digits={panel.digits}
          lines={panel.columns.map(([column, label]) => ({ label: t(label), values: valuesOf(column) }))}
        />
      ))}
    </>
  );
}
