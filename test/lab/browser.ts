import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page, type Response } from 'playwright-core';
import { buildConsole } from '../../scripts/console.mjs';
import type { Millrace } from './millrace.ts';
import type { Place } from './place.ts';
import { until } from './wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Where pictures of the views are left to be looked at. */
const PICTURES = join(ROOT, 'coverage', 'console');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const ADMIN = { name: 'maria', password: 'correct horse battery' } as const;

/** Debian's Chromium, which reaches nothing but this machine. Before any node: that reads the console as it starts. */
export async function openBrowser(place: Place): Promise<Browser> {
  if (buildConsole(ROOT) !== 0) throw new Error('the console could not be built');
  mkdirSync(PICTURES, { recursive: true });
  const args = ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--disable-gpu'];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
  return place.own(browser, it => it.close());
}

export interface Look {
  readonly theme?: 'dark' | 'light';
  readonly language?: 'en' | 'zh';
  readonly width?: number;
}

/** What a page did that it should not: scripts that failed, answers that were refusals. */
export interface Watched {
  readonly page: Page;
  readonly faults: readonly string[];
}

/** A page of the console as somebody looks at it. A signed-in state may be handed on. */
export async function openPage(
  browser: Browser,
  millrace: Pick<Millrace, 'api'>,
  { theme = 'light', language = 'en', width = 1280 }: Look,
  state?: Awaited<ReturnType<BrowserContext['storageState']>>,
): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: theme,
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    baseURL: millrace.api,
    ...(state === undefined ? {} : { storageState: state }),
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', error => faults.push(`script: ${error.message}`));
  page.on('console', message => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  page.on('dialog', dialog => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('response', response => {
    if (isFault(response)) faults.push(`${response.status()} ${response.request().method()} ${response.url()}`);
  });
  return { page, faults };
}

/** A task may be between two runs when its picture is asked for. */
const isFault = (response: Response): boolean =>
  response.status() >= 400 && !/\/(?:live\.flv|still)$/.test(new URL(response.url()).pathname);

/** The link that a fresh node has printed. */
export function setupLink({ output }: Pick<Millrace, 'output'>): string {
  const [link] = /http:\/\/\S+\/#\/setup\?token=\S+/.exec(output) ?? [];
  if (link === undefined) throw new Error(`no setup link in: ${output}`);
  return link;
}

/** Goes through the setup link as a person does. */
export async function becomeAdmin(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.fill('input[name=name]', ADMIN.name);
  await page.fill('input[name=password]', ADMIN.password);
  await page.click('button[type=submit]');
  await page.waitForSelector('.shell');
}

/** What the picture of the task shows, as a number; undefined where there is none. */
export const pictureHash = (page: Page): Promise<number | undefined> =>
  page.evaluate<number | undefined>(`(() => {
    const video = document.querySelector('.picture video');
    if (video === null || video.readyState < 2) return undefined;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [160, 90];
    const surface = canvas.getContext('2d');
    surface.drawImage(video, 0, 0, 160, 90);
    const { data } = surface.getImageData(0, 0, 160, 90);
    if (data.every((byte, at) => at % 4 === 3 || byte < 16)) return undefined;
    return data.reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);
  })()`);

export interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly targets: readonly string[];
}

/** What axe finds serious or critical by WCAG 2.2 AA. It is put in by the debugger, which the page's policy allows. */
export async function seriousViolations(page: Page): Promise<readonly Violation[]> {
  await page.evaluate(AXE);
  return page.evaluate<readonly Violation[]>(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
  }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, impact, nodes }) => ({ id, impact, targets: nodes.map(({ target }) => target.join(' ')).slice(0, 5) })))`);
}

export const leavePicture = async (page: Page, name: string): Promise<void> => {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
};

/** Texts that stand on the page, one for each stretch. */
export const textsOn = (page: Page): Promise<readonly string[]> =>
  page.evaluate<readonly string[]>(`(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
      const { parentElement, data } = walker.currentNode;
      // Names of fields and commands are the same in every tongue.
      if (parentElement.closest('code, pre, kbd') === null) texts.push(data.trim());
    }
    return texts.filter(text => text !== '');
  })()`);

/** How far the page reaches beyond the screen, sideways. */
export const overhang = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** Until the view has what it asked for. */
export async function openView(page: Page, path: string): Promise<void> {
  await page.goto(`/#/${path}`);
  await until(`the view ${path} is there`, () =>
    page.evaluate<boolean>(
      `document.querySelector('h1') !== null && ![...document.querySelectorAll('.empty')].some(it => /^(Loading|加载中)/.test(it.textContent))`,
    ),
  );
}
