import { setTimeout as delay } from 'node:timers/promises';
import type { Announced } from '../demuxer.ts';
import type { Feed, FeedState } from '../feed.ts';
import type { FileBytes } from '../item.ts';
import type { Batch } from '../packet.ts';
import { soundLeftOut, type TrackChoice } from '../tracks.ts';
import { TsDemuxer } from '../ts/demux.ts';
import type { FfmpegChild } from './child.ts';

const STEP_BYTES = 64 * 1024;
/** What may wait to be written to the child, and what of its output may wait to be read. */
const MOST_UNWRITTEN = 1024 * 1024;
const MOST_UNREAD = 2 * 1024 * 1024;
const POLL_MS = 10;

/** Packets of what the child makes of a file; the bytes of the file, where it cannot open it itself, go in by hand. */
export class FfmpegFeed implements Feed {
  readonly #child: FfmpegChild;
  /** Undefined where the child reads the file itself. */
  readonly #bytes: FileBytes | undefined;
  readonly #demuxer = new TsDemuxer();
  readonly #unread: Buffer[] = [];
  #unreadBytes = 0;
  #offset = 0;
  #allWritten = false;
  #ended = false;
  /** Which of the file's sounds. */
  readonly #wanted: number;

  constructor(
    child: FfmpegChild,
    { bytes, tracks }: { readonly bytes: FileBytes | undefined; readonly tracks: TrackChoice },
  ) {
    this.#child = child;
    this.#bytes = bytes;
    this.#wanted = tracks.audio ?? 0;
    this.#allWritten = bytes === undefined;
    child.stdout.on('data', (data: Buffer) => {
      this.#unread.push(data);
      this.#unreadBytes += data.length;
      if (this.#unreadBytes >= MOST_UNREAD) child.stdout.pause();
    });
  }

  get announced(): Announced | undefined {
    return this.#demuxer.announced;
  }

  /** The child names the codec; the stream it makes may carry it in a form that nobody can name. */
  get notes(): readonly string[] {
    const sound = this.#child.tracks.filter(({ kind }) => kind === 'audio')[this.#wanted];
    if (sound === undefined || this.announced?.audio !== false) return [];
    return [soundLeftOut(`the codec "${sound.codec}" cannot be relayed`)];
  }

  more(into: Batch): FeedState {
    if (this.#ended) return 'end';
    this.#write();
    const data = this.#unread.shift();
    if (data !== undefined) {
      this.#unreadBytes -= data.length;
      if (this.#unreadBytes < MOST_UNREAD / 2 && this.#child.stdout.isPaused()) this.#child.stdout.resume();
      this.#demuxer.push(data, into);
      return 'more';
    }
    if (!this.#child.over) return 'starved';
    if (this.#child.failure !== undefined) throw this.#child.failure;
    this.#ended = true;
    this.#demuxer.end(into);
    return 'end';
  }

  async wait(signal: AbortSignal): Promise<void> {
    while (this.#unread.length === 0 && !this.#child.over) {
      this.#write();
      await delay(POLL_MS, undefined, { signal });
    }
  }

  close(): void {
    this.#ended = true;
    this.#unread.length = 0;
    this.#child.kill();
    this.#bytes?.close();
  }

  /** Gives the child what it may take now. */
  #write(): void {
    const { stdin } = this.#child;
    while (!this.#allWritten && this.#bytes !== undefined && stdin.writableLength < MOST_UNWRITTEN) {
      const { size } = this.#bytes;
      const atEnd = size !== undefined && this.#offset >= size;
      const bytes = atEnd ? NOTHING : this.#bytes.take(this.#offset, STEP_BYTES);
      if (bytes === undefined) return;
      this.#offset += bytes.length;
      if (bytes.length === 0) {
        this.#allWritten = true;
        stdin.end();
      } else if (stdin.writable) {
        // The view is only ours until the next call.
        stdin.write(Buffer.from(bytes));
      } else {
        // It has read enough, or died: its end tells.
        this.#allWritten = true;
      }
    }
  }
}

const NOTHING = Buffer.alloc(0);
