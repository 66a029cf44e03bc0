import type { Destination, Task } from '../client/task-words.ts';
import { plain } from './terminal.ts';

/** A task in a row of a table. */
export const TASK_HEADINGS = ['ID', 'NAME', 'STATUS', 'SINCE', 'IN', 'OUT', 'SOURCE', 'DESTINATION'];

export const taskRow = (task: Task): string[] =>
  [
    task.id,
    task.name === '' ? '-' : task.name,
    task.status.word,
    withoutMillis(task.status.since),
    rate(task.on_air?.in.kbit),
    rate(task.on_air?.out.kbit),
    sourceOf(task),
    destinationOf(task.destination),
  ].map(plain);

/** What is known of a task, a fact a line. */
export function taskLines(task: Task): string {
  const facts = [...wishFacts(task), ...statusFacts(task), ...airFacts(task)];
  return facts.map(([what, fact]) => `${what.padEnd(12)}  ${plain(fact)}\n`).join('');
}

type Fact = readonly [what: string, fact: string];

const fact = (what: string, text: string | null | undefined): readonly Fact[] =>
  text === null || text === undefined || text === '' ? [] : [[what, text]];

const wishFacts = (task: Task): readonly Fact[] => [
  ['id', task.id],
  ...fact('name', task.name),
  ...fact('tags', task.tags.join(', ')),
  ['dialect', task.dialect],
  ['source', sourceOf(task)],
  ...itemFacts(task),
  ...task.standby.flatMap((url, at) => fact(`standby ${at + 1}`, url)),
  ['destination', destinationOf(task.destination)],
  ['start', task.start_at],
  ['end', task.end_at ?? 'none'],
  ['enabled', task.enabled ? 'yes' : 'no'],
  ...fact('callback', task.callback?.url),
  ...fact('retry', task.retry && `${task.retry.count} times, every ${task.retry.interval_s} s`),
  ...fact('delay', task.delay_s === null ? null : `${task.delay_s} s`),
  ...fact('slate', task.slate),
  ['version', String(task.version)],
];

const itemFacts = ({ source }: Task): readonly Fact[] =>
  source.kind === 'live'
    ? []
    : source.items.map(({ url, in_s, out_s, repeats }, at): Fact => {
        const part = in_s === undefined && out_s === undefined ? '' : ` from ${in_s ?? 0} s to ${out_s ?? 'its end'}`;
        return [`file ${at}`, `${url}${part}${repeats === undefined ? '' : `, ${repeats} times`}`];
      });

const statusFacts = ({ status }: Task): readonly Fact[] => [
  ['status', `${status.word} since ${status.since}`],
  ...fact('reason', status.reason),
  ...fact('side', status.side),
  ...fact('attempt', status.attempt === 0 ? '' : String(status.attempt)),
  ...fact('next try', status.next_retry_at),
  ...fact('last error', status.last_error && `${status.last_error.message} (${status.last_error.side})`),
  ...fact('alarms', status.alarms.join(', ')),
];

function airFacts({ on_air: air }: Task): readonly Fact[] {
  if (air === null) return [];
  const { item, next } = air;
  const drops = Object.entries(air.drops).filter(([, count]) => count > 0);
  return [
    ...fact('pulls', air.source && `${air.source.url}${air.source.pinned ? ' (by hand)' : ''}`),
    ...fact('plays', item && `file ${item.index}, round ${item.round} of ${item.rounds}, at ${item.position_s} s`),
    ...fact('next', next && `file ${next.index}, ${next.url}`),
    ...fact('slate on air', air.on_slate ? 'yes' : ''),
    ['in', `${rate(air.in.kbit)}, ${air.in.fps ?? '-'} fps`],
    ['out', `${rate(air.out.kbit)}, ${air.out.fps ?? '-'} fps`],
    ['queue', `${air.queue_s} s`],
    ...fact('drops', drops.map(([cause, count]) => `${cause} ${count}`).join(', ')),
    ['reconnects', `source ${air.reconnects.source}, destination ${air.reconnects.destination}`],
    ['pushes', String(air.push_epoch)],
    ['media', `${air.media_s} s`],
    ['node', air.node],
  ];
}

/** One line of how a task is at the moment. */
export function statusLine({ status, on_air: air }: Task): string {
  const flow = air === null ? '' : `  in ${rate(air.in.kbit)}  out ${rate(air.out.kbit)}  queue ${air.queue_s} s`;
  const place = air?.item ? `  file ${air.item.index} round ${air.item.round} at ${air.item.position_s} s` : '';
  const why = status.reason === '' ? '' : `  ${status.reason}`;
  return plain(`${status.word}${flow}${place}${why}`);
}

export function rate(kbit: number | null | undefined): string {
  if (kbit === null || kbit === undefined) return '-';
  return kbit < 1000 ? `${Math.round(kbit)} kbit/s` : `${(kbit / 1000).toFixed(2)} Mbit/s`;
}

function sourceOf({ source }: Task): string {
  if (source.kind === 'live') return source.url;
  const rounds = source.rounds ?? 1;
  const files = `${source.items.length} file${source.items.length === 1 ? '' : 's'}`;
  return `${files}, ${rounds === 'endless' ? 'endlessly' : rounds === 1 ? 'once' : `${rounds} rounds`}`;
}

const destinationOf = (to: Destination): string => (to.kind === 'url' ? to.url : `${to.domain}/${to.app}/${to.stream}`);

const withoutMillis = (time: string): string => time.replace(/\.\d+Z$/, 'Z');
