import type { TaskEvent } from '../model.ts';
import { href } from '../router.ts';
import { taskNamed } from '../tasks.ts';
import { t, tWord } from '../words.ts';
import { nameOf } from './addresses.tsx';
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
          {event.from !== event.to && <StatusWord word={event.to} />}
          {event.reason !== '' && <span class="line-why">{event.reason}</span>}
        </li>
      ))}
    </ul>
  );
}

const taskName = (id: string): string => {
  const task = taskNamed(id);
  return task === undefined ? id.slice(0, 8) : nameOf(task);
};

export function eventText({ type, detail }: TaskEvent): string {
  if (type !== 'alarm') return tWord('event', type);
  const alarm = alarmText(String(detail.alarm ?? ''));
  return t(detail.set === false ? 'event.alarm_over' : 'event.alarm_raised', { alarm });
}
