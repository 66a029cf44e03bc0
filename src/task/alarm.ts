import type { EventDetail } from './event.ts';

/** An alarm that has been raised and is not over yet. */
export interface OpenAlarm {
  readonly alarm: string;
  /** Pairs the event that raised it with the one that says it is over; it is the id of the former. */
  readonly id: string;
}

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
    open: raised === undefined ? [...open, { alarm, id }] : open.filter(one => one !== raised),
  };
}
