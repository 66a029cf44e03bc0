import { rootCertificates } from 'node:tls';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { ClusterFault } from './cluster-fault.ts';
import { greeted } from './greeting.ts';
import { type NatsAddress, printNatsAddress } from './nats-address.ts';

export interface NatsLinkOptions {
  readonly address: NatsAddress;
  /** Certificates (PEM) to trust besides the system's. */
  readonly ca?: string;
  /** Of JetStream, where servers are linked as leaf nodes. */
  readonly domain?: string;
  /** What the server calls the connection. */
  readonly name: string;
  /** For how long an answer is waited for. */
  readonly callMs: number;
}

const GREETING_MS = 2_000;
const CONNECT_MS = 2_500;
const PING_MS = 2_000;
const MOST_PINGS_OUT = 2;
const RECONNECT_MS = 100;
const RECONNECT_JITTER_MS = 150;
const REPLICAS = 3;

/** The connection to NATS. It comes back by itself; while it is away nothing is taken, so that nothing piles up. */
export class NatsLink {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** How many servers are to have each thing that is kept, at best. */
  readonly replicas: number;
  readonly #hearings = new Set<() => void>();
  #isUp = true;

  private constructor(nc: NatsConnection, js: JetStreamClient, jsm: JetStreamManager, isLinked: boolean) {
    this.nc = nc;
    this.js = js;
    this.jsm = jsm;
    this.replicas = isLinked || nc.info?.cluster !== undefined ? REPLICAS : 1;
    void this.#watch();
  }

  /** Rejects with a ClusterFault that names the servers and no password. */
  static async open(options: NatsLinkOptions): Promise<NatsLink> {
    const named = printNatsAddress(options.address);
    const nc = await connected(options).catch((cause: unknown) => {
      throw new ClusterFault(`NATS at ${named} cannot be used: ${reasonOf(cause)}`, { cause });
    });
    try {
      const jsOptions = { timeout: options.callMs, ...(options.domain ? { domain: options.domain } : {}) };
      const jsm = await jetstreamManager(nc, { ...jsOptions });
      return new NatsLink(nc, jetstream(nc, { ...jsOptions }), jsm, options.domain !== undefined);
    } catch (cause) {
      await nc.close();
      throw new ClusterFault(`NATS at ${named} has no JetStream for us: ${reasonOf(cause)}`, { cause });
    }
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Throws while the connection is away. */
  demand(): void {
    if (!this.#isUp) throw new ClusterFault('NATS is away');
  }

  /** Heard when the connection is lost, and when it is back. */
  follow(heard: () => void): () => void {
    this.#hearings.add(heard);
    return () => this.#hearings.delete(heard);
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.nc.status()) {
      if (type === 'disconnect' || type === 'staleConnection' || type === 'close') this.#turn(false);
      if (type === 'reconnect') this.#turn(true);
    }
    this.#turn(false);
  }

  #turn(isUp: boolean): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    for (const heard of this.#hearings) heard();
  }

  async close(): Promise<void> {
    this.#isUp = false;
    await this.nc.close();
  }
}

async function connected(options: NatsLinkOptions): Promise<NatsConnection> {
  await greeted(options.address.servers, GREETING_MS);
  return connect(connectionOptions(options));
}

function connectionOptions({ address, ca, name }: NatsLinkOptions): NodeConnectionOptions {
  const { servers, user, password, token, isSecure } = address;
  return {
    servers: [...servers],
    name,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: MOST_PINGS_OUT,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    ignoreAuthErrorAbort: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(isSecure ? { tls: ca === undefined ? {} : { ca: [...rootCertificates, ca].join('\n') } } : {}),
  };
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
