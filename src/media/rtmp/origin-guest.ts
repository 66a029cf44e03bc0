/** A client for the origin's tests, made of the byte layers alone: it can also behave badly. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Batch, Packet, type PacketKind } from '../packet.ts';
import { type AmfObject, type AmfValue, decodeAmf0 } from './amf0.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { clientAnswer, clientHello, HANDSHAKE_SIZE } from './handshake.ts';
import { command, type Message, MessageType, readUserControl, setChunkSize } from './message.ts';

export interface Seen {
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly payload: Buffer;
}

const DEADLINE_MS = 5_000;

export class Guest {
  readonly socket: Socket;
  readonly seen: Seen[] = [];
  /** Codes of the statuses heard, in order. */
  readonly codes: string[] = [];
  /** Commands heard, in order. */
  readonly calls: (readonly AmfValue[])[] = [];
  readonly messages: Message[] = [];
  bytesIn = 0;
  ended = false;
  readonly #writer: ChunkWriter;
  readonly #chunkSize: number;
  readonly #reader: ChunkReader;
  readonly #batch = new Batch();
  #greeting: Buffer | undefined = Buffer.alloc(0);
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  /** Opens a connection and says nothing yet. */
  static async open(address: string, options: { chunkSize?: number } = {}): Promise<Guest> {
    const { hostname, port } = new URL(address.replace(/^rtmp:/, 'http:'));
    const socket = connect({ port: Number(port), host: hostname, noDelay: true });
    await once(socket, 'connect');
    return new Guest(socket, options.chunkSize ?? 4_096);
  }

  /** Connected to the application, with a stream at hand. */
  static async arrive(address: string, app: string, options: { chunkSize?: number } = {}): Promise<Guest> {
    const guest = await Guest.open(address, options);
    await guest.greet('simple');
    await guest.connect(app);
    return guest;
  }

  static async publisher(address: string, path: string, options: { chunkSize?: number } = {}): Promise<Guest> {
    const guest = await Guest.arrive(address, path.slice(0, path.lastIndexOf('/')), options);
    guest.call('publish', 5, null, path.slice(path.lastIndexOf('/') + 1), 'live');
    await guest.until(() => guest.codes.includes('NetStream.Publish.Start'));
    return guest;
  }

  static async player(address: string, path: string): Promise<Guest> {
    const guest = await Guest.arrive(address, path.slice(0, path.lastIndexOf('/')));
    guest.call('play', 0, null, path.slice(path.lastIndexOf('/') + 1), -2000);
    await guest.until(() => guest.codes.includes('NetStream.Play.Start'));
    return guest;
  }

  private constructor(socket: Socket, chunkSize: number) {
    this.socket = socket;
    this.#chunkSize = chunkSize;
    this.#writer = new ChunkWriter({ chunkSize, setDataFrame: true });
    this.#reader = new ChunkReader({ side: 'pull', onMessage: message => this.#heard(message) });
    socket.on('error', () => undefined);
    socket.on('data', bytes => this.#took(bytes));
    socket.on('close', () => {
      this.ended = true;
      this.#look();
    });
  }

  get greeted(): boolean {
    return this.#greeting === undefined;
  }

  async greet(mode: 'simple' | 'digest'): Promise<void> {
    this.socket.write(clientHello(randomBytes(HANDSHAKE_SIZE - 8), mode));
    await this.until(() => this.greeted);
  }

  async connect(app: string): Promise<void> {
    this.socket.write(
      this.#writer.message(
        { type: MessageType.setChunkSize, csid: 2, streamId: 0, timestampMs: 0 },
        setChunkSize(this.#chunkSize),
      ),
    );
    this.call('connect', 1, { app, tcUrl: `rtmp://127.0.0.1/${app}` });
    await this.answer(1);
    this.call('createStream', 2, null);
    await this.answer(2);
  }

  call(name: string, transaction: number, ...args: readonly AmfValue[]): void {
    this.tell(MessageType.commandAmf0, command(name, transaction, ...args));
  }

  tell(type: number, payload: Buffer): void {
    this.socket.write(this.#writer.message({ type, csid: 3, streamId: 1, timestampMs: 0 }, payload));
  }

  answer(transaction: number): Promise<void> {
    return this.until(() => this.calls.some(([name, number]) => name === '_result' && number === transaction));
  }

  media(kind: PacketKind, dtsMs: number, payload: Buffer): void {
    const packet = new Packet();
    packet.reset(kind, dtsMs);
    packet.addSpan(payload, 0, payload.length);
    const out = Buffer.alloc(this.#writer.packetBytes(packet));
    this.socket.write(out.subarray(0, this.#writer.writePacket(out, 0, packet, dtsMs, 1)));
  }

  /** Resolves once the condition holds; it is looked at whenever something came. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`not within ${DEADLINE_MS} ms: ${holds}; heard ${this.codes}`));
      const timer = setTimeout(late, DEADLINE_MS);
      this.#waiting.push({
        holds,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  userControls(): number[] {
    const controls = this.messages.filter(({ type }) => type === MessageType.userControl);
    return controls.map(({ payload }) => readUserControl(payload)?.event ?? -1);
  }

  close(): void {
    this.socket.destroy();
  }

  #took(bytes: Buffer): void {
    const rest = this.#greeting === undefined ? bytes : this.#greeted(Buffer.concat([this.#greeting, bytes]));
    this.bytesIn += rest.length;
    this.#batch.clear();
    this.#reader.feed(rest, 0, rest.length, this.#batch);
    for (const packet of this.#batch.packets.slice(0, this.#batch.count)) {
      this.seen.push({ kind: packet.kind, dtsMs: packet.dtsMs, payload: packet.copyPayload() });
    }
    this.#look();
  }

  /** Answers what came behind the handshake. */
  #greeted(bytes: Buffer): Buffer {
    this.#greeting = bytes;
    if (bytes.length < 1 + 2 * HANDSHAKE_SIZE) return Buffer.alloc(0);
    this.#greeting = undefined;
    this.socket.write(clientAnswer(bytes.subarray(0, 1 + HANDSHAKE_SIZE), 'pull'));
    return bytes.subarray(1 + 2 * HANDSHAKE_SIZE);
  }

  #heard(message: Message): void {
    this.messages.push(message);
    if (message.type !== MessageType.commandAmf0) return;
    const values = decodeAmf0(message.payload, 'pull');
    this.calls.push(values);
    const info = values[3] as AmfObject | undefined;
    if (values[0] !== '_result' && typeof info?.code === 'string') this.codes.push(info.code);
  }

  #look(): void {
    const met = this.#waiting.filter(({ holds }) => holds());
    this.#waiting = this.#waiting.filter(waiting => !met.includes(waiting));
    for (const { resolve } of met) resolve();
  }
}
