import type { TaskEvent } from '../model.ts';
import { href } from '../router.ts';
import { taskName } from '../tasks.ts';
import { t, tWord } from '../words.ts';
import { fileName } from './addresses.tsx';
import { alarmText } from './sentence.ts';
import { StatusWord } from './status-word.tsx';
import { Time } from './time.tsx';

interface EventLinesProps {
  readonly events: readonly TaskEvent[];
  /** Whose each is, where they are of many tasks. */
  readonly withTask?: boolean;
}

export function EventLines({ events, withTask = false }: EventLinesProps) {
  return (
    <ul class="lines">
      {events.map(event => (
        <li key={event.id} class={`line line-${event.to}`} tabIndex={-1} data-row>
          <span class="line-time">
            <Time at={event.time} />
          </span>
          <span class="line-what">
            {withTask && <a href={href(['tasks', event.task_id, 'timeline'])}>{taskName(event.task_id)}</a>}{' '}
            {eventText(event)}
          </span>
          <Facts event={event} />
          {event.from !== event.to && <StatusWord word={event.to} />}
          {event.reason !== '' && <span class="line-why">{event.reason}</span>}
        </li>
      ))}
    </ul>
  );
}

/** What of an event its kind does not say: which file, which settings. */
function Facts({ event: { type, detail } }: { readonly event: TaskEvent }) {
  if (type.startsWith('item_') && typeof detail.url === 'string')
    return <span class="address">{fileName(detail.url)}</span>;
  if (type === 'changed' && Array.isArray(detail.changed)) return <code>{detail.changed.join(', ')}</code>;
  return null;
}

export function eventText({ type, detail }: TaskEvent): string {
  if (type !== 'alarm') return tWord('event', type);
  const alarm = alarmText(String(detail.alarm ?? ''));
  return t(detail.set === false ? 'event.alarm_over' : 'event.alarm_raised', { alarm });
}
