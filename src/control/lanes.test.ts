import { beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../store/store.ts';
import { type Bearing, Lanes, MOST_HELD } from './lanes.ts';

let lanes: Lanes;
let made: number;
beforeEach(() => {
  lanes = new Lanes();
  made = 0;
});

function delivery(url: string, taskId = `task ${made}`, change: Partial<Delivery> = {}): Delivery {
  made += 1;
  return {
    ...{ id: `id ${made}`, taskId, accountId: 'acme', projectId: 'north', eventId: `event ${made}` },
    ...{ eventType: 'created', seq: made, dialect: 'native', endpoint: url, url, key: '' },
    ...{ contentType: '', body: '', createdAt: 0, attempts: 0, nextAt: 0, state: 'waiting', lastError: '' },
    ...{ holdsUntil: null, settledAt: null, log: [] },
    ...change,
  };
}

const hold = (many: number, url: (at: number) => string) => {
  for (let at = 0; at < many; at++) lanes.hold(delivery(url(at)));
};

/** All that may go now. */
function launch(): Delivery[] {
  const launched: Delivery[] = [];
  for (let next = lanes.next(); next; next = lanes.next()) launched.push(next);
  return launched;
}

function land(delivery: Delivery | undefined, bearing: Bearing = 'took'): void {
  if (delivery === undefined) return;
  lanes.landed(delivery, bearing);
  lanes.forget(delivery);
}

describe('places', () => {
  it('C1: are 8 for a receiver, whatever its query', () => {
    hold(20, at => `https://hooks.example/in?key=${at}`);
    expect(launch()).toHaveLength(8);
  });

  it('are 32 for a host, whichever the path', () => {
    hold(50, at => `https://hooks.example/${at}`);
    expect(launch()).toHaveLength(32);
  });

  it('C1: are 64 in all', () => {
    hold(100, at => `https://hooks${at}.example/`);
    expect(launch()).toHaveLength(64);
  });

  it('that are free again go to whoever has waited longest', () => {
    hold(200, () => 'https://big.example/');
    const [first] = launch();
    lanes.hold(delivery('https://small.example/'));
    expect(launch().map(({ url }) => url)).toEqual(['https://small.example/']);
    land(first);
    expect(launch()).toHaveLength(1);
  });

  it('go round the receivers', () => {
    hold(120, at => `https://host${at % 12}.example/`);
    const launched = launch();
    const perHost = Map.groupBy(launched, ({ url }) => url);
    expect([...perHost.values()].map(({ length }) => length)).toEqual([6, 6, 6, 6, 5, 5, 5, 5, 5, 5, 5, 5]);
  });

  it('C13: go round the tasks of one receiver', () => {
    const url = 'https://hooks.example/';
    for (let at = 0; at < 100; at++) lanes.hold(delivery(url, 'busy', { attempts: 1, holdsUntil: 0 }));
    for (const task of ['a', 'b', 'c']) lanes.hold(delivery(url, task));
    expect(launch().map(({ taskId }) => taskId)).toEqual(['busy', 'a', 'b', 'c', 'busy', 'busy', 'busy', 'busy']);
  });
});

describe('a receiver that has too much to do', () => {
  const url = 'https://hooks.example/';

  it('C2: is sent half as much at a time, down to one', () => {
    hold(100, () => url);
    for (const deliveries of [8, 4, 2, 1, 1]) {
      const launched = launch();
      expect(launched).toHaveLength(deliveries);
      land(launched[0], 'overloaded');
      for (const other of launched.slice(1)) land(other, 'failed');
    }
  });

  it('C2: gets a place back with each callback that it takes', () => {
    hold(100, () => url);
    for (const one of launch()) land(one, 'overloaded');
    for (const deliveries of [1, 2, 4, 8, 8]) {
      const launched = launch();
      expect(launched).toHaveLength(deliveries);
      for (const one of launched) land(one);
    }
  });

  it('keeps its places when it only fails', () => {
    hold(100, () => url);
    for (const one of launch()) land(one, 'failed');
    expect(launch()).toHaveLength(8);
  });
});

describe('memory', () => {
  it('holds so many and no more, whatever comes', () => {
    hold(3 * MOST_HELD, at => `https://host${at % 100}.example/`);
    expect(lanes.held).toBeLessThanOrEqual(MOST_HELD);
  });

  it('has room for a receiver that comes late, at the cost of the longest queue', () => {
    hold(2 * MOST_HELD, at => `https://host${at % 8}.example/`);
    expect(lanes.held).toBe(MOST_HELD);
    const [first] = launch();
    for (let at = 0; at < 100; at++) lanes.hold(delivery('https://late.example/'));
    expect(lanes.held).toBe(MOST_HELD);
    land(first);
    expect(launch()).toHaveLength(1);
    const second = delivery('https://late.example/');
    lanes.hold(second);
    expect(lanes.has(second.id)).toBe(true);
  });

  it('recalls those that found no room, once there is some', () => {
    hold(600, () => 'https://hooks.example/');
    expect(lanes.held).toBe(512);
    expect(lanes.recall()).toEqual([]);
    for (let launched = launch(); launched.length > 0 && lanes.held > 64; launched = launch()) {
      for (const one of launched) land(one);
    }
    for (const one of launch()) land(one);
    expect(lanes.recall()).toHaveLength(88);
    expect(lanes.recall()).toEqual([]);
  });

  it('takes none twice', () => {
    const one = delivery('https://hooks.example/');
    lanes.hold(one);
    lanes.hold(one);
    expect(launch()).toHaveLength(1);
    lanes.hold(one);
    expect(launch()).toEqual([]);
  });

  it('forgets those of a receiver that are not to be sent', () => {
    hold(10, at => `https://hooks.example/?key=${at % 2}`);
    const launched = launch();
    const dropped = lanes.drop(({ url }) => url.endsWith('1'));
    expect(dropped).toHaveLength(1);
    for (const one of launched) land(one);
    expect(launch().map(({ url }) => url)).toEqual(['https://hooks.example/?key=0']);
  });

  it('knows of a task whether one that was never tried is here', () => {
    const url = 'https://hooks.example/';
    const [fresh, tried] = [delivery(url, 'a'), delivery(url, 'b', { attempts: 1, holdsUntil: 0 })];
    for (const one of [fresh, tried]) lanes.hold(one);
    expect([lanes.hasUntried('a'), lanes.hasUntried('b')]).toEqual([true, false]);
    lanes.release('a');
    expect(lanes.hasUntried('a')).toBe(false);
    lanes.hold(delivery(url, 'c'));
    for (const one of launch()) land(one);
    expect(lanes.hasUntried('c')).toBe(false);
  });
});
