import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { openBrowser, openPage } from '../../test/lab/browser.ts';
import { percentile } from '../../test/lab/films.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import { figure, type Subject } from '../events/measure.ts';
import { consoleState, followPaints } from './reader.ts';

const DIST = fileURLToPath(new URL('../../console/dist/', import.meta.url));
const VIEWS = 20;
const LEAST_VIEWS = 5;

/** A browser that has never been here opens the console. */
export const shell: Subject = {
  row: 'shell',
  what: `what is fetched before the player and the charts; ${VIEWS} first views of a signed-in person in a browser without a cache, from the call of the page until its answer stands there`,
  measure: async (place, { scale, signal }) => {
    const browser = await openBrowser(place);
    const node = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
    const state = await consoleState(node);
    const times: number[] = [];
    for (let i = 0; i < Math.max(LEAST_VIEWS, Math.round(VIEWS * scale)); i++) {
      signal.throwIfAborted();
      const { page } = await openPage(browser, node, {}, state);
      await page.addInitScript(followPaints('.shell .empty a'));
      await page.goto('/');
      times.push(await page.evaluate<number>('globalThis.painted'));
      await page.context().close();
    }
    return [
      figure('console before the player, gzipped', shellBytes() / 1_000, 'kB', '<= 60'),
      figure('first view, median', percentile(times, 0.5), 'ms', '<= 1000'),
      figure('first view, longest', Math.max(...times), 'ms', '<= 1000'),
    ];
  },
};

/** The page, and the files that it names. */
function shellBytes(): number {
  const page = readFileSync(`${DIST}index.html`);
  const named = readdirSync(`${DIST}assets`).filter(name => page.includes(name));
  return [page, ...named.map(name => readFileSync(`${DIST}assets/${name}`))]
    .map(bytes => gzipSync(bytes).length)
    .reduce((sum, length) => sum + length, 0);
}
