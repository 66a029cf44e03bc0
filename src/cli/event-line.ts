import type { TaskEvent } from '../client/words.ts';
import { plain } from './terminal.ts';

/** An event for people: when, its number, what, where that led, why. */
export function eventLine(event: TaskEvent): string {
  const { time, seq, type, from, to, reason } = event;
  const move = from === to ? to : `${from} → ${to}`;
  const facts = [type, ...factsOf(event)].join(' ');
  const why = reason === '' ? '' : `  ${reason}`;
  return `${plain(`${time}  ${String(seq).padStart(4)}  ${move.padEnd(22)}  ${facts.padEnd(14)}${why}`).trimEnd()}\n`;
}

/** What its type alone does not say. */
function factsOf({ type, detail }: TaskEvent): string[] {
  if (type === 'alarm') return [...texts(detail.alarm), ...stateOf(detail.set)];
  if (type === 'changed' && Array.isArray(detail.changed)) return [detail.changed.map(String).join(',')];
  if (!type.startsWith('item_')) return [];
  const place = typeof detail.index === 'number' ? [`#${detail.index}`] : [];
  const round = typeof detail.round === 'number' ? [`round ${detail.round}`] : [];
  return [...place, ...round, ...texts(detail.url)];
}

const texts = (value: unknown): string[] => (typeof value === 'string' ? [value] : []);

const stateOf = (set: unknown): string[] => (set === undefined ? [] : [set === true ? 'set' : 'cleared']);
