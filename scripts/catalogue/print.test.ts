import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALARMS } from './alarms.ts';
import type { Language } from './entry.ts';
import { PAGES, printCatalogue } from './print.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

/** The code of a folder, without its tests. */
const sourceOf = (folder: string): string =>
  readdirSync(join(ROOT, folder))
    .filter(name => name.endsWith('.ts') && !name.includes('.test'))
    .map(name => readFileSync(join(ROOT, folder, name), 'utf8'))
    .join('\n');

const named = (text: string, shape: RegExp): string[] => [...text.matchAll(shape)].map(match => match[1] ?? '');

describe('the error catalogue', () => {
  it.each<Language>(['en', 'zh'])('stands in the repository as it is printed: %s', language => {
    expect(readFileSync(join(ROOT, PAGES[language]), 'utf8')).toBe(printCatalogue(language));
  });

  it('tells every alarm that the source can raise, and no other', () => {
    const raised = [
      ...named(sourceOf('src/worker'), /(?:hold|see)\(\s*'([A-Z]\w+)'/g),
      ...named(sourceOf('src/worker'), /alarm: '([A-Z]\w+)'/g),
      ...named(sourceOf('src/worker'), /'((?:Video|Audio)Lost)'/g),
      ...named(sourceOf('src/control'), /(?:unstable|failed): '([A-Z]\w+)'/g),
      ...named(readFileSync(join(ROOT, 'src/task/alarm.ts'), 'utf8'), /^export const [A-Z_]+ = '([A-Z]\w+)'/gm),
    ];
    expect(Object.keys(ALARMS).sort()).toEqual([...new Set(raised)].sort());
  });

  it('tells every alarm that the page of alarms tells', () => {
    const page = readFileSync(join(ROOT, 'docs/alarms.md'), 'utf8');
    const rows = page.split('\n').filter(line => line.startsWith('| `'));
    const told = rows.flatMap(row => named(row.split('|')[1] ?? '', /`(\w+)`/g));
    expect(told.sort()).toEqual(Object.keys(ALARMS).sort());
  });

  it('says something of every code in every language', () => {
    for (const language of ['en', 'zh'] as const) expect(printCatalogue(language)).not.toMatch(/\| *\|/);
  });
});
