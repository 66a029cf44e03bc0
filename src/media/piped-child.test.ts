import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startPiped } from './piped-child.ts';

/** Has no file descriptor left when it starts a program. */
const CROWDED = `
  import { openSync } from 'node:fs';
  import { startPiped } from '${new URL('./piped-child.ts', import.meta.url).href}';
  try { for (;;) openSync('/dev/null'); } catch {}
  try { startPiped('push', 'cat', []); } catch ({ name, side, message }) { console.log(name, side, message); }
`;

it('a program is started with its three ends in our hands', async () => {
  const child = startPiped('pull', 'cat', []);
  child.stdin.end('through');
  const parts: Buffer[] = [];
  for await (const part of child.stdout) parts.push(part as Buffer);
  expect(Buffer.concat(parts).toString()).toBe('through');
});

it('where there is no room for its pipes is a fault, and nothing falls over', async () => {
  const crowded = ['-c', 'ulimit -n 100; exec "$0" --input-type=module --eval "$1"', process.execPath, CROWDED];
  const { stdout } = await promisify(execFile)('sh', crowded);
  expect(stdout).toBe('Fault push no program can be started: this process has too many files open\n');
});
