import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { en } from '../console/src/words/en.ts';
import { zh } from '../console/src/words/zh.ts';
import { figure } from './faults/figure.ts';
import {
  becomeAdmin,
  leavePicture,
  openBrowser,
  openPage,
  openView,
  pictureHash,
  setupLink,
  type Watched,
} from './lab/browser.ts';
import type { Child } from './lab/child.ts';
import { run } from './lab/child.ts';
import { Demo } from './lab/demo.ts';
import { media, publish } from './lab/ffmpeg.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// Somebody who has never seen Millrace, a laptop, five minutes: from the command to a task of her own that has lost its
// source and got it back.

const BOOKS = { en, zh } as const;
let place: Place;
let browser: Browser;
let nginx: Nginx;
let camera: Child;
let film: string;

beforeAll(async () => {
  place = new Place();
  browser = await openBrowser(place);
  nginx = await Nginx.start(place);
  film = await media({ seconds: 20, size: '640x360', bframes: 0, gop: 25 });
});
afterAll(() => place[Symbol.asyncDispose]());

describe.each(['en', 'zh'] as const)('the first five minutes (%s)', language => {
  const streams = { in: `in-${language}`, out: `out-${language}` };
  let demo: Demo;
  let watched: Watched;
  let page: Page;

  /** With its holes filled, or up to the first that is not. */
  function say(key: keyof typeof en, filled: Readonly<Record<string, number>> = {}): string {
    const word = BOOKS[language][key];
    const text = (typeof word === 'string' ? word : word.other).replace(
      /\{(\w+)\}/g,
      (hole, name) => `${filled[name] ?? hole}`,
    );
    return text.replace(/\s*\{.*$/, '');
  }
  const button = (key: keyof typeof en) => page.getByRole('button', { name: say(key), exact: true });
  const status = (word: string): Promise<unknown> => page.waitForSelector(`[data-status=${word}]`, { timeout: 30_000 });
  const open = (name: string): Promise<void> => page.getByRole('link', { name, exact: true }).first().click();

  async function turnCameraOn(): Promise<void> {
    camera = publish(place, film, nginx.url(streams.in), { loop: true });
    await until('the camera is on', async () => (await nginx.streams()).has(streams.in));
  }

  beforeAll(async () => {
    demo = await Demo.start(place);
    watched = await openPage(browser, demo, { language });
    ({ page } = watched);
    await turnCameraOn();
  });
  afterAll(async () => {
    camera.process.kill('SIGKILL');
    await page.context().close();
    demo.child.process.kill('SIGINT');
    await demo.child.exited;
  });

  it('begin with the link that the command printed', async () => {
    await becomeAdmin(page, setupLink(demo));
    await page.waitForSelector('text=Broken on purpose');
    await leavePicture(page, `first-now-${language}`);
  });

  it('show a picture that moves', async () => {
    await openView(page, 'tasks');
    await open('Bars');
    await status('running');
    const first = await until('there is a picture', () => pictureHash(page));
    await until('it moves', async () => {
      const next = await pictureHash(page);
      return next !== undefined && next !== first;
    });
    await leavePicture(page, `first-picture-${language}`);
  });

  it('show which round of the list is on air', async () => {
    await openView(page, 'tasks');
    await open('Playlist');
    await status('running');
    await page.waitForSelector(`text=${say('overview.round', { n: 1, of: 3 })}`);
  });

  it('explain the broken task without a click, and mend it', async () => {
    await openView(page, 'tasks');
    await page.waitForSelector('text=/connection refused/');
    await open('Broken on purpose');
    await status('recovering');
    await leavePicture(page, `first-broken-${language}`);
    const askedAt = performance.now();
    await button('demo.fix').click();
    await status('running');
    figure('FIRST', `a broken source mended to the screen (${language})`, performance.now() - askedAt, {
      unit: 'ms',
      atMost: 10_000,
    });
  });

  it('make a task of her own, with a look at both ends before', async () => {
    await page.keyboard.press('n');
    await page.fill('input[name=name]', 'mine');
    await page.fill('input[name=source]', nginx.url(streams.in));
    await page.click(`text=${say('probe.source')}`);
    await page.waitForSelector('.probe >> text=/H\\.264 · 640×360/');
    await page.fill('input[name=destination]', nginx.url(streams.out));
    await page.click(`text=${say('probe.destination')}`);
    await page.waitForSelector('.probe >> text=✓ >> nth=1');
    const sentAt = performance.now();
    await page.click('button[type=submit]');
    await until('it arrives', async () => (await nginx.streams()).has(streams.out), { everyMs: 20 });
    figure('FIRST', `a click to the stream at its destination (${language})`, performance.now() - sentAt, {
      unit: 'ms',
      atMost: 2_000,
    });
    await status('running');
  });

  it('see within seconds that the plug was pulled, and that it is back', async () => {
    camera.process.kill('SIGKILL');
    const pulledAt = performance.now();
    await status('recovering');
    figure('FIRST', `a plug that is pulled to the screen (${language})`, performance.now() - pulledAt, {
      unit: 'ms',
      atMost: 6_000,
    });
    await leavePicture(page, `first-unplugged-${language}`);
    await turnCameraOn();
    await status('running');
    await leavePicture(page, `first-recovered-${language}`);
  });

  it('list the same task in a terminal, by the command that the console gives', async () => {
    await button('task.stop').click();
    await page.locator('dialog summary').click();
    expect(await page.textContent('dialog pre')).toContain('curl');
    await page
      .locator('dialog')
      .getByRole('button', { name: say('action.cancel'), exact: true })
      .click();
    const bin = new URL('../bin/millrace', import.meta.url).pathname;
    const listed = await run(bin, ['task', 'list', '--data', demo.data, '--api', demo.api, '--json']);
    expect(listed).toContain('"mine"');
  });

  it('cause no fault in the page', () => {
    expect(watched.faults).toEqual([]);
  });
});
