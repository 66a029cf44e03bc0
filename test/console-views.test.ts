import { createServer } from 'node:http';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { en } from '../console/src/words/en.ts';
import { zh } from '../console/src/words/zh.ts';
import { ScriptedServer } from '../src/media/rtmp/scripted-server.ts';
import {
  becomeAdmin,
  type Look,
  leavePicture,
  openBrowser,
  openPage,
  openView,
  overhang,
  seriousViolations,
  setupLink,
  textsOn,
  type Watched,
} from './lab/browser.ts';
import { media, publish } from './lab/ffmpeg.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { refuses } from './lab/scripted-destination.ts';
import { until } from './lab/wait.ts';

// Every view of the console, as people with different eyes, screens and tongues see it.

const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>';
const NARROW = 360;

let place: Place;
let browser: Browser;
let millrace: Millrace;
let state: Awaited<ReturnType<BrowserContext['storageState']>>;
let watched: Watched;
let ids: Readonly<Record<'live' | 'list' | 'broken', string>>;

beforeAll(async () => {
  place = new Place();
  let nginx: Nginx;
  browser = await openBrowser(place);
  [millrace, nginx] = await Promise.all([Millrace.start(place, { flags: ['--network', 'lab'] }), Nginx.start(place)]);
  const film = await media({ seconds: 20, size: '640x360', bframes: 0, gop: 25 });
  publish(place, film, nginx.url('in'), { loop: true });
  await until('the camera is on', async () => (await nginx.streams()).has('in'));
  watched = await openPage(browser, millrace, {});
  await becomeAdmin(watched.page, setupLink(millrace));
  // Of what the browser has kept only who it is: each look has a tongue of its own.
  const { cookies } = await watched.page.context().storageState();
  state = { cookies, origins: [] };
  ids = await makeTasks(nginx);
}, 120_000);
afterAll(() => place[Symbol.asyncDispose]());

/** One that runs, one of a list that is to come, and one whose peer answers with markup. */
async function makeTasks(nginx: Nginx): Promise<typeof ids> {
  const destination = place.own(await ScriptedServer.listen(refuses('rejected', { quoting: HOSTILE })), it =>
    it.close(),
  );
  const receiver = createServer((_request, response) => response.writeHead(500).end(HOSTILE));
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve));
  place.own(receiver, it => it.close());
  const address = receiver.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const source = { kind: 'live', url: nginx.url('in') };
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const items = [
    { url: 'http://127.0.0.1:9/one.mp4', in_s: 1, out_s: 9 },
    { url: 'http://127.0.0.1:9/two.mp4', repeats: 2 },
  ];
  const live = await createTask({
    ...{ name: HOSTILE, tags: ['news', '"><b>x'], source, standby: [nginx.url('standby')] },
    destination: { kind: 'url', url: nginx.url('out') },
    callback: { url: `http://127.0.0.1:${port}/hook` },
  });
  const list = await createTask({
    ...{ name: 'films', source: { kind: 'list', items, rounds: 3 }, start_at: later },
    destination: { kind: 'url', url: nginx.url('out') },
  });
  const broken = await createTask({
    ...{ name: 'broken', source, destination: { kind: 'url', url: `rtmp://127.0.0.1:${destination.port}/live/out` } },
  });
  const { page } = watched;
  await page.goto(`/#/tasks/${live}`);
  await page.waitForSelector('[data-status=running]', { timeout: 30_000 });
  await page.goto(`/#/tasks/${broken}`);
  await page.waitForSelector('[data-status=recovering], [data-status=scheduled] >> text=/alert/', { timeout: 30_000 });
  return { live, list, broken };
}

const createTask = (body: object): Promise<string> =>
  watched.page.evaluate<string>(`(async () => {
    const { csrf } = await (await fetch('/api/v1/session')).json();
    const headers = { 'content-type': 'application/json', 'x-millrace-csrf': csrf };
    const answer = await fetch('/api/v1/tasks', { method: 'POST', headers, body: ${JSON.stringify(JSON.stringify(body))} });
    const task = await answer.json();
    if (!answer.ok) throw new Error(JSON.stringify(task));
    return task.id;
  })()`);

const VIEWS: readonly (readonly [name: string, path: (their: typeof ids) => string])[] = [
  ['now', () => ''],
  ['tasks', () => 'tasks'],
  ['task-overview', ({ live }) => `tasks/${live}`],
  ['task-broken', ({ broken }) => `tasks/${broken}`],
  ['task-timeline', ({ broken }) => `tasks/${broken}/timeline`],
  ['task-signal', ({ live }) => `tasks/${live}/signal`],
  ['task-playlist', ({ list }) => `tasks/${list}/playlist`],
  ['task-callbacks', ({ live }) => `tasks/${live}/callbacks`],
  ['task-changes', ({ live }) => `tasks/${live}/changes`],
  ['task-edit', ({ list }) => `tasks/${list}/edit`],
  ['new', () => 'new'],
  ['schedule', () => 'schedule'],
  ['events', () => 'events'],
  ['deliveries', () => 'deliveries'],
  ['nodes', () => 'nodes'],
  ['wall', () => 'wall'],
  ['assets', () => 'assets'],
  ['tools', () => 'tools'],
  ['access-users', () => 'access/users'],
  ['access-keys', () => 'access/keys'],
  ['access-sign-ins', () => 'access/sign-ins'],
  ['access-domains', () => 'access/domains'],
  ['access-audit', () => 'access/audit'],
  ['system', () => 'system'],
];

const LOOKS: readonly Look[] = [
  { theme: 'light', language: 'en' },
  { theme: 'dark', language: 'en' },
  { theme: 'light', language: 'zh' },
  { theme: 'dark', language: 'zh' },
];

/** Opens every view so, and tells what a look at each of them found, by its name. */
async function overViews<T>(look: Look, see: (watched: Watched, name: string) => Promise<readonly T[]>) {
  const opened = await openPage(browser, millrace, look, state);
  const found: Record<string, readonly T[]> = {};
  try {
    for (const [name, pathOf] of VIEWS) {
      await openView(opened.page, pathOf(ids));
      const seen = await see(opened, name);
      if (seen.length > 0) found[name] = seen;
    }
    return { found, faults: opened.faults };
  } finally {
    await opened.page.context().close();
  }
}

describe.each(LOOKS)('in a $theme theme and in $language, every view', look => {
  it('is fit for everybody, and runs without a fault', { timeout: 300_000 }, async () => {
    const { found, faults } = await overViews(look, async ({ page }, name) => {
      await leavePicture(page, `${name}-${look.theme}-${look.language}`);
      return seriousViolations(page);
    });
    expect(found).toEqual({});
    expect(faults).toEqual([]);
  });
});

describe.each(['light', 'dark'] as const)('in a %s theme, what comes over or before the views', theme => {
  it('is fit for everybody too', { timeout: 120_000 }, async () => {
    const found: Record<string, unknown> = {};
    const { page: stranger } = await openPage(browser, millrace, { theme });
    for (const [name, path] of [
      ['login', '/'],
      ['setup', '/#/setup?token=void'],
    ] as const) {
      await stranger.goto(path);
      await stranger.waitForSelector('h1');
      await leavePicture(stranger, `${name}-${theme}`);
      found[name] = await seriousViolations(stranger);
    }
    await stranger.context().close();
    const { page } = await openPage(browser, millrace, { theme }, state);
    await openView(page, `tasks/${ids.live}`);
    await page.locator('.settings summary').click();
    found.settings = await seriousViolations(page);
    await page.locator('.settings summary').click();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.locator('dialog summary').click();
    await leavePicture(page, `dialog-${theme}`);
    found.dialog = await seriousViolations(page);
    await page.keyboard.press('Escape');
    await openView(page, 'new');
    await page.fill('input[name=source]', 'gopher://x');
    await page.getByText('Probe the source').click();
    await page.click('form button[type=submit]');
    await page.waitForSelector('[aria-invalid=true]');
    found.refused = await seriousViolations(page);
    await page.context().close();
    expect(found).toEqual({ login: [], setup: [], settings: [], dialog: [], refused: [] });
  });
});

/** What stands in both books alike, or is a name everywhere. */
const ENGLISH = new Set(
  Object.entries(en).flatMap(([key, word]) => {
    const [ours, theirs] = [word, zh[key as keyof typeof en]].map(it => (typeof it === 'string' ? it : it.other));
    return ours === undefined || ours === theirs || ours.includes('{') ? [] : [ours];
  }),
);

describe('the words', () => {
  it('are all in Chinese where the reader wants Chinese', { timeout: 120_000 }, async () => {
    const { found } = await overViews({ language: 'zh' }, async ({ page }) =>
      (await textsOn(page)).filter(text => ENGLISH.has(text)),
    );
    expect(found).toEqual({});
  });

  it.each(['en', 'zh'] as const)('are none of them left as a key (%s)', { timeout: 120_000 }, async language => {
    const keys = new Set(Object.keys(en));
    const { found } = await overViews({ language }, async ({ page }) =>
      (await textsOn(page)).filter(text => keys.has(text) || /\{\w+\}(?!")/.test(text)),
    );
    expect(found).toEqual({});
  });

  it('have the same holes in both languages', () => {
    const holesOf = (word: string | { readonly other: string }): string[] =>
      ((typeof word === 'string' ? word : word.other).match(/\{\w+\}/g) ?? []).sort();
    const uneven = Object.keys(en).filter(key => {
      const [ours, theirs] = [en[key as keyof typeof en], zh[key as keyof typeof en]];
      return holesOf(ours).join() !== holesOf(theirs).join();
    });
    expect(uneven).toEqual([]);
  });
});

describe('on a telephone', () => {
  it('no view reaches beyond the screen', { timeout: 120_000 }, async () => {
    const { found } = await overViews({ width: NARROW }, async ({ page }, name) => {
      await leavePicture(page, `${name}-narrow`);
      const pixels = await overhang(page);
      return pixels > 0 ? [pixels] : [];
    });
    expect(found).toEqual({});
  });
});

describe('the last key frame of a task', () => {
  it.each([
    ['a page that may decode', ''],
    ['a page that came without TLS from elsewhere, which may not', 'delete window.VideoDecoder'],
  ])('is drawn by %s', async (_, script) => {
    const { page, faults } = await openPage(browser, millrace, {}, state);
    await page.addInitScript(script);
    await openView(page, '');
    await page.waitForSelector('.tile-running .picture-there canvas', { timeout: 20_000 });
    const colours = await page.evaluate<number>(`(() => {
      const canvas = document.querySelector('.tile-running canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(data).size;
    })()`);
    expect(colours).toBeGreaterThan(16);
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

describe('markup of strangers', () => {
  it('is shown as text: the name of a task, its tags, and what its peer said', async () => {
    const { page, faults } = await openPage(browser, millrace, {}, state);
    await openView(page, `tasks/${ids.live}`);
    expect(await page.textContent('h1')).toBe(HOSTILE);
    await openView(page, `tasks/${ids.broken}`);
    await page.waitForSelector('text=/onerror=alert\\(1\\)/');
    await openView(page, 'tasks');
    await openView(page, 'events');
    expect(await page.locator('img:not([src="/icon.svg"]), main script').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.context().close();
  });
});
