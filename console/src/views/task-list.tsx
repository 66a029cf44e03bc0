import { useComputed } from '@preact/signals';
import { query } from '../api.ts';
import type { Change } from '../copies.ts';
import { byNeed, filterTasks, type TaskFilter } from '../filter.ts';
import { elapsed, formatKbit } from '../format.ts';
import type { Status, Task } from '../model.ts';
import { destinationText, nameOf, sourceText } from '../parts/addresses.tsx';
import { Bulk } from '../parts/bulk.tsx';
import { CopyAs } from '../parts/copy-as.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { reasonOf } from '../parts/sentence.ts';
import { StatusWord } from '../parts/status-word.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { href, refine } from '../router.ts';
import { loadTasks, tasks, tasksProblem, tasksState } from '../tasks.ts';
import { type Key, t } from '../words.ts';

const STATUSES: readonly Status[] = ['running', 'recovering', 'scheduled', 'stopped', 'exited'];

const readStatuses = (query: URLSearchParams): ReadonlySet<Status> =>
  new Set(STATUSES.filter(word => (query.get('status') ?? '').split(',').includes(word)));

/** Which task needs me? */
export function TaskList({ query: asked }: { readonly query: URLSearchParams }) {
  const text = asked.get('text') ?? '';
  const tag = asked.get('tag') ?? '';
  const statuses = readStatuses(asked);
  const sorted = useComputed(() => byNeed(tasks.value));
  const shown = filterTasks(sorted.value, { text, statuses, tag });
  const ask = (change: Readonly<Record<string, string>>): void =>
    refine({ text, tag, status: [...statuses].join(','), ...change });
  return (
    <section>
      <h1>{t('tasks.title')}</h1>
      <ProblemNote problem={tasksProblem.value} again={() => void loadTasks()} />
      <div class="row" role="search">
        <input
          type="search"
          class="grow"
          data-search
          aria-label={t('tasks.search')}
          placeholder={t('tasks.search')}
          value={text}
          onInput={event => ask({ text: event.currentTarget.value })}
        />
        <StatusChips statuses={statuses} onChange={chosen => ask({ status: [...chosen].join(',') })} />
        {tag !== '' && (
          <button type="button" class="chip" aria-pressed="true" onClick={() => ask({ tag: '' })}>
            {tag} ✕
          </button>
        )}
      </div>
      <p class="faint" role="status">
        {tasksState.value === 'loading'
          ? t('state.loading')
          : t('tasks.count', { n: shown.length, of: tasks.value.length })}
      </p>
      {shown.length > 0 && <Bulk tasks={shown} />}
      {shown.length === 0 ? (
        tasksState.value === 'there' && <Empty>{t(tasks.value.length === 0 ? 'now.none' : 'tasks.none_such')}</Empty>
      ) : (
        <VirtualRows
          rows={shown}
          keyOf={({ id }) => id}
          label={t('tasks.title')}
          head={<Head />}
          cells={task => <Cells task={task} />}
        />
      )}
      <CopyAs change={listOf({ text, tag, statuses })} />
    </section>
  );
}

/** The same list for other clients. */
const listOf = ({ text, tag, statuses }: TaskFilter): Change => ({
  method: 'GET',
  path: `/tasks${query({ text, tag, status: [...statuses].join(',') })}`,
  cli: [
    ...['task', 'list'],
    ...(text === '' ? [] : ['--text', text]),
    ...(tag === '' ? [] : ['--tag', tag]),
    ...(statuses.size === 0 ? [] : ['--status', [...statuses].join(',')]),
  ],
});

interface ChipsProps {
  readonly statuses: ReadonlySet<Status>;
  readonly onChange: (statuses: ReadonlySet<Status>) => void;
}

function StatusChips({ statuses, onChange }: ChipsProps) {
  const counts = useComputed(() => Map.groupBy(tasks.value, ({ status }) => status.word));
  const toggle = (word: Status): void =>
    onChange(new Set(STATUSES.filter(one => (one === word ? !statuses.has(one) : statuses.has(one)))));
  return (
    <fieldset class="chips" aria-label={t('tasks.status')}>
      {STATUSES.map(word => (
        <button key={word} type="button" class="chip" aria-pressed={statuses.has(word)} onClick={() => toggle(word)}>
          {t(`status.${word}`)} {counts.value.get(word)?.length ?? 0}
        </button>
      ))}
    </fieldset>
  );
}

const COLUMNS: readonly (readonly [label: Key, isWide: boolean])[] = [
  ['tasks.status', false],
  ['tasks.name', false],
  ['tasks.route', true],
  ['tasks.reason', true],
  ['tasks.rates', true],
];

function Head() {
  return (
    <>
      {COLUMNS.map(([label, isWide]) => (
        <span key={label} role="columnheader" class={isWide ? 'wide' : ''}>
          {t(label)}
        </span>
      ))}
    </>
  );
}

function Cells({ task }: { readonly task: Task }) {
  const { status, on_air: onAir } = task;
  const route = `${sourceText(task)} → ${destinationText(task.destination)}`;
  const reason = reasonOf(task);
  return (
    <>
      <span role="cell">
        <StatusWord word={status.word} />
      </span>
      <span role="cell" title={task.name}>
        <a href={href(['tasks', task.id])} data-row>
          {nameOf(task)}
        </a>{' '}
        {task.tags.map(tag => (
          <span key={tag} class="tag">
            {tag}
          </span>
        ))}
      </span>
      <span role="cell" class="wide address" title={route}>
        {route}
      </span>
      <span role="cell" class="wide" title={reason}>
        {reason}
      </span>
      <span role="cell" class="wide numbers">
        {onAir === null ? (status.since === null ? '' : elapsed(status.since)) : formatKbit(onAir.out.kbit)}
      </span>
    </>
  );
}
