import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isStale } from './console.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-stale-'));
  for (const name of ['src', 'src/views', 'dist']) mkdirSync(join(folder, name));
  for (const name of ['src/main.tsx', 'src/views/now.tsx', 'index.html']) writeFileSync(join(folder, name), '');
  for (const name of ['src/main.tsx', 'src/views/now.tsx', 'index.html', 'src', 'src/views']) age(name, 60);
});
afterEach(() => rmSync(folder, { recursive: true }));

const age = (name: string, seconds: number): void =>
  utimesSync(join(folder, name), Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);

it('takes a console that was never built for stale', () => {
  expect(isStale(folder)).toBe(true);
});

it('leaves one alone that is newer than all it is made of', () => {
  writeFileSync(join(folder, 'dist', 'index.html'), '');
  expect(isStale(folder)).toBe(false);
});

it('notices a view that was changed, and one that was taken away', () => {
  writeFileSync(join(folder, 'dist', 'index.html'), '');
  age('dist/index.html', 30);
  expect(isStale(folder)).toBe(false);
  age('src/views/now.tsx', 0);
  expect(isStale(folder)).toBe(true);
  rmSync(join(folder, 'src/views/now.tsx'));
  expect(isStale(folder)).toBe(true);
});
