import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstOf } from './offers.ts';
import { OWNER } from './rehearsal.testsuite.ts';
import { Several, type SeveralNode } from './several.testsuite.ts';

let several: Several;
let a: SeveralNode;
let b: SeveralNode;
beforeEach(async () => {
  several = await Several.start(['a', 'b']);
  a = several.node('a');
  b = several.node('b');
});
afterEach(() => several.close());

const told = (node: SeveralNode, taskId: string): readonly string[] =>
  node.heard.filter(event => event.taskId === taskId).map(({ seq, type }) => `${seq} ${type}`);

describe('what another node has made of a task', () => {
  it('is followed once, whoever made it', async () => {
    const { id } = await several.create(a);
    for (const name of ['one', 'two', 'three']) await b.tasks.change(OWNER, id, { name });
    await several.clock.pass(3_000, 50, 3);
    const all = (await several.store.events(id, 0, 100)).map(({ seq, type }) => `${seq} ${type}`);
    // One's own is followed at its commit, which may be before what came earlier has been heard.
    expect(told(a, id).toSorted()).toEqual(all);
    expect(told(b, id).toSorted()).toEqual(all);
  });

  it('is followed all the same where no word of it is heard', async () => {
    several.air.loses = what => what !== 'offer';
    const { id } = await several.create(a);
    await several.clock.pass(5_000, 50, 3);
    expect(told(b, id)[0]).toBe('1 created');
    expect(told(b, id).toSorted()).toEqual(told(a, id).toSorted());
  });

  it('is not disturbed by words that are none', async () => {
    for (const message of [null, 7, 'stop', {}, { taskId: 1 }, { taskId: 'x', seq: 'y', epoch: 0, to: 'exited' }])
      a.hearsay.hear(message);
    const { id } = await several.create(b);
    await several.until('it is heard', () => told(a, id).length > 0);
  });
});

describe('who comes first', () => {
  const names = ['a', 'b', 'c'];
  const tasks = Array.from({ length: 3_000 }, (_, i) => `task-${i}`);

  it('is the same for everybody, and about evenly everybody', () => {
    const counts = names.map(name => tasks.filter(task => firstOf(names, task) === name).length);
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(tasks.every(task => firstOf([...names].reverse(), task) === firstOf(names, task))).toBe(true);
  });

  it('changes with one that goes only for what was its own', () => {
    const left = tasks.filter(task => firstOf(names, task) !== 'c');
    expect(left.every(task => firstOf(['a', 'b'], task) === firstOf(names, task))).toBe(true);
  });

  it('is nobody where there is nobody', () => expect(firstOf([], 'task')).toBeUndefined());
});
