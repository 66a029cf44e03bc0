import type { Announced, Demuxer } from './demuxer.ts';
import type { FileBytes } from './item.ts';
import type { Batch } from './packet.ts';

/**
 * How one step of a feed went. `joint`: what was appended is the end of a part, and the packets to come have a clock of
 * their own. `starved`: bytes are on their way.
 */
export type FeedState = 'more' | 'joint' | 'starved' | 'end';

/** Packets of one file in the order in which they lie in it, as they come within reach. */
export interface Feed {
  readonly announced: Announced | undefined;
  /** What of the file is left out, and why, as far as is known by now; sentences for an operator. */
  readonly notes: readonly string[];
  /** Appends some packets, or none yet, and never waits. What it appends is valid for as long as somebody holds it. */
  more(into: Batch): FeedState;
  /** Resolves when a starved feed can go on. */
  wait(signal: AbortSignal): Promise<void>;
  close(): void;
}

const STEP_BYTES = 188 * 340;

/** Reads a file from `offset` to its end through a demuxer. */
export class FileFeed implements Feed {
  readonly #bytes: FileBytes;
  readonly #demuxer: Demuxer;
  #offset: number;
  /** Waited for, and not yet used. */
  #fetched: Buffer | undefined;
  #ended = false;

  constructor(bytes: FileBytes, demuxer: Demuxer, offset = 0) {
    this.#bytes = bytes;
    this.#demuxer = demuxer;
    this.#offset = offset;
  }

  get announced(): Announced | undefined {
    return this.#demuxer.announced;
  }

  get notes(): readonly string[] {
    return this.#demuxer.notes;
  }

  more(into: Batch): FeedState {
    if (this.#ended) return 'end';
    const bytes = this.#take();
    if (bytes === undefined) return 'starved';
    this.#offset += bytes.length;
    if (bytes.length > 0) {
      this.#demuxer.push(bytes, into);
      return 'more';
    }
    this.#ended = true;
    this.#demuxer.end(into);
    return 'end';
  }

  async wait(signal: AbortSignal): Promise<void> {
    this.#fetched ??= await this.#bytes.read(this.#offset, STEP_BYTES, signal);
  }

  close(): void {
    this.#bytes.close();
  }

  #take(): Buffer | undefined {
    const { size } = this.#bytes;
    if (size !== undefined && this.#offset >= size) return NOTHING;
    const fetched = this.#fetched;
    this.#fetched = undefined;
    return fetched ?? this.#bytes.take(this.#offset, STEP_BYTES);
  }
}

const NOTHING = Buffer.alloc(0);
