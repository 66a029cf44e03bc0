import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { isRunnable, scriptOf } from './runnable.ts';

const PLACES = { api: '127.0.0.1:1', rtmp: '127.0.0.1:2', receiver: '127.0.0.1:3' };
const block = (...lines: readonly string[]): string => `\`\`\`sh run\n${lines.join('\n')}\n\`\`\`\n`;
const run = (document: string) =>
  spawnSync('bash', ['-c', scriptOf(document, PLACES)], { encoding: 'utf8', timeout: 20_000 });

it('runs the blocks that say so, in one shell and in their order', () => {
  const document = `${block('word=said')}\n\`\`\`sh\nexit 3\n\`\`\`\n${block('echo "it is $word at 127.0.0.1:8080"')}`;
  expect(run(document)).toMatchObject({ status: 0, stdout: expect.stringContaining('it is said at 127.0.0.1:1') });
});

it('ends at the first command that fails', () => {
  const { status, stdout } = run(block('false', 'echo on'));
  expect([status, stdout.includes('on')]).toEqual([1, false]);
});

it('takes a refusal for a failure', () => {
  expect(run(block('curl -s http://127.0.0.1:1935/')).status).not.toBe(0);
});

it('finds nothing to run where no block says so', () => {
  expect(isRunnable('```sh\ntrue\n```\n')).toBe(false);
});
