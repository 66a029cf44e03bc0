import type { EventDetail } from './event.ts';

/** An alarm that has been raised and is not over yet. */
export interface OpenAlarm {
  readonly alarm: string;
  /** Pairs the event that raised it with the one that says it is over; it is the id of the former. */
  readonly id: string;
  /** The address that it is about, where it is about one. */
  readonly about?: string;
}

/** The receiver of a task's callbacks has said that it is gone (status 410): nothing is sent there any more. */
export const CALLBACK_GONE = 'CallbackGone';
/** It has taken nothing for days: nothing is sent there until its owner wants it again. */
export const CALLBACK_PAUSED = 'CallbackPaused';
/** The network policy forbids its address. */
export const CALLBACK_BLOCKED = 'CallbackBlocked';

/** It waits for another task to leave the address that both push to. */
export const DESTINATION_TAKEN = 'DestinationTaken';

/** No node of its region takes tasks. */
export const NO_NODE_IN_REGION = 'NoNodeInRegion';

const CALLBACK_ALARMS: readonly string[] = [CALLBACK_GONE, CALLBACK_PAUSED, CALLBACK_BLOCKED];

/** What was wrong with one receiver is no news of another. */
export const isAboutCallback = ({ alarm }: OpenAlarm): boolean => CALLBACK_ALARMS.includes(alarm);

/** Whether the receiver has said that it wants nothing any more. */
export const isGone = (open: readonly OpenAlarm[], url: string): boolean =>
  open.some(({ alarm, about }) => alarm === CALLBACK_GONE && about === url);

export interface AlarmStep {
  readonly detail: EventDetail;
  readonly open: readonly OpenAlarm[];
}

/**
 * What an alarm event tells, and what is open behind it. Undefined where it is no news: raised again while it is open, or
 * over without having been raised. One that says neither is told each time, and pairs with nothing.
 */
export function alarmAfter(open: readonly OpenAlarm[], detail: EventDetail, eventId: string): AlarmStep | undefined {
  const { alarm = '', set } = detail;
  const raised = open.find(one => one.alarm === alarm);
  if (set === undefined) return { detail, open };
  if (set === (raised !== undefined)) return undefined;
  const id = raised?.id ?? eventId;
  return {
    detail: { ...detail, alarmId: id },
    open: raised === undefined ? [...open, openAlarm(alarm, id, detail)] : open.filter(one => one !== raised),
  };
}

const openAlarm = (alarm: string, id: string, { url }: EventDetail): OpenAlarm =>
  url === undefined ? { alarm, id } : { alarm, id, about: url };
