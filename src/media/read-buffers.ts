export const READ_BYTES = 256 * 1024;

/**
 * Read by every source of the process that reads in its tick. A batch shows these bytes until the next `read` of any
 * source: a tick finishes with one source before it turns to another. The second buffer and on are made when first needed.
 */
const readBuffers: Buffer[] = [];

export function readBuffer(index: number): Buffer {
  readBuffers[index] ??= Buffer.allocUnsafeSlow(READ_BYTES);
  return readBuffers[index];
}
