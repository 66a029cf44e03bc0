import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../address.ts';
import type { Monotonic } from '../clock.ts';
import { Fault, type RefusalClass } from '../fault.ts';
import { Encoded, Outlet } from '../outlet.ts';
import { Batch, type Drops, isHeader, type Packet, type Sink } from '../packet.ts';
import { asWire, type Wire } from '../wire.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { type Answer, classOf, isRefusal, readAnswer } from './answer.ts';
import { openRtmp, type RtmpOptions, type RtmpStream } from './client.ts';
import { encodeBatch } from './encode.ts';
import { WINDOW_BYTES } from './negotiation.ts';
import { asksToReconnect, referralOf } from './referral.ts';

export interface RtmpSinkOptions extends RtmpOptions {
  readonly now: Monotonic;
  /** The time on the wire of the first frame. Peers expect 0; tests start just below a boundary. */
  readonly firstTimestampMs?: number;
}

const CLOSE_MS = 2_000;
const DRAIN_STEP_MS = 10;
/** How long the destination may take to close its side once it has everything. */
const FAREWELL_MS = 500;

/** So long without an acknowledgement that is due, whoever takes no more either does not hesitate but hangs. */
const HUNG_MS = 5_300;

/** What a destination may say: statuses, pings and acknowledgements are far less. */
const HEARD = { bytes: 4 * 1024 * 1024, bytesPerMs: 64 };

/** One batch at a time, for every sink of the process: a tick is synchronous. */
const encoded = new Encoded(640 * 1024);
/** A destination has no business sending media. */
const unwanted = new Batch();

/** Publishes a live stream. Resolves when the destination has accepted the publish. */
export async function openRtmpSink(address: Address, options: RtmpSinkOptions): Promise<Sink> {
  const stream = await openRtmp(address, 'publish', options);
  const { link } = stream;
  const openedAtMs = options.now();
  const onData = (bytes: Buffer): void => {
    // It comes by events, as fast as the destination likes, in a process that other relays share.
    if (link.reader.bytesIn > HEARD.bytes + (options.now() - openedAtMs) * HEARD.bytesPerMs) {
      throw new Fault('push', 'garbage', `${stream.where} floods the publisher with ${link.reader.bytesIn} bytes`);
    }
    link.feed(bytes, 0, bytes.length, unwanted);
    unwanted.clear();
  };
  const wire = asWire(stream.socket, 'push', { onData, fence: options.dialler.fence });
  const sink = new RtmpSink(stream, wire, options);
  try {
    for (const command of stream.late) link.listener.command(command);
  } catch (error) {
    wire.close();
    throw error;
  }
  return sink;
}

class RtmpSink implements Sink {
  readonly #stream: RtmpStream;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #firstMs: number;
  /** From the batch's clock to the wire's; known from the first frame on. */
  #shiftMs: number | undefined;
  #closing: Promise<void> | undefined;
  readonly #now: Monotonic;
  readonly #acknowledgements = new Acknowledgements(WINDOW_BYTES.publish);
  #overdueMs = 0;
  readonly #referred: RtmpSinkOptions['referred'];

  constructor(stream: RtmpStream, wire: Wire, options: RtmpSinkOptions) {
    this.#stream = stream;
    this.#wire = wire;
    this.#now = options.now;
    this.#referred = options.referred;
    this.#outlet = new Outlet({ wire, now: options.now });
    this.#firstMs = options.firstTimestampMs ?? 0;
    stream.link.send = bytes => this.#outlet.control(bytes);
    stream.link.listener = {
      command: command => {
        if (command.name === 'close') throw this.#ended('it closed the connection');
        if (command.name === 'onStatus') this.#takeStatus(readAnswer(command));
      },
      acknowledged: () => this.#acknowledgements.note(this.#outlet.bytesOut),
    };
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

  get overdueBytes(): number {
    return this.#acknowledgements.overdueBytes(this.#outlet.bytesOut);
  }

  get overdueMs(): number {
    return this.#overdueMs;
  }

  get flowing(): boolean {
    return this.#outlet.flowing;
  }

  write(batch: Batch): void {
    this.#shiftMs ??= this.#shiftFor(batch);
    const shiftMs = this.#shiftMs ?? Number.NEGATIVE_INFINITY;
    const { streamId, link } = this.#stream;
    encodeBatch(link.writer, batch, encoded, { streamId, shiftMs, floorMs: this.#firstMs });
    this.#outlet.write(batch, encoded);
    this.#mindHang();
  }

  close(deadlineMs = CLOSE_MS): Promise<void> {
    this.#closing ??= this.#end(deadlineMs);
    return this.#closing;
  }

  /** The first frame goes out as the first time, whatever its own; headers in front of it share that time. */
  #shiftFor(batch: Batch): number | undefined {
    for (let i = 0; i < batch.count; i++) {
      const packet = batch.packets[i] as Packet;
      if (!isHeader(packet.kind)) return this.#firstMs - packet.dtsMs;
    }
    return undefined;
  }

  /** The kernel of a destination that hangs goes on taking megabytes: once it is full too, nothing more is waited for. */
  #mindHang(): void {
    this.#overdueMs = this.#acknowledgements.overdueMs(this.#outlet.bytesOut, this.#now());
    if (this.#overdueMs <= HUNG_MS || this.#outlet.queuedBytes === 0) return;
    const seconds = Math.round(this.#overdueMs / 1000);
    throw new Fault(
      'push',
      'stalled',
      `the peer takes no more, and should have acknowledged what it has ${seconds} s ago`,
    );
  }

  #takeStatus(answer: Answer): void {
    if (asksToReconnect(answer)) {
      if (this.#closing === undefined) this.#referred?.(referralOf(answer, this.#stream));
      return;
    }
    const ended = answer.code === 'NetStream.Unpublish.Success' || answer.code === 'NetConnection.Connect.Closed';
    if (this.#closing !== undefined || (!ended && !isRefusal(answer))) return;
    const refusal = ended ? undefined : classOf(answer);
    throw this.#ended(this.#stream.secrets.mask(`${answer.code} ${answer.description}`), refusal);
  }

  #ended(words: string, refusal?: RefusalClass): Fault {
    const sentence = `${this.#stream.where} ended the publish: ${words}`;
    return new Fault('push', 'closed', sentence, refusal === undefined ? {} : { refusal });
  }

  /** Says good-bye behind what is queued, so that the destination does not take the end for a broken connection. */
  async #end(deadlineMs: number): Promise<void> {
    const { link, streamId, target } = this.#stream;
    try {
      link.ask('FCUnpublish', null, target.streamName);
      link.ask('deleteStream', null, streamId);
      for (let waitedMs = 0; !this.#outlet.flush() && waitedMs < deadlineMs; waitedMs += DRAIN_STEP_MS) {
        await sleep(DRAIN_STEP_MS);
      }
      await this.#wire.end(Math.min(deadlineMs, FAREWELL_MS));
    } catch {
      // It is gone already, which is what was wanted.
    } finally {
      this.#wire.close();
    }
  }
}
