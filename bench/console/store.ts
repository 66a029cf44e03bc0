import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import type { TaskSpec } from '../../src/task/spec.ts';
import { openBrowser } from '../../test/lab/browser.ts';
import { dice, percentile } from '../../test/lab/films.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import type { Place } from '../../test/lab/place.ts';
import { type Beside, eachOf, openBeside } from '../events/beside.ts';
import { figure, type Measured, type Run, type Subject } from '../events/measure.ts';
import { Caller } from './caller.ts';
import { consoleState, openList } from './reader.ts';
import { figuresOfReads } from './reads.ts';

const TASKS = 10_000;
/** A rehearsal is of a list that is still long. */
const LEAST_TASKS = 2_000;
const HOUR_MS = 3_600_000;
const FRAME_MS = 1_000 / 60;
/** The whole list passes by in so many: ten seconds. */
const FRAMES = 600;
const LEAST_FRAMES = 120;
const WORDS = ['news', 'sport', 'market', 'weather', 'cathedral', 'harbour', 'studio', 'cinema', 'parliament', 'radio'];
const TOWNS = ['Berlin', 'Lyon', 'Porto', 'Oslo', 'Gent', 'Turin', 'Kyoto', 'Lima', 'Perth', 'Quito'];
/** Each is typed letter by letter, and taken back. */
const TYPED = ['sport', 'harbour oslo', 'nothing of that name', 'cinema 0042', 'kyoto'];

/** A long list in front of somebody, and the calls of programs meanwhile. */
export const store: Subject = {
  row: 'store',
  what: `${TASKS} tasks in the store, all of them in the list of the console: scrolled from end to end in ten seconds, and narrowed letter by letter; then each read over HTTP, one after the other`,
  measure: async (place, run) => {
    const browser = await openBrowser(place);
    const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
    const state = await consoleState(node);
    const count = Math.max(LEAST_TASKS, Math.round(TASKS * run.scale));
    const someTask = await fill(place, node, count);
    run.tell('the store is full');
    const page = await openList(browser, node, { state, count });
    const scrolled = await scroll(page, run);
    const filtered = await filter(page, run);
    await page.context().close();
    const caller = await Caller.of(node, run.signal);
    return [...scrolled, ...filtered, ...(await figuresOfReads(caller, readsOf(someTask), run))];
  },
};

/** The node is away meanwhile; answers one of the tasks. */
async function fill(place: Place, node: Millrace, count: number): Promise<string> {
  await node.stop();
  const beside = await openBeside(place, node);
  const chance = dice(1);
  const ids = await eachOf(count, i => createOne(beside, { i, chance, projectId: node.key.projectId }));
  await node.restart();
  return ids[Math.floor(count / 2)] ?? '';
}

async function createOne(
  { record, accountId }: Beside,
  {
    i,
    chance,
    projectId,
  }: { readonly i: number; readonly chance: (below: number) => number; readonly projectId: string },
): Promise<string> {
  const now = Date.now();
  const place = `${WORDS[chance(WORDS.length)]} ${TOWNS[chance(TOWNS.length)]}`;
  const spec: TaskSpec = {
    ...{ dialect: 'native', region: 'default', standby: [], enabled: chance(4) > 0, retry: null, echo: {} },
    name: `${place} ${String(i).padStart(4, '0')}`,
    tags: [WORDS[chance(WORDS.length)] ?? ''],
    source: { kind: 'live', url: `rtmp://in.example/live/${i}` },
    destination: { kind: 'url', url: `rtmp://out.example/live/key-${i}`, args: '' },
    ...{ startAt: now + HOUR_MS + i * 1_000, endAt: now + 48 * HOUR_MS, callback: null },
  };
  return (await record.create({ id: randomUUID(), accountId, projectId, spec })).id;
}

const readsOf = (task: string): Readonly<Record<string, string>> => ({
  tasks: 'tasks',
  'tasks, a thousand': 'tasks?limit=1000',
  'tasks by status': 'tasks?status=scheduled',
  'tasks by text': 'tasks?text=harbour%20Oslo',
  'tasks by a text that there is none of': 'tasks?text=nothing-of-that-name',
  'tasks by tag': 'tasks?tag=radio',
  'one task': `tasks/${task}`,
  events: 'events',
});

interface Scrolled {
  /** From one frame to the next. */
  readonly gaps: readonly number[];
  /** What the page does in a frame, from the event that it has been scrolled until that is painted. */
  readonly works: readonly number[];
}

async function scroll(page: Page, { scale, tell }: Run): Promise<readonly Measured[]> {
  const frames = Math.max(LEAST_FRAMES, Math.round(FRAMES * scale));
  const readCpuMs = await cpuClockOf(page);
  const beforeMs = await readCpuMs();
  const { gaps, works } = await page.evaluate<Scrolled>(scrollingBy(frames));
  const cpuMs = (await readCpuMs()) - beforeMs;
  tell(`${gaps.length} frames of scrolling`);
  const dropped = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / FRAME_MS) - 1), 0);
  const lastedS = gaps.reduce((sum, gap) => sum + gap, 0) / 1_000;
  return [
    // A clock of a browser that makes 60 frames a second says 59.9 as often as 60.1.
    figure('frames a second while it scrolls', gaps.length / lastedS, '/s', '>= 59.5'),
    figure('frames that were dropped meanwhile', (dropped / (dropped + gaps.length)) * 100, '%', '<= 1'),
    figure('CPU of the page for a frame, mean', cpuMs / frames, 'ms', '<= 16.7'),
    figure('work of the page for a frame, p99', percentile(works, 0.99), 'ms', '<= 16.7'),
  ];
}

/** What the main thread of the page has used of a core, whatever else the machine does. */
async function cpuClockOf(page: Page): Promise<() => Promise<number>> {
  const inspector = await page.context().newCDPSession(page);
  await inspector.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await inspector.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN) * 1_000;
  };
}

const scrollingBy = (frames: number): string => `(async () => {
  const box = document.querySelector('.virtual');
  const step = (box.scrollHeight - box.clientHeight) / ${frames};
  const [gaps, works] = [[], []];
  let began;
  document.addEventListener('scroll', () => { began ??= performance.now(); }, true);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    if (began !== undefined) works.push(performance.now() - began);
    began = undefined;
  };
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < ${frames}; frame++) {
    box.scrollTop += step;
    const now = await new Promise(requestAnimationFrame);
    port2.postMessage(0);
    gaps.push(now - last);
    last = now;
  }
  box.scrollTop = 0;
  return { gaps, works };
})()`;

async function filter(page: Page, { scale, signal }: Run): Promise<readonly Measured[]> {
  await page.evaluate(FOLLOW_KEYS);
  await page.focus('[data-search]');
  for (const text of TYPED.slice(0, Math.max(2, Math.round(TYPED.length * scale)))) {
    for (const key of [...text, ...Array.from(text, () => 'Backspace')]) {
      signal.throwIfAborted();
      await page.keyboard.press(key === ' ' ? 'Space' : key);
      await page.evaluate('globalThis.whenPainted');
    }
  }
  const times = await page.evaluate<readonly number[]>('globalThis.keysTook');
  return [
    figure('a key typed to its rows painted, p50', percentile(times, 0.5), 'ms', '<= 100'),
    figure('the same, p99', percentile(times, 0.99), 'ms', '<= 100'),
  ];
}

/** From the time that the browser gave the key until the frame behind the next change of the list is painted. */
const FOLLOW_KEYS = `
  globalThis.keysTook = [];
  document.querySelector('[data-search]').addEventListener('keydown', event => {
    globalThis.whenPainted = new Promise(resolve => {
      // The list is told to change when the letter is there, and has changed by the next frame but one at the latest.
      const paint = () => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => { globalThis.keysTook.push(performance.now() - event.timeStamp); resolve(); };
        port2.postMessage(0);
      });
      event.target.addEventListener('input', () => setTimeout(paint), { once: true });
    });
  });`;
