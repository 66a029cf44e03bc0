import type dgram from 'node:dgram';
import fs from 'node:fs';
import type { Monotonic } from '../clock.ts';
import { readBuffer } from '../read-buffers.ts';
import type { TakeDatagram } from './reorder.ts';

/** The two ends of a connection whose peer has been judged: nobody else is heard, or written to. */
export interface Ends {
  readonly local: string;
  readonly peer: string;
  readonly now: Monotonic;
}

export interface DatagramCounts {
  foreign: number;
  overrun: number;
  bytesIn: number;
}

/** What may wait for the tick; a process that stands still for longer loses what comes. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_PACKETS = 16_384;
/** Less is neither RTP nor RTCP. */
const LEAST_BYTES = 4;
const LARGEST_BYTES = 64 * 1024;
/** Nothing below is a port that media comes from. */
const LOWEST_PORT = 1024;
/** The kernel's room must hold the most that came between two ticks lately, so many times over: a tick may be late. */
const LATE_TICKS = 3;
/** So long a peak is remembered at least, and twice as long at most: one of a process that stood still is no measure. */
const LATELY_MS = 60_000;
/** What a packet takes of that room beyond its bytes. */
const PACKET_BYTES = 1024;
/** What had come before the kernel was told whom to hear has been read by then. */
const SETTLED_MS = 1_000;
/** Polls this often find nothing before the socket goes back to the event loop. */
const FRUITLESS_POLLS = 3;

/** The part of node's handle that polling needs. Undocumented: `handleOf` checks that it is there. */
interface Handle {
  readonly fd: number;
  recvStart(): number;
  recvStop(): number;
}

/**
 * One socket that listens to one peer. At first packets come by events, each with its sender, who is judged. The first that
 * is heard settles the port, and the kernel is told to let nobody else through. From there on, where its room suffices, the
 * socket is read in the tick: a wake-up for each packet costs more than all that is done with it.
 */
export class Ear {
  told: number | undefined;
  readonly #socket: dgram.Socket;
  readonly #handle: Handle | undefined;
  readonly #ends: Ends;
  readonly #counts: DatagramCounts;
  #waiting: Buffer[] = [];
  /** When each of those that wait came. */
  #cameMs: number[] = [];
  #waitingBytes = 0;
  /** Of the first packet: an address translation may show another than was told. */
  #port: number | undefined;
  #connectedMs: number | undefined;
  #polling = false;
  #fruitless = 0;
  /** The most that one tick found, as the kernel counts it, of late and in the time before. */
  #peakBytes = 0;
  #formerPeakBytes = 0;
  #peakSinceMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** `dense`: so much comes that reading in the tick pays. */
  constructor(socket: dgram.Socket, ends: Ends, { counts, dense }: { counts: DatagramCounts; dense: boolean }) {
    this.#socket = socket;
    this.#handle = dense ? handleOf(socket) : undefined;
    this.#ends = ends;
    this.#counts = counts;
    socket.on('message', this.#hear);
    // A refusal by the peer's host is an echo of what was written; that nothing comes is found out by the clock.
    socket.on('error', () => undefined);
  }

  /** Hands over what has come; answers how many bytes that was. */
  drain(nowMs: number, mostBytes: number, take: TakeDatagram): number {
    this.#fade(nowMs);
    const taken = this.#waitingBytes === 0 ? 0 : this.#drainWaiting(mostBytes, take);
    if (taken > 0 && !this.#polling && this.#mayPoll(nowMs)) this.#stopListening();
    return this.#polling && this.#waitingBytes === 0 ? taken + this.#poll(nowMs, mostBytes - taken, take) : taken;
  }

  say(bytes: Buffer): void {
    const port = this.#port ?? this.told ?? 0;
    if (this.#closed || port < LOWEST_PORT) return;
    if (this.#connectedMs !== undefined) this.#socket.send(bytes, () => undefined);
    // While it is being connected it takes neither form.
    else if (this.#port === undefined) this.#socket.send(bytes, port, this.#ends.peer, () => undefined);
  }

  close(): void {
    this.#closed = true;
    this.#polling = false;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#socket.close();
  }

  #drainWaiting(mostBytes: number, take: TakeDatagram): number {
    const [waiting, cameMs] = [this.#waiting, this.#cameMs];
    let [taken, at] = [0, 0];
    for (; at < waiting.length && taken < mostBytes; at++) {
      const packet = waiting[at] as Buffer;
      taken += packet.length;
      take(packet, packet.length, cameMs[at] as number);
    }
    this.#note(taken, at);
    this.#waiting = waiting.slice(at);
    this.#cameMs = cameMs.slice(at);
    this.#waitingBytes -= taken;
    return taken;
  }

  #mayPoll(nowMs: number): boolean {
    return (
      !this.#closed &&
      this.#handle !== undefined &&
      this.#connectedMs !== undefined &&
      nowMs - this.#connectedMs >= SETTLED_MS &&
      this.#hasRoom()
    );
  }

  #hasRoom(): boolean {
    return LATE_TICKS * Math.max(this.#peakBytes, this.#formerPeakBytes) <= this.#socket.getRecvBufferSize();
  }

  #fade(nowMs: number): void {
    if (nowMs - this.#peakSinceMs < LATELY_MS) return;
    this.#formerPeakBytes = this.#peakBytes;
    this.#peakBytes = 0;
    this.#peakSinceMs = nowMs;
  }

  #note(bytes: number, packets: number): void {
    this.#peakBytes = Math.max(this.#peakBytes, bytes + packets * PACKET_BYTES);
  }

  #stopListening(): void {
    this.#handle?.recvStop();
    this.#polling = true;
    this.#fruitless = 0;
  }

  #listen(): void {
    this.#polling = false;
    this.#handle?.recvStart();
  }

  #poll(nowMs: number, mostBytes: number, take: TakeDatagram): number {
    const buffer = readBuffer(0);
    let [taken, packets] = [0, 0];
    for (; packets < MOST_PACKETS && taken < mostBytes; packets++) {
      const got = this.#receive(buffer);
      if (got < 0) break;
      taken += got;
      if (got >= LEAST_BYTES) take(buffer, got, nowMs);
    }
    this.#counts.bytesIn += taken;
    this.#judge(taken, packets);
    return taken;
  }

  /** Whether to go on in this way. */
  #judge(bytes: number, packets: number): void {
    const before = this.#peakBytes;
    this.#note(bytes, packets);
    this.#fruitless = packets > 0 ? 0 : this.#fruitless + 1;
    if (this.#fruitless >= FRUITLESS_POLLS || (this.#peakBytes > before && !this.#hasRoom())) this.#listen();
  }

  /** How long the next packet is; -1 where there is none. What the peer's host refuses is an echo, as above. */
  #receive(into: Buffer): number {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return fs.readSync(this.#handle?.fd ?? -1, into, 0, LARGEST_BYTES, null);
    } catch {
      return -1;
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  readonly #hear = (packet: Buffer, { address, port }: dgram.RemoteInfo): void => {
    if (address !== this.#ends.peer || (this.#port !== undefined && port !== this.#port)) {
      this.#counts.foreign++;
      return;
    }
    if (packet.length < LEAST_BYTES) return;
    if (this.#port === undefined) this.#connect(port);
    this.#counts.bytesIn += packet.length;
    const isFull = this.#waitingBytes + packet.length > MOST_BYTES || this.#waiting.length >= MOST_PACKETS;
    if (isFull) this.#counts.overrun++;
    else {
      this.#waiting.push(packet);
      this.#cameMs.push(this.#ends.now());
      this.#waitingBytes += packet.length;
    }
  };

  #connect(port: number): void {
    this.#port = port;
    this.#socket.connect(port, this.#ends.peer, (error?: Error) => {
      if (error === undefined || error === null) this.#connectedMs = this.#ends.now();
    });
  }
}

function handleOf(socket: dgram.Socket): Handle | undefined {
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  const held: unknown = state === undefined ? undefined : Reflect.get(socket, state);
  const handle = (held as { handle?: Partial<Handle> | null } | undefined)?.handle;
  if (process.platform === 'win32' || handle === undefined || handle === null) return undefined;
  const usable =
    typeof handle.fd === 'number' &&
    handle.fd >= 0 &&
    typeof handle.recvStart === 'function' &&
    typeof handle.recvStop === 'function';
  return usable ? (handle as Handle) : undefined;
}
