import { fstatSync, ftruncateSync } from 'node:fs';
import { redactUrl } from '../media/address.ts';

const LOG_BYTES = 10 * 1024 * 1024;
const STDERR = 2;
const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`\\<>|]+/gi;

/** One JSON line on stderr, bounded where that is a file: the processes beside control may live for years. */
export function log(level: 'info' | 'warn' | 'error', msg: string, error?: unknown): void {
  const err = error === undefined ? undefined : String(error instanceof Error ? error.stack : error);
  const line = JSON.stringify({ level, time: new Date().toISOString(), pid: process.pid, msg, err });
  const stderr = fstatSync(STDERR);
  if (stderr.isFile() && stderr.size > LOG_BYTES) ftruncateSync(STDERR);
  process.stderr.write(`${line.replace(URL_IN_TEXT, url => redactUrl(url))}\n`);
}

/** Says at most so many things a second; of the others, how many there were. */
export class Sparing {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #say: (words: string) => void;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #said = 0;

  constructor(options: { perSecond: number; now: () => number; say: (words: string) => void }) {
    this.#perSecond = options.perSecond;
    this.#now = options.now;
    this.#say = options.say;
  }

  say(words: string): void {
    this.flush();
    this.#said++;
    if (this.#said <= this.#perSecond) this.#say(words);
  }

  /** Tells what was left out once its second is over; to be called now and then. */
  flush(): void {
    const nowMs = this.#now();
    if (nowMs - this.#sinceMs < 1_000) return;
    const leftOut = this.#said - this.#perSecond;
    this.#sinceMs = nowMs;
    this.#said = 0;
    if (leftOut > 0) this.#say(`${leftOut} more of the same kind`);
  }
}
