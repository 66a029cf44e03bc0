import type net from 'node:net';
import { type Address, authorityOf, parseAddress } from '../address.ts';
import { credentialsOf } from '../credentials.ts';
import { within } from '../deadline.ts';
import { asFault, Fault } from '../fault.ts';
import type { Dialler } from '../net.ts';
import { isLast, Login } from './auth.ts';
import { type KeepAliveMethod, keepAliveMethod } from './keep-alive.ts';
import { headerOf, type RtspMessage, RtspReader, requestBytes } from './message.ts';
import { Peer } from './refusal.ts';
import { parseSdp, type Sdp } from './sdp.ts';
import {
  baseOf,
  beginningOf,
  beginningsOf,
  type Channels,
  channelsOf,
  controlUri,
  sessionOf,
  transportOffer,
} from './setup.ts';
import { type ChosenTrack, chooseTracks } from './tracks.ts';

export interface RtspOptions {
  readonly dialler: Dialler;
  readonly signal: AbortSignal;
  /** How long a server may take over one step of the negotiation, and over all of them. */
  readonly stepMs?: number;
  readonly totalMs?: number;
  readonly random?: (bytes: number) => Buffer;
}

/** A frame that came before the connection was handed over. */
export interface EarlyFrame {
  readonly channel: number;
  readonly bytes: Buffer;
}

export interface PlayedTrack {
  readonly chosen: ChosenTrack;
  readonly channels: Channels;
  /** The RTP time at which it begins, where the server tells that. */
  readonly beginning: number | undefined;
}

/** A connection on which the server has agreed to play. Its socket is paused and owned by the caller. */
export interface RtspStream {
  readonly socket: net.Socket;
  readonly reader: RtspReader;
  readonly asking: Asking;
  readonly peer: Peer;
  readonly tracks: readonly PlayedTrack[];
  readonly notes: readonly string[];
  /** What is played as a whole, as an address. */
  readonly aggregate: string;
  readonly keepAlive: { readonly server: string; readonly method: KeepAliveMethod; readonly timeoutSeconds: number };
  readonly early: readonly EarlyFrame[];
}

const SCHEMES = ['rtsp', 'rtsps'];
const MAX_REDIRECTS = 3;
const STEP_MS = 5_000;
const TOTAL_MS = 10_000;
const MAX_EARLY_BYTES = 20 * 1024 * 1024;
/** Answers that nobody waits for. */
const MAX_UNHEARD = 256;
const USER_AGENT = 'Millrace';
const MOST_CHALLENGES = 4;

/** What all requests of a connection share: their numbers, the stream's name at the server, and who we are. */
export class Asking {
  readonly login: Login;
  stream: string | undefined;
  #count = 0;

  constructor(login: Login) {
    this.login = login;
  }

  /** The request, and the number that its answer will bear. */
  request(method: string, uri: string, more: Readonly<Record<string, string>> = {}): { bytes: Buffer; number: number } {
    const number = ++this.#count;
    const authorization = this.login.authorization({ method, uri });
    const headers = {
      CSeq: String(number),
      'User-Agent': USER_AGENT,
      ...(this.stream === undefined ? {} : { Session: this.stream }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...more,
    };
    return { bytes: requestBytes({ method, uri, headers }), number };
  }
}

/** `again`: the server has said how to log in, and hung up. */
type Outcome = RtspStream | { readonly redirect: string } | 'again';

/** Dials and negotiates, following redirects, each through the dialler and its policy. */
export async function openRtsp(address: Address, options: RtspOptions): Promise<RtspStream> {
  const first = new Peer(address);
  const late = `${first.where} did not begin to play`;
  const waitMs = options.totalMs ?? TOTAL_MS;
  return within({ side: 'pull', signal: options.signal, late, waitMs }, async signal => {
    let at = address;
    let login = loginFor(at, options);
    let hungUp = false;
    for (let hops = 0; hops <= MAX_REDIRECTS; ) {
      const outcome = await negotiate({ address: at, login, options: { ...options, signal }, mayHangUp: !hungUp });
      if (outcome === 'again') hungUp = true;
      else if ('redirect' in outcome) {
        at = follow(outcome.redirect, at, first);
        login = loginFor(at, options);
        hops++;
      } else return outcome;
    }
    const sentence = `${first.where} redirects more than ${MAX_REDIRECTS} times`;
    throw new Fault('pull', 'refused', sentence, { refusal: 'redirected' });
  });
}

const loginFor = ({ userinfo }: Address, { random }: RtspOptions): Login => new Login(credentialsOf(userinfo), random);

/** Who we are is told to the same host only, and not where it could be overheard when it could not before. */
function follow(location: string, from: Address, peer: Peer): Address {
  try {
    const to = parseAddress(location, SCHEMES);
    const isSame = to.host === from.host && (to.scheme === from.scheme || to.scheme === 'rtsps');
    return to.userinfo === '' && isSame ? { ...to, userinfo: from.userinfo } : to;
  } catch (cause) {
    const sentence = `${peer.where} redirects to an address that cannot be used. ${(cause as Error).message}`;
    throw new Fault('pull', 'refused', sentence, { cause, refusal: 'redirected' });
  }
}

interface Given {
  readonly address: Address;
  readonly login: Login;
  readonly options: RtspOptions;
  readonly mayHangUp: boolean;
}

async function negotiate(given: Given): Promise<Outcome> {
  const socket = await given.options.dialler.dial(given.address, { signal: given.options.signal, side: 'pull' });
  const negotiation = new Negotiation(socket, given);
  try {
    const outcome = await negotiation.run();
    if (outcome === 'again' || 'redirect' in outcome) socket.destroy();
    return outcome;
  } catch (error) {
    socket.destroy();
    if (given.mayHangUp && negotiation.hungUpForLogin) return 'again';
    throw asFault('pull', error);
  } finally {
    negotiation.detach();
  }
}

/** Ends the negotiation: the server sends us elsewhere. */
class Redirected extends Error {
  readonly location: string;

  constructor(location: string) {
    super('redirected');
    this.location = location;
  }
}

/** One connection from its first byte up to media: RFC 2326, and the habits of real cameras. */
class Negotiation {
  readonly #socket: net.Socket;
  readonly #options: RtspOptions;
  readonly #peer: Peer;
  readonly #uri: string;
  readonly #server: string;
  readonly #asking: Asking;
  readonly #reader: RtspReader;
  readonly #early: EarlyFrame[] = [];
  #earlyBytes = 0;
  #signal: AbortSignal;
  #step = 'OPTIONS';
  #awaited: { readonly number: number; readonly answer: PromiseWithResolvers<RtspMessage> } | undefined;
  #unheard = 0;
  #fault: Fault | undefined;
  #wasChallenged = false;

  constructor(socket: net.Socket, { address, login, options }: Given) {
    this.#socket = socket;
    this.#options = options;
    this.#signal = options.signal;
    this.#peer = new Peer(address);
    this.#server = authorityOf(address);
    this.#uri = `${address.scheme}://${this.#server}${address.path}${address.query}`;
    this.#asking = new Asking(login);
    this.#reader = new RtspReader(this.#peer.where, {
      message: message => this.#hear(message),
      frame: (channel, bytes, start, end) => this.#keep(channel, bytes.subarray(start, end)),
    });
    socket.on('data', this.#receive);
    socket.on('error', this.#broke);
    socket.on('end', this.#ended);
    socket.on('close', this.#ended);
  }

  /** Whether the server has hung up instead of taking the proof that it had asked for. */
  get hungUpForLogin(): boolean {
    return this.#wasChallenged && this.#fault?.kind === 'closed';
  }

  async run(): Promise<Outcome> {
    try {
      return await this.#play();
    } catch (error) {
      if (error instanceof Redirected) return { redirect: error.location };
      throw error;
    }
  }

  /** Lets go of the socket. An error that comes before its next owner listens is for the 'close' behind it to tell. */
  detach(): void {
    this.#socket.on('error', ignore);
    this.#socket.off('error', this.#broke);
    this.#socket.off('data', this.#receive);
    this.#socket.off('end', this.#ended);
    this.#socket.off('close', this.#ended);
  }

  async #play(): Promise<RtspStream> {
    const options = await this.#ask('OPTIONS', this.#uri, { mayFail: true });
    const { sdp, base } = await this.#describe();
    const { tracks: chosen, notes } = chooseTracks(sdp, this.#peer.where);
    const set: { chosen: ChosenTrack; uri: string; channels: Channels }[] = [];
    let timeoutSeconds = 0;
    for (const [place, track] of chosen.entries()) {
      const uri = controlUri(base, track.control);
      const { channels, timeout } = await this.#setUp(uri, { rtp: 2 * place, rtcp: 2 * place + 1 });
      set.push({ chosen: track, uri, channels });
      timeoutSeconds = timeout;
    }
    this.#checkChannels(set.map(({ channels }) => channels));
    const aggregate = controlUri(base, sdp.control);
    const answer = await this.#ask('PLAY', aggregate, { headers: { Range: 'npt=0.000-' } });
    const beginnings = beginningsOf(headerOf(answer, 'rtp-info'));
    const tracks = set.map(({ chosen: track, uri, channels }, place) => {
      return { chosen: track, channels, beginning: beginningOf(beginnings, uri, place) };
    });
    const keepAlive = { server: this.#server, method: keepAliveMethod(this.#server, options), timeoutSeconds };
    return this.#handOver({ tracks, notes, aggregate, keepAlive });
  }

  async #describe(): Promise<{ sdp: Sdp; base: string }> {
    const answer = await this.#ask('DESCRIBE', this.#uri, { headers: { Accept: 'application/sdp' } });
    const told = headerOf(answer, 'content-base') ?? headerOf(answer, 'content-location');
    return { sdp: parseSdp(answer.body.toString('utf8')), base: baseOf(told, this.#uri) };
  }

  async #setUp(uri: string, offered: Channels): Promise<{ channels: Channels; timeout: number }> {
    const answer = await this.#ask('SETUP', uri, { headers: { Transport: transportOffer(offered) } });
    const channels = channelsOf(headerOf(answer, 'transport'), offered);
    if (channels === undefined) {
      throw this.#peer.fault('unsupported', 'does not send RTP over the connection (RTP/AVP/TCP): it offers UDP only');
    }
    const session = headerOf(answer, 'session');
    const told = sessionOf(session ?? '');
    if (session !== undefined && told.id !== '') this.#asking.stream = told.id;
    return { channels, timeout: told.timeoutSeconds };
  }

  #checkChannels(all: readonly Channels[]): void {
    const numbers = all.flatMap(({ rtp, rtcp }) => [rtp, rtcp]);
    if (new Set(numbers).size < numbers.length) throw this.#peer.fault('garbage', 'gives two tracks the same channel');
    this.#reader.channels = new Set(numbers);
  }

  /** What comes from here on stays in the socket for the wire. */
  #handOver(rest: Pick<RtspStream, 'tracks' | 'notes' | 'aggregate' | 'keepAlive'>): RtspStream {
    if (this.#fault !== undefined) throw this.#fault;
    this.#socket.pause();
    this.#socket.off('data', this.#receive);
    const own = { socket: this.#socket, reader: this.#reader, asking: this.#asking, peer: this.#peer };
    return { ...own, ...rest, early: this.#early };
  }

  /** Asks, and asks again with what the server wants to know of us. */
  async #ask(
    method: string,
    uri: string,
    { headers = {}, mayFail = false }: { headers?: Readonly<Record<string, string>>; mayFail?: boolean } = {},
  ): Promise<RtspMessage> {
    for (let tries = 0; tries < MOST_CHALLENGES; tries++) {
      const answer = await this.#exchange(method, uri, headers);
      const { status = 0 } = answer;
      if (status === 401) {
        const verdict = this.#asking.login.hear(answer, tries);
        if (verdict !== 'tryAgain') throw this.#peer.notLoggedIn(method, verdict);
        this.#wasChallenged = true;
        if (isLast(answer)) throw this.#fail(this.#peer.fault('closed', 'closed the connection to be logged in to'));
        continue;
      }
      this.#wasChallenged = false;
      const location = status >= 300 && status < 400 ? headerOf(answer, 'location') : undefined;
      if (location !== undefined) throw new Redirected(location);
      if (mayFail || (status >= 200 && status < 300)) return answer;
      throw this.#peer.refused(method, answer);
    }
    throw this.#peer.notLoggedIn(method, 'rejected');
  }

  #exchange(method: string, uri: string, headers: Readonly<Record<string, string>>): Promise<RtspMessage> {
    this.#step = method;
    const late = `${this.#peer.where} did not answer ${method}`;
    const waitMs = this.#options.stepMs ?? STEP_MS;
    return within({ side: 'pull', signal: this.#signal, late, waitMs }, () => {
      if (this.#fault !== undefined) return Promise.reject(this.#fault);
      const { bytes, number } = this.#asking.request(method, uri, headers);
      const answer = Promise.withResolvers<RtspMessage>();
      this.#awaited = { number, answer };
      this.#socket.write(bytes);
      return answer.promise;
    });
  }

  #hear(message: RtspMessage): void {
    const { status } = message;
    const awaited = this.#awaited;
    const number = headerOf(message, 'cseq');
    const isAnswer = status !== undefined && (status < 100 || status >= 200);
    if (awaited !== undefined && isAnswer && (number === undefined || Number(number) === awaited.number)) {
      this.#awaited = undefined;
      awaited.answer.resolve(message);
    } else if (++this.#unheard > MAX_UNHEARD) {
      throw this.#peer.fault('garbage', 'floods the negotiation with messages');
    }
  }

  /** Frames that come before the answer to PLAY are the beginning of the stream. */
  #keep(channel: number, frame: Buffer): void {
    this.#earlyBytes += frame.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) throw this.#peer.fault('garbage', 'floods the negotiation with media');
    if (this.#step === 'PLAY') this.#early.push({ channel, bytes: Buffer.from(frame) });
  }

  readonly #receive = (bytes: Buffer): void => {
    if (this.#fault !== undefined) return;
    try {
      this.#reader.feed(bytes, 0, bytes.length);
    } catch (error) {
      this.#fail(asFault('pull', error));
    }
  };

  readonly #broke = (error: Error): void => {
    this.#fail(this.#closed(error));
  };
  readonly #ended = (): void => {
    this.#fail(this.#closed());
  };

  #closed(cause?: unknown): Fault {
    return this.#peer.fault('closed', `closed the connection at ${this.#step}`, cause);
  }

  #fail(fault: Fault): Fault {
    this.#fault ??= fault;
    this.#awaited?.answer.reject(this.#fault);
    this.#awaited = undefined;
    return this.#fault;
  }
}

const ignore = (): void => undefined;
