import { describe, expect, it } from 'vitest';
import type { RunNews } from '../worker/channel.ts';
import { Untold } from './untold.ts';

const news = (taskId: string, reason: string): RunNews => ({ taskId, epoch: 1, type: 'broke', side: 'pull', reason });

/** A record that fails while the test says so. */
function listener() {
  const told: string[] = [];
  const said: string[] = [];
  const record = { isFull: false };
  const tell = async ({ taskId, reason }: RunNews): Promise<void> => {
    await Promise.resolve();
    if (record.isFull) throw new Error('disk full');
    told.push(`${taskId}:${reason}`);
  };
  return { told, said, record, untold: new Untold({ tell, log: message => void said.push(message) }) };
}

describe('news of a run', () => {
  it('are told in order, those of one task never two at once', async () => {
    const { told, untold } = listener();
    await Promise.all([news('a', '1'), news('a', '2'), news('b', '1'), news('a', '3')].map(each => untold.add(each)));
    expect(told.filter(each => each.startsWith('a'))).toEqual(['a:1', 'a:2', 'a:3']);
    expect(told.indexOf('b:1')).toBeLessThan(told.indexOf('a:2'));
  });

  it('are waited for until each is told or put off', async () => {
    const { told, record, untold } = listener();
    for (const each of ['1', '2']) void untold.add(news('a', each));
    await untold.told();
    expect(told).toEqual(['a:1', 'a:2']);
    record.isFull = true;
    void untold.add(news('a', '3'));
    await untold.told();
    expect(told).toHaveLength(2);
  });

  it('are kept while the record fails, and told in order when it works again', async () => {
    const { told, said, record, untold } = listener();
    record.isFull = true;
    await untold.add(news('a', '1'));
    await untold.add(news('a', '2'));
    await untold.retry();
    record.isFull = false;
    await untold.add(news('a', '3'));
    expect(told).toEqual([]);
    await untold.retry();
    expect(told).toEqual(['a:1', 'a:2', 'a:3']);
    expect(said).toEqual(['news of a run could not be stored']);
    await untold.add(news('a', '4'));
    expect(told.at(-1)).toBe('a:4');
  });

  it('are forgotten with their task', async () => {
    const { told, record, untold } = listener();
    record.isFull = true;
    await untold.add(news('a', '1'));
    untold.forget('a');
    record.isFull = false;
    await untold.retry();
    await untold.add(news('a', '2'));
    expect(told).toEqual(['a:2']);
  });

  it('are kept in bounds, the latest of them', async () => {
    const { told, record, untold } = listener();
    record.isFull = true;
    for (let at = 0; at < 250; at++) await untold.add(news('a', String(at)));
    record.isFull = false;
    await untold.retry();
    expect(told).toHaveLength(100);
    expect(told.at(-1)).toBe('a:249');
  });
});
