import { expect, it } from 'vitest';
import { BLOCK_BYTES, Blocks } from './blocks.ts';
import { patternBytes } from './scripted-file-server.ts';

const all = () => true;

function filled(from: number, to: number): Blocks {
  const blocks = new Blocks();
  for (let at = from; at < to; at += 10_007) blocks.put(at, patternBytes(at, Math.min(to, at + 10_007)), all);
  return blocks;
}

it('shows what lies in one block without copying, and joins what does not', () => {
  const blocks = filled(0, 2 * BLOCK_BYTES);
  const view = blocks.view(10, 100);
  expect(view).toEqual(patternBytes(10, 110));
  expect(blocks.view(10, 100)?.buffer).toBe(view?.buffer);
  expect(blocks.view(BLOCK_BYTES - 5, 10)).toEqual(patternBytes(BLOCK_BYTES - 5, BLOCK_BYTES + 5));
});

it('shows nothing that is not whole', () => {
  const blocks = filled(0, BLOCK_BYTES + 100);
  expect(blocks.view(BLOCK_BYTES + 90, 11)).toBeUndefined();
  expect(blocks.view(BLOCK_BYTES - 10, 111)).toBeUndefined();
  expect(blocks.reach(BLOCK_BYTES - 10, 200)).toBe(BLOCK_BYTES + 100);
  expect(blocks.reach(BLOCK_BYTES - 10, 50)).toBe(BLOCK_BYTES + 40);
});

it('stores only what continues a block', () => {
  const blocks = new Blocks();
  blocks.put(500, patternBytes(500, BLOCK_BYTES + 7), all);
  expect(blocks.count).toBe(1);
  expect(blocks.view(BLOCK_BYTES, 7)).toEqual(patternBytes(BLOCK_BYTES, BLOCK_BYTES + 7));
  blocks.put(BLOCK_BYTES + 8, patternBytes(0, 10), all);
  expect(blocks.filledOf(1)).toBe(7);
});

it('goes on from the middle of a chunk that brings known bytes again', () => {
  const blocks = filled(0, 700);
  blocks.put(0, patternBytes(0, 500), all);
  blocks.put(500, patternBytes(500, 900), all);
  expect(blocks.view(0, 900)).toEqual(patternBytes(0, 900));
});

it('stores only what is wanted', () => {
  const blocks = new Blocks();
  blocks.put(0, patternBytes(0, 100), () => false);
  expect(blocks.count).toBe(0);
});

it('frees what is not kept, but never what was shown last', () => {
  const blocks = filled(0, 3 * BLOCK_BYTES);
  const view = blocks.view(BLOCK_BYTES, 50);
  blocks.evict(index => index === 2, 0);
  expect(blocks.count).toBe(2);
  expect(view).toEqual(patternBytes(BLOCK_BYTES, BLOCK_BYTES + 50));
});
