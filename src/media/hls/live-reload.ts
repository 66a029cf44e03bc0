import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Monotonic } from '../clock.ts';
import { asFault, Fault } from '../fault.ts';
import type { LiveLines } from './live-lines.ts';
import { LiveList } from './live-list.ts';
import { type MasterPlaylist, type MediaPlaylist, parsePlaylist } from './playlist.ts';

/** Of a list that is read over and over. */
const LARGEST_LIST = 1024 * 1024;
const MOST_LINES = 100_000;
const SHORTEST_REST_MS = 250;

export interface ReadOptions {
  readonly lines: LiveLines;
  readonly signal: AbortSignal;
}

export interface FoundList<Kind> {
  /** Where it was found, redirects followed. */
  readonly url: string;
  readonly playlist: Kind;
}

/** Reads a playlist of either kind, within the bounds of a live one. */
export async function readLive(
  from: string,
  { lines, signal }: ReadOptions,
): Promise<FoundList<MediaPlaylist | MasterPlaylist>> {
  const { bytes, url } = await lines.document(from, { most: LARGEST_LIST, signal });
  let count = 1;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++;
  if (count > MOST_LINES) throw new Fault('pull', 'garbage', `the playlist has more than ${MOST_LINES} lines`);
  return { url, playlist: parsePlaylist(bytes.toString('utf8'), url) };
}

/** The same where it must be one that lists segments. */
export async function readLiveMedia(from: string, options: ReadOptions): Promise<FoundList<MediaPlaylist>> {
  const { url, playlist } = await readLive(from, options);
  if (playlist.kind === 'master') throw new Fault('pull', 'garbage', 'a master playlist leads to another');
  return { url, playlist };
}

const LF = 10;

export interface ReloadOptions {
  readonly lines: LiveLines;
  readonly now: Monotonic;
  readonly played: string | undefined;
}

/** A live list that is read over and over, in the rhythm that RFC 8216 asks for in section 6.3.4. */
export class Reloaded {
  readonly list: LiveList;
  readonly #url: string;
  readonly #options: ReloadOptions;
  readonly #end = new AbortController();
  /** Why the newest version could not be read. */
  #fault: Fault | undefined;

  constructor({ url, playlist }: FoundList<MediaPlaylist>, options: ReloadOptions) {
    this.#url = url;
    this.#options = options;
    this.list = new LiveList(playlist, { nowMs: options.now(), played: options.played });
    void this.#run(options.now()).catch(() => undefined);
  }

  /** Why no more segments are to be expected, if so. */
  verdict(): Fault | undefined {
    const nowMs = this.#options.now();
    if (this.list.complete) return new Fault('pull', 'closed', 'the stream has ended: its playlist says so');
    if (!this.list.isStale(nowMs)) return undefined;
    if (this.#fault !== undefined) return this.#fault;
    const seconds = Math.round(this.list.unchangedMs(nowMs) / 1000);
    return new Fault('pull', 'silent', `the playlist has named no new segment for ${seconds} s`);
  }

  close(): void {
    this.#end.abort();
  }

  async #run(firstMs: number): Promise<void> {
    const { now } = this.#options;
    const { signal } = this.#end;
    let [isNew, beganMs] = [true, firstMs];
    while (!this.list.complete) {
      const restMs = this.list.targetMs / (isNew ? 1 : 2);
      await sleepFor(Math.max(SHORTEST_REST_MS, beganMs + restMs - now()), undefined, { signal });
      beganMs = now();
      isNew = await this.#reload(signal);
    }
  }

  /** Whether there is anything new. */
  async #reload(signal: AbortSignal): Promise<boolean> {
    try {
      const { playlist } = await readLiveMedia(this.#url, { lines: this.#options.lines, signal });
      this.#fault = undefined;
      return this.list.take(playlist, this.#options.now());
    } catch (error) {
      this.#fault = asFault('pull', error);
      return false;
    }
  }
}
