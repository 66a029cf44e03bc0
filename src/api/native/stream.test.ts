import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import Fastify from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import type { EventQuery, Listen, LoggedEvent, LogPage, Part } from '../../control/history.ts';
import type { Owner } from '../../control/tasks.ts';
import type { Task } from '../../task/task.ts';
import { NativeError } from './error.ts';
import { EventStreams, type StreamLimits, type Subscription } from './stream.ts';

const OWNER = { accountId: 'default', projectId: '' };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A log in memory, of tasks that are whatever they are said to be. */
class HandLog {
  readonly rows: LoggedEvent[] = [];
  readonly listeners = new Set<Listen>();
  reads = 0;

  add(change: Partial<LoggedEvent> = {}): void {
    const n = this.rows.length + 1;
    const event = { n, id: `e${n}`, seq: n, type: 'changed', at: 0, position: null, detail: {}, reason: '', ...change };
    const owned = { accountId: 'default', projectId: 'p1', taskId: 't1', ...event } as unknown as LoggedEvent;
    this.rows.push(owned);
    const task = { id: owned.taskId, accountId: owned.accountId, projectId: owned.projectId } as Task;
    for (const listen of this.listeners) listen(owned, task);
  }

  lastEvent = async (): Promise<number> => this.rows.length;

  events = async (
    { accountId }: Owner,
    { taskId }: EventQuery,
    { after = 0, limit }: LogPage,
  ): Promise<Part<LoggedEvent>> => {
    this.reads++;
    const found = this.rows.filter(
      row => row.n > after && row.accountId === accountId && [undefined, row.taskId].includes(taskId),
    );
    const rows = found.slice(0, limit);
    return { rows, next: found.length > limit ? (rows.at(-1)?.n ?? null) : null };
  };

  onEvent = (listen: Listen): (() => void) => {
    this.listeners.add(listen);
    return () => this.listeners.delete(listen);
  };
}

async function serve(log: HandLog, limits: Partial<StreamLimits> = {}, wish: Partial<Subscription> = {}) {
  const told: object[] = [];
  const streams = new EventStreams({
    history: log,
    redact: url => url,
    log: { info: facts => told.push(facts) },
    monotonic: () => performance.now(),
    limits,
  });
  const refused: unknown[] = [];
  const app = Fastify();
  app.get('/', async (_request, reply) => {
    const subscription = { owner: OWNER, query: {}, after: 0, stands: async () => true, ...wish };
    await streams.open(reply, subscription).catch(error => {
      refused.push(error);
      throw error;
    });
    return reply;
  });
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  closers.push(
    () => app.close(),
    () => streams.close(),
  );
  return { base, streams, refused, told };
}

/** What a client of the stream has read up to now, as text. */
async function listen(base: string): Promise<{ response: IncomingMessage; text: () => string; ids: () => number[] }> {
  const asked = request(base, { agent: false });
  asked.on('error', () => {});
  asked.end();
  closers.push(() => asked.destroy());
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', piece => {
    text += piece;
  });
  response.on('error', () => {});
  const ids = (): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  return { response, text: () => text, ids };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

test('a stream tells what there is and goes on with what comes', async () => {
  const log = new HandLog();
  for (let i = 0; i < 3; i++) log.add();
  const client = await listen((await serve(log)).base);
  await vi.waitFor(() => expect(client.ids()).toEqual([1, 2, 3]));
  log.add({ type: 'gaveUp' });
  await vi.waitFor(() => expect(client.ids()).toEqual([1, 2, 3, 4]));
  expect(client.response.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8' });
  expect(client.text()).toMatch(/^retry: 1000\n\nid: 1\nevent: changed\ndata: \{.*\}\n\n/);
  expect(client.text()).toContain('event: gave_up\n');
});

test('a long log is told to its end, in its order and each event once, while more comes', async () => {
  const log = new HandLog();
  for (let i = 0; i < 1_000; i++) log.add();
  const client = await listen((await serve(log)).base);
  for (let i = 0; i < 500; i++) {
    log.add();
    if (i % 50 === 0) await new Promise(setImmediate);
  }
  await vi.waitFor(() => expect(client.ids()).toEqual(range(1_500)), { timeout: 10_000 });
});

test('a stream that names no place begins with what comes', async () => {
  const log = new HandLog();
  log.add();
  const client = await listen((await serve(log, {}, { after: undefined })).base);
  log.add();
  await vi.waitFor(() => expect(client.ids()).toEqual([2]));
});

test('a place ahead of the log counts as its end', async () => {
  const log = new HandLog();
  log.add();
  const client = await listen((await serve(log, {}, { after: 1_000_000 })).base);
  log.add();
  await vi.waitFor(() => expect(client.ids()).toEqual([2]));
});

test('what concerns others is not read for', async () => {
  const log = new HandLog();
  const client = await listen((await serve(log, {}, { query: { taskId: 't1' } })).base);
  await vi.waitFor(() => expect(log.reads).toBe(1));
  log.add({ taskId: 't2' });
  log.add({ accountId: 'stranger' });
  log.add();
  await vi.waitFor(() => expect(client.ids()).toEqual([3]));
  expect(log.reads).toBe(2);
});

test('a stream without news says so now and then, and asks whether its caller may still read', async () => {
  const log = new HandLog();
  let stands = true;
  const { base } = await serve(log, { keepAliveMs: 20 }, { stands: async () => stands });
  const client = await listen(base);
  await vi.waitFor(() => expect(client.text().match(/^: still here$/gm)?.length).toBeGreaterThan(2));
  stands = false;
  await once(client.response, 'end');
});

test('a stream ends after its time, so that its client shows again who it is', async () => {
  const log = new HandLog();
  const client = await listen((await serve(log, { keepAliveMs: 20, lifeMs: 60 })).base);
  await once(client.response, 'end');
  await vi.waitFor(() => expect(log.listeners.size).toBe(0));
});

test('a client that does not read is cut, and the others go on', async () => {
  const log = new HandLog();
  const { base, told } = await serve(log, { stallMs: 300 });
  const { port } = new URL(base);
  const deaf = connect(Number(port), '127.0.0.1');
  closers.push(() => deaf.destroy());
  const cut = once(deaf, 'close');
  deaf.on('error', () => {});
  deaf.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  deaf.pause();
  await vi.waitFor(() => expect(log.listeners.size).toBe(1));
  const client = await listen(base);
  const reason = 'x'.repeat(3_000);
  for (let i = 0; i < 5_000; i++) log.add({ reason });
  await vi.waitFor(() => expect(client.ids()).toHaveLength(5_000), { timeout: 8_000 });
  await vi.waitFor(() => expect(told).toMatchObject([{ why: 'the client does not read' }]), { timeout: 8_000 });
  deaf.resume();
  await cut;
  log.add();
  await vi.waitFor(() => expect(client.ids()).toHaveLength(5_001));
});

test('an account has only so many streams, and a node; room is made when one goes', async () => {
  const log = new HandLog();
  const { base, refused } = await serve(log, { ofOneAccount: 2 });
  const [first] = [await listen(base), await listen(base)];
  await listen(base);
  expect(refused[0]).toMatchObject({ code: 'THROTTLED', circumstances: { retryAfterMs: 5_000 } });
  first?.response.destroy();
  await vi.waitFor(() => expect(log.listeners.size).toBe(1));
  await listen(base);
  expect(refused).toHaveLength(1);

  const full = await serve(log, { ofAll: 1 });
  await listen(full.base);
  await listen(full.base);
  expect(full.refused[0]).toBeInstanceOf(NativeError);
  expect(full.refused[0]).toMatchObject({ code: 'UNAVAILABLE' });
});

test('a log that cannot be read ends the stream, for its client may come again', async () => {
  const log = new HandLog();
  const client = await listen((await serve(log)).base);
  log.events = () => Promise.reject(new Error('the store is closed'));
  const closed = new Promise(resolve => client.response.on('close', resolve));
  log.add();
  await closed;
  expect(log.listeners.size).toBe(0);
});

test('closing ends all streams', async () => {
  const log = new HandLog();
  const { base, streams } = await serve(log);
  const clients = [await listen(base), await listen(base)];
  const ended = clients.map(({ response }) => once(response, 'end'));
  streams.close();
  await Promise.all(ended);
});
