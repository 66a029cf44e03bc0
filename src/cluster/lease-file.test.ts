import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LeaseFile } from './lease-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-lease-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('remembers until when the lease holds, for whoever follows on the same machine', () => {
  new LeaseFile(join(folder, 'lease'), 'boot').write(1_234.5);
  expect(new LeaseFile(join(folder, 'lease'), 'boot').read()).toBe(1_234.5);
});

it('remembers nothing of the time before the machine was booted', () => {
  new LeaseFile(join(folder, 'lease'), 'boot').write(1_234.5);
  expect(new LeaseFile(join(folder, 'lease'), 'another').read()).toBeUndefined();
});

it('forgets when it is told to', () => {
  const file = new LeaseFile(join(folder, 'lease'), 'boot');
  file.write(1);
  file.clear();
  expect([file.read(), existsSync(join(folder, 'lease'))]).toEqual([undefined, false]);
});

it.each(['', '{', '{"boot":"boot"}', '{"boot":"boot","until":"x"}'])('knows of no lease where it reads %j', text => {
  writeFileSync(join(folder, 'lease'), text);
  expect(new LeaseFile(join(folder, 'lease'), 'boot').read()).toBeUndefined();
});

it('leaves nothing that is old where it cannot write', () => {
  const file = new LeaseFile(join(folder, 'absent', 'lease'), 'boot');
  file.write(1);
  expect(file.read()).toBeUndefined();
});
