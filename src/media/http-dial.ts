import type net from 'node:net';
import { type Address, authorityOf, redactUrl, urlOf } from './address.ts';
import { Fault } from './fault.ts';
import { brokenOff, targetOf } from './file/http-line.ts';
import { authorization } from './http.ts';
import { type Head, LARGEST_HEAD, readHead } from './http-head.ts';
import type { Dialler } from './net.ts';
import { onAbort } from './waiting.ts';

export interface DialledOptions {
  readonly dialler: Dialler;
  /** Calls off the opening; what has been opened ends by its `close`. */
  readonly signal: AbortSignal;
}

/** An answer that has begun. Its socket is paused and nobody listens to it: it is the caller's. */
export interface Answer {
  readonly socket: net.Socket;
  readonly head: Head;
  /** What has come behind the head. */
  readonly rest: Buffer;
}

interface Wish extends DialledOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Whether what has come behind the head will do; `ended`: no more will. Throws a Fault where the answer will not do. */
  readonly suffices: (head: Head, rest: Buffer, ended: boolean) => boolean;
}

/** Answers of class 1xx; real servers send one at most. */
const MOST_INTERIM = 16;
/** Read behind the head before it must suffice. */
const MOST_BEHIND = 64 * 1024;

/** Asks over a connection of its own, opened by the one dialler, and hears the answer's head. */
export async function ask(address: Address, wish: Wish): Promise<Answer> {
  const socket = await wish.dialler.dial(address, { signal: wish.signal, side: 'pull' });
  const forget = onAbort(wish.signal, () => socket.destroy());
  try {
    socket.write(requestOf(address, wish.headers));
    return await hearAnswer(socket, address, wish.suffices);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    forget();
  }
}

export function requestOf(address: Address, headers: Readonly<Record<string, string>>): string {
  const fields = {
    Host: authorityOf(address),
    'User-Agent': 'Millrace',
    Accept: '*/*',
    'Accept-Encoding': 'identity',
    ...headers,
    ...authorization(address.userinfo),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${targetOf(address)} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Hears the head of an answer on a connection on which has been asked. */
export function hearAnswer(socket: net.Socket, address: Address, suffices: Wish['suffices']): Promise<Answer> {
  const answer = Promise.withResolvers<Answer>();
  let bytes: Buffer = Buffer.alloc(0);
  const look = (ended: boolean): void => {
    try {
      const heard = headIn(bytes);
      if (heard !== undefined && suffices(heard.head, heard.rest, ended)) answer.resolve({ socket, ...heard });
      else if (ended) throw new Error('it ended too early');
      else if (bytes.length > LARGEST_HEAD + MOST_BEHIND) throw new Fault('pull', 'garbage', 'nothing of use comes');
    } catch (error) {
      answer.reject(error instanceof Fault ? named(address, error) : brokenOff(address, error));
    }
  };
  const receive = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    look(false);
  };
  const broke = (error: Error): void => answer.reject(brokenOff(address, error));
  const ended = (): void => look(true);
  socket.on('data', receive).on('error', broke).on('end', ended).on('close', ended);
  return answer.promise.finally(() => {
    socket.pause();
    socket.on('error', () => undefined);
    socket.off('data', receive).off('error', broke).off('end', ended).off('close', ended);
  });
}

/** The head, behind those that only say that it is coming. */
export function headIn(bytes: Buffer): { head: Head; rest: Buffer } | undefined {
  let rest = bytes;
  for (let interim = 0; interim <= MOST_INTERIM; interim++) {
    const head = readHead(rest);
    if (head === undefined) return undefined;
    rest = rest.subarray(head.bytes);
    if (head.statusCode >= 200 || head.statusCode === 101) return { head, rest };
  }
  throw new Fault('pull', 'garbage', 'too many interim answers come');
}

/** The fault with the address in front of its sentence. */
export function named(address: Address, fault: Fault): Fault {
  const { side, kind, message, retryable, refusal } = fault;
  const sentence = `${redactUrl(urlOf(address))}: ${message}`;
  return new Fault(side, kind, sentence, { cause: fault, retryable, ...(refusal === undefined ? {} : { refusal }) });
}
