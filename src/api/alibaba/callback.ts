import { createHash } from 'node:crypto';
import { assetId } from '../../task/asset.ts';
import type { Event } from '../../task/event.ts';
import type { Task } from '../../task/task.ts';
import { exitReason, invalidReason, printTaskInfo, sourceType, TASK_STATUS } from './task.ts';
import { unixSeconds } from './time.ts';

export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/** The pages spell one event in two ways and leave the other unnamed, so receivers may differ in what they wait for. */
export interface EventNames {
  /** A task has become Running, Recovering or Offline. */
  readonly running: string;
  /** A task has exited. */
  readonly exit: string;
}

/** Our own: the service has a switch by this name and says nothing of what it does. */
const ITEM_SWITCH = 'LivePullToPushItemSwitch';

/** What this dialect posts for an event; undefined where it does not tell it, or there is nobody to tell. */
export const renderAlibaba =
  (names: EventNames) =>
  (event: Event, task: Task): Rendered | undefined => {
    const told = task.spec.callback?.url ? describe(event, task, names) : undefined;
    if (told === undefined) return undefined;
    const { name, facts } = told;
    const body = {
      Event: name,
      EventTime: String(unixSeconds(event.at)),
      TaskId: task.id,
      TaskInfo: printOpenly(task),
      ...facts,
    };
    return { contentType: 'application/json', body: JSON.stringify(body) };
  };

/** The key is what signs these very calls: it does not travel in them. */
function printOpenly(task: Task): Record<string, unknown> {
  const { AuthKey: _, ...info } = printTaskInfo(task);
  return info;
}

interface Told {
  readonly name: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

function describe(event: Event, task: Task, names: EventNames): Told | undefined {
  switch (event.type) {
    case 'flowing':
    case 'broke':
    case 'gaveUp':
    case 'finished':
      return describeStatus(task, names);
    case 'claimed':
      // Its run was lost. Any other claim begins a run, which is told once it flows.
      return event.from === 'running' ? describeStatus(task, names) : undefined;
    case 'stopped':
      return wasIdle(event, task) ? undefined : describeStatus(task, names);
    case 'expired':
    case 'deleted':
      // One that had expired has told its exit before.
      return event.from === 'exited' ? undefined : describeExit(event, task, names);
    case 'itemStarted':
      return task.spec.echo.NotifyItemSwitch === 'yes' ? describeItem(event, task) : undefined;
    default:
      return undefined;
  }
}

const describeStatus = (task: Task, { running }: EventNames): Told => ({
  name: running,
  facts: { TaskStatus: TASK_STATUS[task.status], TaskInvalidReason: invalidReason(task) },
});

/** Switched off before its start, by way of another dialect: it was nothing that could go offline. */
const wasIdle = ({ from, at }: Event, { spec }: Task): boolean => from === 'scheduled' && spec.startAt > at;

const describeExit = ({ at }: Event, task: Task, { exit }: EventNames): Told => ({
  name: exit,
  facts: {
    TaskStatus: TASK_STATUS.exited,
    TaskExitTime: unixSeconds(task.exitedAt ?? at),
    TaskExitReason: exitReason(task),
  },
});

const describeItem = ({ detail: { url = '', index = 0 } }: Event, { spec }: Task): Told => ({
  name: ITEM_SWITCH,
  facts: { Url: sourceType(spec.source) === 'vod' ? (assetId(url) ?? url) : url, FileIndex: index },
});

/** As far as signing goes: where it is sent, and what with. */
export interface Signable {
  readonly url: string;
  /** "" where the receiver wants no signature. */
  readonly key: string;
}

/** The two headers by which a receiver that shares the key knows the call. The body is not covered. */
export function signAlibaba({ url, key }: Signable, nowMs: number): Readonly<Record<string, string>> {
  if (key === '') return {};
  const seconds = String(unixSeconds(nowMs));
  const signature = createHash('md5')
    .update(`${new URL(url).hostname}|${seconds}|${key}`)
    .digest('hex');
  return { 'ALI-LIVE-TIMESTAMP': seconds, 'ALI-LIVE-SIGNATURE': signature };
}
