import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Monotonic } from '../clock.ts';
import { Fault, type FaultKind } from '../fault.ts';
import { Batch } from '../packet.ts';
import { HANDSHAKE_SIZE } from './handshake.ts';
import { type Host, type OriginCaller, OriginPeer, type PeerLimits } from './origin-peer.ts';
import { OriginStream, type StreamCounters } from './origin-stream.ts';

export interface OriginLimits extends PeerLimits {
  readonly connections: number;
  /** Of one address, so that nobody can fill the origin alone. */
  readonly connectionsOfAddress: number;
  /** What of a group of pictures is kept for the players to come. */
  readonly gopBytes: number;
  readonly gopMs: number;
  /** What may wait for all players together before another is let in; what they share counts for each. */
  readonly allQueuedBytes: number;
  /** What all connections together may hold of their own, and all streams together of their groups. */
  readonly allHeldBytes: number;
  readonly allGopBytes: number;
}

const LIMITS: OriginLimits = {
  connections: 1_000,
  connectionsOfAddress: 200,
  negotiateMs: 10_000,
  idleMs: 60_000,
  // A whole group for a player who has just come, and what is live meanwhile.
  queueBytes: 24 * 1024 * 1024,
  stallMs: 6_000,
  gopBytes: 16 * 1024 * 1024,
  gopMs: 20_000,
  allQueuedBytes: 512 * 1024 * 1024,
  allHeldBytes: 256 * 1024 * 1024,
  allGopBytes: 256 * 1024 * 1024,
};

const READ_BYTES = 256 * 1024;

export interface OriginOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly now: Monotonic;
  readonly tickMs?: number;
  readonly limits?: Partial<OriginLimits>;
  /** Whether that address may have as many connections as it likes. By default this machine may: its relays come from it. */
  readonly isOwn?: (address: string) => boolean;
  /** Hears why each connection ended, and whose it was; nobody's where it was not let in. */
  readonly onLeft?: (fault: Fault, caller: OriginCaller | undefined) => void;
}

/**
 * The built-in RTMP server: whoever publishes a name feeds all who play it. It keeps no history and knows no accounts.
 * Connections negotiate by events; media moves on one tick.
 */
export class Origin {
  readonly address: string;
  readonly #server: Server;
  readonly #now: Monotonic;
  readonly #limits: OriginLimits;
  readonly #onLeft: (fault: Fault, caller: OriginCaller | undefined) => void;
  readonly #isOwn: (address: string) => boolean;
  readonly #byAddress = new Map<string, number>();
  readonly #streams = new Map<string, OriginStream>();
  readonly #peers = new Set<OriginPeer>();
  readonly #host: Host;
  readonly #heart: NodeJS.Timeout;
  #queuedBytes = 0;
  #closing: Promise<void> | undefined;

  /** Resolves once the port is open; rejects with the system's error when it cannot be. */
  static async listen(options: OriginOptions): Promise<Origin> {
    const server = createServer();
    server.listen({ host: options.host, port: options.port, backlog: 1_024 });
    await once(server, 'listening');
    return new Origin(server, options);
  }

  private constructor(server: Server, options: OriginOptions) {
    this.#server = server;
    this.#now = options.now;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#onLeft = options.onLeft ?? (() => undefined);
    this.#isOwn = options.isOwn ?? isLoopback;
    this.address = addressOf(server);
    this.#host = this.#makeHost();
    server.maxConnections = this.#limits.connections;
    server.on('connection', socket => this.#welcome(socket));
    // Accepting may fail for want of descriptors; the next client may fare better.
    server.on('error', cause => this.#turnedAway('lost', 'a client was not accepted', cause));
    server.on('drop', ({ remoteAddress = '' } = {}) => {
      this.#turnedAway('refused', `${remoteAddress} was not let in: the origin has all the connections it may have`);
    });
    this.#heart = setInterval(() => this.#tick(), options.tickMs ?? 50);
  }

  streams(): readonly StreamCounters[] {
    return [...this.#streams.values()].map(stream => stream.counters());
  }

  get connections(): number {
    return this.#peers.size;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #close(): Promise<void> {
    clearInterval(this.#heart);
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    for (const peer of this.#peers) peer.fail(new Fault('pull', 'closed', 'the origin is closing'));
    return closed;
  }

  #makeHost(): Host {
    return {
      now: this.#now,
      limits: this.#limits,
      readBuffer: Buffer.allocUnsafeSlow(READ_BYTES),
      tickBatch: new Batch(),
      eventBatch: new Batch(),
      random: () => randomBytes(HANDSHAKE_SIZE - 8),
      stream: name => this.#stream(name),
      left: (peer, fault) => {
        this.#peers.delete(peer);
        this.#count(peer.caller.address, -1);
        this.#onLeft(fault, peer.caller);
      },
    };
  }

  #welcome(socket: Socket): void {
    const { remoteAddress: address = '' } = socket;
    const most = this.#limits.connectionsOfAddress;
    if (!this.#isOwn(address) && (this.#byAddress.get(address) ?? 0) >= most) {
      socket.destroy();
      this.#turnedAway('refused', `${address} was not let in: it has ${most} connections already`);
      return;
    }
    const peer = new OriginPeer(socket, this.#host);
    this.#peers.add(peer);
    this.#count(peer.caller.address, 1);
  }

  #turnedAway(kind: FaultKind, sentence: string, cause?: unknown): void {
    this.#onLeft(new Fault('pull', kind, sentence, cause === undefined ? {} : { cause }), undefined);
  }

  #count(address: string, step: 1 | -1): void {
    const count = (this.#byAddress.get(address) ?? 0) + step;
    if (count === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count);
  }

  #stream(name: string): OriginStream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      const gop = { bytes: this.#limits.gopBytes, ms: this.#limits.gopMs };
      const mayOpen = (): boolean => this.#queuedBytes < this.#limits.allQueuedBytes;
      stream = new OriginStream(name, { now: this.#now, gop, mayOpen });
      this.#streams.set(name, stream);
    }
    return stream;
  }

  #tick(): void {
    const nowMs = this.#now();
    this.#queuedBytes = 0;
    for (const peer of this.#peers) {
      peer.tick(nowMs);
      this.#queuedBytes += peer.queuedBytes;
    }
    for (const [name, stream] of this.#streams) {
      if (stream.empty) this.#streams.delete(name);
      else stream.tick();
    }
    const { allHeldBytes, allGopBytes } = this.#limits;
    shed([...this.#peers], allHeldBytes, peer =>
      peer.fail(new Fault('pull', 'stalled', 'the client holds too much memory')),
    );
    shed([...this.#streams.values()], allGopBytes, stream => stream.releaseGop());
  }
}

/** While they hold too much together, the largest are let go of first: who has the most can best do without. */
function shed<T extends { readonly heldBytes: number }>(
  holders: readonly T[],
  most: number,
  letGo: (one: T) => void,
): void {
  let held = 0;
  for (const { heldBytes } of holders) held += heldBytes;
  if (held <= most) return;
  const byWeight = holders.map(holder => ({ holder, bytes: holder.heldBytes }));
  byWeight.sort((one, other) => other.bytes - one.bytes);
  for (const { holder, bytes } of byWeight) {
    if (held <= most) return;
    held -= bytes;
    letGo(holder);
  }
}

const isLoopback = (address: string): boolean => /^(::ffff:)?127\.|^::1$/.test(address);

function addressOf(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the RTMP server is not bound to a port');
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return `rtmp://${host}:${bound.port}`;
}
