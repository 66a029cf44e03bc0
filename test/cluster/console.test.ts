import { expect, it } from 'vitest';
import {
  becomeAdmin,
  leavePicture,
  openBrowser,
  openPage,
  openView,
  seriousViolations,
  setupLink,
} from '../lab/browser.ts';
import { LabCluster } from '../lab/cluster.ts';
import { Place } from '../lab/place.ts';
import { until } from '../lab/wait.ts';

it.each([
  { theme: 'light', language: 'en', drain: 'Drain', again: 'Take tasks again' },
  { theme: 'dark', language: 'zh', drain: '排空', again: '重新接收任务' },
] as const)('shows all nodes and drains one of them, in $language', { timeout: 120_000 }, async look => {
  await using place = new Place();
  const [browser, cluster] = await Promise.all([openBrowser(place), LabCluster.start(place, { nodes: 2 })]);
  const [a, b] = [cluster.node(0), cluster.node(1)];
  const { page, faults } = await openPage(browser, a.millrace, look);
  // Only the newest link of an installation is good.
  await becomeAdmin(page, setupLink(b.millrace).replace(b.api, a.api));
  await openView(page, 'nodes');
  const card = page.locator(`section.card[aria-label="${b.name}"]`);
  await card.locator('table').waitFor();
  expect(await page.locator('section.card').count()).toBe(2);
  expect(await seriousViolations(page)).toEqual([]);
  await card.getByRole('button', { name: look.drain, exact: true }).click();
  await page.locator('dialog').getByRole('button', { name: look.drain, exact: true }).waitFor();
  expect(await seriousViolations(page)).toEqual([]);
  await page.locator('dialog').getByRole('button', { name: look.drain, exact: true }).click();
  await card.getByRole('button', { name: look.again, exact: true }).waitFor();
  await leavePicture(page, `cluster-nodes-${look.theme}-${look.language}`);
  expect(await seriousViolations(page)).toEqual([]);
  const states = () => cluster.query("select name from nodes where state = 'draining'");
  await until('the node is drained', async () => (await states()).some(({ name }) => name === b.name));
  expect(faults).toEqual([]);
});
