import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Neighbours } from '../../test/lab/neighbours.ts';
import { type Peers, Telling } from './peers.ts';

describe('what is told to peers', () => {
  let neighbours: Neighbours;
  let heard: unknown[];
  beforeEach(() => {
    vi.useFakeTimers();
    neighbours = new Neighbours();
    heard = [];
    neighbours.move().hear('calls', message => heard.push(message));
  });
  afterEach(() => vi.useRealTimers());

  const telling = (peers: Peers): Telling<number> =>
    new Telling({ peers, topic: 'calls', print: thing => thing, heard: () => {} });

  test('is gathered for a while, and told in the order in which it came', () => {
    const { tell } = bound(telling(neighbours.move(200)));
    tell(1);
    vi.advanceTimersByTime(199);
    tell(2);
    expect(heard).toEqual([]);
    vi.advanceTimersByTime(1);
    tell(3);
    vi.advanceTimersByTime(200);
    expect(heard).toEqual([[1, 2], [3]]);
  });

  test('is nothing while nothing happens', () => {
    telling(neighbours.move(200));
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is forgotten where nobody would hear it', () => {
    const peers = { ...neighbours.move(200), arePresent: false };
    telling(peers).tell(1);
    vi.advanceTimersByTime(200);
    expect(neighbours.said).toEqual([]);
  });

  test('is told in messages of a bounded size, and not without end', () => {
    const { tell } = bound(telling(neighbours.move(200)));
    for (let thing = 0; thing < 12_000; thing++) tell(thing);
    vi.advanceTimersByTime(200);
    const sizes = heard.map(message => (Array.isArray(message) ? message.length : 0));
    expect([Math.max(...sizes), sizes.reduce((sum, size) => sum + size)]).toEqual([500, 10_000]);
  });

  test('is heard as far as it is a list, and of no more than a message may hold', () => {
    const things: unknown[] = [];
    const listening = neighbours.move();
    new Telling({ peers: listening, topic: 'calls', print: thing => thing, heard: thing => things.push(thing) });
    const other = neighbours.move();
    for (const message of [null, 1, 'text', {}, { length: 3 }, [1], Array(10_000).fill(2)]) other.say('calls', message);
    expect(things).toHaveLength(501);
  });
});

const bound = (it: Telling<number>) => ({ tell: (thing: number) => it.tell(thing) });
