import net from 'node:net';
import tls from 'node:tls';
import type { Place } from './place.ts';
import type { Pair } from './self-made.ts';

/** TLS in front of a plain server of this machine; answers its port. */
export async function secured(place: Place, to: number, pair: Pair): Promise<number> {
  const server = tls.createServer(pair, outer => {
    const inner = net.connect(to, '127.0.0.1');
    outer.pipe(inner).pipe(outer);
    outer.on('error', () => inner.destroy()).on('close', () => inner.destroy());
    inner.on('error', () => outer.destroy());
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => it.close());
  return (server.address() as net.AddressInfo).port;
}

/** The same as the address of a stream there: `rtmp://…` becomes `rtmps://localhost…`. */
export async function securedUrl(place: Place, url: string, pair: Pair): Promise<string> {
  const { port, pathname } = new URL(url);
  return `rtmps://localhost:${await secured(place, Number(port), pair)}${pathname}`;
}
