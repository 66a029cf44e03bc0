import { useEffect } from 'preact/hooks';
import { clock } from '../clock.ts';
import type { Span } from '../collisions.ts';
import { formatTime } from '../format.ts';
import { collisionsIn, type GanttBar, type GanttLane, ganttOf, rowsIn } from '../gantt.ts';
import { nameOf } from '../parts/addresses.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { placeOf, revealDestinations } from '../revealed.ts';
import { href, refine } from '../router.ts';
import { loadTasks, tasks, tasksProblem } from '../tasks.ts';
import { t } from '../words.ts';

const HOUR_MS = 3_600_000;
const SPANS = { day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS } as const;
/** How much of the past stays in view. */
const BEFORE = 1 / 12;
const TICKS = 6;
const MOST_LANES = 100;
/** The height of a bar with what is left free below it. */
const ROW_REM = 2.1;

/** What runs when, and where does it collide? */
export function Schedule({ query }: { readonly query: URLSearchParams }) {
  const count = tasks.value.length;
  useEffect(() => void revealDestinations().catch(() => undefined), [count]);
  const word = query.get('span') === 'week' ? 'week' : 'day';
  const step = Number(query.get('step') ?? 0) || 0;
  const length = SPANS[word];
  const from = clock.value - length * BEFORE + step * length;
  const window = { from, to: from + length };
  const lanes = ganttOf(tasks.value, window, placeOf);
  const colliding = lanes.reduce((sum, lane) => sum + collisionsIn(lane), 0);
  const move = (by: number): void => refine({ span: word, step: String(step + by) });
  return (
    <section>
      <h1>{t('nav.schedule')}</h1>
      <ProblemNote problem={tasksProblem.value} again={() => void loadTasks()} />
      <p class={colliding > 0 ? 'note note-warn' : ''} role="status">
        {colliding > 0 ? `⚠ ${t('schedule.collide', { n: colliding })}` : t('schedule.free')}
      </p>
      <div class="row" role="group" aria-label={t('timeline.span')}>
        {(['day', 'week'] as const).map(span => (
          <button
            key={span}
            type="button"
            class="chip"
            aria-pressed={span === word}
            onClick={() => refine({ span, step: '0' })}
          >
            {t(`schedule.${span}`)}
          </button>
        ))}
        <button type="button" onClick={() => move(-1)}>
          ← {t('schedule.earlier')}
        </button>
        <button type="button" onClick={() => move(1)}>
          {t('schedule.later')} →
        </button>
      </div>
      {lanes.length === 0 ? (
        <Empty>{t('schedule.none')}</Empty>
      ) : (
        <Gantt lanes={lanes.slice(0, MOST_LANES)} window={window} />
      )}
      {lanes.length > MOST_LANES && <p class="faint">{t('now.more', { n: lanes.length - MOST_LANES })}</p>}
    </section>
  );
}

const shareOf = (at: number, { from, to }: Span): number =>
  Math.min(100, Math.max(0, (100 * (at - from)) / (to - from)));

function Gantt({ lanes, window }: { readonly lanes: readonly GanttLane[]; readonly window: Span }) {
  const ticks = Array.from({ length: TICKS }, (_, at) => window.from + ((window.to - window.from) * at) / TICKS);
  const now = clock.value;
  return (
    <div class="card gantt scroll" tabIndex={0} role="region" aria-label={t('nav.schedule')}>
      <div class="lane">
        <span class="lane-name faint">{t('hop.destination')}</span>
        <div class="lane-time" aria-hidden="true">
          {ticks.map(at => (
            <span key={at} class="tick" style={{ left: `${shareOf(at, window)}%` }}>
              {formatTime(at).slice(0, -3)}
            </span>
          ))}
        </div>
      </div>
      {lanes.map(lane => (
        <div key={lane.place} class="lane">
          <span class="lane-name address">{lane.name}</span>
          <div class="lane-time" style={{ height: `${rowsIn(lane) * ROW_REM + 0.3}rem` }}>
            {lane.bars.map(bar => (
              <Bar key={bar.task.id} bar={bar} window={window} />
            ))}
            {now > window.from && now < window.to && (
              <span class="now-line" aria-hidden="true" style={{ left: `${shareOf(now, window)}%` }} />
            )}
          </div>
        </div>
      ))}
    </div>
  );
}

interface BarProps {
  readonly bar: GanttBar;
  readonly window: Span;
}

function Bar({ bar: { task, span, collides, row }, window }: BarProps) {
  const left = shareOf(span.from, window);
  const until = task.end_at === null ? t('overview.endless') : formatTime(task.end_at);
  const others = collides.length === 0 ? '' : ` — ${t('schedule.with', { names: collides.map(nameOf).join(', ') })}`;
  const title = `${nameOf(task)}: ${formatTime(task.start_at)} – ${until}${others}`;
  return (
    <a
      class={`bar ${collides.length > 0 ? 'bar-collides' : ''}`}
      href={href(['tasks', task.id])}
      title={title}
      aria-label={title}
      style={{
        left: `${left}%`,
        width: `${Math.max(1, shareOf(span.to, window) - left)}%`,
        top: `${0.3 + row * ROW_REM}rem`,
      }}
    >
      {collides.length > 0 && '⚠ '}
      {nameOf(task)}
    </a>
  );
}
