import type { Socket } from 'node:net';

/** A worker's hello carries the report of every run, up to about 800 bytes each: room for 10,000. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
const LINGER_MS = 1_000;
const NEWLINE = 0x0a;

/** One connection: a JSON object a line in both directions. Whatever breaks the rules closes it. */
export class Line {
  readonly #socket: Socket;
  readonly #message: (message: object) => void;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #isOver = false;
  #isReleased = false;
  readonly #take = (chunk: Buffer): void => this.#read(chunk);

  constructor(socket: Socket, on: { readonly message: (message: object) => void; readonly closed: () => void }) {
    this.#socket = socket;
    this.#message = on.message;
    socket.on('data', this.#take);
    socket.on('error', () => socket.destroy());
    // At the end already: what is sent behind it would be lost without a word.
    socket.once('end', () => this.#tellClosed(on.closed));
    socket.once('close', () => this.#tellClosed(on.closed));
  }

  send(message: unknown): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.write(`${JSON.stringify(message)}\n`);
    if (this.#socket.writableLength > MAX_QUEUED_BYTES) this.#socket.destroy();
  }

  close(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    // The other end is heard until it ends as well: what it has sent by now is on its way.
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  /** From here on it is somebody else's, with what has come behind the last line. */
  release(): Socket {
    this.#isReleased = true;
    this.#socket.off('data', this.#take);
    this.#socket.pause();
    return this.#socket;
  }

  #tellClosed(closed: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    closed();
  }

  #read(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const whole = Buffer.concat([...this.#parts, chunk.subarray(from, at)]);
      this.#parts = [];
      this.#partBytes = 0;
      from = at + 1;
      if (!this.#tell(whole)) return;
      if (this.#isReleased) {
        if (from < chunk.length) this.#socket.unshift(chunk.subarray(from));
        return;
      }
    }
    if (from === chunk.length) return;
    this.#parts.push(chunk.subarray(from));
    this.#partBytes += chunk.length - from;
    if (this.#partBytes > MAX_LINE_BYTES) this.#socket.destroy();
  }

  #tell(line: Buffer): boolean {
    const message = line.length > MAX_LINE_BYTES ? undefined : parseMessage(line);
    if (message === undefined) this.#socket.destroy();
    else this.#message(message);
    return !this.#socket.destroyed;
  }
}

function parseMessage(line: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === 'object' && value !== null && 't' in value ? value : undefined;
  } catch {
    return undefined;
  }
}
