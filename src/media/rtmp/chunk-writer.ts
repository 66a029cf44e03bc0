import type { Packet } from '../packet.ts';

/** Signatures only for now; the body follows. */
export class ChunkWriter {
  constructor(_options: { chunkSize?: number; setDataFrame?: boolean } = {}) {}

  /** One control or command message as its own buffer. */
  message(_head: { type: number; csid: number; streamId: number; timestampMs: number }, _payload: Buffer): Buffer {
    throw new Error('not built yet');
  }

  /** Upper bound of the bytes that `writePacket` needs. */
  packetBytes(_packet: Packet): number {
    throw new Error('not built yet');
  }

  /** Writes the packet as one message at `at`; answers the offset behind it. The caller has made room. */
  writePacket(_out: Buffer, _at: number, _packet: Packet, _timestampMs: number, _streamId: number): number {
    throw new Error('not built yet');
  }
}
