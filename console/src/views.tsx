import type { JSX } from 'preact';
import { Empty } from './parts/empty.tsx';
import type { Route } from './router.ts';
import { Now } from './views/now.tsx';
import { TaskView } from './views/task.tsx';
import { TaskList } from './views/task-list.tsx';
import { t } from './words.ts';

type View = (route: Route) => JSX.Element;

const VIEWS: Readonly<Record<string, View>> = {
  '': () => <Now />,
  tasks: ({ path: [, id, tab], query }) =>
    id === undefined ? <TaskList query={query} /> : <TaskView key={id} id={id} tab={tab ?? 'overview'} />,
};

export function viewOf(route: Route): JSX.Element {
  const view = VIEWS[route.path[0] ?? ''];
  return view === undefined ? <Empty>{t('state.no_view')}</Empty> : view(route);
}
