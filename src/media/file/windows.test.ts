import { expect, it } from 'vitest';
import { HELD_BLOCKS, Windows } from './windows.ts';

/** Fetches until nothing is wanted; answers the blocks that came. */
function fetchAll(windows: Windows, here: Set<number>, end = 1000): number[] {
  const came: number[] = [];
  for (let next = windows.next(b => here.has(b), end); next; next = windows.next(b => here.has(b), end)) {
    for (let block = next.first; block < next.first + next.count; block++) {
      here.add(block);
      came.push(block);
    }
  }
  return came;
}

it('reads ahead of a player, in stretches, and rests until half of it is used up', () => {
  const windows = new Windows(3);
  const here = new Set<number>();
  windows.demand(0, 0, true);
  expect(windows.next(() => false, 1000)).toEqual({ first: 0, count: 4 });
  expect(fetchAll(windows, here)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  windows.demand(4, 4, true);
  expect(fetchAll(windows, here)).toEqual([]);
  windows.demand(5, 5, true);
  expect(fetchAll(windows, here)).toEqual([8, 9, 10, 11, 12]);
});

it('does not read ahead of one who only looks', () => {
  const windows = new Windows(3);
  windows.demand(0, 0, false);
  expect(fetchAll(windows, new Set())).toEqual([0]);
});

it('reads further ahead of one who goes on and on', () => {
  const windows = new Windows(3);
  const here = new Set<number>();
  for (let block = 0; block < 4; block++) {
    windows.demand(block, block, false);
    fetchAll(windows, here);
  }
  expect(Math.max(...here)).toBe(10);
});

it('holds twice as much for a player that has used up a full window, and no more for one that has just begun', () => {
  const windows = new Windows(3);
  const window = windows.demand(0, 0, true);
  windows.starved(window, 0);
  expect(fetchAll(windows, new Set())).toHaveLength(8);
  windows.starved(windows.demand(8, 8, true), 8);
  expect(fetchAll(windows, new Set())).toHaveLength(HELD_BLOCKS - 1);
});

it('shares what may be held between the places, and fetches what is needed first', () => {
  const windows = new Windows(3);
  const here = new Set<number>();
  for (const at of [0, 500]) windows.demand(at, at + 20, true);
  const came = fetchAll(windows, here);
  expect(came).toHaveLength(HELD_BLOCKS - 2);
  expect(came.slice(0, 8)).toEqual([0, 1, 2, 3, 500, 501, 502, 503]);
});

it('forgets a place that nobody has been to for long', () => {
  const windows = new Windows(3);
  windows.demand(500, 500, true);
  for (let i = 0; i < 100; i++) windows.demand(0, 0, true);
  expect(windows.covers(500)).toBe(false);
  expect(windows.covers(7)).toBe(true);
});

it('wants nothing behind the end of the file', () => {
  const windows = new Windows(3);
  windows.demand(0, 0, true);
  expect(fetchAll(windows, new Set(), 3)).toEqual([0, 1, 2]);
});

it('stays in place for two who read on both sides of a block in turn', () => {
  const windows = new Windows(3);
  for (let i = 0; i < 5; i++) {
    windows.demand(10, 10, true);
    windows.demand(11, 11, true);
    expect([9, 10, 18, 19].map(block => windows.covers(block))).toEqual([false, true, true, false]);
  }
});

it('goes back for what is missing there', () => {
  const windows = new Windows(3);
  const window = windows.demand(11, 11, false);
  windows.starved(windows.demand(10, 11, false), 10);
  expect(window.first).toBe(10);
  expect(fetchAll(windows, new Set())).toEqual([10, 11]);
});
