import { type Logger, pino, stdTimeFunctions } from 'pino';
import { redactUrl } from '../media/address.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** One short line for a person, instead of JSON for a machine. */
  readonly human: boolean;
  readonly write: (line: string) => void;
}

/** The node's log. Every line passes `scrub`, so that no call anywhere can leak a stream key. */
export function createLog({ level, human, write }: LogOptions): Log {
  const print = human ? humanLine : (line: string) => line;
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    { write: line => write(print(scrub(line))) },
  );
}

/** The log on stderr: for people on a terminal, for machines elsewhere. */
export function stderrLog(level: LogOptions['level']): Log {
  // Whoever read our log may be gone; that is no reason to end.
  process.stderr.on('error', () => {});
  return createLog({ level, human: process.stderr.isTTY === true, write: line => void process.stderr.write(line) });
}

const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`\\<>|]+/gi;

/** The text with every URL in it masked as `redactUrl` does. */
export const scrub = (text: string): string => text.replace(URL_IN_TEXT, url => redactUrl(url));

/** "12:03:10.250 WARN  words key=value", and an error's stack on lines of its own. */
function humanLine(line: string): string {
  const { time, level, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const facts = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const clock = String(time).slice(11, 23);
  return `${clock} ${String(level).toUpperCase().padEnd(5)} ${msg ?? ''}${facts.join('')}${stackOf(err)}\n`;
}

function stackOf(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const stack = 'stack' in err ? err.stack : 'message' in err ? err.message : '';
  return `\n${String(stack).replace(/^/gm, '  ')}`;
}
