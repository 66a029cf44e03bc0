import { Packet } from '../../src/media/packet.ts';
import { at, ScriptedServer, type Visit } from '../../src/media/rtmp/scripted-server.ts';
import { type Counted, CountedStream, type Shape, type TrackName } from './counted-stream.ts';
import type { Place } from './place.ts';

/** How the source behaves to all who pull it; each part may change while it is on air. */
export interface Manner {
  /** Keeps its connections and sends nothing; what is not sent meanwhile is lost. */
  readonly silent: boolean;
  /** All frames of a track bear one time, near that which was reached when this began. */
  readonly frozen: boolean;
  readonly without: TrackName | 'none';
  /** Shows no key frames, nor anything in place of them. */
  readonly keyless: boolean;
  /** Added to all times. */
  readonly shiftMs: number;
  /** Media time per time on the clock. */
  readonly speed: number;
}

const USUAL: Manner = { silent: false, frozen: false, without: 'none', keyless: false, shiftMs: 0, speed: 1 };
const TICK_MS = 20;
/** A machine that was busy for long is no camera that films faster afterwards. */
const LONGEST_TICK_MS = 1_000;

interface Puller {
  readonly visit: Visit;
  /** Camera time up to which it has been sent everything. */
  untilMs: number;
}

export interface SourceOptions {
  readonly shape?: Partial<Shape>;
  readonly manner?: Partial<Manner>;
  /** What those who come are given: from the last key frame on, or only from the next one. */
  readonly join?: 'group' | 'next';
}

/**
 * A camera behind an RTMP server. It films a counted stream whether anybody looks or not, and goes on filming while the
 * server is away: what a puller misses shows in the numbers. All pullers of one tick share their bytes.
 */
export class CountedSource {
  #stream: CountedStream;
  #manner: Manner;
  readonly #join: 'group' | 'next';
  #server: ScriptedServer | undefined;
  #port = 0;
  #pullers: Puller[] = [];
  #headMs = 0;
  #atMs = performance.now();
  #frozenMs = 0;
  /** The stream that follows at its next key frame. */
  #next: { readonly stream: CountedStream; readonly fromMs: number } | undefined;
  /** Of the newest stretch that was sent, for the next puller that wants the same. */
  #newest = { key: '', bytes: Buffer.alloc(0) as Buffer };
  readonly #timer: NodeJS.Timeout;
  visits = 0;

  private constructor(options: SourceOptions) {
    this.#stream = new CountedStream(options.shape);
    this.#manner = { ...USUAL, ...options.manner };
    this.#join = options.join ?? 'group';
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  static async start(place: Place, options: SourceOptions = {}): Promise<CountedSource> {
    const source = place.own(new CountedSource(options), it => it.close());
    await source.appear();
    return source;
  }

  get port(): number {
    return this.#port;
  }

  get pullers(): number {
    return this.#pullers.length;
  }

  /** How far the camera has filmed. */
  get headMs(): number {
    return this.#headMs;
  }

  get stream(): CountedStream {
    return this.#stream;
  }

  url(name = 'live/in'): string {
    return `rtmp://127.0.0.1:${this.#port}/${name}`;
  }

  behave(manner: Partial<Manner>): void {
    if (manner.frozen === true) this.#frozenMs = Math.floor(this.#headMs) + this.#manner.shiftMs;
    this.#manner = { ...this.#manner, ...manner };
  }

  /** Films something else from the next key frame on, behind codec headers of its own. */
  change(shape: Partial<Shape>): void {
    const stream = new CountedStream({ ...this.#stream.shape, ...shape });
    const { gop, fps } = this.#stream.shape;
    this.#next = { stream, fromMs: this.#stream.keyBefore(this.#headMs) + (gop * 1000) / fps };
  }

  /** Sends all pullers one packet of the test's own. */
  say(packet: Counted): void {
    for (const { visit } of this.#pullers) visit.media([packetOf(packet, packet.dtsMs)]);
  }

  /** Asks all pullers to connect anew, to that place or wherever. */
  refer(tcUrl?: string): void {
    const code = 'NetConnection.Connect.ReconnectRequest';
    const status = { level: 'status', code, ...(tcUrl === undefined ? {} : { tcUrl }) };
    for (const { visit } of this.#pullers) visit.command(['onStatus', 0, null, status]);
  }

  /** Sends all pullers bytes that are what they are. */
  sayBytes(bytes: Buffer): void {
    for (const { visit } of this.#pullers) visit.socket.write(bytes);
  }

  /** The server goes; the camera goes on. */
  async vanish(how: 'end' | 'reset' = 'end'): Promise<void> {
    for (const { socket } of this.#server?.visits ?? []) {
      if (how === 'reset') socket.resetAndDestroy();
    }
    await this.#server?.close();
    this.#server = undefined;
    this.#pullers = [];
  }

  /** The server is there, on the port it had before. */
  async appear(): Promise<void> {
    const script = at('play', visit => this.#welcome(visit));
    this.#server = await ScriptedServer.listen({
      script,
      port: this.#port,
      onVisit: visit => {
        this.visits++;
        visit.socket.setNoDelay(true);
      },
    });
    this.#port = this.#server.port;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.vanish();
  }

  #welcome(visit: Visit): void {
    visit.status('NetStream.Play.Start');
    visit.media(this.#headers(0));
    const puller = { visit, untilMs: this.#join === 'group' ? this.#stream.keyBefore(this.#headMs) : this.#headMs };
    this.#pullers.push(puller);
    visit.socket.once('close', () => {
      this.#pullers = this.#pullers.filter(other => other !== puller);
    });
  }

  #headers(dtsMs: number): Packet[] {
    const { videoHeader, audioHeader } = this.#stream;
    return [
      packetOf({ kind: 'videoHeader', dtsMs, body: videoHeader }, dtsMs),
      packetOf({ kind: 'audioHeader', dtsMs, body: audioHeader }, dtsMs),
    ];
  }

  #tick(): void {
    const nowMs = performance.now();
    const passedMs = Math.min(LONGEST_TICK_MS, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#headMs += passedMs * this.#manner.speed;
    if (this.#next !== undefined && this.#headMs >= this.#next.fromMs) this.#turnTo(this.#next);
    for (const puller of this.#pullers) this.#serve(puller, this.#headMs);
  }

  #turnTo({ stream, fromMs }: { stream: CountedStream; fromMs: number }): void {
    for (const puller of this.#pullers) this.#serve(puller, fromMs);
    this.#next = undefined;
    this.#stream = stream;
    for (const { visit } of this.#pullers) visit.media(this.#headers(fromMs + this.#manner.shiftMs));
  }

  #serve(puller: Puller, untilMs: number): void {
    const fromMs = puller.untilMs;
    puller.untilMs = untilMs;
    if (this.#manner.silent || !puller.visit.socket.writable || fromMs >= untilMs) return;
    const bytes = this.#bytes(puller.visit, fromMs, untilMs);
    if (bytes.length > 0) puller.visit.socket.write(bytes);
  }

  /** Visits write alike: same chunks, same stream. */
  #bytes(visit: Visit, fromMs: number, untilMs: number): Buffer {
    const key = `${fromMs} ${untilMs}`;
    if (this.#newest.key !== key) {
      const packets = this.#shown(this.#stream.between(fromMs, untilMs));
      this.#newest = { key, bytes: Buffer.concat(packets.map(packet => visit.mediaBytes(packet))) };
    }
    return this.#newest.bytes;
  }

  #shown(frames: readonly Counted[]): Packet[] {
    const { without, keyless, frozen, shiftMs } = this.#manner;
    return frames
      .filter(({ kind }) => !(keyless && kind === 'key') && without !== (kind === 'audio' ? 'audio' : 'video'))
      .map(frame =>
        packetOf(frame, frozen ? this.#frozenMs + (frame.kind === 'audio' ? 11 : 0) : frame.dtsMs + shiftMs),
      );
  }
}

function packetOf({ kind, body }: Counted, dtsMs: number): Packet {
  const packet = new Packet();
  packet.reset(kind, dtsMs);
  packet.addSpan(body, 0, body.length);
  return packet;
}
