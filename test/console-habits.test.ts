import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, becomeAdmin, openBrowser, openPage, openView, setupLink } from './lab/browser.ts';
import { run } from './lab/child.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// What people who use the console every day count on.

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = 'rtmp://127.0.0.1:9/live/in';
const DESTINATION = 'rtmp://127.0.0.1:9/live/out';

let place: Place;
let millrace: Millrace;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  place = new Place();
  browser = await openBrowser(place);
  millrace = await Millrace.start(place, { flags: ['--network', 'lab'] });
  ({ page } = await openPage(browser, millrace, {}));
  await becomeAdmin(page, setupLink(millrace));
});
afterAll(() => place[Symbol.asyncDispose]());

/** What the change that the form would make looks like in that tongue. */
async function copied(tongue: string): Promise<string> {
  await page.locator('form > .copy-as > summary').click();
  await page.getByRole('button', { name: tongue, exact: true }).click();
  return (await page.textContent('.copy-as pre')) ?? '';
}

async function fillForm(): Promise<void> {
  await openView(page, 'tasks');
  await page.evaluate('sessionStorage.clear()');
  await openView(page, 'new');
  await page.fill('input[name=name]', `it's "new"`);
  await page.fill('input[name=source]', SOURCE);
  await page.fill('input[name=destination]', DESTINATION);
}

const tasksOf = (dialect: string): Promise<readonly string[]> =>
  page.evaluate<readonly string[]>(
    `fetch('/api/v1/tasks?dialect=${dialect}').then(it => it.json()).then(({ tasks }) => tasks.map(({ id }) => id))`,
  );

const makeKey = async (): Promise<string> => (await millrace.command('key', 'create', '--api', '--env')).trim();

describe('what is copied runs as it is', () => {
  it.each(['curl', 'CLI'])('in a shell: %s', async tongue => {
    await fillForm();
    const text = await copied(tongue);
    const before = (await tasksOf('native')).length;
    await run('sh', ['-c', `cd ${ROOT} && ${await makeKey()}\n${text}`]);
    expect((await tasksOf('native')).length).toBe(before + 1);
  });

  it.each([
    ['Huawei SDK', 'huawei'],
    ['Alibaba SDK', 'alibaba'],
  ])('with the client of the cloud: %s', async (tongue, dialect) => {
    await fillForm();
    await page.getByLabel('Ends', { exact: true }).selectOption('at');
    await page.getByLabel('End time').fill(new Date(Date.now() + 86_400_000).toISOString().slice(0, 19));
    const { accessKey, secretKey, projectId } = millrace.key;
    const file = join(ROOT, 'coverage', 'console', `copied-${dialect}.mjs`);
    writeFileSync(file, await copied(tongue));
    const keys = `MILLRACE_ACCESS_KEY=${accessKey} MILLRACE_SECRET_KEY=${secretKey} MILLRACE_PROJECT_ID=${projectId}`;
    await run('sh', ['-c', `${keys} node ${file}`]);
    expect(await tasksOf(dialect)).toHaveLength(1);
  });
});

describe('the keyboard', () => {
  it('leads everywhere without a mouse', async () => {
    await openView(page, '');
    for (const [keys, hash] of [
      ['gt', '#/tasks'],
      ['gs', '#/schedule'],
      ['ge', '#/events'],
      ['gn', '#/nodes'],
      ['n', '#/new'],
    ] as const) {
      await page.locator('main').focus();
      for (const key of keys) await page.keyboard.press(key);
      await until(`${keys} leads to ${hash}`, () => page.url().endsWith(hash));
    }
  });

  it('finds, goes from row to row, and tells of itself', async () => {
    await openView(page, 'tasks');
    await page.waitForSelector('[data-row]');
    await page.keyboard.press('/');
    await page.keyboard.type('new');
    await page.waitForFunction(`location.hash.includes('text=new')`);
    await page.locator('main').focus();
    await page.keyboard.press('j');
    expect(await page.evaluate(`document.activeElement.hasAttribute('data-row')`)).toBe(true);
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open] kbd');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
  });
});

describe('the roles', () => {
  it('a viewer sees everything and is offered no change', async () => {
    await page.evaluate(`(async () => {
      const { csrf } = await (await fetch('/api/v1/session')).json();
      const headers = { 'content-type': 'application/json', 'x-millrace-csrf': csrf };
      const body = JSON.stringify({ name: 'viewer', password: 'only looking here', role: 'viewer' });
      const answer = await fetch('/api/v1/users', { method: 'POST', headers, body });
      if (!answer.ok) throw new Error(await answer.text());
    })()`);
    const [id = ''] = await tasksOf('native');
    const { page: theirs } = await openPage(browser, millrace, {});
    await theirs.goto('/');
    await theirs.fill('input[name=name]', 'viewer');
    await theirs.fill('input[name=password]', 'only looking here');
    await theirs.click('button[type=submit]');
    await theirs.waitForSelector('.shell');
    await openView(theirs, `tasks/${id}`);
    const offered = await theirs.locator('main button, header button, a.button').allTextContents();
    expect(offered.filter(text => /New task|Start|Stop|Restart|Delete|Edit/.test(text))).toEqual([]);
    await theirs.context().close();
  });
});

describe('a session that ends', () => {
  it('costs nothing of what was typed: it is all there behind the login', async () => {
    const [id = ''] = await tasksOf('native');
    await openView(page, `tasks/${id}/edit`);
    await page.fill('input[name=name]', 'half a sentence');
    await page.context().clearCookies();
    await page.click('form button[type=submit]');
    await page.waitForSelector('text=Log in to Millrace');
    await page.fill('main.alone input[name=name]', ADMIN.name);
    await page.fill('main.alone input[name=password]', ADMIN.password);
    await page.click('main.alone button[type=submit]');
    await page.waitForSelector('main.alone', { state: 'detached' });
    expect(await page.inputValue('form input[name=name]')).toBe('half a sentence');
    await page.click('form button[type=submit]');
    await page.waitForSelector('h1 >> text=half a sentence');
  });
});

describe('two who change one task', () => {
  it('lose nothing: the second chooses whose settings stand', async () => {
    const [id = ''] = await tasksOf('native');
    await openView(page, `tasks/${id}/edit`);
    await page.fill('input[name=name]', 'of the second');
    await page.evaluate(`(async () => {
      const { csrf } = await (await fetch('/api/v1/session')).json();
      const headers = { 'content-type': 'application/json', 'x-millrace-csrf': csrf };
      await fetch('/api/v1/tasks/${id}', { method: 'PATCH', headers, body: JSON.stringify({ name: 'of the first' }) });
    })()`);
    await page.click('form button[type=submit]');
    await page.waitForSelector('text=/Somebody has changed it meanwhile/');
    expect(await page.inputValue('input[name=name]')).toBe('of the second');
    await page.getByRole('button', { name: 'Save over it' }).click();
    await page.waitForSelector('h1 >> text=of the second');
  });
});

describe('a change made elsewhere', () => {
  const ROUNDS = 20;

  it('is on the page within a second', async () => {
    const key = (await makeKey()).replace(/^.*MILLRACE_API_KEY='?([\w-]+)'?.*$/s, '$1');
    const [id = ''] = await tasksOf('native');
    await openView(page, 'tasks');
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const name = `name ${round}`;
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ name });
      const answer = await fetch(`${millrace.api}/api/v1/tasks/${id}`, { method: 'PATCH', headers, body });
      expect(answer.status).toBe(200);
      const saidAt = performance.now();
      await page.getByRole('link', { name, exact: true }).waitFor();
      times.push(performance.now() - saidAt);
    }
    const p95 = times.toSorted((one, other) => one - other)[Math.floor(ROUNDS * 0.95) - 1] ?? Number.NaN;
    console.log(`a change is on the page after ${Math.round(p95)} ms (p95 of ${ROUNDS})`);
    expect(p95).toBeLessThanOrEqual(1_000);
  });
});

describe('a node that goes away', () => {
  it('is told of on the page, which is up to date again when it is back', async () => {
    await openView(page, 'tasks');
    await millrace.killControl();
    await page.waitForSelector('text=/stale for/', { timeout: 30_000 });
    const { api } = millrace;
    await millrace.restart('--listen', new URL(api).host);
    await page.waitForSelector('.feed-live', { timeout: 30_000 });
    const stale = await page.locator('.virtual-row[aria-rowindex]').count();
    expect(stale).toBeGreaterThan(1);
  });
});

const MANY = 10_000;
const MOST_FILTER_MS = 100;
/** Sixty of them a second. */
const MOST_FRAME_MS = 1_000 / 60;

describe(`a list of ${MANY} tasks`, () => {
  it('is narrowed at once, and scrolls without a hitch', async () => {
    const { page: long } = await openPage(browser, millrace, {}, await page.context().storageState());
    const [sample] = await long.request
      .get('/api/v1/tasks?limit=1')
      .then(async answer => ((await answer.json()) as { readonly tasks: readonly object[] }).tasks);
    const tasks = Array.from({ length: MANY }, (_, at) => ({ ...sample, id: `id-${at}`, name: `task ${at}` }));
    await long.route(/\/api\/v1\/tasks\?limit=/, route => route.fulfill({ json: { tasks, next: null, total: MANY } }));
    await openView(long, 'tasks');
    await long.waitForSelector(`[role=table][aria-rowcount="${MANY + 1}"]`);
    const filters = await long.evaluate<readonly number[]>(filterTimes);
    const steps = (await long.evaluate<readonly number[]>(scrollSteps)).toSorted((one, other) => one - other);
    const at = (share: number): number => steps[Math.floor(steps.length * share)] ?? Number.NaN;
    console.log(`filters: ${filters.map(ms => ms.toFixed(0)).join(', ')} ms`);
    console.log(`work of a frame of scrolling: median ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms`);
    // Of a machine that does other things too, the fastest steps tell what the page costs.
    expect(Math.min(...filters)).toBeLessThanOrEqual(MOST_FILTER_MS);
    expect(at(0.1)).toBeLessThanOrEqual(MOST_FRAME_MS);
    await long.context().close();
  });
});

/** From a letter typed until the rows that fit it are painted. */
const filterTimes = `(async () => {
  const field = document.querySelector('[data-search]');
  const times = [];
  for (const text of ['task 7', 'task 77', 'task 777', 'task', '']) {
    const from = performance.now();
    field.value = text;
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
    times.push(performance.now() - from);
  }
  return times;
})()`;

/** What the page does between two frames of scrolling, up to where everything has its place. */
const scrollSteps = `(async () => {
  const box = document.querySelector('.virtual');
  const times = [];
  for (let step = 0; step < 120; step++) {
    await new Promise(requestAnimationFrame);
    const from = performance.now();
    box.scrollTop += 900;
    box.dispatchEvent(new Event('scroll'));
    await new Promise(resolve => queueMicrotask(() => queueMicrotask(resolve)));
    box.getBoundingClientRect();
    times.push(performance.now() - from);
  }
  return times;
})()`;
