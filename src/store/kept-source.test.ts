import { expect, it } from 'vitest';
import type { SourceSpec } from '../task/spec.ts';
import { type KeptSource, toSource } from './kept-source.ts';

const rules = {
  kind: 'list',
  rounds: 2,
  startIndex: 1,
  startSeconds: 3,
  refresh: 'breakpoint',
  silence: true,
} as const;

it('reads the addresses of an earlier version as items of a list', () => {
  const kept: KeptSource = { ...rules, urls: ['http://f.example/a.mp4', 'media://b.mp4'] };
  const read: SourceSpec = { ...rules, items: [{ url: 'http://f.example/a.mp4' }, { url: 'media://b.mp4' }] };
  expect(toSource(kept)).toEqual(read);
});

it('leaves what is of this version as it is', () => {
  const live: SourceSpec = { kind: 'live', url: 'rtmp://src.example/live/a' };
  const list: SourceSpec = { ...rules, items: [{ url: 'media://b.mp4', inMs: 1_000, repeats: 2 }] };
  expect([live, list].map(toSource)).toEqual([live, list]);
});
