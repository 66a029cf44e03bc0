import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Place } from './place.ts';

export interface Told {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever is told is what the tests look into
  readonly body: any;
}

/** A receiver of callbacks that takes everything, and keeps it in order. */
export interface Hook {
  readonly base: string;
  readonly told: readonly Told[];
}

export async function openHook(place: Place): Promise<Hook> {
  const told: Told[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(body) });
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, told };
}
