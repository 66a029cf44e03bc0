import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { birthOf, numbersFor, type Survivor, Survivors } from './survivors.ts';

const worker = (slot: number, edition: string): Survivor => ({ role: 'worker', slot, pid: 1, birth: 'b', edition });

describe('the numbers of the wanted workers', () => {
  it.each([
    ['without survivors', [], 2, [0, 1]],
    ['with all of the right edition', [worker(0, 'new'), worker(1, 'new')], 2, [0, 1]],
    ['with none of the right edition', [worker(0, 'old'), worker(1, 'old')], 2, [2, 3]],
    ['with some', [worker(0, 'old'), worker(1, 'new'), worker(4, 'old')], 3, [1, 2, 3]],
    ['with more than are wanted', [worker(3, 'new'), worker(0, 'new'), worker(2, 'new')], 2, [0, 2]],
    ['with the former ones still on their way out', [worker(2, 'new'), worker(0, 'old')], 2, [2, 1]],
  ])('are those %s', (_, survivors, count, expected) => {
    expect(numbersFor(survivors, { count, edition: 'new' })).toEqual(expected);
  });

  it('are those of all survivors where any edition will do', () => {
    expect(numbersFor([worker(0, 'old'), worker(5, '')], { count: 2, edition: undefined })).toEqual([0, 5]);
  });
});

it('a list of children without editions, or with nonsense in it, tells what can be known', () => {
  const folder = mkdtempSync(join(tmpdir(), 'survivors-'));
  const file = join(folder, 'children.json');
  const { pid } = process;
  const birth = birthOf(pid);
  const child = { role: 'worker', slot: 0, pid, birth };
  const nonsense = [
    null,
    7,
    { ...child, role: 'cook' },
    { ...child, slot: -1 },
    { ...child, slot: '1' },
    { role: 'worker' },
  ];
  writeFileSync(file, JSON.stringify([...nonsense, child, { ...child, slot: 1, edition: 'e' }]));
  expect(new Survivors(file).read()).toEqual([
    { ...child, edition: '' },
    { ...child, slot: 1, edition: 'e' },
  ]);
  rmSync(folder, { recursive: true });
});
