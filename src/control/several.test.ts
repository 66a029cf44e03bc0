import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OWNER } from './rehearsal.testsuite.ts';
import { Several, type SeveralNode } from './several.testsuite.ts';

let several: Several;
let [a, b, c]: SeveralNode[] = [];
beforeEach(async () => {
  several = await Several.start(['a', 'b', 'c']);
  [a, b, c] = several.nodes;
});
afterEach(() => several.close());

const some = (node: SeveralNode | undefined): SeveralNode => {
  if (node === undefined) throw new Error('there is no such node');
  return node;
};

const stop = (node: SeveralNode | undefined, id: string) => some(node).tasks.change(OWNER, id, { enabled: false });

/** On air on one node; answers which. */
async function onAir(by = some(a)): Promise<{ id: string; holder: SeveralNode; others: readonly SeveralNode[] }> {
  const { id } = await several.create(by);
  await several.until('it is on air', () => several.carriersOf(id).length === 1);
  const holder = several.node(several.carriersOf(id)[0] ?? '');
  holder.say(id, { type: 'flowing' });
  await several.until('it flows', async () => (await several.store.get(id))?.status === 'running');
  return { id, holder, others: several.nodes.filter(node => node !== holder) };
}

describe('a task of a cluster', () => {
  it('runs on one node, which is written in it', async () => {
    const { id, holder } = await onAir();
    await several.clock.pass(5_000);
    expect(several.carriersOf(id)).toEqual([holder.name]);
    expect(await several.store.get(id)).toMatchObject({ node: holder.name, epoch: 1 });
  });

  it('runs on one node where its offer comes twice', async () => {
    several.air.copies = () => 3;
    several.air.pick = count => Math.floor(Math.random() * count);
    const { id } = await onAir();
    expect(await several.store.get(id)).toMatchObject({ epoch: 1 });
  });

  it('runs all the same where every offer is lost', async () => {
    several.air.loses = what => what === 'offer';
    await onAir();
  });

  it('runs all the same while nothing can be offered', async () => {
    several.air.isAway = true;
    await onAir();
  });

  it('is stopped by a node that does not run it', async () => {
    const { id, others } = await onAir();
    await stop(others[0], id);
    await several.until('it is off the air', () => several.carriersOf(id).length === 0);
  });

  it('is stopped where no word of it is heard', async () => {
    const { id, others } = await onAir();
    several.air.loses = () => true;
    await stop(others[0], id);
    await several.until('it is off the air', () => several.carriersOf(id).length === 0);
  });

  it('belongs to nobody once its run is over', async () => {
    const { id, others } = await onAir();
    await stop(others[0], id);
    await several.until('it is given up', async () => (await several.store.get(id))?.node === '');
  });

  it('is started over by the node that runs it, whoever was asked', async () => {
    const { id, holder, others } = await onAir();
    await others[0]?.tasks.restart(OWNER, id);
    await several.until('it is on air anew', () => holder.onAir.get(id) === 3);
    expect(several.carriersOf(id)).toEqual([holder.name]);
  });

  it('is not touched while its node is merely silent', async () => {
    const { id, holder } = await onAir();
    holder.post.isOpen = false;
    await several.clock.pass(20_000);
    expect(await several.store.get(id)).toMatchObject({ node: holder.name, epoch: 1 });
  });
});

describe('a node that is gone', () => {
  it('leaves its tasks to the others at once', async () => {
    const { id, holder } = await onAir();
    holder.kill();
    several.air.gone.add(holder.name);
    const before = several.clock.elapsed();
    await several.until('it is on air elsewhere', () => several.carriersOf(id).length === 1);
    expect(several.clock.elapsed() - before).toBeLessThan(2_500);
    expect(await several.store.get(id)).toMatchObject({ epoch: 2, reason: `its node ${holder.name} is gone` });
  });

  it('has what was stopped meanwhile given up by the others', async () => {
    const { id, holder, others } = await onAir();
    holder.kill();
    await stop(others[0], id);
    several.air.gone.add(holder.name);
    await several.until('it is given up', async () => (await several.store.get(id))?.node === '');
  });

  it('takes up its tasks again where it comes back before it was gone', async () => {
    const { id, holder } = await onAir();
    holder.kill();
    const again = await several.add(holder.name);
    await several.until('it is on air again', () => again.onAir.has(id));
    expect(await several.store.get(id)).toMatchObject({ node: holder.name, epoch: 2 });
  });
});

describe('a node that has lost its lease', () => {
  it('ends its runs without a word, and claims them again under new epochs', async () => {
    const { id, holder } = await onAir();
    holder.loseLease();
    expect(holder.onAir.size).toBe(0);
    expect(await several.store.get(id)).toMatchObject({ status: 'running', epoch: 1 });
    await several.until('it is on air again', () => holder.onAir.get(id) === 2);
  });

  it('leaves alone what another has taken over', async () => {
    const { id, holder } = await onAir();
    several.air.gone.add(holder.name);
    holder.loseLease();
    await several.until('it is on air', () => several.carriersOf(id).length === 1);
    await several.clock.pass(10_000);
    expect(several.carriersOf(id)).toHaveLength(1);
    expect(several.doubled).toEqual([]);
  });
});

describe('a move', () => {
  it('ends the run here before it begins there', async () => {
    const { id, holder, others } = await onAir();
    const target = some(others[1]);
    const moved = holder.transfers.move(id, target.name);
    await several.until('it is on air there', () => target.onAir.has(id));
    await moved;
    expect(several.carriersOf(id)).toEqual([target.name]);
    expect(await several.store.get(id)).toMatchObject({ node: target.name, epoch: 2 });
    expect(several.doubled).toEqual([]);
  });

  it('to a node that is not there changes nothing', async () => {
    const { id, holder } = await onAir();
    await expect(holder.transfers.move(id, 'z')).rejects.toThrow('node z takes no tasks');
    expect(several.carriersOf(id)).toEqual([holder.name]);
  });

  it('of a task that is stopped meanwhile leaves it stopped', async () => {
    const { id, holder, others } = await onAir();
    const moved = holder.transfers.move(id, some(others[0]).name);
    await stop(others[1], id);
    await several.clock.pass(1_000, 50, 3);
    await moved.catch(() => undefined);
    await several.until('it is off the air', () => several.carriersOf(id).length === 0);
    expect(await several.store.get(id)).toMatchObject({ status: 'stopped' });
  });
});

describe('a region', () => {
  it('without a node has its tasks say so, until there is one', async () => {
    const { id } = await several.create(some(b), { region: 'far' });
    const alarms = async () => (await several.store.get(id))?.alarms.map(({ alarm }) => alarm);
    await several.until('it says so', async () => (await alarms())?.[0] === 'NoNodeInRegion');
    const far = await several.add('d', 'far');
    await several.until('it is on air', () => far.onAir.has(id));
    expect(await alarms()).toEqual([]);
  });

  it('has its tasks run on its own nodes alone', async () => {
    const far = await several.add('d', 'far');
    const { id } = await several.create(some(c), { region: 'far' });
    await several.until('it is on air', () => far.onAir.has(id));
    expect(several.carriersOf(id)).toEqual(['d']);
  });
});

/** Numbers of a seed, 0 ≤ x < 1. */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const NAMES = ['a', 'b', 'c'] as const;

/** One thing that happens to a cluster. */
async function happen(chance: () => number, ids: string[]): Promise<void> {
  const one = <T>(all: readonly T[]): T | undefined => all[Math.floor(chance() * all.length)];
  const living = NAMES.map(name => several.node(name)).filter(({ post }) => post.taker !== undefined);
  const node = one(living);
  const id = one(ids);
  const what = chance();
  const away = one(NAMES.filter(name => !isLiving(name)));
  if (node === undefined || (away !== undefined && what < 0.15)) await several.add(away ?? 'a');
  else if (what < 0.35 || id === undefined) ids.push((await several.create(node)).id);
  else if (what < 0.45) await stop(node, id);
  else if (what < 0.6) await node.tasks.restart(OWNER, id).catch(() => undefined);
  else if (what < 0.7) node.loseLease();
  else if (what < 0.8 && living.length > 1) {
    node.kill();
    const isBack = () => isLiving(node.name);
    void several.clock.sleep(2_000, new AbortController().signal).then(() => {
      if (!isBack()) several.air.gone.add(node.name);
    });
  } else if (what < 0.9) void node.transfers.move(id, one(NAMES) ?? 'a').catch(() => undefined);
  else node.say(id, { type: chance() < 0.5 ? 'flowing' : 'broke' });
}

const isLiving = (name: string): boolean => several.node(name).post.taker !== undefined;

describe('whatever happens', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'no two nodes have a task on air, and each has one in the end (%i)',
    async seed => {
      const chance = chanceOf(seed);
      const ids: string[] = [];
      several.air.loses = () => chance() < 0.3;
      several.air.copies = () => (chance() < 0.3 ? 2 : 1);
      several.air.pick = count => Math.floor(chance() * count);
      for (let step = 0; step < 80; step++) {
        await happen(chance, ids);
        await several.clock.pass(50 + Math.floor(chance() * 800), 50, 2);
        expect(several.doubled).toEqual([]);
      }
      several.air.loses = () => false;
      for (const name of NAMES) if (!isLiving(name)) await several.add(name);
      await several.clock.pass(15_000, 50, 3);
      for (const task of await several.store.some(ids)) {
        const wanted = task.status === 'stopped' || task.status === 'exited' ? [] : [task.node];
        expect(several.carriersOf(task.id), `${task.id} is ${task.status}`).toEqual(wanted);
        if (wanted.length > 0) expect(several.node(task.node).onAir.get(task.id)).toBe(task.epoch);
      }
      expect(several.doubled).toEqual([]);
    },
    60_000,
  );
});
