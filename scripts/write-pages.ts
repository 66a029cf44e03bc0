// Writes the pages that are made of others: the error catalogue in both languages, and the promises in Chinese.
//
//   node scripts/write-pages.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PAGES, printCatalogue } from './catalogue/print.ts';
import { promisesInChinese } from './catalogue/promises-zh.ts';

const root = dirname(import.meta.dirname);
const at = (path: string): string => join(root, path);

writeFileSync(at(PAGES.en), printCatalogue('en'));
writeFileSync(at(PAGES.zh), printCatalogue('zh'));
writeFileSync(at('docs/zh/promises.md'), promisesInChinese(readFileSync(at('docs/promises.md'), 'utf8')));
