import type { Batch } from './packet.ts';

/** Which kinds of packets a stream announces; what is announced may still never come. */
export interface Announced {
  readonly video: boolean;
  readonly audio: boolean;
}

/** Makes packets out of the bytes of a container, as they come, cut anywhere. */
export interface Demuxer {
  /** Undefined until the stream has said what it carries. */
  readonly announced: Announced | undefined;
  /** What of the stream is left out, and why, as far as is known by now; sentences for an operator. */
  readonly notes: readonly string[];
  /**
   * Appends the packets that the bytes complete, with times of the stream's own clock, unwrapped. Their payload is a
   * copy, valid for as long as somebody holds it. Throws a Fault where the bytes make no sense.
   */
  push(bytes: Buffer, into: Batch): void;
  /**
   * Appends what was waiting for bytes that do not come any more. Bytes pushed afterwards begin another piece on the same
   * clock: nothing of the former goes on in it.
   */
  end(into: Batch): void;
}
