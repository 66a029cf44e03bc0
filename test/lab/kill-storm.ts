import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Render, Record as TaskRecord } from '../../src/control/record.ts';
import { timedIds } from '../../src/control/timed-ids.ts';
import { loadSealKey } from '../../src/store/seal.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import type { Event, Occurrence } from '../../src/task/event.ts';
import { type Judgement, judge, readBody } from './delivery-laws.ts';
import { dice } from './films.ts';
import { Millrace } from './millrace.ts';
import type { Body } from './outbox.ts';
import type { Place } from './place.ts';
import { pass, until } from './wait.ts';

const DAY_MS = 24 * 3_600_000;
const TASKS = 30;
const LONGEST_SILENCE_MS = 30_000;
const MOST_ROWS = 10_000_000;
const WISH = { dialect: 'native', name: '', region: 'default', standby: [], retry: null, echo: {} } as const;

export interface StormWish {
  readonly kills: number;
  readonly seed: number;
  /** Events a second. */
  readonly rate: number;
  /** About how long a control process lives. */
  readonly lifeMs: number;
  /** `requests`: right when a request of it arrives, or some milliseconds later. */
  readonly aim: 'requests' | 'any time';
  readonly name?: string;
  readonly onKill?: (done: number) => void;
}

export interface StormOutcome extends Judgement {
  readonly kills: number;
  readonly deliveries: number;
  /** First arrivals that came before one of the same task with a smaller number. */
  readonly outOfOrder: readonly string[];
}

/**
 * A real node tells thousands of events, which come about beside it in its store, while its control process is killed with -9
 * over and over.
 */
export async function killStorm(place: Place, wish: StormWish): Promise<StormOutcome> {
  const { kills, seed, rate, lifeMs, aim, name = 'storm', onKill = () => undefined } = wish;
  const chance = dice(seed);
  const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'], name });
  const store = await openBeside(place, node);
  const mailbox = await Mailbox.open(place);
  const events = await Happenings.begin(store, node, mailbox.url);
  const stop = new AbortController();
  const going = events.goOn({ rate, chance, signal: stop.signal });
  for (let done = 1; done <= kills; done++) {
    await pass(lifeMs / 2 + chance(lifeMs));
    if (aim === 'requests') {
      await mailbox.next();
      await pass(chance(8));
    }
    await node.killControl();
    await node.restart();
    onKill(done);
  }
  stop.abort();
  await going;
  await until('all is told', () => events.isAllTold(), { timeoutMs: 120_000, everyMs: 250 });
  const log = await events.log();
  const received = mailbox.got.map(body => ({ id: readBody(body).id, body }));
  return { ...judge(log, received), kills, deliveries: log.length, outOfOrder: disorder(mailbox.got) };
}

async function openBeside(place: Place, { data }: Millrace): Promise<Store> {
  const file = join(data, 'millrace.db');
  const store = await openSqlite({ file, sealKey: loadSealKey(join(data, 'seal.key'), file) });
  return place.own(store, it => it.close());
}

/** A receiver that takes everything at once. */
class Mailbox {
  readonly got: string[] = [];
  readonly url: string;
  #waiting: (() => void)[] = [];

  private constructor(url: string) {
    this.url = url;
  }

  static async open(place: Place): Promise<Mailbox> {
    let take = (_: string): void => undefined;
    const server = createServer(async (request, response) => {
      const body = await text(request).catch(() => undefined);
      if (body === undefined) return;
      take(body);
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await new Promise(resolve => server.once('listening', resolve));
    place.own(server, it => {
      it.closeAllConnections();
      it.close();
    });
    const mailbox = new Mailbox(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`);
    take = body => mailbox.#take(body);
    return mailbox;
  }

  /** Resolves with the next request. */
  next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing is told any more')), LONGEST_SILENCE_MS);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #take(body: string): void {
    this.got.push(body);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

const render: Render = ({ seq, id, type }, { id: task }) => {
  const body: Body = { task, seq, id, type };
  return { contentType: 'application/json', body: JSON.stringify(body) };
};
const SOMETHING: Occurrence = { type: 'alarm', cause: 'source', reason: 'it happens', detail: { alarm: 'SourceSlow' } };

/** Tasks of a node, and what happens to them, stored by this process so that no kill can undo it. */
class Happenings {
  readonly #store: Store;
  readonly #record: TaskRecord;
  readonly #accountId: string;
  readonly #tasks: string[] = [];

  private constructor(store: Store, accountId: string) {
    this.#store = store;
    this.#accountId = accountId;
    const newId = timedIds({ now: Date.now, randomBytes });
    const parts = { store, now: Date.now, newId, render: { native: render }, onEvent: [], log: () => undefined };
    this.#record = new TaskRecord(parts);
  }

  static async begin(store: Store, { key }: Millrace, url: string): Promise<Happenings> {
    const happenings = new Happenings(store, (await store.accounts())[0]?.id ?? '');
    for (let i = 0; i < TASKS; i++) await happenings.#create(key.projectId, url);
    return happenings;
  }

  async #create(projectId: string, url: string): Promise<void> {
    const now = Date.now();
    const spec = {
      ...{ ...WISH, enabled: true, startAt: now + DAY_MS, endAt: now + 2 * DAY_MS, callback: { url, events: [] } },
      source: { kind: 'live', url: 'rtmp://src.example/live/a' } as const,
      destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' } as const,
    };
    const seed = { id: randomUUID(), accountId: this.#accountId, projectId, spec };
    this.#tasks.push((await this.#record.create(seed)).id);
  }

  /** So many a second, a few to a transaction. */
  async goOn(parts: { rate: number; chance: (below: number) => number; signal: AbortSignal }): Promise<void> {
    const { rate, chance, signal } = parts;
    const together = Math.max(1, Math.round(rate / 30));
    const startedMs = performance.now();
    for (let made = 0; !signal.aborted; made += together) {
      const task = this.#tasks[chance(TASKS)] ?? '';
      await this.#record.tell(task, () => Array.from({ length: together }, () => SOMETHING));
      await pass(Math.max(1, startedMs + ((made + together) * 1000) / rate - performance.now()));
    }
  }

  async isAllTold(): Promise<boolean> {
    const filter = { accountId: this.#accountId, states: ['waiting' as const] };
    return (await this.#store.deliveries(filter, { limit: 1 })).length === 0;
  }

  async log(): Promise<readonly Event[]> {
    return (await Promise.all(this.#tasks.map(id => this.#store.events(id, 0, MOST_ROWS)))).flat();
  }
}

function disorder(got: readonly string[]): string[] {
  const highest = new Map<string, number>();
  const seen = new Set<string>();
  const found: string[] = [];
  for (const { task, seq, id } of got.map(readBody)) {
    if (seen.has(id)) continue;
    seen.add(id);
    const before = highest.get(task) ?? 0;
    if (seq < before) found.push(`${seq} of ${task} came behind ${before}`);
    highest.set(task, Math.max(before, seq));
  }
  return found;
}
