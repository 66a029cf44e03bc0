import { useAnswer } from '../asked.ts';
import { latest } from '../feed.ts';
import { elapsed, formatKbit, formatTime } from '../format.ts';
import type { Task, TaskEvent } from '../model.ts';
import { destinationText, nameOf, sourceText } from '../parts/addresses.tsx';
import { Empty } from '../parts/empty.tsx';
import { EventLines } from '../parts/event-lines.tsx';
import { StillPicture } from '../parts/live-picture.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { nextOf, reasonOf } from '../parts/sentence.ts';
import { StatusWord } from '../parts/status-word.tsx';
import { href } from '../router.ts';
import { isOnAir, loadTasks, tasks, tasksProblem, tasksState } from '../tasks.ts';
import { t } from '../words.ts';
import { worstFirst } from '../worst-first.ts';

const MOST_TILES = 24;
const MOST_PICTURES = 8;

/** Is everything that should be on air on air? */
export function Now() {
  const due = tasks.value.filter(isDue);
  const onAir = due.filter(task => task.status.word === 'running');
  return (
    <section>
      <h1 class="sentence">{sentence(due, onAir)}</h1>
      <ProblemNote problem={tasksProblem.value} again={() => void loadTasks()} />
      {tasksState.value === 'there' && tasks.value.length === 0 && (
        <Empty>
          {t('now.none')} <a href={href(['new'])}>{t('task.new')}</a>
        </Empty>
      )}
      <Tiles shown={[...due].sort(worstFirst)} />
      {onAir.length > 1 && (
        <p>
          <a href={href(['wall'])}>{t('wall.title')}</a>
        </p>
      )}
      <div class="columns">
        <ComingUp />
        <Incidents />
      </div>
    </section>
  );
}

const isDue = ({ status, enabled }: Task): boolean =>
  status.word === 'running' || status.word === 'recovering' || (status.word === 'stopped' && enabled);

function sentence(due: readonly Task[], onAir: readonly Task[]): string {
  if (tasksState.value === 'loading') return t('state.loading');
  if (due.length === 0) return t('now.nothing_due');
  const worst = due.filter(task => task.status.word !== 'running').sort(worstFirst)[0];
  if (worst === undefined) return t('now.all', { n: onAir.length });
  const since = worst.status.since === null ? '' : elapsed(worst.status.since);
  return t('now.some', { n: onAir.length, of: due.length, name: nameOf(worst), since });
}

function Tiles({ shown }: { readonly shown: readonly Task[] }) {
  return (
    <>
      <ul class="tiles">
        {shown.slice(0, MOST_TILES).map((task, at) => (
          <Tile key={task.id} task={task} hasPicture={at < MOST_PICTURES} />
        ))}
      </ul>
      {shown.length > MOST_TILES && (
        <p>
          <a href={href(['tasks'], { status: 'running,recovering' })}>
            {t('now.more', { n: shown.length - MOST_TILES })}
          </a>
        </p>
      )}
    </>
  );
}

function Tile({ task, hasPicture }: { readonly task: Task; readonly hasPicture: boolean }) {
  const { status, on_air: onAir } = task;
  return (
    <li class={`tile tile-${status.word}`} data-task={task.id}>
      {hasPicture && isOnAir(task) && <StillPicture taskId={task.id} name={nameOf(task)} />}
      <h2>
        <a href={href(['tasks', task.id])} data-row>
          {nameOf(task)}
        </a>
      </h2>
      <p class="row">
        <StatusWord word={status.word} /> {status.since !== null && <span class="faint">{elapsed(status.since)}</span>}
      </p>
      {reasonOf(task) !== '' && <p class="reason">{reasonOf(task)}</p>}
      {nextOf(task) !== '' && <p class="faint">{nextOf(task)}</p>}
      <p class="faint address">
        {sourceText(task)} → {destinationText(task.destination)}
      </p>
      {onAir !== null && (
        <p class="numbers">
          {t('rate.in')} {formatKbit(onAir.in.kbit)} · {t('rate.out')} {formatKbit(onAir.out.kbit)}
        </p>
      )}
    </li>
  );
}

interface Coming {
  readonly at: string;
  readonly task: Task;
  readonly what: 'starts' | 'ends';
}

const NEXT = 3;

function comingUp(all: readonly Task[], now: number): readonly Coming[] {
  const found = all.flatMap((task): Coming[] => {
    if (!task.enabled || task.status.word === 'exited') return [];
    const starts =
      task.start_at !== null && task.status.word === 'scheduled'
        ? [{ at: task.start_at, task, what: 'starts' as const }]
        : [];
    const ends = task.end_at !== null ? [{ at: task.end_at, task, what: 'ends' as const }] : [];
    return [...starts, ...ends];
  });
  const ahead = found.filter(({ at }) => new Date(at).getTime() > now);
  return ahead.sort((one, other) => one.at.localeCompare(other.at)).slice(0, NEXT);
}

function ComingUp() {
  const coming = comingUp(tasks.value, Date.now());
  return (
    <section class="card" aria-labelledby="coming">
      <h2 id="coming">{t('now.coming')}</h2>
      {coming.length === 0 && <Empty>{t('now.coming_none')}</Empty>}
      <ul class="plain">
        {coming.map(({ at, task, what }) => (
          <li key={`${task.id} ${what}`}>
            <a href={href(['tasks', task.id])}>{nameOf(task)}</a> {t(`now.${what}`, { at: formatTime(at) })}
          </li>
        ))}
      </ul>
    </section>
  );
}

const INCIDENTS = '/events?type=broke,gave_up,alarm&limit=10';

function Incidents() {
  const { value, problem } = useAnswer<{ readonly events: readonly TaskEvent[] }>(INCIDENTS);
  const isOne = ({ type, detail }: TaskEvent): boolean =>
    type === 'broke' || type === 'gave_up' || (type === 'alarm' && detail.set !== false);
  const fresh = latest.value.filter(isOne);
  const known = new Set(fresh.map(({ id }) => id));
  const shown = [...fresh, ...(value?.events ?? []).filter(event => isOne(event) && !known.has(event.id))].slice(0, 10);
  return (
    <section class="card" aria-labelledby="incidents">
      <h2 id="incidents">{t('now.incidents')}</h2>
      <ProblemNote problem={problem} />
      {shown.length === 0 ? <Empty>{t('now.incidents_none')}</Empty> : <EventLines events={shown} withTask />}
    </section>
  );
}
