import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Look, Taps } from './taps.ts';

interface Wish {
  readonly taskId: string;
  readonly id: string;
  readonly look: Look;
}

let asked: Wish[];
let isOnAir: boolean;
let taps: Taps;
let ids: number;
beforeEach(() => {
  asked = [];
  isOnAir = true;
  ids = 0;
  taps = new Taps({
    newId: () => `id-${++ids}`,
    ask: (taskId, id, look) => {
      asked.push({ taskId, id, look });
      return isOnAir;
    },
    limits: { ofOneTask: 2, ofAll: 3, answerMs: 40 },
  });
});

/** The worker dials for what it was asked last. */
function dial(): PassThrough {
  const bytes = new PassThrough();
  taps.take(asked.at(-1)?.id ?? '', bytes);
  return bytes;
}

async function open(taskId = 't', look: Look = 'live'): Promise<PassThrough> {
  const opening = taps.open(taskId, look);
  const bytes = dial();
  expect(await opening).toBe(bytes);
  return bytes;
}

describe('what a task carries', () => {
  it('is asked of its worker, and comes under the id of the asking', async () => {
    await open();
    expect(asked).toEqual([{ taskId: 't', id: 'id-1', look: 'live' }]);
    expect(taps.viewers).toBe(1);
  });

  it('is not to be had where no worker carries it', async () => {
    isOnAir = false;
    await expect(taps.open('t', 'live')).rejects.toMatchObject({ why: 'offAir' });
    expect(taps.viewers).toBe(0);
  });

  it('is not waited for beyond a moment', async () => {
    await expect(taps.open('t', 'live')).rejects.toMatchObject({ why: 'silent' });
    expect(taps.viewers).toBe(0);
  });

  it('is not waited for where the worker says that it will not come', async () => {
    const opening = taps.open('t', 'still');
    taps.refused('id-1');
    await expect(opening).rejects.toMatchObject({ why: 'silent' });
  });

  it('that nobody waits for is thrown away', async () => {
    const bytes = new PassThrough();
    taps.take('another', bytes);
    expect(bytes.destroyed).toBe(true);
  });
});

describe('those who look', () => {
  it('are so many at one task, and another follows when one has gone', async () => {
    const first = await open();
    await open();
    await expect(taps.open('t', 'live')).rejects.toMatchObject({ why: 'taken' });
    first.destroy();
    await new Promise(setImmediate);
    await open();
  });

  it('are so many at all tasks together', async () => {
    for (const taskId of ['a', 'b', 'c']) await open(taskId);
    await expect(taps.open('d', 'live')).rejects.toMatchObject({ why: 'full' });
  });

  it('leave room for stills, and stills for them', async () => {
    await open();
    await open();
    await open('t', 'still');
    expect(taps.viewers).toBe(2);
  });

  it('count from when they ask', async () => {
    const waiting = [taps.open('t', 'live'), taps.open('t', 'live')];
    await expect(taps.open('t', 'live')).rejects.toMatchObject({ why: 'taken' });
    await Promise.allSettled(waiting);
    expect(taps.viewers).toBe(0);
  });
});
