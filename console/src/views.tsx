import type { JSX } from 'preact';
import { Empty } from './parts/empty.tsx';
import type { Route } from './router.ts';
import { Access } from './views/access.tsx';
import { Assets } from './views/assets.tsx';
import { Deliveries } from './views/deliveries.tsx';
import { EditTask, NewTask } from './views/edit.tsx';
import { Events } from './views/events.tsx';
import { Nodes } from './views/nodes.tsx';
import { Now } from './views/now.tsx';
import { Schedule } from './views/schedule.tsx';
import { System } from './views/system.tsx';
import { TaskView } from './views/task.tsx';
import { TaskList } from './views/task-list.tsx';
import { Tools } from './views/tools.tsx';
import { t } from './words.ts';

type View = (route: Route) => JSX.Element;

/** Every view, by the first part of its address. */
const VIEWS: Readonly<Record<string, View>> = {
  '': () => <Now />,
  tasks: taskView,
  new: () => <NewTask />,
  schedule: ({ query }) => <Schedule query={query} />,
  events: ({ query }) => <Events query={query} />,
  deliveries: ({ query }) => <Deliveries query={query} />,
  nodes: () => <Nodes />,
  assets: () => <Assets />,
  tools: () => <Tools />,
  access: ({ path: [, part] }) => <Access part={part} />,
  system: () => <System />,
};

function taskView({ path: [, id, tab = 'overview'], query }: Route): JSX.Element {
  if (id === undefined) return <TaskList query={query} />;
  return tab === 'edit' ? <EditTask key={id} id={id} /> : <TaskView key={id} id={id} tab={tab} />;
}

export function viewOf(route: Route): JSX.Element {
  const view = VIEWS[route.path[0] ?? ''];
  return view === undefined ? <Empty>{t('state.no_view')}</Empty> : view(route);
}
