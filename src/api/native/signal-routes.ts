import { type Route, route } from './route.ts';
import { SIGNAL, SIGNAL_BY } from './signal-schema.ts';

export const LIVE_PATH = '/api/v1/tasks/:id/live.flv';
export const STILL_PATH = '/api/v1/tasks/:id/still';

/** What answers with FLV. */
export const PICTURES = [
  { path: LIVE_PATH, summary: 'Shows what a task carries, for as long as it is looked at' },
  { path: STILL_PATH, summary: 'Shows the last key frame of a task on air' },
] as const;

/** What tasks carry, as figures. */
export const SIGNAL_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/v1/tasks/:id/signal',
    action: 'millrace:tasks:list',
    summary: 'Tells what a task has carried, step by step',
    query: SIGNAL_BY,
    answer: SIGNAL,
    does: ({ signals }, call) => signals.signal(call),
  }),
];
