import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type Answer, HuaweiError, printError } from './huawei/error.ts';

/** No client of ours sends a request before it has the answer to the last one; a proxy may, a few ahead. */
const MOST_AHEAD = 16;

/**
 * Ends connections that pour requests in without waiting for answers: Node would hold all of them at once, at a
 * hundred times the bytes that each has cost its sender.
 */
export function boundPipelines(app: FastifyInstance): void {
  const unanswered = new WeakMap<Socket, number>();
  app.addHook('onRequest', (request, reply, next) => {
    const { socket } = request.raw;
    const count = (unanswered.get(socket) ?? 0) + 1;
    unanswered.set(socket, count);
    if (count <= MOST_AHEAD && !socket.destroyed) return next();
    reply.hijack();
    socket.destroy();
  });
  app.addHook('onResponse', (request, _reply, next) => {
    const { socket } = request.raw;
    unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1);
    next();
  });
}

/** What Node would answer by itself, without a word in our own shape. */
export function settleOddRequests(server: Server, newId: () => string): void {
  server.on('connect', (_request, socket: Duplex) => {
    socket.on('error', () => {});
    endWith(socket, new HuaweiError('method', 'The HTTP method is not supported.'), newId());
  });
  // An expectation that nobody knows may be ignored: RFC 9110, section 10.1.1.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

const BROKEN: Readonly<Record<string, Answer>> = {
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'slow',
};
const REASON_PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** What Node's parser could not read gets a last answer and the connection ends. */
export function answerBroken(error: NodeJS.ErrnoException, socket: Duplex, newId: () => string): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  endWith(socket, new HuaweiError(BROKEN[error.code ?? ''] ?? 'malformed', 'The request could not be read.'), newId());
}

/** Takes no more requests, and gives those that are on their way so long. */
export async function closeWithin(app: FastifyInstance, graceMs: number): Promise<void> {
  const late = setTimeout(() => app.server.closeAllConnections(), graceMs);
  await app.close();
  clearTimeout(late);
}

function endWith(socket: Duplex, error: HuaweiError, requestId: string): void {
  const { status, body } = printError(error, requestId);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${REASON_PHRASES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
  // A reset would take the answer away from a client that is still writing.
  setTimeout(() => socket.destroy(), 1_000).unref();
}
