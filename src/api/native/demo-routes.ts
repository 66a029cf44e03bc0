import { DONE } from './access-schema.ts';
import { type Route, route } from './route.ts';

/** What only a demonstration can. */
export const DEMO_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/api/v1/demo/fix',
    action: 'millrace:tasks:operate',
    summary: 'In a demonstration, brings back what was broken on purpose',
    answer: DONE,
    does: ({ demo }) => demo.fix(),
  }),
];
