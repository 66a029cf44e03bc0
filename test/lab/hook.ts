import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Place } from './place.ts';

export interface Told {
  /** Wall time at which its first bytes were here: that is what an event's own time can be compared with. */
  readonly at: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever is told is what the tests look into
  readonly body: any;
}

/** A receiver of callbacks that takes everything at once, and keeps it in order. */
export interface Hook {
  readonly base: string;
  /** An address of it. */
  readonly url: string;
  readonly told: readonly Told[];
  /** Resolves when the next one is taken. */
  next(): Promise<void>;
}

export async function openHook(place: Place): Promise<Hook> {
  const told: Told[] = [];
  let coming = Promise.withResolvers<void>();
  const take = (one: Told): void => {
    told.push(one);
    coming.resolve();
    coming = Promise.withResolvers();
  };
  const server = createServer(async (request, response) => {
    const { url: path = '', headers } = request;
    const at = Date.now();
    const said = await text(request).catch(() => undefined);
    // Who was killed in the middle of it sends it again.
    if (said === undefined) return;
    take({ at, path, headers, text: said, body: parsed(said) });
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { base, url: `${base}/hook`, told, next: () => coming.promise };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
