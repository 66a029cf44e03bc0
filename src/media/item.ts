import type { Batch } from './packet.ts';

/**
 * The bytes of one file, wherever it lies. Index parsing awaits `read`; playing asks `take` in the tick and comes again
 * where the bytes are still on their way. Read-ahead is bounded.
 */
export interface FileBytes {
  /** Undefined where the server does not tell. */
  readonly size: number | undefined;
  /** False where bytes can only come in order from the start (a server without range support). */
  readonly seekable: boolean;
  /** What tells this version of the file from another: an ETag, or time and size. */
  readonly validator: string;
  /** Where it was found, redirects followed, when that may differ from where it was looked for. Not fit for a log. */
  readonly url?: string;
  /** Bytes [offset, offset + length), shorter only at the end of the file. Rejects with a Fault of side `pull`. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Buffer>;
  /**
   * The same without waiting: undefined while they are on their way (fetching goes on by itself). The view is valid
   * through this turn of the event loop, the latest one until the next call. Throws the Fault that keeps them from
   * coming.
   */
  take(offset: number, length: number): Buffer | undefined;
  close(): void;
}

/**
 * One file being played: packets in decode order, the first of video a key frame, codec headers in front. All times are
 * the file's own, 0 at its first frame: an item that starts in the middle gives its first packets at about `startMs`.
 */
export interface Item {
  /** Where it ends: the length of the whole file, or the point it is played up to. Undefined where it cannot be known. */
  readonly durationMs: number | undefined;
  /** Where it really starts: the last key frame at or before the asked position. */
  readonly startMs: number;
  /** What of the file is not played, and why; sentences for an operator. */
  readonly notes?: readonly string[];
  /**
   * Appends what lies before `untilMs` of the file's time (0 = its first frame), never waiting. `starved`: more is due but its bytes are not here yet. `end`: everything has been given. Throws a Fault where the file is broken.
   * Spans are valid until the next call on any item.
   */
  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end';
  close(): void;
}
