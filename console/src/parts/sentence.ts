import { formatTime } from '../format.ts';
import type { Task } from '../model.ts';
import { t, tWord } from '../words.ts';

/** Why it is as it is, and what comes next: one sentence each, the first in the node's own words. */
export function reasonOf({ status, on_air: onAir, start_at: startAt }: Task): string {
  if (status.word === 'scheduled' && startAt !== null && status.reason === '') {
    return t('reason.starts', { at: formatTime(startAt) });
  }
  if (status.word === 'running' && onAir?.on_slate === true) return t('reason.slate');
  if (status.word === 'running' && status.alarms.length > 0) return status.alarms.map(alarmText).join('; ');
  if (status.word === 'running') return '';
  return status.reason;
}

export function nextOf({ status, end_at: endAt }: Task): string {
  if (status.word === 'recovering' && status.next_retry_at !== null) {
    const left = Math.max(0, Math.ceil((new Date(status.next_retry_at).getTime() - Date.now()) / 1_000));
    return t('reason.next_try', { n: left, attempt: status.attempt + 1 });
  }
  if (status.word === 'running' && endAt !== null) return t('reason.ends', { at: formatTime(endAt) });
  return '';
}

export const alarmText = (alarm: string): string => tWord('alarm', alarm);
