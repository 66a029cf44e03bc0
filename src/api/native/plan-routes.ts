import { PLAN } from './plan-schema.ts';
import { type Route, route } from './route.ts';
import { TASK_WISH } from './task-schema.ts';

/** What would become of a task. */
export const PLAN_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/api/v1/plan',
    // Its addresses are dialled, as those of a task would be.
    action: 'millrace:tasks:create',
    summary: 'Tells what would become of a task, without making it',
    body: TASK_WISH,
    answer: PLAN,
    does: ({ plans }, call) => plans.plan(call),
  }),
];
