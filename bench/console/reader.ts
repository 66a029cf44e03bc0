import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ADMIN, openPage, setupLink } from '../../test/lab/browser.ts';
import { ConsoleUser } from '../../test/lab/console-user.ts';
import type { Millrace } from '../../test/lab/millrace.ts';

export type ReaderState = Awaited<ReturnType<BrowserContext['storageState']>>;

/** What a browser keeps of somebody who has gone through the setup link of the node. */
export async function consoleState(node: Millrace): Promise<ReaderState> {
  const user = new ConsoleUser(node.api);
  const token = /token=([^&\s]+)/.exec(setupLink(node))?.[1] ?? '';
  const answer = await user.ask('setup', { body: { token, ...ADMIN } });
  if (user.cookie === '') throw new Error(`the setup link was answered with ${answer.status}`);
  const cookie = { name: 'millrace_session', value: user.cookie, domain: '127.0.0.1', path: '/', expires: -1 };
  return { cookies: [{ ...cookie, httpOnly: true, secure: false, sameSite: 'Strict' }], origins: [] };
}

/** The list of tasks, as somebody who is signed in looks at it, with that many in it. */
export async function openList(
  browser: Browser,
  node: Millrace,
  { state, count, query = '' }: { readonly state: ReaderState; readonly count: number; readonly query?: string },
): Promise<Page> {
  const { page } = await openPage(browser, node, {}, state);
  await page.goto(`/#/tasks${query}`);
  await page.waitForSelector(`[role=table][aria-rowcount="${count + 1}"]`, { timeout: 60_000 });
  return page;
}

/** For a page that is not there yet: `painted` becomes the time, from its call on, at which the element is on the screen. */
export const followPaints = (selector: string): string => `
  globalThis.painted = new Promise(resolve => {
    const look = () => {
      if (document.querySelector('${selector}') === null) return requestAnimationFrame(look);
      // Behind the frame: what it holds has been laid out and painted by then.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(performance.now());
      port2.postMessage(0);
    };
    requestAnimationFrame(look);
  });`;
