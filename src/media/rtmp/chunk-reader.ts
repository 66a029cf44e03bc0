import type { Side } from '../fault.ts';
import type { Batch } from '../packet.ts';
import type { Message } from './message.ts';

/** Signatures only for now; the body follows. */
export class ChunkReader {
  bytesIn = 0;

  constructor(_options: { side: Side; onMessage: (message: Message) => void; maxMessageBytes?: number }) {}

  /**
   * Consumes all of bytes[from..to). Spans of the packets it appends are views into `bytes` and into buffers of its own:
   * valid until the next `feed`.
   */
  feed(_bytes: Buffer, _from: number, _to: number, _into: Batch): void {
    throw new Error('not built yet');
  }
}
