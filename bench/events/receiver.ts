import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Place } from '../../test/lab/place.ts';

export interface Arrival {
  /** Wall time at which its first bytes were here: that is what an event's own time can be compared with. */
  readonly at: number;
  readonly body: string;
}

/** A receiver that takes everything at once. */
export interface Receiver {
  readonly url: string;
  readonly arrivals: readonly Arrival[];
}

export async function openReceiver(place: Place): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    const at = Date.now();
    text(request).then(
      body => {
        arrivals.push({ at, body });
        response.end();
      },
      () => request.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, arrivals };
}
