import fs from 'node:fs';
import type net from 'node:net';
import { TLSSocket } from 'node:tls';
import { Fault, type Side } from './fault.ts';
import type { Fence } from './fence.ts';

/** An open connection's bytes, for a tick that must never wait. */
export interface Wire {
  /** Reads what has come, at most `into.length`; 0 = nothing now. Throws a Fault of kind `closed` once all has been read. */
  read(into: Buffer): number;
  /** Hands bytes[from..to) over; answers how many were taken (0 while the peer takes none). The bytes may be reused at once. */
  write(bytes: Buffer, from: number, to: number): number;
  /** Bytes taken by `write` that the kernel does not have yet. */
  readonly pending: number;
  readonly remote: string;
  /** Says good-bye: FIN behind what was written, then waits for the peer's, at most `deadlineMs`. Idempotent, never rejects. */
  end(deadlineMs: number): Promise<void>;
  /** Ends it now. Idempotent. */
  close(): void;
}

export interface WireOptions {
  /** Bytes that the negotiation took off the socket but did not need: they are read first. */
  readonly leftover?: Buffer;
  /** Gets inbound bytes as they come, instead of `read`. What it throws ends the wire and comes out of the next call. */
  readonly onData?: (chunk: Buffer) => void;
  /** Nothing is written past it. */
  readonly fence?: Fence | undefined;
}

/** Polls this often find nothing before the socket goes back to the event loop: a fruitless poll costs a thrown EAGAIN. */
const FRUITLESS_POLLS = 3;
const INBOUND_LIMIT = 512 * 1024;
const WRITE_LIMIT = 1024 * 1024;

/** The part of node's stream handle that polling needs. Undocumented: `handleOf` checks that it is there. */
interface Handle {
  readonly fd: number;
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

/**
 * The quickest wire the socket can be: polled where its file descriptor is to be had, event-driven otherwise.
 * The caller has taken its own 'data' listener off; from here on the socket belongs to the wire.
 */
export function asWire(socket: net.Socket, side: Side, options: WireOptions = {}): Wire {
  const handle = handleOf(socket);
  return handle === undefined ? eventWire(socket, side, options) : new PolledWire(socket, handle, side, options);
}

/** Plain TCP, read and written through its file descriptor. */
export function pollWire(socket: net.Socket, side: Side, options: WireOptions = {}): Wire {
  const handle = handleOf(socket);
  if (handle === undefined) throw new Error('this socket has no file descriptor to poll');
  return new PolledWire(socket, handle, side, options);
}

/** TLS, and wherever the file descriptor is not to be had. */
export function eventWire(socket: net.Socket, side: Side, options: WireOptions = {}): Wire {
  return new EventWire(socket, side, options);
}

function handleOf(socket: net.Socket): Handle | undefined {
  if (process.platform === 'win32' || socket instanceof TLSSocket) return undefined;
  const handle = (socket as { _handle?: Partial<Handle> | null })._handle;
  if (handle === undefined || handle === null) return undefined;
  const usable =
    typeof handle.fd === 'number' &&
    handle.fd >= 0 &&
    typeof handle.reading === 'boolean' &&
    typeof handle.readStart === 'function' &&
    typeof handle.readStop === 'function';
  return usable ? (handle as Handle) : undefined;
}

/** What both wires share: who the peer is, and the one fault that ends the connection. */
class Line {
  readonly socket: net.Socket;
  readonly side: Side;
  readonly remote: string;
  fault: Fault | undefined;

  constructor(socket: net.Socket, side: Side) {
    this.socket = socket;
    this.side = side;
    const host = socket.remoteAddress ?? 'peer';
    this.remote = `${host.includes(':') ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
    socket.on('error', error => this.fail(error));
    socket.on('end', () => this.fail());
    socket.on('close', () => this.fail());
  }

  /** Remembers the first fault; later ones are only its echo. */
  fail(cause?: unknown): Fault {
    this.fault ??= cause instanceof Fault ? cause : new Fault(this.side, 'closed', this.#sentence(cause), { cause });
    return this.fault;
  }

  /** Throws when nothing more can pass. After destroy the descriptor's number may already belong to another socket. */
  check(): void {
    if (this.fault !== undefined) throw this.fault;
    if (this.socket.destroyed) throw this.fail();
  }

  hear(onData: (chunk: Buffer) => void, chunk: Buffer): void {
    if (this.fault !== undefined) return;
    try {
      onData(chunk);
    } catch (error) {
      this.fail(error);
      this.socket.destroy();
    }
  }

  end(deadlineMs: number): Promise<void> {
    const { socket } = this;
    if (socket.destroyed) return Promise.resolve();
    return new Promise(resolve => {
      const timer = setTimeout(() => socket.destroy(), deadlineMs);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.end();
    });
  }

  #sentence(cause: unknown): string {
    const code = codeOf(cause);
    return code === '' ? `${this.remote} closed the connection` : `the connection to ${this.remote} broke (${code})`;
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/**
 * Reads and writes the file descriptor in the tick. The handle stays with libuv but is told to stop reading, while its
 * `reading` mark stays true: the stream machinery then believes that reading goes on and never starts it behind our back.
 */
class PolledWire implements Wire {
  readonly #line: Line;
  readonly #handle: Handle;
  readonly #fd: number;
  readonly #fence: Fence | undefined;
  /** Bytes that came by events and wait for `read`. */
  readonly #waiting: Buffer[] = [];
  #polling = false;
  #fruitless = 0;
  #ending: Promise<void> | undefined;

  constructor(socket: net.Socket, handle: Handle, side: Side, options: WireOptions) {
    this.#line = new Line(socket, side);
    this.#handle = handle;
    this.#fd = handle.fd;
    const { leftover, onData } = options;
    this.#fence = options.fence;
    if (onData === undefined) {
      if (leftover !== undefined && leftover.length > 0) this.#waiting.push(leftover);
      this.#takeOver();
    } else {
      if (leftover !== undefined && leftover.length > 0) socket.unshift(leftover);
      socket.on('data', chunk => this.#line.hear(onData, chunk as Buffer));
    }
    socket.resume();
  }

  get remote(): string {
    return this.#line.remote;
  }

  get pending(): number {
    return this.#line.socket.writableLength;
  }

  read(into: Buffer): number {
    const taken = takeFrom(this.#waiting, into);
    if (!this.#polling || taken === into.length) {
      if (taken === 0) this.#line.check();
      return taken;
    }
    if (taken > 0) return taken + this.#tryPoll(into, taken);
    this.#line.check();
    const got = this.#poll(into, 0);
    if (got === 0 && ++this.#fruitless >= FRUITLESS_POLLS) this.#listen();
    return got;
  }

  write(bytes: Buffer, from: number, to: number): number {
    this.#fence?.check();
    this.#line.check();
    // The negotiation's last messages may still be with the stream; the descriptor must not overtake them.
    if (from === to || this.#line.socket.writableLength > 0) return 0;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return fs.writeSync(this.#fd, bytes, from, to - from, null);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return 0;
      throw this.#line.fail(error);
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  end(deadlineMs: number): Promise<void> {
    // From here inbound bytes only matter for their end, which the event loop sees once the handle reads again.
    if (this.#polling && !this.#line.socket.destroyed) this.#listen();
    this.#ending ??= this.#line.end(deadlineMs);
    return this.#ending;
  }

  close(): void {
    this.#line.socket.destroy();
  }

  /** Takes what the stream has buffered, then keeps libuv from reading on. */
  #takeOver(): void {
    const { socket } = this.#line;
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#waiting.push(chunk as Buffer);
    socket.on('data', chunk => this.#arrived(chunk as Buffer));
    this.#stopListening();
  }

  #stopListening(): void {
    this.#handle.readStop();
    this.#handle.reading = true;
    this.#polling = true;
    this.#fruitless = 0;
  }

  #listen(): void {
    this.#polling = false;
    this.#handle.readStart();
  }

  #arrived(chunk: Buffer): void {
    if (this.#ending !== undefined) return;
    this.#waiting.push(chunk);
    if (!this.#polling && !this.#line.socket.destroyed) this.#stopListening();
  }

  /** As `#poll`, but a failure waits for the next call, because this one already has bytes to answer. */
  #tryPoll(into: Buffer, at: number): number {
    if (this.#line.fault !== undefined || this.#line.socket.destroyed) return 0;
    try {
      return this.#poll(into, at);
    } catch {
      return 0;
    }
  }

  #poll(into: Buffer, at: number): number {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      const got = fs.readSync(this.#fd, into, at, into.length - at, null);
      if (got === 0) throw this.#line.fail();
      this.#fruitless = 0;
      return got;
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return 0;
      throw this.#line.fail(error);
    } finally {
      Error.stackTraceLimit = limit;
    }
  }
}

class EventWire implements Wire {
  readonly #line: Line;
  readonly #fence: Fence | undefined;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ending: Promise<void> | undefined;

  constructor(socket: net.Socket, side: Side, options: WireOptions) {
    this.#line = new Line(socket, side);
    const { leftover, onData } = options;
    this.#fence = options.fence;
    if (leftover !== undefined && leftover.length > 0) socket.unshift(leftover);
    if (onData === undefined) socket.on('data', chunk => this.#arrived(chunk as Buffer));
    else socket.on('data', chunk => this.#line.hear(onData, chunk as Buffer));
    socket.resume();
  }

  get remote(): string {
    return this.#line.remote;
  }

  get pending(): number {
    return this.#line.socket.writableLength;
  }

  read(into: Buffer): number {
    const taken = takeFrom(this.#waiting, into);
    if (taken === 0) this.#line.check();
    this.#waitingBytes -= taken;
    if (this.#waitingBytes < INBOUND_LIMIT && this.#line.socket.isPaused()) this.#line.socket.resume();
    return taken;
  }

  /** One write in the air at a time: then a peer that takes nothing shows at once, and no queue hides in the stream. */
  write(bytes: Buffer, from: number, to: number): number {
    this.#fence?.check();
    this.#line.check();
    const { socket } = this.#line;
    if (from === to || socket.writableLength > 0) return 0;
    const end = Math.min(to, from + WRITE_LIMIT);
    socket.write(Buffer.from(bytes.subarray(from, end)));
    return end - from;
  }

  end(deadlineMs: number): Promise<void> {
    this.#ending ??= this.#line.end(deadlineMs);
    this.#line.socket.resume();
    return this.#ending;
  }

  close(): void {
    this.#line.socket.destroy();
  }

  #arrived(chunk: Buffer): void {
    if (this.#ending !== undefined) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= INBOUND_LIMIT) this.#line.socket.pause();
  }
}

/** Moves as much of `waiting` into `into` as fits; answers how many bytes. */
function takeFrom(waiting: Buffer[], into: Buffer): number {
  let at = 0;
  while (waiting.length > 0 && at < into.length) {
    const chunk = waiting[0] as Buffer;
    const taken = chunk.copy(into, at);
    at += taken;
    if (taken === chunk.length) waiting.shift();
    else waiting[0] = chunk.subarray(taken);
  }
  return at;
}
