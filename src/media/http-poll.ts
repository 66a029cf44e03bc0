import { setTimeout as sleepFor } from 'node:timers/promises';
import { type Address, authorityOf, redactUrl, urlOf } from './address.ts';
import { Fault } from './fault.ts';
import { headIn, named, requestOf } from './http-dial.ts';
import { type Framing, framingOf } from './http-framing.ts';
import { type Head, LARGEST_HEAD } from './http-head.ts';
import type { Dialler } from './net.ts';
import { asWire, type Wire } from './wire.ts';

/** Between two looks for an answer's head. What is waited for then is not yet due. */
const POLL_MS = 20;
const READ_BYTES = 16 * 1024;
/** Of all lines: what is read is copied before anybody waits. */
const headBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

export interface PollOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Calls off the asking; what has been answered ends by `close`. */
  readonly signal: AbortSignal;
}

/**
 * A connection to a web server of which bodies are read in the tick, as they are wanted: what is not, stays in the
 * connection and costs nothing. One request at a time; it stays open from one to the next.
 */
export class PolledLine {
  readonly #dialler: Dialler;
  #wire: Wire | undefined;
  #origin = '';
  #body: PolledBody | undefined;
  #closed = false;
  /** Connections opened so far. */
  connections = 0;

  constructor(dialler: Dialler) {
    this.#dialler = dialler;
  }

  /** Resolves once the head of the answer is here. */
  async get(address: Address, options: PollOptions): Promise<PolledBody> {
    const kept = this.#kept(address);
    if (kept !== undefined) {
      try {
        return await this.#exchange(kept, address, options);
      } catch (error) {
        // A server may end a connection that rests at any moment.
        if (options.signal.aborted || !(error instanceof Fault && error.kind === 'closed')) throw error;
      }
    }
    return this.#exchange(await this.#connect(address, options.signal), address, options);
  }

  close(): void {
    this.#closed = true;
    this.#wire?.close();
  }

  /** The connection, where it leads there and what came over it has been read to its end. */
  #kept(address: Address): Wire | undefined {
    const wire = this.#wire;
    if (wire !== undefined && this.#origin === originOf(address) && this.#body?.isReusable === true) return wire;
    wire?.close();
    return undefined;
  }

  async #connect(address: Address, signal: AbortSignal): Promise<Wire> {
    const socket = await this.#dialler.dial(address, { signal, side: 'pull' });
    if (this.#closed || signal.aborted) {
      socket.destroy();
      throw new Fault('pull', 'closed', 'the attempt was given up');
    }
    this.connections++;
    this.#wire = asWire(socket, 'pull');
    this.#origin = originOf(address);
    return this.#wire;
  }

  async #exchange(wire: Wire, address: Address, { headers, signal }: PollOptions): Promise<PolledBody> {
    this.#body = undefined;
    try {
      await send(wire, Buffer.from(requestOf(address, headers)), signal);
      const { head, rest } = await hear(wire, signal);
      this.#body = new PolledBody(wire, address, { head, rest });
      return this.#body;
    } catch (error) {
      wire.close();
      throw error instanceof Fault ? named(address, error) : error;
    }
  }
}

async function send(wire: Wire, bytes: Buffer, signal: AbortSignal): Promise<void> {
  for (let at = wire.write(bytes, 0, bytes.length); at < bytes.length; at += wire.write(bytes, at, bytes.length)) {
    await pause(signal);
  }
}

async function hear(wire: Wire, signal: AbortSignal): Promise<{ head: Head; rest: Buffer }> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const got = wire.read(headBuffer);
    if (got === 0) await pause(signal);
    else bytes = Buffer.concat([bytes, headBuffer.subarray(0, got)]);
    const heard = got === 0 ? undefined : headIn(bytes);
    if (heard !== undefined) return heard;
    if (bytes.length > LARGEST_HEAD) throw new Fault('pull', 'garbage', 'the head of the answer does not end');
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleepFor(POLL_MS, undefined, { signal });
  } catch (cause) {
    throw new Fault('pull', 'closed', 'the attempt was given up', { cause });
  }
}

/** The body of one answer. */
export class PolledBody {
  readonly head: Head;
  readonly #wire: Wire;
  readonly #address: Address;
  readonly #framing: Framing;
  #rest: Buffer;
  #ended = false;

  constructor(wire: Wire, address: Address, { head, rest }: { head: Head; rest: Buffer }) {
    this.head = head;
    this.#wire = wire;
    this.#address = address;
    this.#framing = framingOf(head);
    this.#rest = rest;
    this.#ended = this.#framing.ended;
  }

  /** All of it has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  get isReusable(): boolean {
    return this.#framing.ended && this.head.keepsAlive;
  }

  /** Puts what has come to the start of `into`; answers how much. Throws a Fault where the connection broke before its end. */
  read(into: Buffer): number {
    if (this.#ended) return 0;
    const got = this.#take(into);
    const length = this.#framing.unframe(into, 0, got);
    this.#ended ||= this.#framing.ended;
    return length;
  }

  /** Of a body that is not wanted to its end. Idempotent. */
  close(): void {
    if (!this.#ended) this.#wire.close();
    this.#ended = true;
  }

  #take(into: Buffer): number {
    if (this.#rest.length > 0) {
      const taken = this.#rest.copy(into);
      this.#rest = this.#rest.subarray(taken);
      return taken;
    }
    try {
      return this.#wire.read(into);
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'closed') throw error;
      // A body of which no length was told ends with its connection.
      this.#ended = this.#framing.endless;
      if (this.#ended) return 0;
      const where = redactUrl(urlOf(this.#address));
      throw new Fault('pull', 'closed', `the connection to ${where} broke`, { cause: error });
    }
  }
}

const originOf = (address: Address): string => `${address.scheme}://${authorityOf(address)}|${address.userinfo}`;
