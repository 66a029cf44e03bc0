import { describe, expect, it } from 'vitest';
import { checkLock } from './check-lock.ts';

const packages = {
  'node_modules/a': { version: '1.0.0', optionalDependencies: { 'a-linux': '1.0.0' } },
  'node_modules/a-linux': { version: '1.0.0' },
  'node_modules/b/node_modules/c': { version: '1.0.0', optionalDependencies: { 'c-linux': '1.0.0' } },
  'node_modules/b/node_modules/c-linux': { version: '1.0.0' },
};
const manifest = { dependencies: { a: '1.0.0' } };

describe('the check of the lockfile', () => {
  it('lets a complete one stand', () => {
    expect(checkLock(manifest, { packages })).toEqual([]);
  });

  it('finds a version that is not exact', () => {
    expect(checkLock({ devDependencies: { a: '^1.0.0' } }, { packages })).toEqual([
      'package.json: a is not pinned exactly (^1.0.0)',
    ]);
  });

  it('finds a lockfile that is behind', () => {
    expect(checkLock({ dependencies: { a: '1.0.1', z: '1.0.0' } }, { packages })).toEqual([
      'package-lock.json: a is 1.0.0, package.json wants 1.0.1',
      'package-lock.json: z is missing, package.json wants 1.0.0',
    ]);
  });

  it("finds that another platform's package is missing", () => {
    const { 'node_modules/a-linux': _, ...rest } = packages;
    expect(checkLock(manifest, { packages: rest })).toEqual([
      expect.stringContaining('lacks a-linux, which node_modules/a may need'),
    ]);
  });

  it('finds an entry that is bound to a download host', () => {
    const bound = { ...packages, 'node_modules/d': { version: '1.0.0', resolved: 'https://host.example/d.tgz' } };
    expect(checkLock(manifest, { packages: bound })).toEqual([
      'package-lock.json: node_modules/d is bound to a download host',
    ]);
  });
});
