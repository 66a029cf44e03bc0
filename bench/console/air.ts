import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../../test/lab/browser.ts';
import { StreamClient } from '../../test/lab/event-stream.ts';
import { percentile } from '../../test/lab/films.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import { Nginx } from '../../test/lab/nginx.ts';
import type { Place } from '../../test/lab/place.ts';
import { figure, type Measured, type Run, type Subject } from '../events/measure.ts';
import { pass, until } from '../wait.ts';
import { Caller } from './caller.ts';
import { consoleState, openList, type ReaderState } from './reader.ts';
import { figuresOfReads } from './reads.ts';

const TASKS = 1_000;
const MAKERS = 8;
const CHANGES = 40;
const LEAST_CHANGES = 10;
const SETTLE_MS = 15_000;
/** The pages of the console ask for what is on air as often as there is room; changes come at any moment of that. */
const GAP_MS = 400;

/** A busy node, and what it answers to programs and shows to people meanwhile. */
export const air: Subject = {
  row: 'air',
  what: `${TASKS} live tasks on air, thin ones (5 pictures a second, no sound), two workers, from a source and to an nginx-rtmp of processes of their own: reads over HTTP, one after the other; then ${CHANGES} tasks stopped, as a client of the event stream and somebody with the list in a browser see it, from the call on`,
  measure: async (place, run) => {
    const browser = await openBrowser(place);
    const { node, caller, ids, state } = await onAir(place, run);
    const reads = await figuresOfReads(caller, readsOf(ids[0] ?? ''), run);
    const changes = await figuresOfChanges(place, { browser, node, caller, ids, state }, run);
    const left = await caller.count('running');
    return [
      ...reads,
      ...changes,
      figure('tasks on air, beside those that were stopped', left + countOf(run), 'tasks', `${ids.length}`),
    ];
  },
};

const countOf = ({ scale }: Run): number => Math.max(LEAST_CHANGES, Math.round(CHANGES * scale));

interface OnAir {
  readonly node: Millrace;
  readonly caller: Caller;
  readonly ids: readonly string[];
  readonly state: ReaderState;
}

async function onAir(place: Place, { scale, signal, tell }: Run): Promise<OnAir> {
  const [source, sink] = [await thinSource(place), await Nginx.start(place)];
  const flags = ['--workers', '2', '--rtmp', 'off', '--network', 'lab', '--native-calls-per-second', '0'];
  const node = await Millrace.start(place, { flags });
  const state = await consoleState(node);
  const caller = await Caller.of(node, signal);
  const names = Array.from({ length: Math.round(TASKS * scale) }, (_, i) => `channel-${i}`);
  const ids: string[] = [];
  const make = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const destination = { kind: 'url', url: sink.url(name) };
      ids.push(await caller.create({ name, source: { kind: 'live', url: source }, destination }));
    }
  };
  await Promise.all(Array.from({ length: MAKERS }, make));
  tell(`${ids.length} tasks are made`);
  const areOn = async (): Promise<boolean> => (await caller.count('running')) === ids.length;
  await until('all are on air', areOn, { timeoutMs: 180_000, everyMs: 500, signal });
  tell('all are on air');
  await pass(SETTLE_MS * Math.min(1, scale * 2), signal);
  return { node, caller, ids, state };
}

/** The address of a source with a process of its own. */
async function thinSource(place: Place): Promise<string> {
  const file = fileURLToPath(new URL('./thin-source.ts', import.meta.url));
  const child: ChildProcess = place.own(fork(file), it => it.kill('SIGKILL'));
  const [url] = (await once(child, 'message')) as [string];
  return url;
}

const readsOf = (task: string): Readonly<Record<string, string>> => ({
  tasks: 'tasks',
  'tasks, a thousand': 'tasks?limit=1000',
  'tasks on air, a thousand': 'tasks?status=running,recovering&limit=1000',
  'tasks by text': 'tasks?text=channel-77',
  'one task': `tasks/${task}`,
  'the signal of a task': `tasks/${task}/signal`,
  'the signal of a task, a day': `tasks/${task}/signal?span=24h`,
  events: 'events',
  'events of a task': `events?task_id=${task}`,
  deliveries: 'deliveries',
  nodes: 'nodes',
});

interface Readers extends OnAir {
  readonly browser: Browser;
}

async function figuresOfChanges(place: Place, readers: Readers, run: Run): Promise<readonly Measured[]> {
  const { browser, node, caller, ids, state } = readers;
  const client = new StreamClient(place, `${node.api}/api/v1/events/stream`, {
    authorization: `Bearer ${caller.token}`,
  });
  await client.open();
  const page = await openList(browser, node, { state, count: ids.length });
  await page.waitForSelector('.feed-live');
  const waits: Wait[] = [];
  for (const id of ids.slice(0, countOf(run))) {
    waits.push(await stopAndSee(id, { page, client, caller }, run));
    await pass(GAP_MS, run.signal);
  }
  return [
    figure(
      'a change at a client of the event stream, p95',
      percentile(
        waits.map(it => it.toldMs),
        0.95,
      ),
      'ms',
      '<= 1000',
    ),
    figure(
      'a change in the list of the console, p95',
      percentile(
        waits.map(it => it.shownMs),
        0.95,
      ),
      'ms',
      '<= 1000',
    ),
  ];
}

interface Wait {
  readonly toldMs: number;
  readonly shownMs: number;
}

interface Watching {
  readonly page: Page;
  readonly client: StreamClient;
  readonly caller: Caller;
}

/** Both clocks are the machine's: the page's own does not reach out of its process. */
async function stopAndSee(id: string, { page, client, caller }: Watching, { signal }: Run): Promise<Wait> {
  await page.evaluate(narrowTo(id));
  const isTold = (): boolean => client.events.some(({ task_id, type }) => task_id === id && type === 'stopped');
  const startedAt = Date.now();
  const stopped = caller.ask(`tasks/${id}/stop`, { method: 'POST' });
  const told = until('it is told', isTold, { timeoutMs: 20_000, everyMs: 2, signal }).then(() => Date.now());
  const shown = page.evaluate<number>('globalThis.shownAt');
  const [toldAt, shownAt] = await Promise.all([told, shown, stopped]);
  return { toldMs: toldAt - startedAt, shownMs: shownAt - startedAt };
}

/** Has the list show that task alone, and notes when its row says that it is stopped. */
const narrowTo = (id: string): string => `(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const says = word => document.querySelector('.virtual-row .status-' + word) !== null;
  location.hash = '#/tasks?text=${id}';
  while (document.querySelector('[role=table]')?.getAttribute('aria-rowcount') !== '2' || !says('running')) await frame();
  globalThis.shownAt = (async () => {
    while (!says('stopped')) await frame();
    return Date.now();
  })();
})()`;
