import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Task } from '../task/task.ts';
import type { NodeRenewal } from './node-store.ts';
import { sampleTask, telling } from './sample.ts';
import type { OpenedStore } from './store.testsuite.ts';
import type { Store } from './store.ts';

const LONG_MS = 3_600_000;
const NODE: NodeRenewal = {
  ...{ name: 'a', incarnation: 'first', region: 'north', version: '1.0.0', facts: '{"load":1}', staleMs: LONG_MS },
};
const DUTY = { name: 'callbacks', node: 'a', incarnation: 'first', staleMs: LONG_MS } as const;
const ADDRESS = 'rtmp://dst.example/live/secret';

/** What nodes that share a database agree on through it. */
export function nodesSuite(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} shared by nodes`, () => {
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      const opened = await open();
      store = opened.store;
      other = await opened.reopen();
    });
    afterEach(async () => {
      await other.close();
      await store.close();
    });

    const put = async (change = sampleTask()): Promise<Task> => {
      await store.create(change);
      return change.task;
    };
    const claim = (id: string, node: string) =>
      store.change(id, task => {
        const change = telling('claimed')(task);
        return change && { ...change, task: { ...change.task, node } };
      });

    describe('a node', () => {
      it('stands with what it said of itself, and counts its renewals', async () => {
        expect(await store.renewNode(NODE)).toBe(true);
        expect(await store.renewNode({ ...NODE, facts: '{"load":2}' })).toBe(true);
        const { staleMs: _, ...told } = NODE;
        expect(await other.nodes()).toEqual([
          { ...told, facts: '{"load":2}', state: 'active', renewals: 2, seenAt: expect.any(Number) },
        ]);
      });

      it('is seen by the clock of the database', async () => {
        await store.renewNode(NODE);
        const [node] = await other.nodes();
        expect(Math.abs(Date.now() - (node?.seenAt ?? 0))).toBeLessThan(10_000);
      });

      it('of the same name and another life is kept out while the first is seen', async () => {
        await store.renewNode(NODE);
        expect(await other.renewNode({ ...NODE, incarnation: 'second' })).toBe(false);
        expect(await store.nodes()).toMatchObject([{ incarnation: 'first', renewals: 1 }]);
      });

      it('gives way to another life once it has not been seen for long, and counts on', async () => {
        await store.renewNode(NODE);
        expect(await other.renewNode({ ...NODE, incarnation: 'second', staleMs: 0 })).toBe(true);
        expect(await store.nodes()).toMatchObject([{ incarnation: 'second', renewals: 2 }]);
        expect(await store.renewNode(NODE)).toBe(false);
      });

      it('keeps the state that its operator gave it through its renewals', async () => {
        await store.renewNode(NODE);
        expect(await other.setNodeState('a', 'cordoned')).toBe(true);
        await store.renewNode(NODE);
        expect(await store.nodes()).toMatchObject([{ state: 'cordoned' }]);
      });

      it('that there is none of has no state', async () => {
        expect(await store.setNodeState('nobody', 'draining')).toBe(false);
      });

      it('is removed by name, or only where it is that life of it', async () => {
        await store.renewNode(NODE);
        expect(await store.removeNode('a', 'second')).toBe(false);
        expect(await store.removeNode('a', 'first')).toBe(true);
        expect(await store.removeNode('a')).toBe(false);
        expect(await store.nodes()).toEqual([]);
      });

      it('is one of many that come at once with the same name', async () => {
        const lives = Array.from({ length: 16 }, (_, at) => ({ ...NODE, incarnation: `life-${at}` }));
        const taken = await Promise.all(lives.map((life, at) => (at % 2 === 0 ? store : other).renewNode(life)));
        expect(taken.filter(Boolean)).toHaveLength(1);
      });
    });

    describe('a duty', () => {
      it('is had by one node at a time, which renews it', async () => {
        expect(await store.takeDuty(DUTY)).toBe(true);
        expect(await other.takeDuty({ ...DUTY, node: 'b', incarnation: 'other' })).toBe(false);
        expect(await store.takeDuty(DUTY)).toBe(true);
      });

      it('goes to another once it was not renewed for long', async () => {
        await store.takeDuty(DUTY);
        expect(await other.takeDuty({ ...DUTY, node: 'b', incarnation: 'other', staleMs: 0 })).toBe(true);
        expect(await store.takeDuty(DUTY)).toBe(false);
      });

      it('that is left is free at once, and nobody leaves that of another', async () => {
        await store.takeDuty(DUTY);
        await other.leaveDuty(DUTY.name, 'other');
        expect(await other.takeDuty({ ...DUTY, node: 'b', incarnation: 'other' })).toBe(false);
        await store.leaveDuty(DUTY.name, DUTY.incarnation);
        expect(await other.takeDuty({ ...DUTY, node: 'b', incarnation: 'other' })).toBe(true);
      });
    });

    describe('what is held', () => {
      it('is what a node acts for or is on air, and nothing that waits or has ended', async () => {
        await put();
        const claimed = await put();
        await claim(claimed.id, 'a');
        const flowing = await put();
        await claim(flowing.id, '');
        await store.change(flowing.id, telling('flowing'));
        const stopped = await put();
        await claim(stopped.id, 'b');
        await store.change(stopped.id, telling('stopped'));
        const over = await put();
        await claim(over.id, '');
        await store.change(over.id, telling('stopped'));
        const held = await other.holdings();
        expect(held.map(({ id, status, node }) => [id, status, node])).toEqual([
          [claimed.id, 'scheduled', 'a'],
          [flowing.id, 'running', ''],
          [stopped.id, 'stopped', 'b'],
        ]);
        expect(held[0]).toEqual({
          ...{ id: claimed.id, epoch: 1, seq: 2, status: 'scheduled', movedBy: 'claimed', region: 'cn-north-4' },
          ...{ node: 'a', dueAt: claimed.spec.endAt },
        });
      });

      it('is let go by the node and under the epoch that has it alone', async () => {
        const { id } = await put();
        await claim(id, 'a');
        await other.release(id, 'b', 1);
        await other.release(id, 'a', 2);
        expect((await store.get(id))?.node).toBe('a');
        await other.release(id, 'a', 1);
        expect((await store.get(id))?.node).toBe('');
        expect((await store.get(id))?.seq).toBe(2);
      });
    });

    describe('a destination', () => {
      const acting = async (): Promise<Task> => {
        const task = await put();
        await claim(task.id, 'a');
        return task;
      };
      const end = async ({ id }: Task): Promise<void> => {
        const ended = await store.change(id, telling('stopped'));
        await store.release(id, 'a', ended?.task.epoch ?? 0);
      };

      it('is had by one task, and the others are told which', async () => {
        const [first, second] = [await acting(), await acting()];
        expect(await store.takeDestination(ADDRESS, first.id)).toBeUndefined();
        expect(await other.takeDestination(ADDRESS, second.id)).toBe(first.id);
        expect(await store.takeDestination(ADDRESS, first.id)).toBeUndefined();
      });

      it('is free once its task has left it', async () => {
        const [first, second] = [await acting(), await acting()];
        await store.takeDestination(ADDRESS, first.id);
        await end(first);
        await store.leaveDestination(first.id);
        expect(await other.takeDestination(ADDRESS, second.id)).toBeUndefined();
      });

      it('is not left by a task that acts', async () => {
        const [first, second] = [await acting(), await acting()];
        await store.takeDestination(ADDRESS, first.id);
        await store.leaveDestination(first.id);
        expect(await other.takeDestination(ADDRESS, second.id)).toBe(first.id);
      });

      it('is not had by another while the run of a task that is over may be on air', async () => {
        const [first, second] = [await acting(), await acting()];
        await store.takeDestination(ADDRESS, first.id);
        await store.change(first.id, telling('stopped'));
        expect(await other.takeDestination(ADDRESS, second.id)).toBe(first.id);
      });

      it('is taken from a task that is over and has not left it', async () => {
        const [first, second] = [await acting(), await acting()];
        await store.takeDestination(ADDRESS, first.id);
        await end(first);
        expect(await other.takeDestination(ADDRESS, second.id)).toBeUndefined();
        await claim(first.id, 'a');
        expect(await store.takeDestination(ADDRESS, first.id)).toBe(second.id);
      });

      it('is left when its task takes another', async () => {
        const [first, second] = [await acting(), await acting()];
        await store.takeDestination(ADDRESS, first.id);
        await store.takeDestination('rtmp://elsewhere.example/live/secret', first.id);
        expect(await other.takeDestination(ADDRESS, second.id)).toBeUndefined();
      });

      it('is reserved by a task until that has ended', async () => {
        const [first, second] = [sampleTask(), sampleTask()];
        await store.create({ ...first, reserves: ADDRESS });
        await expect(other.create({ ...second, reserves: ADDRESS })).rejects.toThrow('another task');
        expect(await store.get(second.task.id)).toBeUndefined();
        await store.change(first.task.id, telling('deleted'));
        await other.create({ ...second, reserves: ADDRESS });
      });

      it('stays reserved by a task that is stopped', async () => {
        const [first, second] = [sampleTask(), sampleTask()];
        await store.create({ ...first, reserves: ADDRESS });
        await claim(first.task.id, 'a');
        await end(first.task);
        await store.leaveDestination(first.task.id);
        await expect(other.create({ ...second, reserves: ADDRESS })).rejects.toThrow('another task');
      });

      it('is reserved by one of many tasks that are made at once', async () => {
        const made = await Promise.allSettled(
          Array.from({ length: 12 }, (_, at) =>
            (at % 2 === 0 ? store : other).create({ ...sampleTask(), reserves: ADDRESS }),
          ),
        );
        expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      });

      it('of a task that there is not any more is free', async () => {
        await store.takeDestination(ADDRESS, 'gone');
        const { id } = await put();
        expect(await other.takeDestination(ADDRESS, id)).toBeUndefined();
      });

      it('is taken by one of many that come at once', async () => {
        const tasks = await Promise.all(Array.from({ length: 12 }, () => acting()));
        const holders = await Promise.all(
          tasks.map(({ id }, at) => (at % 2 === 0 ? store : other).takeDestination(ADDRESS, id)),
        );
        expect(holders.filter(holder => holder === undefined)).toHaveLength(1);
        expect(new Set(holders.filter(holder => holder !== undefined)).size).toBe(1);
      });
    });

    describe('a nonce', () => {
      const NONCE = { accessKey: 'a', value: '1', until: 1_000, now: 500 } as const;

      it('is used once, at whichever node', async () => {
        expect(await store.useNonce(NONCE)).toBe(true);
        expect(await other.useNonce(NONCE)).toBe(false);
        expect(await store.useNonce(NONCE)).toBe(false);
      });

      it('is another one with another key, or another value', async () => {
        await store.useNonce(NONCE);
        expect(await other.useNonce({ ...NONCE, accessKey: 'b' })).toBe(true);
        expect(await other.useNonce({ ...NONCE, value: '2' })).toBe(true);
      });

      it('is used again once its time has passed, and then again only once', async () => {
        await store.useNonce(NONCE);
        expect(await other.useNonce({ ...NONCE, now: 999, until: 1_999 })).toBe(false);
        expect(await other.useNonce({ ...NONCE, now: 1_000, until: 2_000 })).toBe(true);
        expect(await store.useNonce({ ...NONCE, now: 1_999, until: 3_000 })).toBe(false);
      });

      it('is used by one of many that come at once', async () => {
        const used = await Promise.all(
          Array.from({ length: 32 }, (_, at) => (at % 2 === 0 ? store : other).useNonce(NONCE)),
        );
        expect(used.filter(Boolean)).toHaveLength(1);
      });

      it('is removed when its time has long passed, and no sooner', async () => {
        const now = Date.now();
        const agos = [120_000, 90_000, 30_000, -60_000];
        for (const ago of agos) await store.useNonce({ ...NONCE, value: `${ago}`, until: now - ago, now });
        expect(await other.purgeNonces(60_000)).toBe(2);
        expect(await other.purgeNonces(60_000)).toBe(0);
        expect(await store.useNonce({ ...NONCE, value: '-60000', until: now, now })).toBe(false);
      });
    });

    it('lets one user in by a setup link that is shown to two nodes at once', async () => {
      const until = Date.now() + LONG_MS;
      await store.putSetupLink({ hash: 'link', expiresAt: until, usedAt: null }, 0);
      const user = (name: string) => ({
        ...{ id: name, accountId: 'default', name, passwordHash: 'x', createdAt: 0, enabled: true, policies: [] },
      });
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, at) =>
          (at % 2 === 0 ? store : other).useSetupLink('link', Date.now(), user(`user-${at}`)),
        ),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await store.users()).toHaveLength(1);
    });

    it('has one id for the installation, whoever asks', async () => {
      const ids = await Promise.all([store.installation(), other.installation(), store.installation()]);
      expect(new Set(ids).size).toBe(1);
      expect(ids[0]).toMatch(/^[0-9a-f]{16}$/);
    });

    it('takes one task to one place when two nodes claim it at once', async () => {
      const { id } = await put();
      const claimFrom = (from: Store, node: string) =>
        from.change(id, task => {
          const change = task.node === '' ? telling('claimed')(task) : undefined;
          return change && { ...change, task: { ...change.task, node } };
        });
      const outcomes = await Promise.all([claimFrom(store, 'a'), claimFrom(other, 'b')]);
      expect(outcomes.filter(outcome => outcome?.changed)).toHaveLength(1);
      expect(outcomes[0]?.task.node).toBe(outcomes[1]?.task.node);
    });
  });
}
