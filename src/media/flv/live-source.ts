import type net from 'node:net';
import type { Address } from '../address.ts';
import { Fault } from '../fault.ts';
import { named } from '../http-dial.ts';
import type { Framing } from '../http-framing.ts';
import type { Batch, Source } from '../packet.ts';
import { READ_BYTES, readBuffer } from '../read-buffers.ts';
import { asWire, type Wire } from '../wire.ts';
import { CLOSE_FRAME, WsFraming } from '../ws-framing.ts';
import { LiveFlvReader } from './live-reader.ts';

/** Reads of one call: what a stream in a hurry can bring in one tick. */
const MAX_READS = 4;
/** What the server leaves unread of what it asked for itself; beyond it is not answered. */
const MAX_UNSENT_BYTES = 16 * 1024;

export interface LiveFlvParts {
  readonly address: Address;
  readonly socket: net.Socket;
  /** What has come of the answer's body. */
  readonly rest: Buffer;
}

/** FLV that goes on for as long as an HTTP answer, or a WebSocket connection, does. */
export class LiveFlvSource implements Source {
  readonly #address: Address;
  readonly #wire: Wire;
  readonly #framing: Framing;
  readonly #reader = new LiveFlvReader();
  #unsent: Buffer = Buffer.alloc(0);
  #bytesIn = 0;
  /** Why nothing more comes; what came before goes first. */
  #end: Fault | undefined;

  constructor({ address, socket, rest }: LiveFlvParts, framing: Framing | 'websocket') {
    this.#address = address;
    this.#wire = asWire(socket, 'pull', { leftover: rest });
    this.#framing = framing === 'websocket' ? new WsFraming(frame => this.#send(frame)) : framing;
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  read(into: Batch, mostBytes = READ_BYTES * MAX_READS): void {
    const before = into.count;
    this.#reader.release();
    if (this.#end === undefined) {
      try {
        this.#readWire(into, mostBytes);
        this.#flush();
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#end = named(this.#address, error);
      }
    }
    if (this.#end !== undefined && into.count === before) throw this.#end;
  }

  close(): void {
    this.#reader.close();
    if (this.#framing instanceof WsFraming && this.#end === undefined) this.#sayGoodbye();
    this.#wire.close();
  }

  #readWire(into: Batch, mostBytes: number): void {
    for (let i = 0; i * READ_BYTES < mostBytes; i++) {
      const buffer = readBuffer(i);
      const got = this.#wire.read(mostBytes < READ_BYTES ? buffer.subarray(0, mostBytes) : buffer);
      if (got === 0) return;
      this.#bytesIn += got;
      this.#reader.feed(buffer, 0, this.#framing.unframe(buffer, 0, got), into);
      if (this.#framing.ended) throw new Fault('pull', 'closed', 'the stream has ended');
      if (got < READ_BYTES) return;
    }
  }

  #send(frame: Buffer): void {
    if (this.#unsent.length + frame.length <= MAX_UNSENT_BYTES) this.#unsent = Buffer.concat([this.#unsent, frame]);
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const taken = this.#wire.write(this.#unsent, 0, this.#unsent.length);
    this.#unsent = this.#unsent.subarray(taken);
  }

  #sayGoodbye(): void {
    try {
      this.#wire.write(CLOSE_FRAME, 0, CLOSE_FRAME.length);
    } catch {
      // The server has said so first.
    }
  }
}
