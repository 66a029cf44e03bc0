import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster, MemberFacts } from './cluster.ts';

export const facts = (): MemberFacts => ({
  region: 'r',
  version: '1',
  api: null,
  isOpen: true,
  runs: 0,
  capacity: 100,
  load: 0,
  wall: Date.now(),
});

/** What every Cluster keeps to, whatever it agrees through. */
export function clusterSuite(name: string, open: () => Promise<Cluster>): void {
  describe(`${name} as a cluster`, () => {
    let cluster: Cluster;

    beforeEach(async () => {
      cluster = await open();
    });
    afterEach(() => cluster.close());

    it('gives the node a lease that holds', async () => {
      const lease = await cluster.join(facts);
      expect(lease.node).not.toBe('');
      expect(lease.signal.aborted).toBe(false);
      expect(lease.deadline()).toBeGreaterThan(performance.now());
    });

    it('tells the holder of the lease when the cluster is left', async () => {
      const lease = await cluster.join(facts);
      await cluster.close();
      expect(lease.signal.aborted).toBe(true);
    });

    it('gives a free task to who claims it', async () => {
      await cluster.join(facts);
      expect(await cluster.claim('task', 1)).toBe(true);
    });

    it('lets the same node claim again with the same or a newer epoch', async () => {
      await cluster.join(facts);
      await cluster.claim('task', 1);
      expect(await cluster.claim('task', 1)).toBe(true);
      expect(await cluster.claim('task', 2)).toBe(true);
    });

    it('refuses a claim that is older than the one that stands', async () => {
      await cluster.join(facts);
      await cluster.claim('task', 3);
      expect(await cluster.claim('task', 2)).toBe(false);
    });

    it('keeps tasks apart', async () => {
      await cluster.join(facts);
      await cluster.claim('one', 5);
      expect(await cluster.claim('other', 1)).toBe(true);
    });

    it('does not let a late release of an older epoch take the newer claim away', async () => {
      await cluster.join(facts);
      await cluster.claim('task', 1);
      await cluster.claim('task', 2);
      await cluster.release('task', 1);
      expect(await cluster.claim('task', 1)).toBe(false);
    });

    it('lets a released task be claimed again under a newer epoch', async () => {
      await cluster.join(facts);
      await cluster.claim('task', 1);
      await cluster.release('task', 1);
      expect(await cluster.claim('task', 2)).toBe(true);
    });

    it('gives nothing to a node that has left', async () => {
      await cluster.join(facts);
      await cluster.close();
      expect(await cluster.claim('task', 1)).toBe(false);
    });

    it('can be closed twice', async () => {
      await cluster.close();
      await expect(cluster.close()).resolves.toBeUndefined();
    });
  });
}
