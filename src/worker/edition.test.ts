import { cpSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { codeDigest, workerEdition } from './edition.ts';

const SOURCE = fileURLToPath(new URL('..', import.meta.url));

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'edition-'));
  cpSync(SOURCE, copy, { recursive: true });
});
afterEach(() => rmSync(copy, { recursive: true }));

it('the same code has the same digest wherever and since whenever it lies there', () => {
  utimesSync(join(copy, 'media/relay.ts'), 1, 1);
  expect(codeDigest(copy)).toBe(codeDigest());
});

it.each([
  ['a line that is changed', 'media/rtmp/sink.ts'],
  ['a module that is new', 'worker/new.ts'],
  ['a rule that is changed', 'task/retry.ts'],
])('%s makes it another', (_, name) => {
  writeFileSync(join(copy, name), 'export {};\n');
  expect(codeDigest(copy)).not.toBe(codeDigest());
});

it.each(['media/relay.test.ts', 'control/record.ts'])('what no worker runs, %s, does not', name => {
  writeFileSync(join(copy, name), 'export {};\n');
  expect(codeDigest(copy)).toBe(codeDigest());
});

it('other code is another edition', () => {
  const settings = { network: 'lan' } as const;
  expect(workerEdition('one', settings)).toBe(workerEdition('one', settings));
  expect(workerEdition('one', settings)).not.toBe(workerEdition('other', settings));
});

it('one that needs a lease is another than one that needs none', () => {
  const settings = { network: 'lan' } as const;
  expect(workerEdition('one', { ...settings, leased: false })).toBe(workerEdition('one', settings));
  expect(workerEdition('one', { ...settings, leased: true })).not.toBe(workerEdition('one', settings));
});
