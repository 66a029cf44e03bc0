import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { Fault } from '../fault.ts';
import { Batch, type Packet } from '../packet.ts';
import { type AmfValue, decodeAmf0, encodeAmf0 } from './amf0.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { HANDSHAKE_SIZE, serverAnswer } from './handshake.ts';
import { type Message, MessageType, setChunkSize, windowAckSize } from './message.ts';

/** A command as a client sent it. */
export interface Asked {
  readonly name: string;
  readonly transaction: number;
  readonly values: readonly AmfValue[];
  readonly streamId: number;
}

/** Packets whose bytes are their own. */
export interface Received {
  readonly kind: Packet['kind'];
  readonly dtsMs: number;
  readonly payload: Buffer;
}

/** Says whether it has dealt with the command; the server then leaves it at that. */
export type Script = (visit: Visit, asked: Asked) => boolean;

export interface ScriptedOptions {
  readonly script?: Script;
  /** False: never answers C0C1. */
  readonly greets?: boolean;
  readonly port?: number;
  readonly onVisit?: (visit: Visit) => void;
  /** Gets media as it comes, valid for the length of the call, instead of `packets`. */
  readonly onMedia?: (visit: Visit, batch: Batch) => void;
}

const CHUNK_SIZE = 4096;

/** A script for one command, which it deals with whole. */
export function at(step: string, act: (visit: Visit, asked: Asked) => void): Script {
  return (visit, asked) => {
    if (asked.name !== step) return false;
    act(visit, asked);
    return true;
  };
}

/** A test's RTMP server that answers like a plain one, but for what the script does otherwise. */
export class ScriptedServer {
  readonly visits: Visit[] = [];
  readonly #server: net.Server;

  private constructor(options: ScriptedOptions) {
    this.#server = net.createServer(socket => {
      const visit = new Visit(socket, options);
      this.visits.push(visit);
      options.onVisit?.(visit);
    });
  }

  static async listen(options: ScriptedOptions = {}): Promise<ScriptedServer> {
    const server = new ScriptedServer(options);
    server.#server.listen({ port: options.port ?? 0, host: '127.0.0.1', backlog: 1_024 });
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  url(tail = 'live/stream'): string {
    return `rtmp://127.0.0.1:${this.port}/${tail}`;
  }

  get visit(): Visit {
    const [first] = this.visits;
    if (first === undefined) throw new Error('nobody has come yet');
    return first;
  }

  async close(): Promise<void> {
    for (const visit of this.visits) visit.socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One client's connection. */
export class Visit {
  readonly socket: net.Socket;
  readonly asked: Asked[] = [];
  readonly messages: Message[] = [];
  readonly packets: Received[] = [];
  ended = false;
  writer = new ChunkWriter({ chunkSize: CHUNK_SIZE, setDataFrame: false });
  readonly #options: ScriptedOptions;
  readonly #batch = new Batch();
  readonly #reader: ChunkReader;
  #greeting: Buffer | undefined = Buffer.alloc(0);
  #answered = false;

  constructor(socket: net.Socket, options: ScriptedOptions) {
    this.socket = socket;
    this.#options = options;
    this.#reader = new ChunkReader({ side: 'pull', onMessage: message => this.#take(message) });
    socket.on('data', bytes => this.#hear(bytes));
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', () => undefined);
  }

  names(): string[] {
    return this.asked.map(({ name }) => name);
  }

  control(type: number, payload: Buffer): void {
    this.socket.write(this.writer.message({ type, csid: 2, streamId: 0, timestampMs: 0 }, payload));
  }

  message(type: number, payload: Buffer): void {
    this.socket.write(this.writer.message({ type, csid: 6, streamId: 1, timestampMs: 0 }, payload));
  }

  command(values: readonly AmfValue[], options: { streamId?: number; ecmaArrays?: boolean } = {}): void {
    const head = { type: MessageType.commandAmf0, csid: 3, streamId: options.streamId ?? 0, timestampMs: 0 };
    this.socket.write(this.writer.message(head, encodeAmf0(values, { ecmaArrays: options.ecmaArrays ?? false })));
  }

  status(code: string, more: { level?: string; description?: string } = {}): void {
    const info = { level: more.level ?? 'status', code, description: more.description ?? '' };
    this.command(['onStatus', 0, null, info], { streamId: 1 });
  }

  media(packets: readonly Packet[], streamId = 1): void {
    this.socket.write(Buffer.concat(packets.map(packet => this.mediaBytes(packet, streamId))));
  }

  mediaBytes(packet: Packet, streamId = 1): Buffer {
    const out = Buffer.alloc(this.writer.packetBytes(packet));
    return out.subarray(0, this.writer.writePacket(out, 0, packet, packet.dtsMs, streamId));
  }

  /** What every server does, unless the script has done otherwise. */
  answer({ name, transaction }: Asked): void {
    if (name === 'connect') {
      this.control(MessageType.windowAckSize, windowAckSize(5_000_000));
      const info = { level: 'status', code: 'NetConnection.Connect.Success', description: 'yes' };
      this.command(['_result', transaction, { fmsVer: 'FMS/3,5,3,888' }, info]);
    }
    if (name === 'createStream') this.command(['_result', transaction, null, 1]);
    if (name === 'publish') this.status('NetStream.Publish.Start');
    if (name === 'play') this.status('NetStream.Play.Start');
  }

  /** What is no RTMP ends the visit. */
  #hear(bytes: Buffer): void {
    try {
      this.#receive(bytes);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.socket.destroy();
    }
  }

  #receive(bytes: Buffer): void {
    const rest = this.#greeting === undefined ? bytes : this.#greet(Buffer.concat([this.#greeting, bytes]));
    if (rest.length === 0) return;
    this.#reader.feed(rest, 0, rest.length, this.#batch);
    this.#takeMedia();
  }

  #takeMedia(): void {
    if (this.#options.onMedia === undefined) this.#keep();
    else if (this.#batch.count > 0) this.#options.onMedia(this, this.#batch);
    this.#batch.clear();
  }

  #keep(): void {
    for (const packet of this.#batch.packets.slice(0, this.#batch.count)) {
      this.packets.push({ kind: packet.kind, dtsMs: packet.dtsMs, payload: packet.copyPayload() });
    }
  }

  #greet(bytes: Buffer): Buffer {
    this.#greeting = bytes;
    if (this.#options.greets === false || bytes.length < 1 + HANDSHAKE_SIZE) return Buffer.alloc(0);
    if (!this.#answered) this.socket.write(serverAnswer(bytes, randomBytes(HANDSHAKE_SIZE - 8), 'pull'));
    this.#answered = true;
    const size = 1 + 2 * HANDSHAKE_SIZE;
    if (bytes.length < size) return Buffer.alloc(0);
    this.#greeting = undefined;
    this.control(MessageType.setChunkSize, setChunkSize(CHUNK_SIZE));
    return bytes.subarray(size);
  }

  #take(message: Message): void {
    this.messages.push(message);
    if (message.type !== MessageType.commandAmf0) return;
    // What came before a command is before it.
    this.#takeMedia();
    const [name, transaction, ...values] = decodeAmf0(message.payload, 'pull');
    const asked = { name: String(name), transaction: Number(transaction), values, streamId: message.streamId };
    this.asked.push(asked);
    if (this.#options.script?.(this, asked) !== true) this.answer(asked);
  }
}
