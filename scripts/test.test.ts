import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { staleness } from './packages.mjs';
import { missingPackages, settle, tally, worthAgain } from './test.mjs';

describe('the way from a clone to the tests', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'millrace-clone-'));
    mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules/node/bin/node'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const lock = (path: string, version: string, others: object = {}) =>
    writeFileSync(join(root, path), JSON.stringify({ packages: { '': {}, 'node_modules/a': { version }, ...others } }));

  it('finds packages that were never installed', () => {
    lock('package-lock.json', '1.0.0');
    expect(staleness(root)).toBe('not installed');
  });

  it('finds packages of another version than the lockfile', () => {
    lock('package-lock.json', '1.0.1', { 'node_modules/other-system': { version: '1.0.0', optional: true } });
    lock('node_modules/.package-lock.json', '1.0.0');
    expect(staleness(root)).toBe('a is not at 1.0.1');
    lock('node_modules/.package-lock.json', '1.0.1');
    expect(staleness(root)).toBeUndefined();
  });

  it('finds that the Node of the project is missing', () => {
    lock('package-lock.json', '1.0.0');
    lock('node_modules/.package-lock.json', '1.0.0');
    rmSync(join(root, 'node_modules/node'), { recursive: true });
    expect(staleness(root)).toBe('Node 24 is missing');
  });

  it('finds missing Debian packages by their files', () => {
    const needed = [
      { name: 'there', file: 'node' },
      { name: 'gone', file: 'no-such-program' },
      { name: 'by-path', file: join(root, 'absent.so') },
    ];
    expect(missingPackages(needed, [join(root, 'node_modules/node/bin')]).map(({ name }) => name)).toEqual([
      'gone',
      'by-path',
    ]);
  });

  const report = (success: boolean, ...statuses: string[]) => ({
    success,
    testResults: [{ assertionResults: statuses.map((status, n) => ({ status, fullName: `test ${n}` })) }],
  });

  it('adds the outcomes of all reports up', () => {
    expect(tally([report(true, 'passed', 'passed'), report(false, 'passed', 'failed')])).toEqual({
      passed: 3,
      failed: 1,
      skipped: [],
    });
  });

  it('counts a missing report, a file that would not load, and names what was skipped', () => {
    expect(tally([undefined, report(false), report(true, 'skipped', 'todo')])).toEqual({
      passed: 0,
      failed: 2,
      skipped: ['test 0', 'test 1'],
    });
  });

  const file = (name: string, ...statuses: string[]) => ({
    name,
    status: statuses.includes('failed') ? 'failed' : 'passed',
    assertionResults: statuses.map((status, n) => ({ status, fullName: `${name} ${n}` })),
  });

  it('looks a second time at a few files that failed, and not at many', () => {
    const few = [file('a', 'failed'), file('b', 'passed'), file('c', 'failed', 'passed')];
    expect(worthAgain({ success: false, testResults: few })).toEqual(['a', 'c']);
    const many = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => file(name, 'failed'));
    expect(worthAgain({ success: false, testResults: many })).toEqual([]);
    expect(worthAgain(undefined)).toEqual([]);
  });

  it('names what passed the second time only, and still fails what failed twice', () => {
    const first = {
      success: false,
      testResults: [file('a', 'passed', 'failed'), file('b', 'failed'), file('c', 'passed')],
    };
    const second = { success: false, testResults: [file('a', 'passed', 'passed'), file('b', 'failed')] };
    const { report: settled, unsteady } = settle(first, second);
    expect(unsteady).toEqual(['a 1']);
    expect(tally([settled])).toEqual({ passed: 3, failed: 1, skipped: [] });
    expect(settle(first, undefined)).toMatchObject({ report: { success: false }, unsteady: [] });
  });
});
