import { expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import { ScriptedItem } from '../media/scripted-item.ts';
import { Slates } from './slates.ts';

let nowMs = 0;
let opened: string[] = [];
let items: ScriptedItem[] = [];
let fault: Fault | undefined;

function slates(): Slates {
  [nowMs, opened, items, fault] = [0, [], [], undefined];
  return new Slates({
    openItem: async ({ url }) => {
      opened.push(url);
      if (fault !== undefined) throw fault;
      const item = new ScriptedItem({ name: url, seconds: 2 });
      items.push(item);
      return item;
    },
    sleep: async () => {},
    now: () => nowMs,
  });
}

it('reads a file once for all runs, and again when it may have changed', async () => {
  const all = slates();
  const [one, other] = await Promise.all([all.load('media://a'), all.load('media://a')]);
  expect(one).toBe(other);
  expect(one.packets.length).toBeGreaterThan(50);
  nowMs = 599_000;
  await all.load('media://a');
  expect(opened).toEqual(['media://a']);
  nowMs = 601_000;
  expect(await all.load('media://a')).not.toBe(one);
  expect(items.every(({ closed }) => closed)).toBe(true);
});

it('tries a file again that could not be had', async () => {
  const all = slates();
  fault = new Fault('pull', 'refused', 'HTTP 404');
  await expect(all.load('media://a')).rejects.toThrow('HTTP 404');
  fault = undefined;
  await all.load('media://a');
  expect(opened).toHaveLength(2);
});

it('keeps no more than eight in memory', async () => {
  const all = slates();
  for (let i = 0; i < 9; i++) await all.load(`media://${i}`);
  await all.load('media://8');
  expect(opened).toHaveLength(9);
  await all.load('media://0');
  expect(opened).toHaveLength(10);
});
