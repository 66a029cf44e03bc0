import http from 'node:http';
import { type Address, authorityOf, parseAddress, redactUrl } from './address.ts';
import { Connection, type Connections } from './connections.ts';
import { within } from './deadline.ts';
import { Fault } from './fault.ts';
import type { Dialler } from './net.ts';

/** What is read of an answer's body before the connection is closed: the status has said what matters. */
const BODY_BYTES = 64 * 1024;
const BODY_MS = 2_000;
/** Answers of class 1xx; real receivers send one at most. */
const MOST_INTERIM = 16;

export interface PostRequest {
  readonly url: string;
  readonly body: string;
  readonly contentType: string;
  /** Beyond those that are set here, which win. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PostOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Where there are any, one that is open is used, and one that brought success is kept for the next. */
  readonly connections?: Connections;
}

export interface PostAnswer {
  readonly status: number;
  /** As the header of that name came. */
  readonly retryAfter?: string;
}

/**
 * Posts a body over a connection that was opened by the one dialler and its address policy. Redirects are not followed: the
 * status is the answer. Everything that fails is a Fault that names no secret.
 */
export async function post(dialler: Dialler, request: PostRequest, options: PostOptions): Promise<PostAnswer> {
  const { signal, timeoutMs, connections } = options;
  const address = parseAddress(request.url, ['http', 'https']);
  const late = `${redactUrl(request.url)} did not answer`;
  return within({ side: 'push', signal, late, waitMs: timeoutMs }, async signal => {
    const call: Call = { request, address, signal, connections };
    const open = connections?.take(peerOf(address));
    const answer = open && (await exchangeOver(open, call, { isOpen: true }));
    if (answer) return answer;
    const connection = new Connection(await dialler.dial(address, { signal, side: 'push' }));
    const first = await exchangeOver(connection, call, { isOpen: false });
    if (first === undefined) throw new Fault('push', 'closed', `${authorityOf(address)} closed the connection`);
    return first;
  });
}

interface Call {
  readonly request: PostRequest;
  readonly address: Address;
  readonly signal: AbortSignal;
  readonly connections: Connections | undefined;
}

const peerOf = (address: Address): string => `${address.scheme}://${authorityOf(address)}`;

/** Undefined where a connection that had lain open was closed by its peer before it answered: nobody's failure. */
async function exchangeOver(
  connection: Connection,
  call: Call,
  { isOpen }: { readonly isOpen: boolean },
): Promise<PostAnswer | undefined> {
  let isKept = false;
  try {
    const answer = await exchange(connection, call);
    isKept = call.connections !== undefined && answer.status >= 200 && answer.status < 300;
    return answer;
  } catch (error) {
    if (isOpen && !call.signal.aborted && hasHungUp(error)) return undefined;
    throw error;
  } finally {
    if (isKept) call.connections?.keep(peerOf(call.address), connection);
    else connection.destroy();
  }
}

const HUNG_UP: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

const hasHungUp = (error: unknown): boolean =>
  error instanceof Fault && error.cause instanceof Error && 'code' in error.cause && HUNG_UP.has(error.cause.code);

/** The header that carries a URL's user name and password. */
export function authorization(userinfo: string): { authorization?: string } {
  if (userinfo === '') return {};
  return { authorization: `Basic ${Buffer.from(decoded(userinfo)).toString('base64')}` };
}

function decoded(userinfo: string): string {
  try {
    return decodeURIComponent(userinfo);
  } catch {
    return userinfo;
  }
}

function exchange(
  connection: Connection,
  { request: wanted, address, signal, connections }: Call,
): Promise<PostAnswer> {
  const options: http.RequestOptions = {
    agent: connection,
    method: 'POST',
    // A name is in the socket already; what stands here only becomes the Host header.
    headers: {
      ...wanted.headers,
      host: authorityOf(address),
      'content-type': wanted.contentType,
      'content-length': Buffer.byteLength(wanted.body),
      'user-agent': 'Millrace',
      connection: connections === undefined ? 'close' : 'keep-alive',
      ...authorization(address.userinfo),
    },
    path: `${address.path || '/'}${address.query}`,
    signal,
  };
  return new Promise((resolve, reject) => {
    let interim = 0;
    let answer: PostAnswer | undefined;
    const request = http.request(options, response => {
      const found = answerOf(response);
      answer = found;
      readSome(response, () => resolve(found));
    });
    // Always listened to, for Node may tell more than one; and a body that cannot be read does not take the status back.
    request.on('error', cause => {
      if (answer !== undefined) resolve(answer);
      else reject(new Fault('push', 'lost', `the request failed: ${cause.message}`, { cause }));
    });
    request.on('upgrade', () =>
      reject(new Fault('push', 'lost', 'the request failed: the peer speaks another protocol')),
    );
    request.on('information', () => {
      if (++interim > MOST_INTERIM) request.destroy(new Error('too many interim answers'));
    });
    request.end(wanted.body);
  });
}

function answerOf({ statusCode = 0, headers }: http.IncomingMessage): PostAnswer {
  const retryAfter = headers['retry-after'];
  return { status: statusCode, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

/** Reads on for a moment, so that a well-behaved receiver can finish, and calls back in any case. */
function readSome(response: http.IncomingMessage, done: () => void): void {
  const timer = setTimeout(done, BODY_MS);
  let bytes = 0;
  const finish = () => {
    clearTimeout(timer);
    done();
  };
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) finish();
  });
  for (const event of ['end', 'error', 'close']) response.once(event, finish);
}
