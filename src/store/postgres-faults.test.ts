import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PostgresServer } from '../../test/lab/postgres.ts';
import { until } from '../../test/lab/wait.ts';
import type { Task } from '../task/task.ts';
import { inspectPostgres } from './inspect-postgres.ts';
import { NEWEST } from './migrate.ts';
import { openPostgres } from './postgres.ts';
import { sampleTask, telling } from './sample.ts';
import type { LoggedEvent, Store } from './store.ts';

const sealKey = randomBytes(32);
const ACCOUNT = { accountId: 'default' };
/** What a caller waits at most. */
const PATIENCE_MS = 5_000;

let server: PostgresServer;
let url: string;
let store: Store;
const closing: (() => unknown)[] = [];

// A server is started and many connections are made, beside all other tests.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 60_000 });

beforeAll(async () => {
  server = await PostgresServer.open();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  url = await server.createDatabase();
  store = await open();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(at = url): Promise<Store> {
  const opened = await openPostgres({ url: at, sealKey });
  closing.push(() => opened.close());
  return opened;
}

async function put(to: Store = store): Promise<Task> {
  const change = sampleTask();
  await to.create(change);
  return change.task;
}

/** Somebody else at the same database. */
async function stranger(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  closing.push(() => client.end().catch(() => {}));
  return client;
}

/** Until somebody of ours waits for a lock. */
const isWaiting = (count = 1): Promise<unknown> =>
  until('somebody waits for a lock', async () => {
    const rows = await server.query(
      `select 1 from pg_stat_activity where application_name = 'millrace' and wait_event_type = 'Lock'`,
    );
    return rows.length >= count;
  });

async function fates(promises: readonly Promise<unknown>[]): Promise<{ kinds: unknown[]; tookMs: number }> {
  const startedMs = performance.now();
  const settled = await Promise.allSettled(promises);
  const kinds = settled.map(one => (one.status === 'rejected' ? one.reason?.kind : 'done'));
  return { kinds, tookMs: performance.now() - startedMs };
}

describe('several writers', () => {
  it('that change one task at the same time each find what the others have left', async () => {
    const { id } = await put();
    const stores = [store, await open(), await open()];
    const changes = Array.from({ length: 60 }, (_, at) => stores[at % 3]?.change(id, telling('claimed')));
    const outcomes = await Promise.all(changes);
    expect(outcomes.every(outcome => outcome?.changed)).toBe(true);
    expect((await store.get(id))?.epoch).toBe(60);
    const events = await store.events(id, 0, 100);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 61 }, (_, at) => at + 1));
  });

  it('hide no event from a reader that follows the numbers', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => open()));
    const tasks = await Promise.all(Array.from({ length: 8 }, () => put()));
    let isOver = false;
    const read: LoggedEvent[] = [];
    const follow = async (): Promise<void> => {
      while (true) {
        const wasOver = isOver;
        const news = await store.eventLog(ACCOUNT, { after: read.at(-1)?.n ?? 0, limit: 50 });
        read.push(...news);
        if (wasOver && news.length === 0) return;
      }
    };
    const following = follow();
    const writing = stores.map(async (writer, at) => {
      for (let round = 0; round < 12; round++) {
        const others = tasks.filter((_, other) => (other + at + round) % 3 === 0);
        await Promise.all(others.map(({ id }) => writer.change(id, telling('claimed', 'deliver'))));
      }
    });
    await Promise.all(writing);
    isOver = true;
    await following;
    const all = await store.eventLog(ACCOUNT, { after: 0, limit: 10_000 });
    expect(all.length).toBeGreaterThan(250);
    expect(read.map(({ n }) => n)).toEqual(all.map(({ n }) => n));
  });

  it('make one task of one creation key', async () => {
    const other = await open();
    const made = await Promise.all(
      [store, other, store, other].map(one => one.create(sampleTask(), { key: 'k', wish: 'w' })),
    );
    expect(made.filter(former => former === undefined)).toHaveLength(1);
    expect((await store.list(ACCOUNT, { offset: 0, limit: 10 })).total).toBe(1);
  });

  it('in each other`s way are let through one after the other', async () => {
    const [a, b] = [await put(), await put()].map(({ id }) => id).sort();
    if (a === undefined || b === undefined) throw new Error('two tasks were put');
    const breakpoint = { version: 1, url: 'http://f.example/a.mp4', round: 0, index: 0, offsetMs: 1 };
    const other = await stranger();
    await other.query('begin');
    await other.query(`update tasks set version = version where id = '${b}'`);
    const saved = store.saveBreakpoints([a, b].map(taskId => ({ taskId, epoch: 0, breakpoint })));
    await isWaiting();
    const crossing = other
      .query(`update tasks set version = version where id = '${a}'`)
      .then(() => other.query('commit'));
    // Either of them is told to give way; ours tries again by itself.
    await crossing.catch(() => other.query('rollback'));
    await saved;
    expect((await store.some([a, b])).map(task => task.breakpoint)).toEqual([breakpoint, breakpoint]);
  });

  it('each have the write that fails undone alone, whoever it came with', async () => {
    const first = sampleTask();
    await store.create(first);
    const second = sampleTask();
    const outcomes = await fates([
      store.create(first),
      store.create(second),
      store.change(first.task.id, telling('claimed')),
    ]);
    expect(outcomes.kinds).toEqual([undefined, 'done', 'done']);
    expect(await store.get(second.task.id)).toEqual(second.task);
  });
});

describe('a database that keeps us waiting', () => {
  it('is told as busy in time, and answers again once it can', async () => {
    const { id } = await put();
    const other = await stranger();
    await other.query('begin');
    await other.query('lock table tasks in access exclusive mode');
    const { kinds, tookMs } = await fates(Array.from({ length: 20 }, () => store.get(id)));
    expect(new Set(kinds)).toEqual(new Set(['busy']));
    expect(tookMs).toBeLessThan(PATIENCE_MS);
    await other.query('rollback');
    expect((await store.get(id))?.id).toBe(id);
  });

  it('does not keep a lease from being renewed', async () => {
    const { id } = await put();
    const other = await stranger();
    await other.query('begin');
    await other.query('lock table tasks in access exclusive mode');
    const stuck = fates([store.change(id, telling('claimed')), ...Array.from({ length: 12 }, () => store.get(id))]);
    await isWaiting(8);
    const startedMs = performance.now();
    const beat = { name: 'a', incarnation: 'i', region: 'r', version: '1', facts: '{}', staleMs: 1_000 };
    expect(await store.renewNode(beat)).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(500);
    await other.query('rollback');
    await stuck;
  });

  it('lets others on where one of its users stands still in the middle of a change', async () => {
    const { id } = await put();
    const still = new pg.Client({ connectionString: url, idle_in_transaction_session_timeout: 300 });
    still.on('error', () => {});
    await still.connect();
    closing.push(() => still.end().catch(() => {}));
    await still.query('begin');
    await still.query(`select 1 from tasks where id = '${id}' for update`);
    expect((await store.change(id, telling('claimed')))?.changed).toBe(true);
  });
});

it('goes on through a change of the tables that a newer node makes', async () => {
  const { id } = await put();
  for (let times = 0; times < 5; times++) {
    await store.get(id);
    await store.change(id, telling('claimed'));
  }
  await server.query(`alter table tasks add column later text not null default 'x'`, new URL(url).pathname.slice(1));
  expect((await store.change(id, telling('claimed')))?.task.epoch).toBe(6);
  expect((await store.get(id))?.epoch).toBe(6);
  expect((await Promise.all(Array.from({ length: 20 }, () => store.get(id)))).every(task => task?.epoch === 6)).toBe(
    true,
  );
});

describe('a connection that is lost', () => {
  it('in the middle of a change leaves nothing of it, and the change is made once', async () => {
    const { id } = await put();
    const other = await stranger();
    await other.query('begin');
    await other.query(`select 1 from tasks where id = '${id}' for update`);
    const changed = store.change(id, telling('claimed'));
    await isWaiting();
    expect(await server.terminate(url)).toBeGreaterThan(1);
    expect((await changed)?.task.epoch).toBe(1);
    expect(await store.events(id, 0, 10)).toHaveLength(2);
  });

  it.each(['behind', 'before', 'silent behind'] as const)(
    '%s the commit leads to one change all the same',
    async place => {
      const { id } = await put();
      const proxy = await CommitProxy.start(server.port);
      closing.push(() => proxy.close());
      const through = await open(url.replace(`:${server.port}/`, `:${proxy.port}/`));
      await through.get(id);
      proxy.cutNext(place);
      expect((await through.change(id, telling('claimed')))?.task.epoch).toBe(1);
      expect(proxy.cuts).toBe(1);
      expect((await store.get(id))?.epoch).toBe(1);
      expect(await store.events(id, 0, 10)).toHaveLength(2);
    },
  );
});

describe('a server', () => {
  it('that is stopped is told as gone at once, and used again by itself', async () => {
    const { id } = await put();
    await server.stop();
    const { kinds, tookMs } = await fates([
      store.get(id),
      store.change(id, telling('claimed')),
      store.list(ACCOUNT, { offset: 0, limit: 1 }),
      store.checkWritable(),
    ]);
    await server.start();
    expect(kinds).toEqual(['gone', 'gone', 'gone', 'gone']);
    expect(tookMs).toBeLessThan(PATIENCE_MS);
    await store.checkWritable();
    expect((await store.change(id, telling('claimed')))?.task.epoch).toBe(1);
  });

  it('that takes connections and says nothing is told as gone in time', async () => {
    const { id } = await put();
    server.freeze();
    const many = Array.from({ length: 100 }, () => store.change(id, telling('claimed')));
    const reads = Array.from({ length: 20 }, () => store.get(id));
    const { kinds, tookMs } = await fates([...many, ...reads]);
    server.thaw();
    expect(new Set(kinds.slice(0, 100))).toEqual(new Set(['gone']));
    expect(kinds).not.toContain('done');
    expect(tookMs).toBeLessThan(PATIENCE_MS);
    await until('it is used again', async () => (await store.get(id)) !== undefined);
    expect((await store.change(id, telling('claimed')))?.changed).toBe(true);
  }, 20_000);
});

describe('a database that is of no use', () => {
  it('because it is of a newer version is refused with what to do', async () => {
    await server.query('update schema_version set version = 999', new URL(url).pathname.slice(1));
    await expect(openPostgres({ url, sealKey })).rejects.toThrow(/version 999.*upgrade/s);
  });

  it('because it was made with another key is refused', async () => {
    await expect(openPostgres({ url, sealKey: randomBytes(32) })).rejects.toThrow('another key');
  });

  it.each([
    ['with the wrong password', (of: string) => of.replace(server.password, 'wrong'), 'password authentication failed'],
    ['of another name', (of: string) => `${of}-none`, 'does not exist'],
    ['where nobody listens', () => 'postgres://u:secret@127.0.0.1:1/none', 'ECONNREFUSED'],
  ])('%s is named without its password', async (_, changed, why) => {
    const wrong = changed(url);
    const { host, pathname, password } = new URL(wrong);
    const error: unknown = await openPostgres({ url: wrong, sealKey }).catch(it => it);
    expect(error).toMatchObject({ name: 'UnusableDatabase', message: expect.stringContaining(why) });
    expect(String(error)).toContain(`${pathname.slice(1)} at ${host}`);
    expect(String(error)).not.toContain(password);
  });
});

describe('a look at a database', () => {
  it('tells its version, and how many users there are', async () => {
    expect(await inspectPostgres(url)).toEqual({ exists: true, error: '', version: NEWEST, known: NEWEST, users: 0 });
  });

  it('that is empty finds none', async () => {
    expect(await inspectPostgres(await server.createDatabase())).toMatchObject({ exists: false, error: '' });
  });

  it('that does not answer says so', async () => {
    const { error } = await inspectPostgres('postgres://u:secret@127.0.0.1:1/none');
    expect(error).toContain('ECONNREFUSED');
  });
});

it('finds nothing by a text that the database cannot hold', async () => {
  expect(await store.get('a\0b')).toBeUndefined();
  expect(await store.account('\ud800')).toBeUndefined();
});

type Cut = 'before' | 'behind' | 'silent behind';

/** Loses the connection with the next commit: before the server has heard it, or before its answer is heard. */
class CommitProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #open = new Set<Socket>();
  #cut: Cut | undefined;
  cuts = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer(client => this.#join(client));
  }

  static async start(target: number): Promise<CommitProxy> {
    const proxy = new CommitProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  cutNext(place: Cut): void {
    this.#cut = place;
  }

  #join(client: Socket): void {
    const peer = connect(this.#target, '127.0.0.1');
    let losesAnswer = false;
    let isSilent = false;
    const end = (): void => {
      client.destroy();
      peer.destroy();
    };
    for (const socket of [client, peer]) {
      this.#open.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', bytes => {
      if (this.#cut !== undefined && bytes.includes('commit')) {
        losesAnswer = this.#cut === 'behind';
        isSilent = this.#cut === 'silent behind';
        this.#cut = undefined;
        this.cuts += 1;
        if (!losesAnswer && !isSilent) return end();
      }
      peer.write(bytes);
    });
    peer.on('data', bytes => {
      if (losesAnswer) end();
      else if (!isSilent) client.write(bytes);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
  }
}
