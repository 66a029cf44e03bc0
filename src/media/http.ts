import http from 'node:http';
import { authorityOf, parseAddress, redactUrl } from './address.ts';
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
}

/**
 * Posts a body over a connection of its own, opened by the one dialler and its address policy. Redirects are not
 * followed: the status is the answer. Everything that fails is a Fault that names no secret.
 */
export async function post(
  dialler: Dialler,
  request: PostRequest,
  options: PostOptions,
): Promise<{ readonly status: number }> {
  const address = parseAddress(request.url, ['http', 'https']);
  const late = `${redactUrl(request.url)} did not answer`;
  const deadline = { side: 'push', signal: options.signal, late, waitMs: options.timeoutMs } as const;
  return within(deadline, async signal => {
    const socket = await dialler.dial(address, { signal, side: 'push' });
    try {
      return await exchange({
        createConnection: () => socket,
        method: 'POST',
        // A name is in the socket already; what stands here only becomes the Host header.
        headers: {
          ...request.headers,
          host: authorityOf(address),
          'content-type': request.contentType,
          'content-length': Buffer.byteLength(request.body),
          'user-agent': 'Millrace',
          connection: 'close',
          ...authorization(address.userinfo),
        },
        path: `${address.path || '/'}${address.query}`,
        body: request.body,
        signal,
      });
    } finally {
      socket.destroy();
    }
  });
}

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

function exchange(options: http.RequestOptions & { body: string; signal: AbortSignal }): Promise<{ status: number }> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    let interim = 0;
    let status: number | undefined;
    const request = http.request(rest, response => {
      status = response.statusCode ?? 0;
      readSome(response, () => resolve({ status: status ?? 0 }));
    });
    // Always listened to, for Node may tell more than one; and a body that cannot be read does not take the status back.
    request.on('error', cause => {
      if (status !== undefined) resolve({ status });
      else reject(new Fault('push', 'lost', `the request failed: ${cause.message}`, { cause }));
    });
    request.on('information', () => {
      if (++interim > MOST_INTERIM) request.destroy(new Error('too many interim answers'));
    });
    request.end(body);
  });
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
