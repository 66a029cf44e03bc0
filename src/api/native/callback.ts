import type { Event } from '../../task/event.ts';
import type { Task } from '../../task/task.ts';
import { printEvent, printTime, type Redact, snake } from './event.ts';

export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/** What this dialect posts for an event; undefined where there is nobody to tell, or the user did not ask for it. */
export const renderNative =
  ({ redact }: { readonly redact: Redact }) =>
  (event: Event, { spec: { callback }, projectId }: Task): Rendered | undefined => {
    if (callback === null || callback.url === '') return undefined;
    const type = snake(event.type);
    if (callback.events.length > 0 && !callback.events.includes(type)) return undefined;
    return envelope(`task.${type}`, event.at, printEvent(event, { projectId, redact }));
  };

/** What a receiver is tried with. */
export const renderTest = (at: number, taskId: string | null): Rendered =>
  envelope('callback.test', at, { task_id: taskId });

/** As Standard Webhooks has it. */
const envelope = (type: string, at: number, data: object): Rendered => ({
  contentType: 'application/json',
  body: JSON.stringify({ type, timestamp: printTime(at), data }),
});
