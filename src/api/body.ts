import type { Readable } from 'node:stream';

/** The body went on beyond the limit. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

export interface BodyLimits {
  readonly bytes: number;
  /** What is thrown away unread so that the client, still writing, gets to see the refusal. */
  readonly drainBytes: number;
}

/** The whole body, whose deadline is the server's request timeout. */
export async function readBody(stream: Readable, limits: BodyLimits): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > limits.drainBytes) break;
    if (length <= limits.bytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (length > limits.bytes) throw new BodyTooLarge('the body is too large');
  return Buffer.concat(chunks);
}
