import { get, type IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import Fastify from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { type Look, NotShown, type Unshown } from '../../control/taps.ts';
import { NativeError } from './error.ts';
import { type LiveLimits, LivePictures } from './live.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A node of which one task is on air, whose bytes are the test's own. */
async function serve(limits: Partial<LiveLimits> = {}) {
  const asked: { readonly taskId: string; readonly look: Look }[] = [];
  const bytes = new PassThrough();
  let refusal: Unshown | undefined;
  let stands = true;
  const live = new LivePictures({
    liveLimits: limits,
    show: async (taskId, look) => {
      asked.push({ taskId, look });
      if (refusal !== undefined) throw new NotShown(refusal);
      return bytes;
    },
  });
  const told: unknown[] = [];
  const app = Fastify();
  app.setErrorHandler((error, _request, reply) => {
    told.push(error);
    return reply.code(500).send();
  });
  app.get('/live', async (_request, reply) => {
    await live.live(reply, { taskId: 't', isNeighbour: false, stands: async () => stands });
    return reply;
  });
  app.get('/still', async (_request, reply) => live.still(reply, { taskId: 't', isNeighbour: false }));
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  closers.push(
    () => app.close(),
    () => live.close(),
    () => bytes.destroy(),
  );
  return {
    ...{ base, bytes, asked, told, live },
    refuse: (why: Unshown) => {
      refusal = why;
    },
    forbid: () => {
      stands = false;
    },
  };
}

/** Reads nothing before it is told to. */
const open = (url: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, response => {
      response.on('error', () => {});
      resolve(response);
    });
    request.on('error', reject);
    closers.push(() => request.destroy());
  });

async function read(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

test('what a worker sends is handed on as it comes, until the run ends', async () => {
  const node = await serve();
  const opening = open(`${node.base}/live`);
  node.bytes.write('FLV');
  const response = await opening;
  expect(response.statusCode).toBe(200);
  expect(response.headers).toMatchObject({ 'content-type': 'video/x-flv', 'cache-control': 'no-store' });
  node.bytes.end(' and more');
  expect(await read(response)).toBe('FLV and more');
  expect(node.asked).toEqual([{ taskId: 't', look: 'live' }]);
});

test('nothing is answered before a picture has come, and then that there is none', async () => {
  const node = await serve({ firstMs: 50 });
  await open(`${node.base}/live`);
  expect(node.told).toMatchObject([{ code: 'UNAVAILABLE', circumstances: { retryAfterMs: 2_000 } }]);
  expect(node.bytes.destroyed).toBe(true);
});

test.each([
  ['offAir', 'WRONG_STATUS'],
  ['taken', 'THROTTLED'],
  ['full', 'THROTTLED'],
  ['silent', 'UNAVAILABLE'],
] as const)('a task that cannot be shown, because of %s, is refused with %s', async (why, code) => {
  const node = await serve();
  node.refuse(why);
  await open(`${node.base}/live`);
  await open(`${node.base}/still`);
  expect(node.told).toMatchObject([{ code }, { code }]);
  expect(node.told[0]).toBeInstanceOf(NativeError);
});

test('the worker hears of a viewer who has gone', async () => {
  const node = await serve();
  node.bytes.write('FLV');
  const response = await open(`${node.base}/live`);
  response.destroy();
  await vi.waitFor(() => expect(node.bytes.destroyed).toBe(true));
});

test('a viewer who takes nothing is cut, and little waits for him meanwhile', async () => {
  const node = await serve({ stallMs: 200 });
  node.bytes.write('FLV');
  const response = await open(`${node.base}/live`);
  response.pause();
  node.bytes.setMaxListeners(0);
  let taken = 0;
  const part = Buffer.alloc(64 * 1024);
  while (!node.bytes.destroyed && taken < 64 * 1024 * 1024) {
    if (!node.bytes.write(part)) await Promise.race([once(node.bytes, 'drain'), once(node.bytes, 'close')]);
    taken += part.length;
  }
  expect(node.bytes.destroyed).toBe(true);
  expect(taken).toBeLessThan(32 * 1024 * 1024);
});

const once = (bytes: PassThrough, event: string): Promise<void> => new Promise(resolve => bytes.once(event, resolve));

test('a viewer who may look no longer is sent away', async () => {
  const node = await serve({ askMs: 20 });
  node.bytes.write('FLV');
  const response = await open(`${node.base}/live`);
  node.forbid();
  await read(response).catch(() => {});
  expect(node.bytes.destroyed).toBe(true);
});

test('all are let go when the node ends', async () => {
  const node = await serve();
  node.bytes.write('FLV');
  const response = await open(`${node.base}/live`);
  node.live.close();
  await read(response).catch(() => {});
  expect(node.bytes.destroyed).toBe(true);
});

test('a still is what the worker sends, whole', async () => {
  const node = await serve();
  node.bytes.write('FLV');
  node.bytes.end(' of a key frame');
  expect(await read(await open(`${node.base}/still`))).toBe('FLV of a key frame');
  expect(node.asked).toEqual([{ taskId: 't', look: 'still' }]);
});

test('a still beyond all measure is refused', async () => {
  const node = await serve({ stillBytes: 1_000 });
  node.bytes.end(Buffer.alloc(5_000));
  await open(`${node.base}/still`);
  expect(node.told).toMatchObject([{ code: 'UNAVAILABLE' }]);
});
