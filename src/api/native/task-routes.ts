import { type Route, route } from './route.ts';
import { DELETED, REVEAL, TASK, TASK_CHANGE, TASK_LIST, TASK_WISH, TASKS_BY } from './task-schema.ts';
import { printVersion } from './version.ts';

const ONE = '/api/v1/tasks/:id';
const etag = ({ version }: { readonly version: number }) => ({ etag: printVersion(version) });

/** Tasks: what is pulled, where it is pushed, and how it fares. */
export const TASK_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/api/v1/tasks',
    action: 'millrace:tasks:create',
    summary: 'Creates a task',
    body: TASK_WISH,
    answer: TASK,
    status: 201,
    headers: etag,
    does: ({ tasks }, call) => tasks.create(call),
  }),
  route({
    method: 'GET',
    path: '/api/v1/tasks',
    action: 'millrace:tasks:list',
    summary: 'Lists tasks, the newest first',
    query: TASKS_BY,
    answer: TASK_LIST,
    does: ({ tasks }, call) => tasks.list(call),
  }),
  route({
    method: 'GET',
    path: ONE,
    action: 'millrace:tasks:list',
    summary: 'Shows a task and how it fares',
    query: REVEAL,
    answer: TASK,
    headers: etag,
    does: ({ tasks }, call) => tasks.get(call),
  }),
  route({
    method: 'PATCH',
    path: ONE,
    action: 'millrace:tasks:change',
    summary: 'Changes what is said of a task',
    body: TASK_CHANGE,
    answer: TASK,
    headers: etag,
    does: ({ tasks }, call) => tasks.change(call),
  }),
  route({
    method: 'DELETE',
    path: ONE,
    action: 'millrace:tasks:delete',
    summary: 'Ends a task and takes it out of every list',
    answer: DELETED,
    does: ({ tasks }, call) => tasks.delete(call),
  }),
  route({
    method: 'POST',
    path: `${ONE}/start`,
    action: 'millrace:tasks:operate',
    summary: 'Switches a task on',
    answer: TASK,
    headers: etag,
    does: ({ tasks }, call) => tasks.start(call),
  }),
  route({
    method: 'POST',
    path: `${ONE}/stop`,
    action: 'millrace:tasks:operate',
    summary: 'Switches a task off',
    answer: TASK,
    headers: etag,
    does: ({ tasks }, call) => tasks.stop(call),
  }),
  route({
    method: 'POST',
    path: `${ONE}/restart`,
    action: 'millrace:tasks:operate',
    summary: 'Starts a task over with its latest settings',
    answer: TASK,
    headers: etag,
    does: ({ tasks }, call) => tasks.restart(call),
  }),
];
