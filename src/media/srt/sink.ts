import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../address.ts';
import type { Monotonic } from '../clock.ts';
import type { Fence } from '../fence.ts';
import { Encoded, Outlet } from '../outlet.ts';
import type { Batch, Drops, Sink } from '../packet.ts';
import { TsWriter } from '../ts/mux.ts';
import { asWire, type Wire } from '../wire.ts';
import type { SrtChild } from './child.ts';
import { openSrt, type SrtOptions } from './open.ts';

export interface SrtSinkOptions extends SrtOptions {
  readonly now: Monotonic;
}

const CLOSE_MS = 2_000;
const DRAIN_STEP_MS = 10;
/** What the far end still has to ask for again before the connection goes. */
const LINGER_MS = 300;

/** One batch at a time, for every sink of the process: a tick is synchronous. */
const encoded = new Encoded(640 * 1024);

/** Calls an SRT listener and sends it a transport stream. Resolves when the listener has taken the call. */
export async function openSrtSink(address: Address, options: SrtSinkOptions): Promise<Sink> {
  return new SrtSink(await openSrt(address, 'push', options), options);
}

class SrtSink implements Sink {
  readonly #child: SrtChild;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #fence: Fence | undefined;
  readonly #writer = new TsWriter();
  #closing: Promise<void> | undefined;

  constructor(child: SrtChild, { now, dialler }: SrtSinkOptions) {
    this.#child = child;
    this.#fence = dialler.fence;
    this.#wire = asWire(child.stdin, 'push', { fence: dialler.fence });
    this.#outlet = new Outlet({ wire: this.#wire, now });
  }

  get bytesOut(): number {
    return this.#outlet.bytesOut;
  }

  get drops(): Drops {
    return this.#outlet.drops;
  }

  get queuedMs(): number {
    return this.#outlet.queuedMs;
  }

  get queuedBytes(): number {
    return this.#outlet.queuedBytes;
  }

  get flowing(): boolean {
    return this.#outlet.flowing;
  }

  write(batch: Batch): void {
    if (this.#child.failure !== undefined) throw this.#child.failure;
    try {
      this.#writer.encode(batch, encoded);
      this.#outlet.write(batch, encoded);
    } catch (error) {
      throw this.#child.failure ?? error;
    }
  }

  close(deadlineMs = CLOSE_MS): Promise<void> {
    this.#closing ??= this.#close(performance.now() + deadlineMs);
    return this.#closing;
  }

  async #close(endMs: number): Promise<void> {
    try {
      while (!this.#outlet.flush() && performance.now() < endMs) await sleep(DRAIN_STEP_MS);
      this.#fence?.check();
      this.#child.fill();
      const leftMs = endMs - performance.now();
      if (leftMs > 0) await sleep(Math.min(LINGER_MS, leftMs));
    } catch {
      // A destination that is gone needs no good-bye.
    } finally {
      this.#wire.close();
      this.#child.kill();
    }
  }
}
