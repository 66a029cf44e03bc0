import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { Monotonic } from '../clock.ts';
import { asFault, Fault } from '../fault.ts';
import { Reorder, type TakeDatagram } from './reorder.ts';

/** The ports of a pair: that of RTP is even, that of RTCP the next one. RFC 3550, section 11. */
export interface PortPair {
  readonly rtp: number;
  readonly rtcp: number;
}

/** The two ends of a connection whose peer has been judged: nobody else is heard, or written to. */
export interface Ends {
  readonly local: string;
  readonly peer: string;
  readonly now: Monotonic;
}

const MOST_TRIES = 20;
/** What may wait for the tick; a process that stands still for longer loses what comes. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_PACKETS = 16_384;
/** Less is neither RTP nor RTCP. */
const LEAST_BYTES = 4;
/** A key frame comes in one burst, and the kernel's usual room is less. It gives what it may. */
const KERNEL_BYTES = 2 * 1024 * 1024;
/** Nothing below is a port that media comes from. */
const LOWEST_PORT = 1024;

/** Binds a pair of neighbouring ports to the address that the connection itself comes from. */
export async function openDatagramPair(ends: Ends): Promise<DatagramPair> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const one = await bind(ends.local, 0);
    const port = one.address().port;
    const other = await bind(ends.local, port ^ 1).catch(() => undefined);
    if (other !== undefined) return new DatagramPair(ends, port % 2 === 0 ? [one, other] : [other, one]);
    one.close();
  }
  throw new Fault('pull', 'unreachable', 'there are no two neighbouring UDP ports left for RTP');
}

async function bind(address: string, port: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket({ type: net.isIPv6(address) ? 'udp6' : 'udp4', recvBufferSize: KERNEL_BYTES });
  try {
    const bound = once(socket, 'listening');
    socket.bind({ address, port, exclusive: true });
    await bound;
    return socket;
  } catch (error) {
    socket.close();
    throw asFault('pull', error);
  }
}

/** The two sockets on which one track comes, gathered for the tick. */
export class DatagramPair {
  /** Packets of somebody else. */
  foreign = 0;
  /** Packets for which there was no room. */
  overrun = 0;
  bytesIn = 0;
  readonly ports: PortPair;
  readonly #rtp: Ear;
  readonly #rtcp: Ear;
  readonly #reorder = new Reorder();
  #closed = false;

  constructor(ends: Ends, [rtp, rtcp]: readonly [dgram.Socket, dgram.Socket]) {
    this.ports = { rtp: rtp.address().port, rtcp: rtcp.address().port };
    this.#rtp = new Ear(rtp, ends, this);
    this.#rtcp = new Ear(rtcp, ends, this);
  }

  /** The ports that the server says it sends from. */
  set told({ rtp, rtcp }: PortPair) {
    this.#rtp.told = rtp;
    this.#rtcp.told = rtcp;
  }

  /** Packets that came too late, or twice. */
  get late(): number {
    return this.#reorder.late;
  }

  /** Hands over what has come, RTP in the order of its numbers, and answers how many bytes that was. */
  drain(nowMs: number, mostBytes: number, take: { readonly rtp: TakeDatagram; readonly rtcp: TakeDatagram }): number {
    const reports = this.#rtcp.drain(mostBytes, take.rtcp);
    const media = this.#rtp.drain(mostBytes, (packet, cameMs) => this.#reorder.put(packet, cameMs, take.rtp));
    this.#reorder.expire(nowMs, take.rtp);
    return reports + media;
  }

  /** Opens the way through a firewall or an address translation that lets in only answers. */
  punch(rtp: Buffer): void {
    this.#rtp.say(rtp);
  }

  report(rtcp: Buffer): void {
    this.#rtcp.say(rtcp);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rtp.close();
    this.#rtcp.close();
  }
}

interface Counts {
  foreign: number;
  overrun: number;
  bytesIn: number;
}

/** One socket that listens to one peer. */
class Ear {
  told: number | undefined;
  readonly #socket: dgram.Socket;
  readonly #ends: Ends;
  readonly #counts: Counts;
  #waiting: Buffer[] = [];
  /** When each of those that wait came. */
  #cameMs: number[] = [];
  #waitingBytes = 0;
  /** Of the first packet: an address translation may show another than was told. */
  #port: number | undefined;
  #closed = false;

  constructor(socket: dgram.Socket, ends: Ends, counts: Counts) {
    this.#socket = socket;
    this.#ends = ends;
    this.#counts = counts;
    socket.on('message', this.#hear);
    // A refusal by the peer's host is an echo of what was written; that nothing comes is found out by the clock.
    socket.on('error', () => undefined);
  }

  drain(mostBytes: number, take: TakeDatagram): number {
    if (this.#waitingBytes === 0) return 0;
    const [waiting, cameMs] = [this.#waiting, this.#cameMs];
    let [taken, at] = [0, 0];
    for (; at < waiting.length && taken < mostBytes; at++) {
      const packet = waiting[at] as Buffer;
      taken += packet.length;
      take(packet, cameMs[at] as number);
    }
    this.#waiting = waiting.slice(at);
    this.#cameMs = cameMs.slice(at);
    this.#waitingBytes -= taken;
    return taken;
  }

  say(bytes: Buffer): void {
    const port = this.#port ?? this.told ?? 0;
    if (this.#closed || port < LOWEST_PORT) return;
    this.#socket.send(bytes, port, this.#ends.peer, () => undefined);
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#socket.close();
  }

  readonly #hear = (packet: Buffer, { address, port }: dgram.RemoteInfo): void => {
    if (address !== this.#ends.peer || (this.#port !== undefined && port !== this.#port)) {
      this.#counts.foreign++;
      return;
    }
    if (packet.length < LEAST_BYTES) return;
    this.#port = port;
    this.#counts.bytesIn += packet.length;
    const isFull = this.#waitingBytes + packet.length > MOST_BYTES || this.#waiting.length >= MOST_PACKETS;
    if (isFull) this.#counts.overrun++;
    else {
      this.#waiting.push(packet);
      this.#cameMs.push(this.#ends.now());
      this.#waitingBytes += packet.length;
    }
  };
}
