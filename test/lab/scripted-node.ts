import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Place } from './place.ts';

export interface Asked {
  readonly method: string;
  /** Path and query, behind /api/v1/. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

type Answer =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | ((response: ServerResponse) => void);

/** What stands in for a node: answers by script, and keeps what it was asked. */
export interface ScriptedNode {
  readonly base: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

export async function scriptNode(
  place: Place,
  answer: (asked: Asked, nth: number) => Answer,
  port = 0,
): Promise<ScriptedNode> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const path = (request.url ?? '').replace('/api/v1/', '');
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    asked.push({ method: request.method ?? '', path, headers: request.headers, body });
    const given = answer(asked.at(-1) as Asked, asked.length);
    if (typeof given === 'function') return given(response);
    response.writeHead(given.status ?? 200, { 'content-type': 'application/json', ...given.headers });
    response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body ?? {}));
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  };
  place.own(server, close);
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close };
}

/** An event as a node tells it. */
export const scriptedEvent = (n: number, rest: Record<string, unknown> = {}) => ({
  id: `e${n}`,
  cursor: String(n),
  task_id: 't1',
  project_id: 'p1',
  seq: n,
  type: 'flowing',
  time: '2026-11-21T10:00:00.000Z',
  cause: 'run',
  from: 'scheduled',
  to: 'running',
  reason: '',
  epoch: 1,
  push_epoch: 1,
  position: null,
  version: 1,
  detail: {},
  ...rest,
});

/** The same as it goes over an event stream. */
export const streamed = (n: number): string =>
  `id: ${n}\nevent: flowing\ndata: ${JSON.stringify(scriptedEvent(n))}\n\n`;

export const startStream = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream' });
