import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { asFault, Fault } from '../fault.ts';
import { Ear, type Ends } from './ear.ts';
import { Reorder, type TakeDatagram } from './reorder.ts';

/** The ports of a pair: that of RTP is even, that of RTCP the next one. RFC 3550, section 11. */
export interface PortPair {
  readonly rtp: number;
  readonly rtcp: number;
}

const MOST_TRIES = 20;
/** A key frame comes in one burst, and the kernel's usual room is less. It gives what it may. */
const KERNEL_BYTES = 2 * 1024 * 1024;

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

export interface Takers {
  readonly rtp: TakeDatagram;
  readonly rtcp: TakeDatagram;
}

const NOBODY: Takers = { rtp: () => undefined, rtcp: () => undefined };

/** The two sockets on which one track comes, gathered for the tick. */
export class DatagramPair {
  /** Packets of somebody else that the kernel has let through: once it knows whom to hear it drops them itself. */
  foreign = 0;
  /** Packets for which there was no room. */
  overrun = 0;
  bytesIn = 0;
  readonly ports: PortPair;
  readonly #rtp: Ear;
  readonly #rtcp: Ear;
  readonly #reorder: Reorder;
  readonly #takeRtp: TakeDatagram;
  #takers: Takers = NOBODY;
  #drainedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(ends: Ends, [rtp, rtcp]: readonly [dgram.Socket, dgram.Socket]) {
    this.ports = { rtp: rtp.address().port, rtcp: rtcp.address().port };
    this.#rtp = new Ear(rtp, ends, { counts: this, dense: true });
    this.#rtcp = new Ear(rtcp, ends, { counts: this, dense: false });
    this.#reorder = new Reorder((bytes, length, cameMs) => this.#takers.rtp(bytes, length, cameMs));
    this.#takeRtp = (bytes, length, cameMs) => this.#reorder.put(bytes, length, cameMs);
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
  drain(nowMs: number, mostBytes: number, takers: Takers): number {
    this.#takers = takers;
    const reports = this.#rtcp.drain(nowMs, mostBytes, takers.rtcp);
    const media = this.#rtp.drain(nowMs, mostBytes, this.#takeRtp);
    // A process that has stood still ticks before it hears what has come meanwhile: only since then has all been heard.
    this.#reorder.expire(this.#drainedMs);
    this.#drainedMs = nowMs;
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
