import { randomBytes } from 'node:crypto';
import { type Address, authorityOf } from '../address.ts';
import { monotonic } from '../clock.ts';
import { within } from '../deadline.ts';
import { asFault, type Fault } from '../fault.ts';
import { Asking } from './asking.ts';
import { isLast, type Login } from './auth.ts';
import { type DatagramPair, openDatagramPair } from './datagrams.ts';
import { keepAliveMethod } from './keep-alive.ts';
import type { Line } from './line.ts';
import { headerOf, type RtspMessage, RtspReader } from './message.ts';
import { emptyReport, emptyRtp, newReporter, type Reporter } from './reception.ts';
import { type AskedWay, Peer } from './refusal.ts';
import { parseSdp, type Sdp } from './sdp.ts';
import {
  baseOf,
  beginningOf,
  beginningsOf,
  channelsOf,
  controlUri,
  datagramOffer,
  serverPortsOf,
  sessionOf,
  transportOffer,
} from './setup.ts';
import type { EarlyFrame, PlayedTrack, RtspOptions, RtspStream } from './stream.ts';
import { type ChosenTrack, chooseTracks } from './tracks.ts';
import type { Way } from './way.ts';

const STEP_MS = 5_000;
const MAX_EARLY_BYTES = 20 * 1024 * 1024;
/** Answers that nobody waits for. */
const MAX_UNHEARD = 256;
const MOST_CHALLENGES = 4;
/** What servers say that do not send over the connection: that they cannot, or that they do not understand the wish. */
const OTHER_WAY: ReadonlySet<number> = new Set([400, 406, 461, 501, 551]);

/**
 * `again`: the server has said how to log in, and hung up. `byDatagrams`: it has agreed to send in datagrams, which it was
 * not asked for.
 */
export type Outcome = RtspStream | { readonly redirect: string } | 'again' | 'byDatagrams';

export interface Wanted {
  readonly address: Address;
  /** Undefined where it is for the server to choose. */
  readonly way: Way | undefined;
  readonly login: Login;
}

/** A track whose server knows how it is to be sent. */
type SetTrack = Omit<PlayedTrack, 'beginning'> & { readonly uri: string };

/** Ends the negotiation: the server has something else in mind. */
class Diverted extends Error {
  readonly outcome: Exclude<Outcome, RtspStream>;

  constructor(outcome: Exclude<Outcome, RtspStream>) {
    super('diverted');
    this.outcome = outcome;
  }
}

/** One connection from its first byte up to media: RFC 2326, and the habits of real cameras. */
export class Negotiation {
  readonly #line: Line;
  readonly #options: RtspOptions;
  readonly #peer: Peer;
  readonly #uri: string;
  readonly #server: string;
  readonly #asking: Asking;
  readonly #reader: RtspReader;
  readonly #reporter: Reporter;
  readonly #early: EarlyFrame[] = [];
  #earlyBytes = 0;
  readonly #pairs: DatagramPair[] = [];
  /** Whether the server may choose another. */
  readonly #mayChange: boolean;
  #way: Way;
  #timeoutSeconds = Number.POSITIVE_INFINITY;
  #step = 'OPTIONS';
  #awaited: { readonly number: number; readonly answer: PromiseWithResolvers<RtspMessage> } | undefined;
  #unheard = 0;
  #fault: Fault | undefined;
  #wasChallenged = false;

  constructor(line: Line, { address, way, login }: Wanted, options: RtspOptions) {
    this.#line = line;
    this.#options = options;
    this.#way = way ?? 'tcp';
    // Datagrams are not encrypted: what was to be is not sent that way unasked.
    this.#mayChange = way === undefined && address.scheme !== 'rtsps';
    this.#peer = new Peer(address);
    this.#server = authorityOf(address);
    this.#uri = `${address.scheme}://${this.#server}${address.path}${address.query}`;
    this.#asking = new Asking(login);
    this.#reporter = newReporter(options.random ?? randomBytes);
    this.#reader = new RtspReader(this.#peer.where, {
      message: message => this.#hear(message),
      frame: (channel, bytes, start, end) => this.#keep(channel, bytes.subarray(start, end)),
    });
    const { heard } = line;
    heard.on('data', this.#receive).on('error', this.#broke).on('end', this.#ended).on('close', this.#ended);
    // That of a tunnel has waited since the head of its answer.
    heard.resume();
  }

  /** Whether the server has hung up instead of taking the proof that it had asked for. */
  get hungUpForLogin(): boolean {
    return this.#wasChallenged && this.#fault?.kind === 'closed';
  }

  async run(): Promise<Outcome> {
    try {
      return await this.#play();
    } catch (error) {
      if (error instanceof Diverted) return error.outcome;
      throw error;
    }
  }

  /** Lets go of the socket. An error that comes before its next owner listens is for the 'close' behind it to tell. */
  detach(): void {
    const { heard } = this.#line;
    heard.on('error', ignore).off('error', this.#broke).off('data', this.#receive);
    heard.off('end', this.#ended).off('close', this.#ended);
  }

  abandon(): void {
    this.#line.destroy();
    for (const pair of this.#pairs) pair.close();
  }

  async #play(): Promise<RtspStream> {
    const options = await this.#ask('OPTIONS', this.#uri, { mayFail: true });
    const { sdp, base } = await this.#describe();
    const { tracks: chosen, notes } = chooseTracks(sdp, this.#peer.where);
    const set: SetTrack[] = [];
    for (const [place, track] of chosen.entries()) set.push(await this.#setUp(place, track, base));
    this.#checkChannels(set);
    this.#punch(set);
    const aggregate = controlUri(base, sdp.control);
    const answer = await this.#ask('PLAY', aggregate, { headers: { Range: 'npt=0.000-' } });
    const beginnings = beginningsOf(headerOf(answer, 'rtp-info'));
    const tracks = set.map((track, place) => ({ ...track, beginning: beginningOf(beginnings, track.uri, place) }));
    const method = keepAliveMethod(this.#server, options);
    const keepAlive = { server: this.#server, method, timeoutSeconds: this.#timeoutSeconds };
    return this.#handOver({ tracks, notes, aggregate, keepAlive });
  }

  async #describe(): Promise<{ sdp: Sdp; base: string }> {
    const answer = await this.#ask('DESCRIBE', this.#uri, { headers: { Accept: 'application/sdp' } });
    const told = headerOf(answer, 'content-base') ?? headerOf(answer, 'content-location');
    return { sdp: parseSdp(answer.body.toString('utf8')), base: baseOf(told, this.#uri) };
  }

  async #setUp(place: number, chosen: ChosenTrack, base: string): Promise<SetTrack> {
    const uri = controlUri(base, chosen.control);
    const offered = { rtp: 2 * place, rtcp: 2 * place + 1 };
    if (this.#way === 'udp') return { chosen, uri, channels: offered, datagrams: await this.#setUpDatagrams(uri) };
    const mayChange = this.#mayChange && place === 0;
    const headers = { Transport: transportOffer(offered) };
    const answer = await this.#ask('SETUP', uri, { headers, mayFail: mayChange });
    if (!isYes(answer)) {
      if (!OTHER_WAY.has(answer.status ?? 0)) throw this.#peer.refused('SETUP', answer);
      this.#way = 'udp';
      return this.#setUp(place, chosen, base);
    }
    this.#note(answer);
    const channels = channelsOf(headerOf(answer, 'transport'), offered);
    if (channels !== undefined) return { chosen, uri, channels, datagrams: undefined };
    if (!mayChange || serverPortsOf(headerOf(answer, 'transport')) === undefined) throw this.#peer.noWay(this.#way);
    // What has been set up sends to nowhere, and is of no use to anybody.
    this.#line.say(this.#asking.request('TEARDOWN', base).bytes);
    throw new Diverted('byDatagrams');
  }

  async #setUpDatagrams(uri: string): Promise<DatagramPair> {
    const { localAddress = '', remoteAddress = '' } = this.#line.heard;
    const { now = monotonic } = this.#options;
    const pair = await openDatagramPair({ local: localAddress, peer: remoteAddress, now });
    this.#pairs.push(pair);
    const answer = await this.#ask('SETUP', uri, { headers: { Transport: datagramOffer(pair.ports) } });
    this.#note(answer);
    const told = serverPortsOf(headerOf(answer, 'transport'));
    if (told === undefined) throw this.#peer.noWay(this.#askedWay);
    pair.told = told;
    return pair;
  }

  get #askedWay(): AskedWay {
    return this.#way === 'udp' && this.#mayChange ? 'either' : this.#way;
  }

  #note(answer: RtspMessage): void {
    const { id, timeoutSeconds } = sessionOf(headerOf(answer, 'session') ?? '');
    if (id !== '') this.#asking.stream = id;
    // Some tell it for one track only, and mean all.
    this.#timeoutSeconds = Math.min(this.#timeoutSeconds, timeoutSeconds);
  }

  #checkChannels(tracks: readonly SetTrack[]): void {
    const numbers = tracks.flatMap(({ channels: { rtp, rtcp } }) => [rtp, rtcp]);
    if (new Set(numbers).size < numbers.length) throw this.#peer.fault('garbage', 'gives two tracks the same channel');
    this.#reader.channels = new Set(this.#way === 'udp' ? [] : numbers);
  }

  /** Before media is sent: a firewall that has seen nothing go out lets nothing in. */
  #punch(tracks: readonly SetTrack[]): void {
    for (const { chosen, datagrams } of tracks) {
      datagrams?.punch(emptyRtp(this.#reporter, chosen.payloadType));
      datagrams?.report(emptyReport(this.#reporter));
    }
  }

  /** What comes from here on stays in the socket for the wire. */
  #handOver(rest: Pick<RtspStream, 'tracks' | 'notes' | 'aggregate' | 'keepAlive'>): RtspStream {
    if (this.#fault !== undefined) throw this.#fault;
    this.#line.heard.pause();
    this.#line.heard.off('data', this.#receive);
    const [line, way, reader, reporter] = [this.#line, this.#way, this.#reader, this.#reporter];
    const own = { line, way, reader, reporter, asking: this.#asking, peer: this.#peer };
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
      if (location !== undefined) throw new Diverted({ redirect: location });
      if (mayFail || isYes(answer)) return answer;
      throw this.#peer.refused(method, answer, this.#askedWay);
    }
    throw this.#peer.notLoggedIn(method, 'rejected');
  }

  #exchange(method: string, uri: string, headers: Readonly<Record<string, string>>): Promise<RtspMessage> {
    this.#step = method;
    const late = `${this.#peer.where} did not answer ${method}`;
    const waitMs = this.#options.stepMs ?? STEP_MS;
    return within({ side: 'pull', signal: this.#options.signal, late, waitMs }, () => {
      if (this.#fault !== undefined) return Promise.reject(this.#fault);
      const { bytes, number } = this.#asking.request(method, uri, headers);
      const answer = Promise.withResolvers<RtspMessage>();
      this.#awaited = { number, answer };
      this.#line.say(bytes);
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

const isYes = ({ status = 0 }: RtspMessage): boolean => status >= 200 && status < 300;
const ignore = (): void => undefined;
