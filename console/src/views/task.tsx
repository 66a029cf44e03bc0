import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { useAnswer } from '../asked.ts';
import { elapsed } from '../format.ts';
import type { Task } from '../model.ts';
import { nameOf } from '../parts/addresses.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { nextOf, reasonOf } from '../parts/sentence.ts';
import { StatusWord } from '../parts/status-word.tsx';
import { type Tab, Tabs } from '../parts/tabs.tsx';
import { TaskButtons } from '../parts/task-buttons.tsx';
import { href } from '../router.ts';
import { isOnAir, keepTask, taskNamed } from '../tasks.ts';
import { t } from '../words.ts';
import { TaskCallbacks } from './task-callbacks.tsx';
import { TaskChanges } from './task-changes.tsx';
import { TaskOverview } from './task-overview.tsx';
import { TaskPlaylist } from './task-playlist.tsx';
import { TaskSignal } from './task-signal.tsx';
import { TaskTimeline } from './task-timeline.tsx';

const EVERY_MS = 1_000;
const EVERY_IDLE_MS = 5_000;

type Body = (props: { readonly task: Task }) => JSX.Element;

const TABS: Readonly<
  Record<string, { readonly label: Tab['label']; readonly body: Body; readonly isOfLists?: boolean }>
> = {
  overview: { label: 'tab.overview', body: TaskOverview },
  timeline: { label: 'tab.timeline', body: TaskTimeline },
  signal: { label: 'tab.signal', body: TaskSignal },
  playlist: { label: 'tab.playlist', body: TaskPlaylist, isOfLists: true },
  callbacks: { label: 'tab.callbacks', body: TaskCallbacks },
  changes: { label: 'tab.changes', body: TaskChanges },
};

export function TaskView({ id, tab }: { readonly id: string; readonly tab: string }) {
  const known = taskNamed(id);
  const isBusy = known !== undefined && isOnAir(known);
  const { value, problem } = useAnswer<Task>(`/tasks/${encodeURIComponent(id)}`, isBusy ? EVERY_MS : EVERY_IDLE_MS);
  useEffect(() => {
    if (value !== undefined && problem === undefined) keepTask(value);
  }, [value]);
  const task = known ?? value;
  if (task === undefined) {
    return (
      <section>
        <h1>{t('task.title')}</h1>
        <ProblemNote problem={problem} />
        {problem === undefined && <Empty>{t('state.loading')}</Empty>}
      </section>
    );
  }
  return <Known task={task} tab={tab} />;
}

function Known({ task, tab }: { readonly task: Task; readonly tab: string }) {
  const shown = Object.entries(TABS).filter(([, { isOfLists }]) => isOfLists !== true || task.source.kind === 'list');
  const Shown = (TABS[tab] ?? TABS.overview)?.body ?? TaskOverview;
  return (
    <section>
      <div class="row spread">
        <h1>{nameOf(task)}</h1>
        <TaskButtons task={task} />
      </div>
      <p class="row" data-status={task.status.word}>
        <StatusWord word={task.status.word} />
        {task.status.since !== null && <span class="faint">{elapsed(task.status.since)}</span>}
        <span>{reasonOf(task)}</span>
        <span class="faint">{nextOf(task)}</span>
      </p>
      <Tabs
        label={t('task.tabs')}
        current={tab}
        tabs={shown.map(([name, { label }]) => ({ name, label, href: href(['tasks', task.id, name]) }))}
      />
      <Shown task={task} />
    </section>
  );
}
