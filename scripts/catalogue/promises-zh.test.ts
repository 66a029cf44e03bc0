import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { promisesInChinese } from './promises-zh.ts';

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

it('has the promises stand in Chinese as they stand in English', () => {
  expect(page('zh/promises.md')).toBe(promisesInChinese(page('promises.md')));
});

it('has Chinese words for every row and every figure', () => {
  const lines = promisesInChinese(page('promises.md')).split('\n');
  const told = lines.filter(line => /^(\| (?!-)|#)/.test(line));
  expect(told.filter(line => !/\p{Script=Han}/u.test(line.split('|')[1] ?? line))).toEqual([]);
});

it('keeps every number', () => {
  const english =
    '\nMeasured on: a machine\n\n## S1: x\n\n| frames lost | at least 29, at most 34 s | 0.5 s (missed) |\n';
  expect(promisesInChinese(english)).toContain('## S1：源失效\n\n| 丢失的帧 | 29 至 34 s | 0.5 s （未达到） |\n');
});
