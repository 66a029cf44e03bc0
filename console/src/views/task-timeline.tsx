import { useComputed, useSignal } from '@preact/signals';
import { useAnswer } from '../asked.ts';
import { clock } from '../clock.ts';
import { latest } from '../feed.ts';
import { formatSeconds, formatTime } from '../format.ts';
import type { Task, TaskEvent } from '../model.ts';
import { fileName } from '../parts/addresses.tsx';
import { Answered, Empty } from '../parts/empty.tsx';
import { EventLines } from '../parts/event-lines.tsx';
import { alarmText } from '../parts/sentence.ts';
import { lanesOf, type Stretch } from '../timeline.ts';
import { type Key, t, tWord } from '../words.ts';

const SPANS: readonly (readonly [key: Key, seconds: number])[] = [
  ['timeline.10min', 600],
  ['timeline.1h', 3_600],
  ['timeline.24h', 86_400],
  ['timeline.all', Number.POSITIVE_INFINITY],
];
const FORMS = ['compact', 'json'] as const;

/** What happened, and when? */
export function TaskTimeline({ task }: { readonly task: Task }) {
  const answer = useAnswer<{ readonly events: readonly TaskEvent[] }>(`/events?task_id=${task.id}&limit=500`);
  const span = useSignal(Number.POSITIVE_INFINITY);
  const form = useSignal<(typeof FORMS)[number]>('compact');
  const fresh = useComputed(() => latest.value.filter(event => event.task_id === task.id));
  return (
    <Answered answer={answer}>
      {({ events: stored }) => {
        const events = merged(fresh.value, stored);
        return (
          <>
            <div class="row" role="group" aria-label={t('timeline.span')}>
              {SPANS.map(([key, seconds]) => (
                <button
                  key={key}
                  type="button"
                  class="chip"
                  aria-pressed={span.value === seconds}
                  onClick={() => (span.value = seconds)}
                >
                  {t(key)}
                </button>
              ))}
            </div>
            <Waterfall events={events} spanS={span.value} />
            <div class="row" role="group" aria-label={t('timeline.form')}>
              {FORMS.map(word => (
                <button
                  key={word}
                  type="button"
                  class="chip"
                  aria-pressed={form.value === word}
                  onClick={() => (form.value = word)}
                >
                  {t(`timeline.${word}`)}
                </button>
              ))}
              <a class="button" download={`${task.id}.events.json`} href={fileOf(events)}>
                {t('timeline.download')}
              </a>
            </div>
            {form.value === 'compact' ? (
              <EventLines events={events} />
            ) : (
              <pre tabIndex={0}>{JSON.stringify(events, null, 2)}</pre>
            )}
          </>
        );
      }}
    </Answered>
  );
}

/** Newest first, each once. */
export function merged(fresh: readonly TaskEvent[], stored: readonly TaskEvent[]): readonly TaskEvent[] {
  const known = new Set(stored.map(({ id }) => id));
  return [...fresh.filter(({ id }) => !known.has(id)), ...stored];
}

const fileOf = (events: readonly TaskEvent[]): string =>
  `data:application/json;charset=utf-8,${encodeURIComponent(JSON.stringify(events, null, 2))}`;

function Waterfall({ events, spanS }: { readonly events: readonly TaskEvent[]; readonly spanS: number }) {
  const until = clock.value;
  const lanes = lanesOf(events, until);
  const first = Math.min(...events.map(({ time }) => Date.parse(time)), until - 1);
  const from = Math.max(first, until - spanS * 1_000);
  if (lanes.length === 0) return <Empty>{t('timeline.none')}</Empty>;
  return (
    <div class="card gantt">
      <div class="lane">
        <span class="lane-name faint">{formatSeconds((until - from) / 1_000)}</span>
        <span class="row spread faint">
          <span>{formatTime(from)}</span>
          <span>{t('timeline.now')}</span>
        </span>
      </div>
      {lanes.map(({ name, stretches }) => (
        <div key={name} class="lane">
          <span class="lane-name">{t(`timeline.${name}`)}</span>
          <div
            class="lane-time"
            role="img"
            aria-label={t('timeline.lane', { name: t(`timeline.${name}`), n: stretches.length })}
          >
            {stretches
              .filter(({ to }) => to >= from)
              .map(stretch => (
                <Piece key={`${stretch.from} ${stretch.label}`} stretch={stretch} from={from} until={until} />
              ))}
          </div>
        </div>
      ))}
    </div>
  );
}

interface PieceProps {
  readonly stretch: Stretch;
  readonly from: number;
  readonly until: number;
}

function Piece({ stretch, from, until }: PieceProps) {
  const begins = Math.max(stretch.from, from);
  const part = (ms: number): string => `${((100 * ms) / Math.max(1, until - from)).toFixed(3)}%`;
  const title = `${labelOf(stretch)} · ${formatTime(stretch.from)} · ${formatSeconds((stretch.to - stretch.from) / 1_000)} ${stretch.why}`;
  return (
    <span
      class={`waterfall-bar waterfall-${stretch.kind}`}
      title={title}
      style={{ left: part(begins - from), width: part(stretch.to - begins) }}
    />
  );
}

const labelOf = ({ kind, label }: Stretch): string =>
  kind === 'file' ? fileName(label) : kind === 'alarm' ? alarmText(label) : tWord('status', label);
