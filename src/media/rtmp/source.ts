import type { Address } from '../address.ts';
import { Fault } from '../fault.ts';
import type { Batch, Source } from '../packet.ts';
import { READ_BYTES, readBuffer } from '../read-buffers.ts';
import { Unsent } from '../unsent.ts';
import { asWire, type Wire } from '../wire.ts';
import { isRefusal, readAnswer } from './answer.ts';
import { openRtmp, type RtmpOptions, type RtmpStream } from './client.ts';
import type { Link } from './link.ts';
import { asksToReconnect, referralOf } from './referral.ts';

/** Reads of one call: what a stream in a hurry (a fast start, a long stall behind it) can bring in one tick. */
const MAX_READS = 4;

/** Plays a live stream. Resolves when the server has said yes to that, or has begun to send. */
export async function openRtmpSource(address: Address, options: RtmpOptions): Promise<Source> {
  const stream = await openRtmp(address, 'play', options);
  return new RtmpSource(stream, asWire(stream.socket, 'pull'), options.referred);
}

class RtmpSource implements Source {
  readonly #link: Link;
  readonly #wire: Wire;
  readonly #stream: RtmpStream;
  readonly #referred: RtmpOptions['referred'];
  /** The server's word that it is over; what it sent before comes first. */
  #end: Fault | undefined;
  /** Acknowledgements and answers to pings. */
  readonly #unsent = new Unsent();

  constructor(stream: RtmpStream, wire: Wire, referred: RtmpOptions['referred']) {
    this.#stream = stream;
    this.#referred = referred;
    this.#link = stream.link;
    this.#wire = wire;
    this.#link.send = bytes => this.#unsent.add(bytes);
    this.#link.listener = {
      command: command => {
        if (command.name === 'close') this.#over('the server closed the stream');
        if (command.name === 'onStatus') this.#takeStatus(readAnswer(command));
      },
      streamEnd: () => this.#over('the stream has ended'),
    };
    for (const command of stream.late) this.#link.listener.command(command);
  }

  get bytesIn(): number {
    return this.#link.reader.bytesIn;
  }

  read(into: Batch, mostBytes = READ_BYTES * MAX_READS): void {
    const before = into.count;
    this.#takeEarly(into);
    try {
      this.#readWire(into, mostBytes);
      this.#unsent.flush(this.#wire);
    } catch (error) {
      // What has come is worth having; the fault will come again.
      if (into.count === before || !(error instanceof Fault && error.kind === 'closed')) throw error;
      this.#end ??= error;
    }
    if (this.#end !== undefined && into.count === before) throw this.#end;
  }

  close(): void {
    this.#wire.close();
  }

  /** Media that the negotiation has already read. */
  #takeEarly(into: Batch): void {
    const { early } = this.#stream;
    if (early.packets.length === 0) return;
    for (let i = 0; i < early.count; i++) {
      const packet = early.packets[i];
      if (packet === undefined) continue;
      const own = packet.copyPayload();
      const copy = into.next();
      copy.reset(packet.kind, packet.dtsMs);
      copy.addSpan(own, 0, own.length);
    }
    early.clear();
    early.packets.length = 0;
  }

  #readWire(into: Batch, mostBytes: number): void {
    let from = into.count;
    for (let i = 0; i * READ_BYTES < mostBytes; i++) {
      const buffer = readBuffer(i);
      const got = this.#wire.read(mostBytes < READ_BYTES ? buffer.subarray(0, mostBytes) : buffer);
      if (got === 0) return;
      if (i > 0) from = ownCarried(into, from, readBuffer(i - 1));
      this.#link.feed(buffer, 0, got, into);
      if (got < READ_BYTES) return;
    }
  }

  #takeStatus(answer: ReturnType<typeof readAnswer>): void {
    if (asksToReconnect(answer)) {
      this.#referred?.(referralOf(answer, this.#stream));
      return;
    }
    const { code } = answer;
    const ended = code === 'NetStream.Play.Stop' || code === 'NetStream.Play.UnpublishNotify';
    if (!ended && !isRefusal(answer)) return;
    this.#over(`the server ended the stream: ${this.#stream.secrets.mask(`${code} ${answer.description}`)}`);
  }

  #over(sentence: string): void {
    this.#end ??= new Fault('pull', 'closed', `${this.#stream.where}: ${sentence}`);
  }
}

/**
 * Before the reader is fed again in the same call: packets that show its own buffers, not the read buffer, get a copy,
 * because those buffers are only good until then. Answers where to begin the next time.
 */
function ownCarried(into: Batch, from: number, lately: Buffer): number {
  for (let i = from; i < into.count; i++) {
    const packet = into.packets[i];
    if (packet !== undefined && packet.buffers[0] !== lately) packet.own();
  }
  return into.count;
}
