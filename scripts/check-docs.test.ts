import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  commandProblems,
  hostProblems,
  linkProblems,
  statusProblems,
  untold,
  vocabularyProblems,
} from './check-docs.ts';

const doc = (text: string, path = 'docs/a.md') => ({ path, text });
const there =
  (...paths: string[]) =>
  (path: string) =>
    paths.includes(path);

describe('the check of the documents', () => {
  it('finds relative links that lead nowhere', () => {
    const text =
      '[a](b.md) [c](../README.md#top) [d](https://example.com/x) [e](#here) [f](gone.md#x)\n```\n[g](in-code.md)\n```\n';
    expect(linkProblems(doc(text), there('docs/b.md', 'README.md'))).toEqual([
      'docs/a.md: the link to gone.md#x leads nowhere',
    ]);
  });

  const program = new Command('millrace');
  program.command('serve').option('--data <DIR>');
  program.command('key').command('create').option('--env');
  const problems = (line: string) =>
    commandProblems(doc(`\`\`\`sh\n${line}\n\`\`\`\n`), {
      scripts: ['start', 'check'],
      program,
      exists: there('examples/a.mjs'),
    });

  it.each([
    ['npm run lint', 'package.json has no script lint'],
    ['npm test', 'package.json has no script test'],
    ['node examples/b.mjs', 'there is no examples/b.mjs'],
    ['bin/millrace sreve', 'there is no command sreve'],
    ['bin/millrace key make', 'there is no command make'],
    ['bin/millrace serve --dta x', 'serve has no option --dta'],
    ['eval "$(bin/millrace key create --evn)"', 'create has no option --evn'],
    ['cd x && bin/millrace nothing | cat', 'there is no command nothing'],
  ])('finds the command `%s`', (line, why) => {
    expect(problems(line)).toEqual([expect.stringContaining(why)]);
  });

  it.each([
    'npm start -- --data x',
    'npm ci',
    'npm run check',
    'node examples/a.mjs x',
    'eval "$(bin/millrace key create --env)"',
    'bin/millrace serve \\\n  --data=x',
    'ffmpeg -i x',
  ])('lets `%s` stand', line => {
    expect(problems(line)).toEqual([]);
  });

  it('finds what a document does not tell', () => {
    expect(untold(doc('uses `a`, not b'), ['a', 'b'], 'dependency')).toEqual([
      'docs/a.md: does not name the dependency `b`',
    ]);
  });

  const row = (word: string, place: string) => `| ${word} | means | ${place} |\n`;
  const vocabulary = (...rows: string[]) =>
    doc(`| Word | Means | Lives in |\n|---|---|---|\n${row('Task', '`task/task.ts`').repeat(9)}${rows.join('')}\n`);

  it('finds words that do not live where the vocabulary says', () => {
    const text = vocabulary(row('Run', '`worker/run.ts`'), row('Ghost', 'nowhere'), row('Later', 'not yet (`x.ts`)'));
    expect(vocabularyProblems(text, there('src/task/task.ts'))).toEqual([
      'docs/a.md: Run does not live in worker/run.ts',
      'docs/a.md: Ghost lives nowhere',
    ]);
  });

  it('misses the vocabulary where it is gone', () => {
    expect(vocabularyProblems(doc('no table'), there())).toEqual(['docs/a.md: the vocabulary table is not there']);
  });

  const statusTable = (scheduled: string) =>
    doc(
      `| from | claimed | expired |\n|---|---|---|\n| scheduled | ${scheduled} | exited |\n| running | recovering | exited |\n| recovering | recovering | exited |\n| stopped | – | exited |\n| exited | – | – |\n`,
    );

  it('finds a status table that is not the one in force', () => {
    expect(statusProblems(statusTable('scheduled'))).toEqual([]);
    expect(statusProblems(statusTable('running'))).toEqual([
      'docs/a.md: claimed in scheduled leads to scheduled, not running',
    ]);
    expect(statusProblems(doc('no table'))).toEqual(['docs/a.md: the status table is not there']);
  });

  it('finds registry hosts', () => {
    const host = ['registry', 'example', 'org'].join('.');
    expect(hostProblems(doc(`see ${host}/x`), undefined)).toEqual([`docs/a.md: names a registry (${host})`]);
    expect(hostProblems(doc('at pkg.corp.test:8443/x'), 'pkg.corp.test:8443')).toHaveLength(1);
    expect(hostProblems(doc('the registry. Example.'), undefined)).toEqual([]);
  });
});
