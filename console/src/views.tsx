import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { asProblem, type Problem } from './api.ts';
import { Empty } from './parts/empty.tsx';
import { ProblemNote } from './parts/problem-note.tsx';
import type { Route } from './router.ts';
import { Now } from './views/now.tsx';
import { TaskView } from './views/task.tsx';
import { TaskList } from './views/task-list.tsx';
import { t } from './words.ts';

type View = (route: Route) => JSX.Element;

/** Views by the first part of their address: those that everybody opens are there at once. */
const AT_ONCE: Readonly<Record<string, View>> = {
  '': () => <Now />,
  tasks: ({ path: [, id, tab = 'overview'], query }) =>
    id === undefined ? <TaskList query={query} /> : <TaskView key={id} id={id} tab={tab} />,
};

/** The others are loaded when they are first asked for. */
const LATER: Readonly<Record<string, () => Promise<View>>> = {
  new: async () => {
    const { NewTask } = await import('./views/edit.tsx');
    return () => <NewTask />;
  },
  edit: async () => {
    const { EditTask } = await import('./views/edit.tsx');
    return ({ path: [, id = ''] }) => <EditTask key={id} id={id} />;
  },
  schedule: async () => {
    const { Schedule } = await import('./views/schedule.tsx');
    return ({ query }) => <Schedule query={query} />;
  },
  events: async () => {
    const { Events } = await import('./views/events.tsx');
    return ({ query }) => <Events query={query} />;
  },
  deliveries: async () => {
    const { Deliveries } = await import('./views/deliveries.tsx');
    return ({ query }) => <Deliveries query={query} />;
  },
  wall: async () => {
    const { Wall } = await import('./views/wall.tsx');
    return () => <Wall />;
  },
  nodes: async () => {
    const { Nodes } = await import('./views/nodes.tsx');
    return () => <Nodes />;
  },
  assets: async () => {
    const { Assets } = await import('./views/assets.tsx');
    return () => <Assets />;
  },
  tools: async () => {
    const { Tools } = await import('./views/tools.tsx');
    return () => <Tools />;
  },
  access: async () => {
    const { Access } = await import('./views/access.tsx');
    return ({ path: [, part] }) => <Access part={part} />;
  },
  system: async () => {
    const { System } = await import('./views/system.tsx');
    return () => <System />;
  },
};

const loaded = signal<Readonly<Record<string, View>>>(AT_ONCE);
const problem = signal<Problem | undefined>(undefined);

function load(name: string): void {
  problem.value = undefined;
  LATER[name]?.().then(
    view => {
      loaded.value = { ...loaded.peek(), [name]: view };
    },
    error => {
      problem.value = asProblem(error);
    },
  );
}

/** A task is edited where it stands: `tasks/ID/edit`. */
const nameOf = ({ path: [first = '', , third] }: Route): string =>
  first === 'tasks' && third === 'edit' ? 'edit' : first;

export function viewOf(route: Route): JSX.Element {
  const name = nameOf(route);
  const view = loaded.value[name];
  if (view !== undefined) return view(route);
  if (!Object.hasOwn(LATER, name)) return <Empty>{t('state.no_view')}</Empty>;
  if (problem.value !== undefined) return <ProblemNote problem={problem.value} again={() => load(name)} />;
  load(name);
  return <Empty>{t('state.loading')}</Empty>;
}
