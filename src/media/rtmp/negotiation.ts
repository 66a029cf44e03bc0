import { randomBytes } from 'node:crypto';
import type net from 'node:net';
import { type Address, parseAddress, type RtmpTarget, redactUrl, urlOf, withoutLastSlashes } from '../address.ts';
import { type Credentials, credentialsOf } from '../credentials.ts';
import { within } from '../deadline.ts';
import { asFault, Fault, type Side } from '../fault.ts';
import { Batch } from '../packet.ts';
import type { AmfObject } from './amf0.ts';
import { type Answer, isRefusal, readAnswer, refusal, Secrets } from './answer.ts';
import { authorization } from './auth.ts';
import type { Purpose, RtmpOptions, RtmpStream } from './client.ts';
import { clientAnswer, clientHello, HANDSHAKE_SIZE } from './handshake.ts';
import { CHUNK_SIZE, type Command, Link, numberOf } from './link.ts';
import { MessageType, setBufferLength, setChunkSize, windowAckSize } from './message.ts';
import { CAPS_RECONNECT, isReferral, RTMP_SCHEMES } from './referral.ts';

const STEP_MS = 5_000;
const TOTAL_MS = 10_000;
/** Servers bear a client for about so long that asks for nothing. */
const MAX_HELD_MS = 60_000;
/** How often the server is asked to acknowledge: where it is to be noticed soon that it does not, more often. */
export const WINDOW_BYTES: Readonly<Record<Purpose, number>> = { play: 2_500_000, publish: 250_000 };
const PLAY_BUFFER_MS = 3_000;
/** "Live if there is one, else recorded", in the milliseconds that ffmpeg and librtmp say it in. */
const PLAY_START = -2_000;
const MAX_UNHEARD = 256;
const MAX_UNSENT_BYTES = 1024 * 1024;
/** More than the largest message, which may be the first frame of a stream. */
const MAX_NEGOTIATION_BYTES = 20 * 1024 * 1024;
const FLASH_VERSION = 'FMLE/3.0 (compatible; FMSc/1.0)';

/** What a connection has come to: a stream, another address, or what the next connect has to say. */
export type Outcome =
  | RtmpStream
  | { readonly redirect: Address }
  | { readonly authorization: string }
  /** It has refused a connect that told of codecs: the next one is to tell of none. */
  | { readonly plainly: true };

export interface Attempt extends RtmpOptions {
  /** Behind the app's name, where the server has asked for it. */
  readonly said: string;
  /** Whether it may be asked for that once more. */
  readonly mayAsk: boolean;
}

export const sideOf = (purpose: Purpose): Side => (purpose === 'play' ? 'pull' : 'push');

interface Given {
  readonly socket: net.Socket;
  readonly address: Address;
  readonly target: RtmpTarget;
  readonly purpose: Purpose;
  readonly options: Attempt;
}

/** Away, or back with more to say; undefined where the connect was taken. */
type Sent = Answer['redirect'] | { readonly authorization: string } | { readonly plainly: true };

/** One connection from its first byte up to media: RTMP 1.0, sections 5.2 and 7.2, and the habits of real servers. */
export class Negotiation {
  readonly #socket: net.Socket;
  readonly #purpose: Purpose;
  readonly #side: Side;
  readonly #options: Attempt;
  readonly #credentials: Credentials | undefined;
  readonly #address: Address;
  readonly #target: RtmpTarget;
  readonly #where: string;
  readonly #secrets: Secrets;
  readonly #link: Link;
  readonly #early = new Batch();
  /** The server's half of the handshake, until it is whole. */
  #greeting: Buffer | undefined = Buffer.alloc(0);
  #shaken = Promise.withResolvers<void>();
  /** Rejects when the connection is of no use any more. */
  readonly #over = Promise.withResolvers<never>();
  #step = 'handshake';
  #signal: AbortSignal;
  /** Commands that came before anybody asked for them. */
  readonly #unheard: Command[] = [];
  /** It has asked for another connection before this one was of use: to be heard when it is. */
  #referral: Command | undefined;
  #waiting: PromiseWithResolvers<Command> | undefined;
  #fault: Fault | undefined;

  constructor(given: Given) {
    this.#socket = given.socket;
    this.#purpose = given.purpose;
    this.#side = sideOf(given.purpose);
    this.#options = given.options;
    this.#credentials = credentialsOf(given.address.userinfo);
    this.#signal = given.options.signal;
    this.#where = redactUrl(urlOf(given.address));
    this.#address = given.address;
    this.#target = given.target;
    this.#secrets = new Secrets(given.address, this.#target);
    this.#link = new Link({
      side: this.#side,
      windowBytes: WINDOW_BYTES[this.#purpose],
      send: bytes => this.#send(bytes),
      listener: { command: command => this.#hear(command) },
    });
    this.#shaken.promise.catch(() => undefined);
    this.#over.promise.catch(() => undefined);
    given.socket.on('data', this.#receive);
    given.socket.on('error', this.#broke);
    given.socket.on('end', this.#ended);
    given.socket.on('close', this.#ended);
  }

  async run(): Promise<Outcome> {
    const late = (): string => `${this.#where} did not get past ${this.#step}`;
    const { held, totalMs = TOTAL_MS } = this.#options;
    const waitMs = held === undefined ? totalMs : totalMs + MAX_HELD_MS;
    return within({ side: this.#side, signal: this.#signal, late, waitMs }, async signal => {
      this.#signal = signal;
      await this.#shakeHands();
      const sent = await this.#connect();
      if (sent !== undefined) return 'url' in sent ? { redirect: this.#follow(sent) } : sent;
      if (held !== undefined) await Promise.race([held(), this.#over.promise]);
      const streamId = await this.#createStream();
      await (this.#purpose === 'publish' ? this.#publish(streamId) : this.#play(streamId));
      return this.#handOver(streamId);
    });
  }

  /** Lets go of the socket. An error that comes before its next owner listens is for the 'close' behind it to tell. */
  detach(): void {
    this.#socket.on('error', ignore);
    this.#socket.off('error', this.#broke);
    this.#socket.off('data', this.#receive);
    this.#socket.off('end', this.#ended);
    this.#socket.off('close', this.#ended);
  }

  #send(bytes: Buffer): void {
    if (this.#side === 'push') this.#options.dialler.fence?.check();
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      throw new Fault(this.#side, 'garbage', `${this.#where} asks without reading what it is answered`);
    }
    this.#socket.write(bytes);
  }

  /** What comes from here on stays in the socket for the wire. */
  #handOver(streamId: number): RtmpStream {
    if (this.#fault !== undefined) throw this.#fault;
    this.#socket.pause();
    this.#socket.off('data', this.#receive);
    return {
      socket: this.#socket,
      link: this.#link,
      streamId,
      address: this.#address,
      target: this.#target,
      where: this.#where,
      secrets: this.#secrets,
      early: this.#early,
      late: [...(this.#referral === undefined ? [] : [this.#referral]), ...this.#unheard].filter(
        ({ name }) => name !== MEDIA,
      ),
    };
  }

  /** The digest form, as ffmpeg sends it: servers that know only the simple one take it too. */
  async #shakeHands(): Promise<void> {
    const random = (this.#options.random ?? randomBytes)(HANDSHAKE_SIZE - 8);
    this.#send(clientHello(random, 'digest'));
    await this.#inStep('handshake', () => this.#shaken.promise);
  }

  async #connect(): Promise<Sent> {
    // The sizes come first, so that they hold for every message of ours.
    this.#link.control(MessageType.setChunkSize, setChunkSize(CHUNK_SIZE));
    this.#link.control(MessageType.windowAckSize, windowAckSize(WINDOW_BYTES[this.#purpose]));
    const { said, fourCcs = [] } = this.#options;
    const { app, tcUrl } = this.#target;
    const target = { app: app + said, tcUrl: tcUrl + said };
    const own = this.#link.ask('connect', connectObject(target, this.#purpose, fourCcs));
    return this.#answered<Sent>('connect', command => {
      const answer = readAnswer(command);
      if (command.name !== 'onStatus' && !answers(command, own)) return undefined;
      if (answer.redirect !== undefined) return { value: answer.redirect };
      if (command.name === '_error' || isRefusal(answer)) {
        const asked = this.#authorization(answer);
        if (asked !== undefined) return { value: { authorization: asked } };
        if (fourCcs.length > 0) return { value: { plainly: true } };
        throw this.#refused(answer);
      }
      return command.name === '_result' ? { value: undefined } : undefined;
    });
  }

  #authorization({ description }: Answer): string | undefined {
    const { mayAsk, random = randomBytes } = this.#options;
    const credentials = this.#credentials;
    if (credentials === undefined || !mayAsk) return undefined;
    return authorization(description, { credentials, app: this.#target.app, random });
  }

  async #createStream(): Promise<number> {
    const { streamName } = this.#target;
    if (this.#purpose === 'publish') {
      // Some servers want these two and some refuse them, which means nothing.
      this.#link.ask('releaseStream', null, streamName);
      this.#link.ask('FCPublish', null, streamName);
    }
    const own = this.#link.ask('createStream', null);
    return this.#answered('createStream', command => {
      const answer = readAnswer(command);
      const failed = command.name === '_error' && command.transaction === own;
      if (failed || (command.name === 'onStatus' && isRefusal(answer))) throw this.#refused(answer);
      if (command.name !== '_result' || !answers(command, own)) return undefined;
      // Whatever id the server gives the stream is right.
      const streamId = command.values.map(numberOf).find(value => value !== undefined);
      if (streamId !== undefined) return { value: streamId >>> 0 };
      if (command.transaction !== own) return undefined;
      throw new Fault(this.#side, 'garbage', `${this.#where} answered createStream without a stream`);
    });
  }

  async #publish(streamId: number): Promise<void> {
    const own = this.#link.askStream(streamId, 'publish', null, this.#target.streamName, 'live');
    await this.#started('publish', own, 'NetStream.Publish.Start');
  }

  async #play(streamId: number): Promise<void> {
    const own = this.#link.askStream(streamId, 'play', null, this.#target.streamName, PLAY_START);
    this.#link.control(MessageType.userControl, setBufferLength(streamId, PLAY_BUFFER_MS));
    await this.#started('play', own, 'NetStream.Play.Start');
  }

  /** Waits for the status that says yes. A server that answers a play with media has said yes, too. */
  async #started(step: Purpose, own: number, code: string): Promise<void> {
    await this.#answered(step, command => {
      if (this.#early.count > 0) return { value: undefined };
      const answer = readAnswer(command);
      if (command.name === '_error' && command.transaction === own) throw this.#refused(answer);
      if (command.name !== 'onStatus') return undefined;
      if (answer.code === code) return { value: undefined };
      if (isRefusal(answer)) throw this.#refused(answer);
      return undefined;
    });
  }

  #refused(answer: Answer): Fault {
    return refusal({ side: this.#side, where: this.#where, step: this.#step, answer, secrets: this.#secrets });
  }

  #follow(redirect: NonNullable<Answer['redirect']>): Address {
    const url = redirect.whole ? redirect.url : `${withoutLastSlashes(redirect.url)}/${this.#target.streamName}`;
    try {
      return parseAddress(url, RTMP_SCHEMES);
    } catch (cause) {
      const sentence = `${this.#where} redirects to an address that cannot be used. ${(cause as Error).message}`;
      throw new Fault(this.#side, 'refused', sentence, { cause, refusal: 'redirected' });
    }
  }

  async #inStep<T>(step: string, wait: () => Promise<T>): Promise<T> {
    this.#step = step;
    const late = `${this.#where} did not answer ${step}`;
    return within({ side: this.#side, signal: this.#signal, late, waitMs: this.#options.stepMs ?? STEP_MS }, wait);
  }

  /** Waits for the command that `pick` takes as the answer; what it passes over is not the answer and is forgotten. */
  #answered<T>(step: string, pick: (command: Command) => { value: T } | undefined): Promise<T> {
    return this.#inStep(step, async () => {
      for (;;) {
        const command = await this.#nextCommand();
        if (command.name === 'close') throw this.#closed();
        const picked = pick(command);
        if (picked !== undefined) return picked.value;
        if (isReferral(command)) this.#referral = command;
      }
    });
  }

  #nextCommand(): Promise<Command> {
    const first = this.#unheard.shift();
    if (first !== undefined) return Promise.resolve(first);
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    this.#waiting = Promise.withResolvers<Command>();
    return this.#waiting.promise;
  }

  #hear(command: Command): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) waiting.resolve(command);
    else if (this.#unheard.push(command) > MAX_UNHEARD) {
      throw new Fault(this.#side, 'garbage', `${this.#where} floods the negotiation with commands`);
    }
  }

  readonly #receive = (bytes: Buffer): void => {
    if (this.#fault !== undefined) return;
    try {
      const rest = this.#greeting === undefined ? bytes : this.#greet(Buffer.concat([this.#greeting, bytes]));
      if (rest.length > 0) this.#feed(rest);
    } catch (error) {
      this.#fail(asFault(this.#side, error));
    }
  };

  /** Collects S0, S1 and S2, answers with C2, and gives back what is behind them. S2 is waited for and not looked at. */
  #greet(bytes: Buffer): Buffer {
    if (bytes[0] !== 3) throw new Fault(this.#side, 'garbage', `${this.#where} does not speak RTMP`);
    const size = 1 + 2 * HANDSHAKE_SIZE;
    const before = this.#greeting?.length ?? 0;
    const s1End = 1 + HANDSHAKE_SIZE;
    // Some servers send S2 only when they have C2.
    if (before < s1End && bytes.length >= s1End) {
      this.#send(clientAnswer(bytes.subarray(0, s1End), this.#side));
    }
    const whole = bytes.length >= size;
    this.#greeting = whole ? undefined : bytes;
    if (whole) this.#shaken.resolve();
    return whole ? bytes.subarray(size) : Buffer.alloc(0);
  }

  #feed(bytes: Buffer): void {
    const before = this.#early.count;
    this.#link.feed(bytes, 0, bytes.length, this.#early);
    if (this.#link.reader.bytesIn > MAX_NEGOTIATION_BYTES) {
      throw new Fault(this.#side, 'garbage', `${this.#where} floods the negotiation with media`);
    }
    // What nobody has asked for yet is not kept.
    if (this.#step !== 'play') this.#early.clear();
    for (let i = before; i < this.#early.count; i++) this.#early.packets[i]?.own();
    if (before === 0 && this.#early.count > 0) this.#hear({ name: MEDIA, transaction: undefined, values: [] });
  }

  readonly #broke = (error: Error): void => this.#fail(this.#closed(error));
  readonly #ended = (): void => this.#fail(this.#closed());

  #closed(cause?: unknown): Fault {
    return new Fault(this.#side, 'closed', `${this.#where} closed the connection at ${this.#step}`, { cause });
  }

  #fail(fault: Fault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.#shaken.reject(fault);
    this.#over.reject(fault);
    this.#waiting?.reject(fault);
    this.#waiting = undefined;
  }
}

/** Whether the command may answer that question: some servers answer with transaction 0 or none. */
const answers = ({ transaction }: Command, own: number): boolean => !transaction || transaction === own;

const ignore = (): void => undefined;

/** Stands among the commands for the first media; no server can send a command of this name by chance. */
const MEDIA = '\u0000media';

function connectObject(
  { app, tcUrl }: Pick<RtmpTarget, 'app' | 'tcUrl'>,
  purpose: Purpose,
  fourCcs: readonly string[],
): AmfObject {
  const identity = { app, type: 'nonprivate', flashVer: FLASH_VERSION, swfUrl: tcUrl, tcUrl };
  // What a player says it can take. Old servers want to be told; the numbers are Flash Player's.
  const abilities = { fpad: false, capabilities: 15, audioCodecs: 4071, videoCodecs: 252, videoFunction: 1 };
  if (purpose === 'play') return { ...identity, ...abilities };
  // Only where it matters: not every old server takes what it does not know.
  return fourCcs.length === 0 ? identity : { ...identity, fourCcList: [...fourCcs], capsEx: CAPS_RECONNECT };
}
