import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadSealKey } from '../../src/store/seal.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Event } from '../../src/task/event.ts';
import { disorder, type Judgement, judge, type Received } from './delivery-laws.ts';
import { dice } from './films.ts';
import { Millrace } from './millrace.ts';
import type { Place } from './place.ts';
import { pass, until } from './wait.ts';

const DAY_MS = 24 * 3_600_000;
const TASKS = 30;
const LONGEST_SILENCE_MS = 30_000;
const MOST_ROWS = 10_000_000;

export interface StormWish {
  readonly kills: number;
  readonly seed: number;
  /** Edits a second, each of which is told. */
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
  readonly outOfOrder: readonly string[];
}

/**
 * The tasks of a real node are edited all the time and their receiver is told, while its control process is killed with -9
 * over and over. What the store has in the end is what was to be told, whatever the one who edited was answered.
 */
export async function killStorm(place: Place, wish: StormWish): Promise<StormOutcome> {
  const { kills, seed, rate, lifeMs, aim, name = 'storm', onKill = () => undefined } = wish;
  const chance = dice(seed);
  const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'], name });
  const mailbox = await Mailbox.open(place);
  const tasks = await createTasks(node, mailbox.url);
  const stop = new AbortController();
  const editing = edit(node, { tasks, rate, chance, signal: stop.signal });
  try {
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
  } finally {
    stop.abort();
    await editing;
  }
  const log = await logOnceTold(node, tasks);
  const received = mailbox.got.map(body => readHuawei(body, log));
  return { ...judge([...log.values()], received), kills, outOfOrder: disorder(received) };
}

/** Lists of files, for of those every edit is told. They start in a day. */
async function createTasks({ huawei }: Millrace, url: string): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < TASKS; i++) {
    const body = {
      ...{ source_type: 'PullVodPushLive', source_urls: ['http://m.example/a.mp4'], callback_url: url },
      ...{ destination_url: 'rtmp://dst.example/live/b', start_time: printTime(Date.now() + DAY_MS) },
    };
    const answer = await huawei.call({ method: 'POST', body });
    if (answer.status !== 200) throw new Error(`create answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    ids.push(answer.body.task_id);
  }
  return ids;
}

interface Editing {
  readonly tasks: readonly string[];
  readonly rate: number;
  readonly chance: (below: number) => number;
  readonly signal: AbortSignal;
}

/** So many a second, as far as anybody answers; none waits for another. */
async function edit(node: Millrace, { tasks, rate, chance, signal }: Editing): Promise<void> {
  const underWay = new Set<Promise<unknown>>();
  const startedMs = performance.now();
  for (let made = 0; !signal.aborted; made++) {
    const body = { task_id: tasks[chance(tasks.length)], end_time: printTime(Date.now() + 2 * DAY_MS + made * 1_000) };
    const call = node.huawei
      .call({ method: 'PUT', body })
      // It was killed: what came of it is in the store.
      .catch(() => undefined)
      .finally(() => underWay.delete(call));
    underWay.add(call);
    await pass(Math.max(1, startedMs + ((made + 1) * 1_000) / rate - performance.now()));
  }
  await Promise.all(underWay);
}

const printTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** What was to be told, by the ids of the events; once nothing waits any more. */
async function logOnceTold({ data }: Millrace, tasks: readonly string[]): Promise<Map<string, Event>> {
  const file = join(data, 'millrace.db');
  const store = await openSqlite({ file, sealKey: loadSealKey(join(data, 'seal.key'), file) });
  try {
    const accountId = (await store.accounts())[0]?.id ?? '';
    const filter = { accountId, states: ['waiting' as const] };
    const isTold = async (): Promise<boolean> => (await store.deliveries(filter, { limit: 1 })).length === 0;
    await until('all is told', isTold, { timeoutMs: 120_000, everyMs: 250 });
    const events = (await Promise.all(tasks.map(id => store.events(id, 0, MOST_ROWS)))).flat();
    return new Map(events.filter(({ type }) => type === 'changed').map(event => [event.id, event]));
  } finally {
    await store.close();
  }
}

/** The dialect does not tell an event's number: the log knows it. */
function readHuawei(body: string, log: ReadonlyMap<string, Event>): Received {
  const { event_id: id, task_id: task } = JSON.parse(body);
  return { id, task, seq: log.get(id)?.seq ?? Number.NaN, type: 'changed', text: body };
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
