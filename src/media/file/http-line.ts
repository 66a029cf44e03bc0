import http from 'node:http';
import type net from 'node:net';
import { type Address, authorityOf, redactUrl, urlOf } from '../address.ts';
import { asFault, Fault } from '../fault.ts';
import { authorization } from '../http.ts';
import type { Dialler } from '../net.ts';
import { freeBehind } from './spent.ts';

export interface GetOptions {
  readonly headers: http.OutgoingHttpHeaders;
  readonly signal: AbortSignal;
  /** How long the server may say nothing at all. */
  readonly firstByteMs: number;
  /** How long the answer's headers may take. */
  readonly headersMs: number;
}

/** One connection to a server of files, kept open from one request to the next. One request at a time. */
export class HttpLine {
  readonly #dialler: Dialler;
  #socket: net.Socket | undefined;
  #origin = '';
  #answer: http.IncomingMessage | undefined;
  #idle = false;
  #freed: (() => void) | undefined;
  #closed = false;
  /** Connections opened and requests sent so far. */
  connections = 0;
  requests = 0;

  constructor(dialler: Dialler) {
    this.#dialler = dialler;
  }

  /** Resolves once the headers are here. The caller reads the body to its end or destroys it. */
  async get(address: Address, options: GetOptions): Promise<http.IncomingMessage> {
    await this.#settled();
    const socket = this.#reusable(address) ?? (await this.#connect(address, options.signal));
    this.#idle = false;
    this.requests++;
    try {
      this.#answer = await this.#exchange(socket, address, options);
      // What its reader does not hear any more is nobody's.
      this.#answer.on('error', () => undefined);
      return this.#answer;
    } catch (error) {
      socket.destroy();
      throw error instanceof Fault ? error : brokenOff(address, error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  /** An answer's end comes a moment before the connection is free for the next request. */
  async #settled(): Promise<void> {
    if (this.#idle || this.#answer?.readableEnded !== true || this.#socket?.destroyed !== false) return;
    await new Promise<void>(resolve => {
      this.#freed = resolve;
    });
  }

  #reusable(address: Address): net.Socket | undefined {
    const socket = this.#socket;
    if (socket === undefined) return undefined;
    if (this.#idle && this.#origin === originOf(address) && !socket.destroyed && socket.readable) return socket;
    // The last answer was not read to its end, or came from elsewhere: what it still holds must not be taken for the next.
    socket.destroy();
    return undefined;
  }

  async #connect(address: Address, signal: AbortSignal): Promise<net.Socket> {
    const socket = await this.#dialler.dial(address, { signal, side: 'pull' });
    if (this.#closed || signal.aborted) {
      socket.destroy();
      throw new Fault('pull', 'closed', 'the attempt was given up');
    }
    this.connections++;
    this.#socket = socket;
    this.#origin = originOf(address);
    // Between two requests nobody else listens.
    socket.on('error', () => undefined);
    socket.on('free', () => {
      this.#idle = true;
      this.#freed?.();
    });
    socket.on('close', () => this.#freed?.());
    return socket;
  }

  #exchange(socket: net.Socket, address: Address, options: GetOptions): Promise<http.IncomingMessage> {
    const { signal, firstByteMs, headersMs } = options;
    const where = redactUrl(urlOf(address));
    const answer = Promise.withResolvers<http.IncomingMessage>();
    const request = http.request({
      createConnection: () => socket,
      path: targetOf(address),
      headers: {
        host: authorityOf(address),
        'user-agent': 'Millrace',
        // The bytes of the file itself are wanted: offsets in it mean nothing in a compressed one.
        'accept-encoding': 'identity',
        connection: 'keep-alive',
        ...authorization(address.userinfo),
        ...options.headers,
      },
    });
    const heard = socket.bytesRead;
    const silent = setTimeout(() => {
      if (socket.bytesRead === heard) request.destroy(late(where, 'did not answer', firstByteMs));
    }, firstByteMs);
    const endless = setTimeout(() => request.destroy(late(where, 'did not end its headers', headersMs)), headersMs);
    const abort = () => request.destroy(new Fault('pull', 'closed', 'the attempt was given up'));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    request.on('error', error => answer.reject(error));
    request.once('response', answer.resolve);
    // By now the parser listens too, which copies out what it needs.
    request.once('socket', () => socket.on('data', freeBehind));
    request.once('close', () => socket.off('data', freeBehind));
    // A server that switches protocols gets neither a response nor an error out of node.
    request.once('close', () => answer.reject(new Error('the connection was closed')));
    request.end();
    return answer.promise.finally(() => {
      clearTimeout(silent);
      clearTimeout(endless);
      signal.removeEventListener('abort', abort);
    });
  }
}

const originOf = (address: Address): string => `${address.scheme}://${authorityOf(address)}|${address.userinfo}`;

/** What stands in the request line. Names in other letters than ASCII go as UTF-8; a fragment is the reader's own affair. */
export function targetOf(address: Address): string {
  const [target = ''] = `${address.path || '/'}${address.query}`.split('#', 1);
  try {
    return target.replace(/[^\x21-\x7e]+/g, encodeURIComponent);
  } catch (cause) {
    throw new Fault('pull', 'refused', `${redactUrl(urlOf(address))}: the path is not proper text`, { cause });
  }
}

const late = (where: string, what: string, ms: number): Fault =>
  new Fault('pull', 'timeout', `${where} ${what} within ${Math.round(ms / 100) / 10} s`);

/** Node's parser names what it does not like by a code of its own; all else is a connection that broke. */
export function brokenOff(address: Address, cause: unknown): Fault {
  const where = redactUrl(urlOf(address));
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (code.startsWith('HPE_'))
    return new Fault('pull', 'garbage', `${where} does not answer in proper HTTP (${code})`, { cause });
  if (cause instanceof Fault) return asFault('pull', cause);
  return new Fault('pull', 'closed', `the connection to ${where} broke${code === '' ? '' : ` (${code})`}`, { cause });
}
