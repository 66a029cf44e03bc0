import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { inOrder, isReached, readFigure } from '../../bench/figures.ts';
import { figure, type Goal } from './figure.ts';

let lines: string[];
// What is printed here is no figure of the matrix.
beforeEach(() => {
  lines = [];
  vi.spyOn(console, 'log').mockImplementation(line => void lines.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
});

const lastPrinted = () => readFigure(`\u001b[39m${lines.at(-1)}\u001b[0m`);

it('is read back as it was printed', () => {
  figure('S1', 'first retry: of 8', 431.6, { unit: 'ms', atMost: 500 });
  expect(lastPrinted()).toEqual({ row: 'S1', name: 'first retry: of 8', value: 432, unit: 'ms', goal: '<= 500' });
  expect(readFigure('no figure')).toBeUndefined();
});

it.each<[Omit<Goal, 'unit'>, number, number]>([
  [{ atMost: 5 }, 5, 6],
  [{ atLeast: 5 }, 5, 4],
  [{ atLeast: 1, atMost: 2 }, 1.5, 3],
  [{ exactly: 0 }, 0, 1],
])('is held to its goal: %o', (goal, good, bad) => {
  figure('D4', 'x', good, { unit: 'x', ...goal });
  expect(lastPrinted()).toSatisfy(isReached);
  expect(() => figure('D4', 'x', bad, { unit: 'x', ...goal })).toThrow();
  expect(lastPrinted()).not.toSatisfy(isReached);
});

it('fails no test on a busy machine, and reaches no goal there either', () => {
  figure('D9', 'x', 1_200, { unit: 'ms', atMost: 1_000, busyAtMost: 2_000 });
  expect(lastPrinted()).not.toSatisfy(isReached);
});

it('stands in the order of the matrix', () => {
  const rows = ['P1', 'S10', 'D1', 'S2'].map(row => ({ row, name: 'x', value: 0, unit: 'x', goal: '0' }));
  expect(inOrder(rows).map(({ row }) => row)).toEqual(['S2', 'S10', 'D1', 'P1']);
});
