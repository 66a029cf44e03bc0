import { describe, expect, it } from 'vitest';
import type { Progress } from '../store/store.ts';
import { Breakpoints } from './breakpoints.ts';

const at = (taskId: string, offsetMs: number): Progress => ({
  taskId,
  epoch: 1,
  breakpoint: { version: 1, url: 'http://f.example/a.mp4', round: 0, index: 0, offsetMs },
});

/** A store that takes each save only when the test lets it. */
function slowStore() {
  const saves: { readonly offsets: readonly string[]; readonly end: (error?: Error) => void }[] = [];
  const saveBreakpoints = (progress: readonly Progress[]) =>
    new Promise<void>((resolve, reject) => {
      const offsets = progress.map(({ taskId, breakpoint }) => `${taskId}:${breakpoint.offsetMs}`);
      saves.push({ offsets, end: error => (error ? reject(error) : resolve()) });
    });
  return { saves, saveBreakpoints };
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve));

describe('break points', () => {
  it('are stored one transaction at a time, the latest of each task', async () => {
    const store = slowStore();
    const points = new Breakpoints({ store, now: () => 0, log: () => {} });
    for (const progress of [at('a', 1), at('b', 1), at('a', 2), at('c', 1)]) points.note(progress);
    await turn();
    expect(store.saves.map(({ offsets }) => offsets)).toEqual([['a:2', 'b:1', 'c:1']]);
    for (const progress of [at('b', 2), at('a', 3), at('b', 3)]) points.note(progress);
    await turn();
    expect(store.saves).toHaveLength(1);
    store.saves[0]?.end();
    await turn();
    expect(store.saves.map(({ offsets }) => offsets)).toEqual([
      ['a:2', 'b:1', 'c:1'],
      ['b:3', 'a:3'],
    ]);
    store.saves[1]?.end();
    await points.close();
    expect(store.saves).toHaveLength(2);
  });

  it('are known here until they are stored', async () => {
    const store = slowStore();
    const points = new Breakpoints({ store, now: () => 0, log: () => {} });
    points.note(at('a', 1));
    expect(points.unsaved('a')?.offsetMs).toBe(1);
    await turn();
    points.note(at('a', 2));
    expect(points.unsaved('a')?.offsetMs).toBe(2);
    store.saves[0]?.end();
    await turn();
    expect(points.unsaved('a')?.offsetMs).toBe(2);
    store.saves[1]?.end();
    await turn();
    expect(points.unsaved('a')).toBeUndefined();
  });

  it('of tasks on air are known with their age, stored or not, until their run is over', async () => {
    const store = slowStore();
    let nowMs = 5_000;
    const points = new Breakpoints({ store, now: () => nowMs, log: () => {} });
    points.note(at('a', 1));
    await turn();
    nowMs += 300;
    expect(points.latest('a')).toMatchObject({ breakpoint: { offsetMs: 1 }, ageMs: 300 });
    store.saves[0]?.end();
    await turn();
    expect(points.latest('a')).toMatchObject({ breakpoint: { offsetMs: 1 }, ageMs: 300 });
    points.hold(at('a', 2));
    expect(points.latest('a')).toMatchObject({ breakpoint: { offsetMs: 2 }, ageMs: 0 });
    points.forget('a');
    nowMs += 300;
    expect(points.latest('a')).toMatchObject({ breakpoint: { offsetMs: 2 }, ageMs: 0 });
    const closed = points.close();
    await turn();
    store.saves[1]?.end();
    await closed;
    expect(points.latest('a')).toBeUndefined();
  });

  it('that are held are known at once, and stored with the next one', async () => {
    const store = slowStore();
    const points = new Breakpoints({ store, now: () => 0, log: () => {} });
    points.hold(at('a', 1));
    await turn();
    expect(points.unsaved('a')?.offsetMs).toBe(1);
    expect(store.saves).toHaveLength(0);
    points.note(at('b', 1));
    await turn();
    expect(store.saves.map(({ offsets }) => offsets)).toEqual([['a:1', 'b:1']]);
    store.saves[0]?.end();
    await points.close();
  });

  it('that the store would not take are stored with the next one, unless a newer one has come, and that is said once', async () => {
    const store = slowStore();
    const said: string[] = [];
    const points = new Breakpoints({ store, now: () => 0, log: message => void said.push(message) });
    points.note(at('a', 1));
    points.note(at('b', 1));
    await turn();
    points.note(at('a', 2));
    store.saves[0]?.end(new Error('disk full'));
    await turn();
    points.note(at('b', 2));
    await turn();
    store.saves[1]?.end(new Error('disk full'));
    await turn();
    points.note(at('c', 1));
    await turn();
    expect(store.saves.at(-1)?.offsets.toSorted()).toEqual(['a:2', 'b:2', 'c:1']);
    store.saves.at(-1)?.end();
    await points.close();
    expect(said).toEqual(['break points could not be stored']);
  });

  it('are tried once more at the close', async () => {
    const store = slowStore();
    const points = new Breakpoints({ store, now: () => 0, log: () => {} });
    points.note(at('a', 1));
    await turn();
    store.saves[0]?.end(new Error('disk full'));
    await turn();
    const closed = points.close();
    await turn();
    expect(store.saves[1]?.offsets).toEqual(['a:1']);
    store.saves[1]?.end();
    await closed;
    await points.close();
    expect(store.saves).toHaveLength(2);
  });
});
