import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ListItem, ListSource, LiveSource, TaskChange } from '../client/task-words.ts';
import { readDuration } from './duration.ts';
import { Misused } from './exit.ts';
import { readSeconds } from './numbers.ts';
import type { Terminal } from './terminal.ts';

/** What of a task is said by flags, whether it is made or changed. */
export interface TaskFlags {
  readonly source?: readonly string[];
  readonly files?: boolean;
  readonly live?: boolean;
  readonly rounds?: number | 'endless';
  readonly name?: string;
  readonly tag?: readonly string[];
  readonly standby?: readonly string[];
  readonly start?: Coming;
  readonly end?: Coming | 'none';
  readonly callback?: string;
  readonly delay?: number;
  readonly slate?: string;
}

/** A moment to come: in so long, or as it stands in RFC 3339. */
type Coming = (now: number) => string;

const gather = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

export const withTaskFlags = (command: Command): Command =>
  command
    .option('-f, --file <FILE>', 'the task as YAML or JSON, with the fields of the native API; - reads stdin')
    .option('--source <URL>', 'what to pull; several, or files, make a list (again for more)', gather)
    .option('--files', 'the sources are files, whatever their addresses look like')
    .option('--live', 'the source is a live stream, whatever its address looks like')
    .option('--rounds <N>', 'how often a list is played: a number, or endless', readRounds)
    .option('--standby <URL>', 'a live stream that takes the place of a source that fails (again for more)', gather)
    .option('--name <NAME>', 'what people call it')
    .option('--tag <TAG>', 'a word to find it by (again for more)', gather)
    .option('--start <WHEN>', 'not before: 10m from now, or 2026-11-21T20:00:00Z', readComing)
    .option('--end <WHEN>', 'until then: 2h from now, a time, or none', text =>
      text === 'none' ? text : readComing(text),
    )
    .option('--callback <URL>', 'who is told of its events')
    .option('--delay <SECONDS>', 'how much of a live source is held back', readSeconds)
    .option('--slate <WHAT>', 'what is shown without a source: off, hold, media://FILE or asset://ID');

function readRounds(text: string): number | 'endless' {
  if (text === 'endless') return text;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1 on, or endless.');
  return Number(text);
}

function readComing(text: string): Coming {
  const at = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(at)) return () => new Date(at).toISOString();
  try {
    const inMs = readDuration(text);
    return now => new Date(now + inMs).toISOString();
  } catch {
    throw new InvalidArgumentError('Write it like 10m or 2h (from now), or 2026-11-21T20:00:00Z.');
  }
}

/** The fields that the flags say; what is not said is left out. */
export function changeOf(flags: TaskFlags, { now }: Pick<Terminal, 'now'>): TaskChange {
  const { name, tag, standby, start, end, callback, delay, slate } = flags;
  const source = sourceOf(flags);
  // One moment for both, so that what lies between them is what was said.
  const at = now();
  return {
    ...(source === undefined ? {} : { source }),
    ...(name === undefined ? {} : { name }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(standby === undefined ? {} : { standby }),
    ...(start === undefined ? {} : { start_at: start(at) }),
    ...(end === undefined ? {} : { end_at: end === 'none' ? null : end(at) }),
    ...(callback === undefined ? {} : { callback: { url: callback } }),
    ...(delay === undefined ? {} : { delay_s: delay }),
    ...(slate === undefined ? {} : { slate }),
  };
}

function sourceOf({ source, files, live, rounds }: TaskFlags): LiveSource | ListSource | undefined {
  if (source === undefined) {
    if (rounds !== undefined) throw new Misused('--rounds goes with --source');
    return undefined;
  }
  if (live && (files || rounds !== undefined || source.length > 1))
    throw new Misused('--live stands for one stream, without --files and --rounds');
  const [url = '', ...others] = source;
  if (live || !(files || rounds !== undefined || others.length > 0 || isFile(url))) return { kind: 'live', url };
  const items: readonly ListItem[] = source.map(one => ({ url: one }));
  return { kind: 'list', items, ...(rounds === undefined ? {} : { rounds }) };
}

/** By its looks: only the node can tell, and `--files` and `--live` say it for certain. */
export const isFile = (url: string): boolean =>
  /^(?:media|asset):/i.test(url) || /^https?:\/\/[^?#]*\.(?:mp4|m4v|mov|flv|ts|mkv|webm|avi)(?:[?#]|$)/i.test(url);
