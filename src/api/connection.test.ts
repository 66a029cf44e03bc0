import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { closeWithin } from './connection.ts';

it('gives a request that is on its way some time when the server closes, and not for ever', async () => {
  const app = Fastify();
  const asked = Promise.withResolvers<void>();
  app.addHook('onRequest', async () => asked.resolve());
  app.post('/', async () => 'answered');
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const slow = connect({ host: '127.0.0.1', port });
  slow.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nhalf');
  await asked.promise;
  slow.on('error', () => {});
  const startMs = performance.now();
  await Promise.all([closeWithin(app, 200), once(slow, 'close')]);
  expect(performance.now() - startMs).toBeGreaterThan(150);
  await closeWithin(app, 200);
});
