import { describe, expect, it } from 'vitest';
import type { Task } from '../task/task.ts';
import { Destinations } from './destinations.ts';

const URL = 'rtmp://h/live/key';

interface Kept {
  readonly status: Task['status'];
  node: string;
}

/** A store that keeps addresses as the real one does: for who acts, or whose run may still be on air. */
class Addresses {
  readonly rows = new Map<string, string>();
  readonly tasks = new Map<string, Kept>();
  isAway = false;

  async takeDestination(address: string, taskId: string): Promise<string | undefined> {
    if (this.isAway) throw new Error('the store is away');
    const holder = this.rows.get(address);
    if (holder !== undefined && holder !== taskId && !this.#isIdle(holder)) return holder;
    this.rows.set(address, taskId);
    return undefined;
  }

  async leaveDestination(taskId: string): Promise<void> {
    if (this.isAway) throw new Error('the store is away');
    if (!this.#isIdle(taskId)) return;
    for (const [address, holder] of this.rows) if (holder === taskId) this.rows.delete(address);
  }

  async get(taskId: string): Promise<Task | undefined> {
    const kept = this.tasks.get(taskId);
    return kept && ({ id: taskId, epoch: 1, movedBy: 'claimed', ...kept } as Task);
  }

  async release(taskId: string): Promise<void> {
    const kept = this.tasks.get(taskId);
    if (kept) kept.node = '';
  }

  #isIdle(taskId: string): boolean {
    const kept = this.tasks.get(taskId);
    return kept === undefined || (kept.status === 'stopped' && kept.node === '');
  }
}

function build() {
  const store = new Addresses();
  const freed: string[][] = [];
  const said: unknown[] = [];
  const ears: ((message: unknown, from: string) => void)[] = [];
  const gone = new Set<string>();
  const logged: string[] = [];
  const destinations = new Destinations({
    store,
    cluster: {
      isGone: node => gone.has(node),
      say: (_, message) => said.push(message),
      hear: (_, ear) => {
        ears.push(ear);
        return () => ears.splice(0);
      },
    },
    freed: taskIds => freed.push([...taskIds]),
    log: message => logged.push(message),
  });
  const hear = (message: unknown): void => {
    for (const ear of ears) ear(message, 'b');
  };
  const act = (taskId: string, status: Task['status'] = 'running', node = 'a'): void => {
    store.tasks.set(taskId, { status, node });
  };
  return { store, destinations, freed, said, hear, act, gone, logged };
}

describe('a destination', () => {
  it('is taken by the task that asks first, again and again', async () => {
    const { destinations, act } = build();
    act('one');
    await destinations.take('one', URL);
    await destinations.take('one', URL);
    await expect(destinations.take('other', URL)).rejects.toThrow('its destination is pushed to by another task');
  });

  it('is the same in another spelling', async () => {
    const { destinations, act } = build();
    act('one');
    await destinations.take('one', URL);
    await expect(destinations.take('other', 'RTMP://H:1935/live/key')).rejects.toThrow('another task');
  });

  it('is not left while its task is to go on', async () => {
    const { destinations, act } = build();
    act('one', 'recovering');
    await destinations.take('one', URL);
    await destinations.leave('one');
    await expect(destinations.take('other', URL)).rejects.toThrow('another task');
  });

  it('is not left while the run of its task may be on air', async () => {
    const { destinations, act } = build();
    act('one');
    await destinations.take('one', URL);
    act('one', 'stopped', 'a');
    await expect(destinations.take('other', URL)).rejects.toThrow('another task');
  });

  it('goes to who waits for it, at once when its task has left', async () => {
    const { destinations, act, freed } = build();
    act('one');
    await destinations.take('one', URL);
    await destinations.take('other', URL).catch(() => undefined);
    await destinations.take('third', 'rtmp://h/live/third');
    act('one', 'stopped', '');
    await destinations.leave('one');
    expect(freed).toEqual([['other']]);
    await destinations.take('other', URL);
  });

  it('is asked for again when another node says that its task has left', async () => {
    const { destinations, act, freed, said, hear } = build();
    act('one');
    await destinations.take('one', URL);
    await destinations.leave('one');
    expect(said).toEqual([{ left: 'one' }]);
    await destinations.take('other', URL).catch(() => undefined);
    for (const message of [{ left: 'one', since: 'a newer version' }, null, 'left', { left: 1 }, {}]) hear(message);
    expect(freed).toEqual([['other']]);
  });

  it('is taken from a task that is over and whose node has died before it could leave', async () => {
    const { destinations, act, gone } = build();
    act('one');
    await destinations.take('one', URL);
    act('one', 'stopped', 'a');
    gone.add('a');
    await destinations.take('other', URL);
  });

  it('stays with a task whose node has died while it was on air', async () => {
    const { destinations, act, gone } = build();
    act('one');
    await destinations.take('one', URL);
    gone.add('a');
    await expect(destinations.take('other', URL)).rejects.toThrow('another task');
  });

  it('is waited for while the store is away, and told of in the log', async () => {
    const { store, destinations, logged } = build();
    store.isAway = true;
    await destinations.leave('one');
    expect(logged).toEqual(['a destination was not left']);
    await expect(destinations.take('one', URL)).rejects.toThrow('the store is away');
  });
});
