import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { Front } from './front.ts';
import { NatsServer } from './nats.ts';
import { Place } from './place.ts';

async function echo(place: Place, name: string): Promise<string> {
  const answer = async (asked: IncomingMessage): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of asked) parts.push(part);
    return JSON.stringify({
      name,
      method: asked.method,
      url: asked.url,
      host: asked.headers.host,
      body: `${Buffer.concat(parts)}`,
    });
  };
  const server = createServer(async (asked, told) => told.writeHead(201, { 'x-name': name }).end(await answer(asked)));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('spreads connections over nodes', async () => {
  await using place = new Place();
  const targets = [await echo(place, 'a'), await echo(place, 'b')];
  const front = await Front.start(place, () => targets);
  const host = new URL(front.url).host;
  for (const name of ['a', 'b', 'a']) {
    const answer = await fetch(`${front.url}/path?x=%2F`, {
      method: 'PUT',
      body: 'said',
      headers: { connection: 'close' },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-name')).toBe(name);
    expect(await answer.json()).toEqual({ name, method: 'PUT', url: '/path?x=%2F', host, body: 'said' });
  }
});

it('keeps the port of a NATS server that is killed and comes back without its data', async () => {
  await using place = new Place();
  const nats = await NatsServer.start(place);
  const { url, pids } = nats;
  await nats.kill();
  expect(nats.pids).toEqual([]);
  nats.wipe();
  await nats.restart();
  expect(nats.url).toBe(url);
  expect(nats.pids).not.toEqual(pids);
});
