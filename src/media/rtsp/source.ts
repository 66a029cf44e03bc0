import type { Address } from '../address.ts';
import { type Monotonic, monotonic } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Batch, Source } from '../packet.ts';
import { READ_BYTES, readBuffer } from '../read-buffers.ts';
import { Unsent } from '../unsent.ts';
import type { Wire } from '../wire.ts';
import { AudioTrack } from './audio.ts';
import { openRtsp } from './client.ts';
import { Clocks } from './clocks.ts';
import type { DatagramPair, Takers } from './datagrams.ts';
import { KeepAlive } from './keep-alive.ts';
import { answerBytes, headerOf, type RtspMessage } from './message.ts';
import { PlayedRtp } from './played-rtp.ts';
import type { TakeDatagram } from './reorder.ts';
import { Reports } from './reports.ts';
import type { Channels } from './setup.ts';
import type { RtspOptions, RtspStream } from './stream.ts';
import { VideoTrack } from './video.ts';

/** Reads of one call: what a stream in a hurry (a fast start, a long stall behind it) can bring in one tick. */
const MAX_READS = 4;
/** How long the server may take over our good-bye. */
const GOODBYE_MS = 500;

/** Datagrams that have not come by then are held up by somebody; just before a silent source is let go of. */
const NO_DATAGRAMS_MS = 4_000;

/** Plays a live stream. Resolves when the server has said yes to that. */
export async function openRtspSource(address: Address, options: RtspOptions): Promise<RtspSource> {
  const now = options.now ?? monotonic;
  const stream = await openRtsp(address, options);
  return new RtspSource(stream, stream.line.wire(), now);
}

export class RtspSource implements Source {
  /** What of the stream is left out, and why; sentences for an operator. */
  readonly notes: readonly string[];
  readonly #stream: RtspStream;
  readonly #wire: Wire;
  readonly #now: Monotonic;
  readonly #tracks: readonly PlayedRtp[];
  readonly #keepAlive: KeepAlive;
  /** By channel: the track, and whether it is RTP that comes there. */
  readonly #byChannel = new Map<number, { readonly track: PlayedRtp; readonly isRtp: boolean }>();
  /** What comes in datagrams, and who takes it. */
  readonly #pairs: readonly { readonly pair: DatagramPair; readonly takers: Takers }[];
  readonly #reports: Reports;
  readonly #beganMs: number;
  #early: RtspStream['early'];
  #into: Batch | undefined;
  /** Our questions, and answers to the server's. */
  readonly #unsent = new Unsent();
  /** The numbers of our own questions that have no answer yet. */
  #asked = Number.NaN;
  #end: Fault | undefined;
  #closed = false;

  constructor(stream: RtspStream, wire: Wire, now: Monotonic) {
    this.notes = stream.notes;
    this.#stream = stream;
    this.#wire = wire;
    this.#now = now;
    this.#early = stream.early;
    this.#tracks = playedTracks(stream, now);
    const pairs: { pair: DatagramPair; takers: Takers }[] = [];
    for (const [place, { channels, datagrams: pair }] of stream.tracks.entries()) {
      const track = this.#tracks[place] as PlayedRtp;
      this.#byChannel.set(channels.rtp, { track, isRtp: true });
      this.#byChannel.set(channels.rtcp, { track, isRtp: false });
      if (pair !== undefined) pairs.push({ pair, takers: this.#takersOf(track, channels) });
    }
    this.#pairs = pairs;
    this.#keepAlive = new KeepAlive({ ...stream.keepAlive, nowMs: now() });
    this.#reports = new Reports(stream, this.#tracks, now());
    this.#beganMs = now();
    stream.reader.listener = {
      message: message => this.#hear(message),
      frame: (channel, bytes, start, end) => this.#take(channel, bytes, start, end),
    };
  }

  get bytesIn(): number {
    return this.#pairs.reduce((all, { pair }) => all + pair.bytesIn, this.#stream.reader.bytesIn);
  }

  /** Packets that did not come, and pictures that were left out for it. */
  get losses(): { readonly gaps: number; readonly pictures: number } {
    const sum = (of: (track: PlayedRtp) => number): number => this.#tracks.reduce((all, track) => all + of(track), 0);
    return { gaps: sum(track => track.gaps), pictures: sum(track => track.dropped) };
  }

  /** Datagrams that were of no use: of other senders, too late, or more than there was room for. */
  get datagrams(): { readonly foreign: number; readonly late: number; readonly overrun: number } {
    const sum = (of: (pair: DatagramPair) => number): number =>
      this.#pairs.reduce((all, { pair }) => all + of(pair), 0);
    return { foreign: sum(pair => pair.foreign), late: sum(pair => pair.late), overrun: sum(pair => pair.overrun) };
  }

  read(into: Batch, mostBytes = READ_BYTES * MAX_READS): void {
    const before = into.count;
    this.#into = into;
    const nowMs = this.#now();
    for (const track of this.#tracks) track.cameMs = nowMs;
    try {
      this.#takeEarly();
      this.#readWire(mostBytes);
      for (const { pair, takers } of this.#pairs) pair.drain(nowMs, mostBytes, takers);
      this.#reports.tell(nowMs, this.#unsent);
      this.#askIfDue(nowMs);
      this.#unsent.flush(this.#wire);
    } catch (error) {
      const isClosed = error instanceof Fault && error.kind === 'closed';
      if (isClosed) this.#keepAlive.closed(this.#now());
      // What has come is worth having; the fault will come again.
      if (into.count === before || !isClosed) throw error;
      this.#end ??= error;
    } finally {
      this.#into = undefined;
    }
    if (this.#end !== undefined && into.count === before) throw this.#end;
    this.#seeDatagrams(nowMs);
  }

  /** Says good-bye first: many a camera serves only a few at a time, and does not see for a while that one has left. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      const { bytes } = this.#stream.asking.request('TEARDOWN', this.#stream.aggregate);
      this.#wire.write(bytes, 0, bytes.length);
    } catch {
      // It has left already.
    }
    void this.#wire.end(GOODBYE_MS);
    for (const { pair } of this.#pairs) pair.close();
  }

  #takeEarly(): void {
    if (this.#early.length === 0) return;
    const early = this.#early;
    this.#early = [];
    for (const { channel, bytes } of early) this.#take(channel, bytes, 0, bytes.length);
  }

  #readWire(mostBytes: number): void {
    // Packets never show these bytes, for payloads are put together elsewhere: one buffer serves for all reads.
    const buffer = readBuffer(0);
    for (let left = mostBytes; left > 0; left -= READ_BYTES) {
      const room = left < READ_BYTES ? buffer.subarray(0, left) : buffer;
      const got = this.#wire.read(room);
      this.#stream.reader.feed(buffer, 0, got);
      if (got < room.length) return;
    }
  }

  #takersOf(track: PlayedRtp, { rtp, rtcp }: Channels): Takers {
    const on =
      (channel: number): TakeDatagram =>
      (bytes, length, cameMs) => {
        track.cameMs = cameMs;
        this.#take(channel, bytes, 0, length);
      };
    return { rtp: on(rtp), rtcp: on(rtcp) };
  }

  /** Whether media comes at all that was to come in datagrams. */
  #seeDatagrams(nowMs: number): void {
    if (this.#stream.way !== 'udp' || nowMs - this.#beganMs < NO_DATAGRAMS_MS) return;
    if (this.#tracks.some(({ reception }) => reception.hasBegun)) return;
    const { foreign } = this.datagrams;
    const others = foreign === 0 ? '' : `; ${foreign} packets came from elsewhere, and were not heard`;
    const sentence = `${this.#stream.peer.where}: no RTP came over UDP within ${NO_DATAGRAMS_MS / 1000} s; a firewall?`;
    throw new Fault('pull', 'silent', `${sentence}${others}`);
  }

  #take(channel: number, bytes: Buffer, start: number, end: number): void {
    const found = this.#byChannel.get(channel);
    if (found === undefined || this.#into === undefined) return;
    if (found.isRtp) {
      found.track.takeRtp(bytes, start, end, this.#into);
      return;
    }
    found.track.takeRtcp(bytes, start, end);
    if (this.#tracks.every(track => track.hasLeft)) this.#over('the stream has ended');
  }

  #hear(message: RtspMessage): void {
    if (message.status === undefined) this.#answer(message);
    else if (Number(headerOf(message, 'cseq') ?? this.#asked) === this.#asked && message.status >= 200) {
      this.#asked = Number.NaN;
      this.#keepAlive.answered(message);
      if (message.status === 401 && this.#stream.asking.login.hear(message, 0) === 'tryAgain') this.#keepAlive.repeat();
    }
  }

  /** Servers ask, too: whether we are there, most of all. */
  #answer(message: RtspMessage): void {
    const { words: method } = message;
    const isKnown = ['OPTIONS', 'GET_PARAMETER', 'SET_PARAMETER', 'ANNOUNCE', 'REDIRECT', 'TEARDOWN'].includes(method);
    const number = headerOf(message, 'cseq') ?? '0';
    this.#unsent.add(answerBytes(isKnown ? '200 OK' : '501 Not Implemented', { CSeq: number.slice(0, 20) }));
    if (method === 'REDIRECT') this.#over('the server sends its viewers elsewhere');
    if (method === 'TEARDOWN') this.#over('the server ended the stream');
  }

  #askIfDue(nowMs: number): void {
    const method = this.#keepAlive.due(nowMs);
    if (method === undefined) return;
    const { bytes, number } = this.#stream.asking.request(method, this.#stream.aggregate);
    this.#asked = number;
    this.#unsent.add(bytes);
  }

  #over(sentence: string): void {
    this.#end ??= new Fault('pull', 'closed', `${this.#stream.peer.where}: ${sentence}`);
  }
}

function playedTracks({ tracks }: RtspStream, now: Monotonic): PlayedRtp[] {
  const clocks = new Clocks(now);
  return tracks.map(({ chosen, beginning }) => {
    const clock = clocks.add(chosen.rate, beginning);
    const track =
      chosen.kind === 'video' ? new VideoTrack(chosen.format, clock, chosen) : new AudioTrack(chosen.format, clock);
    return new PlayedRtp(chosen.payloadType, clock, track);
  });
}
