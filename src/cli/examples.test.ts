import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { commandProblems } from '../../scripts/check-docs.ts';
import { commandLine } from '../../test/lab/command-line.ts';
import { buildProgram, type World } from './program.ts';

// Nothing of it is run.
const program = buildProgram({ terminal: { out: () => {}, err: () => {} } } as unknown as World);

const leaves = (command: Command, path: readonly string[]): string[][] =>
  command.commands.length === 0
    ? [[...path]]
    : command.commands.flatMap(inner => leaves(inner, [...path, inner.name()]));

it.each(leaves(program, []).map(path => [path.join(' ')]))('%s helps with examples that are right', async path => {
  const { out } = await commandLine([...path.split(' '), '--help']);
  const [, examples = ''] = out.split(/\nExamples?:\n/);
  expect(examples).toContain(`millrace ${path}`);
  const known = { scripts: [], program, exists: () => true };
  expect(commandProblems({ path, text: `\`\`\`sh\n${examples}\n\`\`\`\n` }, known)).toEqual([]);
});
