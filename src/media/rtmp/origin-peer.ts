import type { Socket } from 'node:net';
import type { Monotonic } from '../clock.ts';
import { asFault, Fault } from '../fault.ts';
import { Encoded, Outlet } from '../outlet.ts';
import { Batch } from '../packet.ts';
import { asWire, type Wire } from '../wire.ts';
import { type AmfValue, decodeAmf0 } from './amf0.ts';
import { ChunkReader } from './chunk-reader.ts';
import {
  acknowledgement,
  type Message,
  MessageType,
  pingResponse,
  readUserControl,
  readWord,
  UserControl,
} from './message.ts';
import {
  connectAccepted,
  connectRejected,
  control,
  plainAnswer,
  playAccepted,
  publishAccepted,
  status,
} from './origin-answers.ts';
import { ServerHandshake } from './origin-handshake.ts';
import { appOf, streamKey } from './origin-name.ts';
import type { OriginStream, Player, Publisher } from './origin-stream.ts';

export interface PeerLimits {
  /** From the connection to `publish` or `play`. */
  readonly negotiateMs: number;
  /** How long a publisher may send no media. */
  readonly idleMs: number;
  /** What may wait for a player in all; see Outlet. */
  readonly queueBytes: number;
  readonly stallMs: number;
}

/** Who a connection was, as far as it has said: fit for a log, since the name of a stream may be its key. */
export interface OriginCaller {
  readonly address: string;
  readonly role: 'publisher' | 'player' | 'client';
  readonly app: string;
}

/** What a connection needs of the origin it came to. */
export interface Host {
  readonly now: Monotonic;
  readonly limits: PeerLimits;
  /** Shared by all connections, for the length of one synchronous read. */
  readonly readBuffer: Buffer;
  readonly tickBatch: Batch;
  /** For what comes by events. A batch of its own, because a `publish` in there may have another publisher read. */
  readonly eventBatch: Batch;
  /** The random part of a handshake. */
  random(): Buffer;
  /** The stream of that name, made when there is none. */
  stream(name: string): OriginStream;
  /** Told once, when the connection is over; `fault` says why. */
  left(peer: OriginPeer, fault: Fault): void;
}

/**
 * `idle`: a publisher that has unpublished. `watching`: a player, between two plays too.
 * `refused`: has been told why, and is given a moment to read it.
 */
type Phase = 'negotiating' | 'publishing' | 'idle' | 'watching' | 'refused' | 'over';

/** What a client may send before it publishes or plays, but for the read in which it does. */
const NEGOTIATION_BYTES = 64 * 1024;
/** What a player may say while it watches: acknowledgements and pings are far less. */
const HEARD = { bytes: 1024 * 1024, bytesPerMs: 16 };
const MAX_MESSAGES_A_READ = 1_024;
const READS_A_TICK = 4;
const REFUSED_LINGER_MS = 1_000;
const KEEP_ALIVE_MS = 30_000;
/** Acknowledged by half as long as the client has named no window of its own. */
const DEFAULT_WINDOW_BYTES = 2_500_000;

const noPackets = new Batch();
const noBytes = new Encoded(0);

/** One connection, from its handshake on. It never throws: what goes wrong ends this connection and nothing else. */
export class OriginPeer implements Player, Publisher {
  readonly #socket: Socket;
  readonly #host: Host;
  readonly #handshake: ServerHandshake;
  readonly #reader: ChunkReader;
  #phase: Phase = 'negotiating';
  #deadlineMs: number;
  #negotiatedBytes = 0;
  #watchingSinceMs = 0;
  readonly #address: string;
  #role: OriginCaller['role'] = 'client';
  #app: string | undefined;
  #stream: OriginStream | undefined;
  #wire: Wire | undefined;
  #outlet: Outlet | undefined;
  /** Whole messages of the present read. They wait until it is clear which stream the media around them belongs to. */
  #messages: Message[] = [];
  #windowBytes = DEFAULT_WINDOW_BYTES;
  #acknowledged = 0;

  constructor(socket: Socket, host: Host) {
    this.#socket = socket;
    this.#host = host;
    this.#address = socket.remoteAddress ?? '';
    this.#deadlineMs = host.now() + host.limits.negotiateMs;
    this.#handshake = new ServerHandshake({ random: () => host.random(), reply: bytes => this.send(bytes) });
    this.#reader = new ChunkReader({ side: 'pull', onMessage: message => this.#keep(message) });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('error', error => this.fail(new Fault('pull', 'closed', 'the connection broke', { cause: error })));
    socket.on('close', () => this.fail(new Fault('pull', 'closed', 'the client closed the connection')));
    socket.on('data', this.#receive);
  }

  get caller(): OriginCaller {
    // Some write what is secret behind the application's own name.
    return { address: this.#address, role: this.#role, app: this.#app?.split('/')[0] ?? '' };
  }

  get bytesIn(): number {
    return this.#reader.bytesIn;
  }

  /** Media that waits for this player. */
  get queuedBytes(): number {
    return this.#outlet?.queuedBytes ?? 0;
  }

  /** Memory of this connection alone: what waits for it, and messages that it has begun and not finished. */
  get heldBytes(): number {
    return (this.#outlet?.copiedBytes ?? 0) + this.#reader.carriedBytes;
  }

  /** The heartbeat: minds the deadline, reads a publisher, serves what is queued. */
  tick(nowMs: number): void {
    if (this.#phase === 'over') return;
    if (nowMs >= this.#deadlineMs) this.fail(new Fault('pull', 'timeout', this.#lateness()));
    this.pull();
    this.write(noPackets, noBytes);
  }

  /** Reads what a publisher has sent. Players and clients that negotiate are heard by events instead. */
  pull(): void {
    if (this.#phase !== 'publishing' && this.#phase !== 'idle') return;
    const { readBuffer, tickBatch } = this.#host;
    try {
      for (let reads = 0; reads < READS_A_TICK; reads++) {
        const count = this.#wire?.read(readBuffer) ?? 0;
        if (count > 0) this.#take(readBuffer, count, tickBatch);
        if (count < readBuffer.length) return;
      }
    } catch (error) {
      this.fail(error);
    }
  }

  write(batch: Batch, encoded: Encoded): void {
    if (this.#outlet === undefined) return;
    try {
      this.#outlet.write(batch, encoded);
    } catch (error) {
      this.fail(error);
    }
  }

  send(messages: Buffer): void {
    if (this.#phase === 'over') return;
    try {
      if (this.#outlet === undefined) this.#socket.write(messages);
      else this.#outlet.control(messages);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the connection. Idempotent. */
  fail(error: unknown): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#leaveStream();
    this.#outlet = undefined;
    this.#socket.destroy();
    this.#host.left(this, asFault('pull', error));
  }

  readonly #receive = (bytes: Buffer): void => {
    if (this.#phase === 'over' || this.#phase === 'refused') return;
    try {
      if (this.#phase === 'negotiating') this.#spend(bytes.length);
      if (this.#phase === 'watching') this.#listen();
      const from = this.#handshake.done ? 0 : this.#handshake.take(bytes);
      if (from < bytes.length) this.#take(bytes.subarray(from), bytes.length - from, this.#host.eventBatch);
    } catch (error) {
      this.fail(error);
    }
  };

  #spend(bytes: number): void {
    if (this.#negotiatedBytes > NEGOTIATION_BYTES) {
      throw new Fault('pull', 'garbage', `the client has sent ${this.#negotiatedBytes} bytes without publish or play`);
    }
    this.#negotiatedBytes += bytes;
  }

  #listen(): void {
    const { bytesIn } = this.#reader;
    if (bytesIn <= HEARD.bytes + (this.#host.now() - this.#watchingSinceMs) * HEARD.bytesPerMs) return;
    throw new Fault('pull', 'garbage', `the player has sent ${bytesIn} bytes`);
  }

  #take(bytes: Buffer, count: number, batch: Batch): void {
    batch.clear();
    this.#reader.feed(bytes, 0, count, batch);
    // Media in one read with `publish` stands behind it; media in one read with the end of a publish, in front of that.
    const before = this.#phase === 'publishing';
    if (before) this.#passOn(batch);
    this.#obeyAll();
    if (!before) this.#passOn(batch);
    this.#acknowledge();
  }

  #passOn(batch: Batch): void {
    if (this.#phase !== 'publishing' || batch.count === 0) return;
    this.#deadlineMs = this.#host.now() + this.#host.limits.idleMs;
    this.#stream?.take(batch);
  }

  #keep(message: Message): void {
    if (this.#messages.length >= MAX_MESSAGES_A_READ) {
      throw new Fault('pull', 'garbage', 'the client floods the connection with messages');
    }
    this.#messages.push(message);
  }

  #obeyAll(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    for (const message of messages) this.#obey(message);
  }

  #obey({ type, payload }: Message): void {
    if (this.#phase === 'over' || this.#phase === 'refused') return;
    if (type === MessageType.commandAmf0) this.#call(decodeAmf0(payload, 'pull'));
    // In front of an AMF3 command stands a byte that says its values are AMF0 after all.
    else if (type === MessageType.commandAmf3) this.#call(decodeAmf0(payload.subarray(1), 'pull'));
    else if (type === MessageType.windowAckSize) this.#windowBytes = readWord(payload) || DEFAULT_WINDOW_BYTES;
    else if (type === MessageType.userControl) this.#answerPing(payload);
  }

  #answerPing(payload: Buffer): void {
    const event = readUserControl(payload);
    if (event?.event !== UserControl.pingRequest) return;
    this.send(control(MessageType.userControl, pingResponse(event.value)));
  }

  /** A command's values: its name, its transaction, the command object, the arguments. RTMP 1.0, section 7.2. */
  #call([name, number, object, argument]: readonly AmfValue[]): void {
    if (typeof name !== 'string') throw new Fault('pull', 'garbage', 'a command without a name');
    const transaction = typeof number === 'number' && Number.isFinite(number) ? number : 0;
    if (name === 'connect') this.#connect(transaction, object);
    else if (name === 'publish') this.#publish(argument);
    else if (name === 'play') this.#play(argument);
    else if (name === 'deleteStream' || name === 'closeStream') this.#leaveStream();
    else this.#answer(plainAnswer(name, transaction));
  }

  #answer(bytes: Buffer | undefined): void {
    if (bytes !== undefined) this.send(bytes);
  }

  #connect(transaction: number, object: AmfValue): void {
    this.#app = appOf(object);
    if (this.#app === undefined) this.#refuse(connectRejected(transaction, 'The connection names no application.'));
    else this.send(connectAccepted(transaction));
  }

  #publish(name: AmfValue): void {
    const key = this.#keyOf(name);
    const stream = key === undefined ? undefined : this.#host.stream(key);
    if (this.#phase !== 'negotiating') this.#refusePublish('Denied', 'One publish or play a connection.');
    else if (stream === undefined) this.#refusePublish('BadName', 'The stream has no usable name.');
    else if (!stream.publish(this)) this.#refusePublish('BadName', 'The stream is published already.');
    else this.#startPublishing(stream);
  }

  #startPublishing(stream: OriginStream): void {
    this.#stream = stream;
    this.#role = 'publisher';
    this.#phase = 'publishing';
    this.#deadlineMs = this.#host.now() + this.#host.limits.idleMs;
    this.#handOver('poll');
    this.send(publishAccepted());
  }

  #play(name: AmfValue): void {
    const key = this.#keyOf(name);
    if (this.#phase !== 'negotiating' && this.#phase !== 'watching')
      this.#refusePlay('One publish or play a connection.');
    else if (key === undefined) this.#refusePlay('The stream has no usable name.');
    else this.#startPlaying(key);
  }

  #startPlaying(key: string): void {
    this.#leaveStream();
    if (this.#phase === 'negotiating') {
      this.#handOver('events');
      this.#watchingSinceMs = this.#host.now();
    }
    this.#role = 'player';
    this.#phase = 'watching';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.send(playAccepted());
    this.#stream = this.#host.stream(key);
    this.#stream.join(this);
  }

  #keyOf(name: AmfValue): string | undefined {
    if (this.#app === undefined) throw new Fault('pull', 'garbage', 'publish or play before connect');
    return streamKey(this.#app, name);
  }

  /** From here on media passes through the tick. A player's own words are few and come by events. */
  #handOver(inbound: 'poll' | 'events'): void {
    const { now, limits } = this.#host;
    this.#socket.off('data', this.#receive);
    this.#wire = asWire(this.#socket, 'pull', inbound === 'events' ? { onData: this.#receive } : {});
    this.#outlet = new Outlet({
      wire: this.#wire,
      now,
      limits: { bytes: limits.queueBytes, stallMs: limits.stallMs },
    });
  }

  #leaveStream(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    if (this.#phase === 'publishing') this.#phase = 'idle';
    stream.unpublish(this);
    stream.leave(this);
  }

  #refusePublish(reason: 'BadName' | 'Denied', description: string): void {
    this.#refuse(status({ level: 'error', code: `NetStream.Publish.${reason}`, description }));
  }

  #refusePlay(description: string): void {
    this.#refuse(status({ level: 'error', code: 'NetStream.Play.Failed', description }));
  }

  #refuse(words: Buffer): void {
    this.send(words);
    if (this.#phase === 'over') return;
    this.#leaveStream();
    this.#phase = 'refused';
    this.#deadlineMs = this.#host.now() + REFUSED_LINGER_MS;
    if (this.#wire === undefined) this.#socket.end();
    else void this.#wire.end(REFUSED_LINGER_MS);
  }

  /** Half a window early, so that a client that stops at a full one never does. */
  #acknowledge(): void {
    const { bytesIn } = this.#reader;
    if (bytesIn - this.#acknowledged < this.#windowBytes / 2) return;
    this.#acknowledged = bytesIn;
    this.send(control(MessageType.acknowledgement, acknowledgement(bytesIn)));
  }

  #lateness(): string {
    if (this.#phase === 'negotiating') return 'the client took too long to publish or play';
    return this.#phase === 'refused' ? 'the client was refused' : 'the publisher sends no media';
  }
}
