import { Fault, type Side } from '../fault.ts';
import type { Batch } from '../packet.ts';
import { type AmfValue, decodeAmf0 } from './amf0.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import {
  acknowledgement,
  command,
  type Message,
  MessageType,
  pingResponse,
  readUserControl,
  readWord,
  UserControl,
  windowAckSize,
} from './message.ts';

/** A command from the server. Servers leave arguments out and put strings where numbers belong: nothing is certain. */
export interface Command {
  readonly name: string;
  /** Undefined when missing or no number; some servers answer with 0 whatever they were asked. */
  readonly transaction: number | undefined;
  readonly values: readonly AmfValue[];
}

/** What the user of a link is told. It may throw a Fault, which comes out of `feed`. */
export interface LinkListener {
  command(command: Command): void;
  /** StreamEOF: the stream that is played has ended. */
  streamEnd?(): void;
  /** The server has taken what was sent up to here. */
  acknowledged?(): void;
}

/** Announced before `connect` and never changed: nginx-rtmp resets connections whose chunk size shrinks with media behind. */
export const CHUNK_SIZE = 65_536;
/** Acknowledged by half, as ffmpeg does, as long as the server has named no window of its own. */
const DEFAULT_WINDOW_BYTES = 2_500_000;
/** Messages other than media in what one read brings. Real servers send a few a second; each costs us an answer. */
const MAX_MESSAGES_A_FEED = 1_024;
const CONTROL_CSID = 2;
const COMMAND_CSID = 3;
const PUBLISH_CSID = 8;

/**
 * The client's end of an RTMP connection behind the handshake: takes bytes apart and sees to what the protocol wants
 * answered (acknowledgements, pings, bandwidth checks), during the negotiation and under media alike.
 */
export class Link {
  readonly reader: ChunkReader;
  readonly writer: ChunkWriter;
  /** Where whole messages go; changes hands when the negotiation is over, as does the listener. */
  send: (bytes: Buffer) => void;
  listener: LinkListener;
  readonly #askedBytes: number;
  #windowBytes = DEFAULT_WINDOW_BYTES;
  #acknowledged = 0;
  #transaction = 0;
  #messages = 0;

  /** `windowBytes`: how often the peer was asked to acknowledge. */
  constructor(options: { side: Side; windowBytes: number; send: (bytes: Buffer) => void; listener: LinkListener }) {
    this.#askedBytes = options.windowBytes;
    this.send = options.send;
    this.listener = options.listener;
    this.reader = new ChunkReader({
      side: options.side,
      onMessage: message => this.#take(message, options.side),
    });
    this.writer = new ChunkWriter({ chunkSize: CHUNK_SIZE, setDataFrame: true });
  }

  /** Takes bytes apart; media goes to `into`, on the terms of `ChunkReader.feed`. */
  feed(bytes: Buffer, from: number, to: number, into: Batch): void {
    this.#messages = 0;
    this.reader.feed(bytes, from, to, into);
    const { bytesIn } = this.reader;
    if (bytesIn - this.#acknowledged < this.#windowBytes / 2) return;
    this.#acknowledged = bytesIn;
    this.control(MessageType.acknowledgement, acknowledgement(bytesIn));
  }

  control(type: number, payload: Buffer): void {
    this.send(this.writer.message({ type, csid: CONTROL_CSID, streamId: 0, timestampMs: 0 }, payload));
  }

  /** Sends a command about the connection; answers its transaction id. */
  ask(name: string, ...values: readonly AmfValue[]): number {
    const transaction = ++this.#transaction;
    this.#sendCommand({ csid: COMMAND_CSID, streamId: 0 }, command(name, transaction, ...values));
    return transaction;
  }

  /** Sends a command about a stream; answers its transaction id. */
  askStream(streamId: number, name: string, ...values: readonly AmfValue[]): number {
    const transaction = ++this.#transaction;
    this.#sendCommand({ csid: PUBLISH_CSID, streamId }, command(name, transaction, ...values));
    return transaction;
  }

  #sendCommand(way: { csid: number; streamId: number }, payload: Buffer): void {
    this.send(this.writer.message({ type: MessageType.commandAmf0, ...way, timestampMs: 0 }, payload));
  }

  #take(message: Message, side: Side): void {
    if (++this.#messages > MAX_MESSAGES_A_FEED) throw new Fault(side, 'garbage', 'the peer floods us with messages');
    const { type, payload } = message;
    if (type === MessageType.commandAmf0) this.#takeCommand(decodeAmf0(payload, side));
    // AMF3 commands begin with a byte that says so, and go on in AMF0.
    else if (type === MessageType.commandAmf3) this.#takeCommand(decodeAmf0(payload.subarray(1), side));
    else if (type === MessageType.userControl) this.#takeUserControl(payload);
    else if (type === MessageType.acknowledgement) this.listener.acknowledged?.();
    else if (type === MessageType.windowAckSize) this.#windowBytes = readWord(payload) || DEFAULT_WINDOW_BYTES;
    else if (type === MessageType.setPeerBandwidth) {
      const windowBytes = Math.min(readWord(payload) || this.#askedBytes, this.#askedBytes);
      this.control(MessageType.windowAckSize, windowAckSize(windowBytes));
    }
  }

  #takeUserControl(payload: Buffer): void {
    const heard = readUserControl(payload);
    if (heard?.event === UserControl.pingRequest) this.control(MessageType.userControl, pingResponse(heard.value));
    else if (heard?.event === UserControl.streamEof) this.listener.streamEnd?.();
  }

  #takeCommand([name, transaction, ...values]: readonly AmfValue[]): void {
    if (typeof name !== 'string') return;
    const heard: Command = { name, transaction: numberOf(transaction), values };
    if (name === 'onBWDone') this.ask('_checkbw', null);
    else if (name === '_onbwcheck') this.#answerBandwidthCheck(heard);
    else this.listener.command(heard);
  }

  #answerBandwidthCheck({ transaction }: Command): void {
    const payload = command('_result', transaction ?? 0, null, this.reader.bytesIn);
    this.#sendCommand({ csid: COMMAND_CSID, streamId: 0 }, payload);
  }
}

/** The number that an AMF value is or spells. */
export function numberOf(value: AmfValue): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
