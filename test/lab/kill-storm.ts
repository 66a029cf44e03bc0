import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../src/store/store.ts';
import type { Event } from '../../src/task/event.ts';
import { disorder, type Judgement, judge, type Received } from './delivery-laws.ts';
import { dice } from './films.ts';
import { type Hook, openHook } from './hook.ts';
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
  const hook = await openHook(place);
  const tasks = await createTasks(node, hook.url);
  const stop = new AbortController();
  const editing = edit(node, { tasks, rate, chance, signal: stop.signal });
  try {
    for (let done = 1; done <= kills; done++) {
      await pass(lifeMs / 2 + chance(lifeMs));
      if (aim === 'requests') {
        await nextOf(hook);
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
  const log = await logOnceTold(await node.openStore(place), tasks);
  const received = hook.told.map(({ text }) => readHuawei(text, log));
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
async function logOnceTold(store: Store, tasks: readonly string[]): Promise<Map<string, Event>> {
  const accountId = (await store.accounts())[0]?.id ?? '';
  const filter = { accountId, states: ['waiting' as const] };
  const isTold = async (): Promise<boolean> => (await store.deliveries(filter, { limit: 1 })).length === 0;
  await until('all is told', isTold, { timeoutMs: 120_000, everyMs: 250 });
  const events = (await Promise.all(tasks.map(id => store.events(id, 0, MOST_ROWS)))).flat();
  return new Map(events.filter(({ type }) => type === 'changed').map(event => [event.id, event]));
}

/** The dialect does not tell an event's number: the log knows it. */
function readHuawei(body: string, log: ReadonlyMap<string, Event>): Received {
  const { event_id: id, task_id: task } = JSON.parse(body);
  return { id, task, seq: log.get(id)?.seq ?? Number.NaN, type: 'changed', text: body };
}

/** Resolves when somebody is told something. */
async function nextOf(hook: Hook): Promise<void> {
  const over = new AbortController();
  const silence = sleep(LONGEST_SILENCE_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error('nothing is told any more');
  });
  silence.catch(() => undefined);
  try {
    await Promise.race([hook.next(), silence]);
  } finally {
    over.abort();
  }
}
