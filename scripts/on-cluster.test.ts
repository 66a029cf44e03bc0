import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ALONE, dialectFiles, FEW_ON_CLUSTER, FEW_ON_TWO, FEW_TRIALS, filesOnCluster } from './on-cluster.mjs';

const ROOT = dirname(import.meta.dirname);

it('runs on a cluster whatever starts a node or an API, and nothing else', () => {
  const files = filesOnCluster(ROOT);
  expect(files).toEqual(expect.arrayContaining(['test/relay.test.ts', 'test/native-tasks.test.ts']));
  expect(files).not.toContain('test/mp4.test.ts');
  expect(files).not.toContain('test/cluster/kill.test.ts');
  for (const path of Object.keys(ALONE)) expect(files).not.toContain(path);
});

it('spreads the requests of both cloud dialects over two nodes', () => {
  const dialects = new Set(dialectFiles(ROOT).map(path => /test\/([a-z]+)/.exec(path)?.[1]));
  expect([...dialects].sort()).toEqual(['alibaba', 'huawei']);
});

it('names files that there are, for whoever has little time', () => {
  const files = filesOnCluster(ROOT);
  const named = [...FEW_ON_CLUSTER, ...FEW_ON_TWO, ...FEW_TRIALS, ...Object.keys(ALONE)];
  expect(named.filter(path => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(FEW_ON_CLUSTER.filter(path => !files.includes(path))).toEqual([]);
  const dialects = dialectFiles(ROOT);
  expect(FEW_ON_TWO.filter(path => !dialects.includes(path))).toEqual([]);
});
