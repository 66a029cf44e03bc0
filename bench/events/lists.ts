import type { Occurrence } from '../../src/task/event.ts';
import { percentile } from '../../test/lab/films.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import type { Place } from '../../test/lab/place.ts';
import { pass } from '../../test/lab/wait.ts';
import { createTasks, eachOf, openBeside } from './beside.ts';
import { figure, type Measured, type Subject } from './measure.ts';

const TASKS = 1_000;
const EVENTS_EACH = 99;
const ASKED = 100;
const THROTTLED = 429;
const SOMETHING: Occurrence = { type: 'alarm', cause: 'source', reason: 'it happens', detail: { alarm: 'SourceSlow' } };

/** What a store of a hundred thousand events and as many deliveries answers how fast. */
export const lists: Subject = {
  row: 'lists',
  what: `${TASKS * (EVENTS_EACH + 1)} events and nearly as many deliveries in the store; each list is asked for ${ASKED} times, over HTTP`,
  measure: async (place, run) => {
    const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
    await node.stop();
    const { task, middle } = await fill(place, node, run.scale);
    run.tell('the store is full');
    await node.restart();
    const token = /mlr_[\w-]+/.exec(await node.command('key', 'create', '--api'))?.[0] ?? '';
    const figures: Measured[] = [];
    for (const [name, path] of Object.entries(paths({ task, middle }))) {
      run.signal.throwIfAborted();
      const took = await timed(`${node.api}${path}`, token, Math.round(ASKED * run.scale));
      figures.push(figure(`GET ${name}, p99`, percentile(took, 0.99), 'ms', '<= 50'));
    }
    return figures;
  },
};

/** The deliveries are given up, so that nobody sends them. */
async function fill(place: Place, node: Millrace, scale: number): Promise<{ task: string; middle: number }> {
  const beside = await openBeside(place, node);
  const { record, store, accountId } = beside;
  const url = 'http://hooks.example/in';
  const count = Math.round(TASKS * scale);
  const tasks = await createTasks(beside, { count, projectId: node.key.projectId, url });
  const happenings = Array.from({ length: EVENTS_EACH }, () => SOMETHING);
  await eachOf(count, i => record.tell(tasks[i] ?? '', () => happenings));
  await store.giveUpDeliveries({ accountId }, { now: Date.now(), reason: 'as the bench wants it' });
  return { task: tasks[Math.floor(count / 2)] ?? '', middle: Math.floor((await store.lastEvent()) / 2) };
}

function paths({ task, middle }: { task: string; middle: number }): Readonly<Record<string, string>> {
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  return {
    events: '/api/v1/events',
    'events, a thousand': '/api/v1/events?limit=1000',
    'events from the middle up': `/api/v1/events?after=${middle}`,
    'events from the middle down': `/api/v1/events?before=${middle}`,
    'events of a task': `/api/v1/events?task_id=${task}`,
    'events of a type': '/api/v1/events?type=created',
    'events of a type that there is none of': '/api/v1/events?type=gave_up',
    'events of a cause': '/api/v1/events?cause=user',
    'events of a cause that there is none of': '/api/v1/events?cause=destination',
    'events by status': '/api/v1/events?status=scheduled',
    'events by a status that there is none of': '/api/v1/events?status=running',
    'events of a time': `/api/v1/events?since=${hourAgo}`,
    'events of a time without any': `/api/v1/events?until=${hourAgo}`,
    'events of a task by number': `/api/v1/tasks/${task}/events?after=50`,
    deliveries: '/api/v1/deliveries',
    'deliveries, a thousand': '/api/v1/deliveries?limit=1000',
    'deliveries from the middle up': `/api/v1/deliveries?after=${middle}`,
    'deliveries of a task': `/api/v1/deliveries?task_id=${task}`,
    'deliveries by state': '/api/v1/deliveries?state=dead',
    'deliveries by a state that there is none of': '/api/v1/deliveries?state=waiting',
    'deliveries of a time': `/api/v1/deliveries?since=${hourAgo}`,
    'deliveries of a time without any': `/api/v1/deliveries?until=${hourAgo}`,
    endpoints: '/api/v1/endpoints',
  };
}

/** Those that the throttle sends away are asked again, and do not count. */
async function timed(url: string, token: string, times: number): Promise<number[]> {
  const took: number[] = [];
  while (took.length < times) {
    const startedMs = performance.now();
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    await answer.text();
    if (answer.status === THROTTLED) await pass(Number(answer.headers.get('retry-after')) * 1_000);
    else if (answer.status !== 200) throw new Error(`${url} answered with ${answer.status}`);
    else took.push(performance.now() - startedMs);
  }
  return took;
}
