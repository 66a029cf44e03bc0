import { describe, expect, it } from 'vitest';
import { anchorProblems, languageProblems } from './languages.ts';

const FRONT = [
  { path: 'README.md', text: '# A\n' },
  { path: 'README.zh.md', text: '# 甲\n' },
];
const pair = (english: string, chinese: string) => [
  ...FRONT,
  { path: 'docs/a.md', text: english },
  { path: 'docs/zh/a.md', text: chinese },
];

describe('the check of the languages', () => {
  it('takes a page that has the same headings, tables and code', () => {
    const code = '```sh\nnpm start\n# no heading\n```\n';
    expect(languageProblems(pair(`# A\n\n${code}\n| a |\n`, `# 甲\n\n${code}\n| 甲 |\n`))).toEqual([]);
  });

  it('finds a page that is there in one language only', () => {
    const documents = [{ path: 'docs/a.md', text: '' }, { path: 'docs/zh/b.md', text: '' }, ...FRONT];
    expect(languageProblems(documents)).toEqual([
      'docs/a.md: there is no docs/zh/a.md',
      'docs/zh/b.md: there is no docs/b.md',
    ]);
  });

  it('finds headings of another number or depth', () => {
    expect(languageProblems(pair('# A\n## B\n', '# 甲\n### 乙\n'))).toEqual([
      'docs/zh/a.md: its headings are not those of the English page',
    ]);
  });

  it('finds code that differs, and a block that is not there', () => {
    expect(languageProblems(pair('```sh\na\n```\n', '```sh\nb\n```\n'))).toEqual([
      'docs/zh/a.md: block 1 of code is not that of the English page',
    ]);
    expect(languageProblems(pair('', '```sh\nb\n```\n'))).toEqual([
      'docs/zh/a.md: it has 1 blocks of code, the English page 0',
    ]);
  });

  it('finds a row of a table that was forgotten', () => {
    expect(languageProblems(pair('| a |\n| b |\n', '| 甲 |\n'))).toEqual([
      'docs/zh/a.md: its tables have 1 rows, those of the English page 2',
    ]);
  });
});

describe('the check of links to headings', () => {
  it('finds those that lead to none', () => {
    const text =
      '## 源的 `故障`\n[a](#源的-故障) [b](#gone) [c](b.md#there-is-one) [d](b.md#gone) [e](https://a.b/c#d)\n';
    const other = { path: 'docs/b.md', text: '# There is: one\n' };
    expect(anchorProblems([{ path: 'docs/a.md', text }, other])).toEqual([
      'docs/a.md: docs/a.md has no heading for #gone',
      'docs/a.md: docs/b.md has no heading for #gone',
    ]);
  });
});
