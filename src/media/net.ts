import net from 'node:net';
import os from 'node:os';
import tls from 'node:tls';
import { type Address, authorityOf } from './address.ts';
import { type Monotonic, monotonic } from './clock.ts';
import { within } from './deadline.ts';
import { Fault, type Side } from './fault.ts';
import type { Fence } from './fence.ts';
import { allowsAddress, allowsPort, type Preset } from './policy.ts';
import { isUnknownName, type Lookup, resolveName } from './resolve.ts';
import type { PortRange } from './srt/target.ts';
import { securityOf, type Trust } from './trust.ts';

export interface DiallerOptions {
  readonly preset: Preset;
  readonly lookup?: Lookup;
  readonly now?: Monotonic;
  readonly connectTimeoutMs?: number;
  readonly dnsTimeoutMs?: number;
  /** Our own listeners, as `host:port`: no relay may reach them, by whatever address of this host. */
  readonly forbidden?: readonly string[];
  /** Certificates to trust besides the system's, PEM. */
  readonly ca?: string;
  /** Where peers may be waited for. */
  readonly listens?: PortRange | undefined;
  /** What no push gets past; absent: nobody else could push in our place. */
  readonly fence?: Fence;
}

export interface DialOptions {
  readonly signal: AbortSignal;
  readonly side: Side;
}

/** How long the last good answer for a name serves while nobody can tell its address. */
const KNOWN_GOOD_MS = 3_600_000;
const KNOWN_NAMES = 10_000;
const KEEP_ALIVE_MS = 15_000;
const TLS_SCHEMES = new Set(['rtmps', 'https', 'rtsps', 'wss']);

/** What names last stood for. */
type KnownGood = Map<string, { readonly addresses: readonly string[]; readonly atMs: number }>;

interface Attempt extends DialOptions {
  readonly address: Address;
  /** Host and port as errors name them. */
  readonly peer: string;
}

/**
 * The only way out: every connection that a relay makes goes through here. The policy judges the resolved address, and
 * that very address is dialled, so that a name that changes its mind in between gains nothing.
 */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #preset: Preset;
  readonly #lookup: Lookup;
  readonly #now: Monotonic;
  readonly #connectTimeoutMs: number;
  readonly #dnsTimeoutMs: number;
  readonly #forbidden: readonly { host: string; port: number }[];
  readonly #ca: readonly string[] | undefined;
  readonly listens: PortRange | undefined;
  readonly fence: Fence | undefined;
  readonly #knownGood: KnownGood;
  readonly #trust: Trust | undefined;

  constructor(options: DiallerOptions, trust?: Trust, knownGood: KnownGood = new Map()) {
    this.#options = options;
    this.#trust = trust;
    this.#knownGood = knownGood;
    this.#preset = options.preset;
    this.#lookup = options.lookup ?? resolveName;
    this.listens = options.listens;
    this.fence = options.fence;
    this.#now = options.now ?? monotonic;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 5000;
    this.#dnsTimeoutMs = options.dnsTimeoutMs ?? 4000;
    this.#forbidden = (options.forbidden ?? []).map(listenerOf);
    this.#ca = options.ca === undefined ? undefined : [...tls.getCACertificates('default'), options.ca];
  }

  /** The same for all that is dialled for one peer, of which more is known than that it bears a good certificate. */
  trusting(trust: Trust | undefined): Dialler {
    return trust === undefined ? this : new Dialler(this.#options, trust, this.#knownGood);
  }

  /** A connected socket, with TLS done where the scheme asks for it. Everything that fails is a Fault. */
  async dial(address: Address, options: DialOptions): Promise<net.Socket> {
    const attempt: Attempt = { ...options, address, peer: authorityOf(address) };
    const allowed = await this.#judge(attempt);
    const socket = await this.#connectAny(attempt, allowed);
    return TLS_SCHEMES.has(address.scheme) ? this.#secure(attempt, socket) : socket;
  }

  /** An IP address that may be dialled, for a program that dials by itself: it is to be given this and no name. */
  async locate(address: Address, options: DialOptions): Promise<string> {
    const [ip] = await this.#judge({ ...options, address, peer: authorityOf(address) });
    return ip;
  }

  async #judge(attempt: Attempt): Promise<readonly [string, ...string[]]> {
    const { address, side } = attempt;
    if (side === 'push') this.fence?.check();
    if (this.#trust !== undefined && !TLS_SCHEMES.has(address.scheme)) throw unencrypted(attempt);
    if (!allowsPort(this.#preset, address.scheme, address.port)) throw this.#denied(attempt, 'port');
    const candidates = await this.#resolve(attempt);
    const [first, ...others] = candidates.filter(ip => this.#allows(ip, address.port));
    if (first === undefined) throw this.#denied(attempt, 'address');
    return [first, ...others];
  }

  #denied({ side, peer }: Attempt, what: 'port' | 'address'): Fault {
    return new Fault(side, 'policy', `the network policy "${this.#preset}" does not allow the ${what} of ${peer}`);
  }

  #allows(ip: string, port: number): boolean {
    return allowsAddress(this.#preset, ip) && !this.#isOwnListener(ip, port);
  }

  #isOwnListener(ip: string, port: number): boolean {
    return this.#forbidden.some(own => own.port === port && (own.host === ip || isOwnAddress(ip)));
  }

  async #resolve(attempt: Attempt): Promise<readonly string[]> {
    const { host } = attempt.address;
    if (net.isIP(host) !== 0) return [host];
    const late = `the name ${host} was not resolved`;
    try {
      const deadline = { side: attempt.side, signal: attempt.signal, late, waitMs: this.#dnsTimeoutMs };
      const addresses = await within(deadline, signal => this.#lookup(host, signal));
      this.#remember(host, addresses);
      return addresses;
    } catch (error) {
      if (attempt.signal.aborted) throw error;
      const known = isUnknownName(error) ? undefined : this.#recall(host);
      if (known !== undefined) return known;
      const sentence = error instanceof Fault ? error.message : `${late}${reasonOf(error)}`;
      throw new Fault(attempt.side, 'name', sentence, { cause: error });
    }
  }

  #remember(host: string, addresses: readonly string[]): void {
    this.#knownGood.delete(host);
    this.#knownGood.set(host, { addresses, atMs: this.#now() });
    const [oldest] = this.#knownGood.keys();
    if (this.#knownGood.size > KNOWN_NAMES && oldest !== undefined) this.#knownGood.delete(oldest);
  }

  #recall(host: string): readonly string[] | undefined {
    const known = this.#knownGood.get(host);
    return known !== undefined && this.#now() - known.atMs <= KNOWN_GOOD_MS ? known.addresses : undefined;
  }

  /** Tries the addresses in turn; each gets its share of what is left of the one deadline. */
  async #connectAny(attempt: Attempt, addresses: readonly string[]): Promise<net.Socket> {
    const endMs = this.#now() + this.#connectTimeoutMs;
    let last: unknown;
    for (const [i, ip] of addresses.entries()) {
      const waitMs = Math.max(1, (endMs - this.#now()) / (addresses.length - i));
      try {
        return await this.#connect(attempt, ip, waitMs);
      } catch (error) {
        if (attempt.signal.aborted) throw error;
        last = error;
      }
    }
    throw last;
  }

  async #connect(attempt: Attempt, ip: string, waitMs: number): Promise<net.Socket> {
    const { address, side, signal, peer } = attempt;
    if (side === 'push') this.fence?.check();
    const late = `${peer} did not accept the connection`;
    const options = {
      host: ip,
      port: address.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    };
    const socket = net.connect({ ...options, autoSelectFamily: false });
    if (side === 'push') this.#fenceIn(socket);
    try {
      await within({ side, signal, late, waitMs }, () => happens(socket, 'connect'));
    } catch (error) {
      socket.destroy();
      throw connectFault(error, attempt);
    }
    const { remoteAddress } = socket;
    if (remoteAddress !== undefined && this.#allows(remoteAddress, address.port)) return socket;
    socket.destroy();
    // A peer that hung up at once has taken its address along.
    if (remoteAddress === undefined) throw new Fault(side, 'closed', `${peer} closed the connection at once`);
    throw this.#denied(attempt, 'address');
  }

  #fenceIn(socket: net.Socket): void {
    const forget = this.fence?.guard(() => breakOff(socket));
    if (forget !== undefined) socket.once('close', forget);
  }

  async #secure(attempt: Attempt, plain: net.Socket): Promise<tls.TLSSocket> {
    const { side, signal, peer } = attempt;
    const { host } = attempt.address;
    const security = securityOf({ ...this.#trust, side, host, peer, known: this.#ca });
    const socket = tls.connect({ ...security, socket: plain });
    const late = `${peer} did not finish the TLS handshake`;
    try {
      await within({ side, signal, late, waitMs: this.#connectTimeoutMs }, () => happens(socket, 'secureConnect'));
      return socket;
    } catch (error) {
      socket.destroy();
      plain.destroy();
      if (error instanceof Fault) throw error;
      throw new Fault(side, 'tls', `TLS with ${peer} failed${reasonOf(error)}`, { cause: error });
    }
  }
}

/** Resolves at the event, rejects at an error or close; a socket that is not wanted in the end is destroyed. */
function happens(socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
}

/** What the kernel still holds of it is thrown away; under TLS too, which lies on top of this socket. */
function breakOff(socket: net.Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** It is to be known by its certificate, or somebody leads away from it: nothing is said there in the clear. */
const unencrypted = ({ side, peer }: Attempt): Fault =>
  new Fault(side, 'tls', `${peer} is to be spoken to by TLS only, and its address says otherwise`);

function connectFault(error: unknown, { side, peer }: Attempt): Fault {
  if (error instanceof Fault) return error;
  return new Fault(side, 'unreachable', `cannot connect to ${peer}${reasonOf(error)}`, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'no such name',
  ENODATA: 'the name has no address',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not one of those that are trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not one of those that are trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not one of those that are trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code === '' ? '' : `: ${REASONS[code] ?? code}`;
}

function listenerOf(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

/** Whether the address reaches this host: whoever dials it comes to our own listeners, on whichever they are bound. */
function isOwnAddress(ip: string): boolean {
  if (ip === '::' || ip === '::1' || ip.startsWith('127.') || ip.startsWith('0.')) return true;
  const bare = ip.toLowerCase().startsWith('::ffff:') ? ip.slice(7) : ip;
  if (bare !== ip && net.isIPv4(bare)) return isOwnAddress(bare);
  return Object.values(os.networkInterfaces()).some(list => list?.some(({ address }) => address === bare));
}
