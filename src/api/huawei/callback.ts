import type { Event } from '../../task/event.ts';
import type { Task } from '../../task/task.ts';
import { fieldName } from './error.ts';
import { printDestination, sourceType, sourceUrls } from './task.ts';
import { printTime } from './time.ts';

export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/** What this dialect posts for an event; undefined where it does not tell it, or the user did not ask for it. */
export function renderHuawei(event: Event, task: Task): Rendered | undefined {
  const callback = task.spec.callback;
  const told = describe(event, task);
  if (callback === null || callback.url === '' || told === undefined) return undefined;
  if (callback.events.length > 0 && !callback.events.includes(told.name)) return undefined;
  const body = {
    event_type: told.name,
    event_id: event.id,
    event_time: printTime(event.at),
    event_timestamp: event.at,
    project_id: task.projectId,
    task_id: task.id,
    region: task.spec.region,
    source_type: sourceType(task.spec),
    source_urls: sourceUrls(task.spec),
    ...printTarget(task),
    ...told.facts,
  };
  return { contentType: 'application/json; charset=utf-8', body: JSON.stringify(body) };
}

/** push_args may be a secret of the destination and is none of the receiver's business. */
function printTarget(task: Task): Record<string, string> {
  const { push_args: _, ...target } = printDestination(task.spec.destination);
  return target;
}

interface Told {
  readonly name: string;
  readonly facts: Record<string, unknown>;
}

function describe(event: Event, task: Task): Told | undefined {
  switch (event.type) {
    case 'flowing':
      return event.detail.first === true
        ? { name: 'TaskStart', facts: { task_start_time: task.startedAt ?? event.at } }
        : undefined;
    case 'stopped':
    case 'gaveUp':
    case 'finished':
    case 'expired':
    case 'deleted':
    case 'restarted':
      return describeEnd(event);
    case 'alarm':
      return { name: 'TaskAlarm', facts: describeAlarm(event) };
    case 'changed':
      return describeChange(event, task);
    case 'itemStarted':
      return { name: 'VodSourceFileStart', facts: { ...describeItem(event), ...describeRemark(event) } };
    case 'itemFinished':
      return { name: 'VodSourceFileFinish', facts: { ...describeItem(event), ...describeRemark(event) } };
    default:
      return undefined;
  }
}

/** The pair that is over names the same id. Our own: the original has no word for it. */
function describeAlarm({ detail: { alarm = '', alarmId, set }, reason }: Event): Record<string, unknown> {
  const pair = set === undefined ? {} : { alarm_id: alarmId, alarm_state: set ? 'SET' : 'CLEARED' };
  return { alarm_type: alarm, message: reason, ...pair };
}

const END_MESSAGES: Readonly<Record<string, string>> = {
  stopped: 'paused',
  gaveUp: 'given up',
  finished: 'all rounds played',
  expired: 'end_time reached',
  deleted: 'deleted',
  restarted: 'restarted',
};

/**
 * The end of one life of a task, told once: a task that is down already has told it before, and one that is paused ahead
 * of its start has ended nothing. Who starts over on air ends one life and begins another. `code` is 0 unless it failed.
 */
function describeEnd(event: Event): Told | undefined {
  const wasActive = event.from === 'running' || event.from === 'recovering';
  const endsWaiting = event.from === 'scheduled' && event.type !== 'stopped';
  if (!wasActive && !endsWaiting) return undefined;
  return {
    name: 'TaskExit',
    facts: {
      task_exit_time: event.at,
      code: event.type === 'gaveUp' ? 1 : 0,
      message: event.reason === '' ? END_MESSAGES[event.type] : event.reason,
      will_retry: event.type === 'restarted',
    },
  };
}

/** Documented for file tasks only. */
function describeChange(event: Event, task: Task): Told | undefined {
  if (task.spec.source.kind !== 'list') return undefined;
  return { name: 'ResetTaskConfig', facts: { changed: [...new Set((event.detail.changed ?? []).map(fieldName))] } };
}

/** What is left out of a file; or why it was not played, or not to its end. */
const describeRemark = ({ reason }: Event): Record<string, unknown> => (reason === '' ? {} : { message: reason });

const describeItem = ({ detail }: Event): Record<string, unknown> => ({
  url: detail.url ?? '',
  index: detail.index ?? 0,
  duration: Math.round((detail.durationMs ?? 0) / 1000),
  loop: detail.round ?? 0,
});
