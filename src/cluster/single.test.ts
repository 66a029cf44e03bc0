import { expect, it } from 'vitest';
import { clusterSuite, facts } from './cluster.testsuite.ts';
import { SingleCluster } from './single.ts';

clusterSuite('SingleCluster', async () => new SingleCluster('node-1'));

it('does not let in a node that has left', async () => {
  const cluster = new SingleCluster('node-1');
  await cluster.close();
  await expect(cluster.join(facts)).rejects.toThrow('the node has left');
});
