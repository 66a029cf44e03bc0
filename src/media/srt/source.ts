import type { Address } from '../address.ts';
import type { Batch, Source } from '../packet.ts';
import { TsDemuxer } from '../ts/demux.ts';
import { asWire, type Wire } from '../wire.ts';
import type { SrtChild } from './child.ts';
import { openSrt, type SrtOptions } from './open.ts';

const READ_BYTES = 128 * 1024;
/** One for every source of the process: what the demuxer makes of it are copies. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Calls an SRT listener and takes the transport stream that it sends. */
export async function openSrtSource(address: Address, options: SrtOptions): Promise<Source> {
  return new SrtSource(await openSrt(address, 'pull', options));
}

class SrtSource implements Source {
  readonly #child: SrtChild;
  readonly #wire: Wire;
  readonly #demuxer = new TsDemuxer();
  #bytesIn = 0;

  constructor(child: SrtChild) {
    this.#child = child;
    this.#wire = asWire(child.stdout, 'pull');
  }

  get notes(): readonly string[] {
    return this.#demuxer.notes;
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  read(into: Batch, mostBytes = Number.POSITIVE_INFINITY): void {
    try {
      for (let left = mostBytes; left > 0; ) {
        const room = Math.min(left, READ_BYTES);
        const got = this.#wire.read(room < READ_BYTES ? readBuffer.subarray(0, room) : readBuffer);
        if (got === 0) return;
        this.#bytesIn += got;
        left -= got;
        this.#demuxer.push(readBuffer.subarray(0, got), into);
        if (got < room) return;
      }
    } catch (error) {
      // How the child ended says more than that its pipe broke.
      throw this.#child.failure ?? error;
    }
  }

  close(): void {
    this.#wire.close();
    this.#child.kill();
  }
}
