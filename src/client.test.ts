import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, Place } from '../test/lab/place.ts';
import { scriptedEvent, scriptNode, startStream, streamed } from '../test/lab/scripted-node.ts';
import { ApiError, TooSlow, Unreachable } from './client/refusal.ts';
import type { TaskEvent } from './client/words.ts';
import { Client, type ClientOptions } from './client.ts';

const TOKEN = 'mlr_canary';

describe('the client of the native API', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const client = (base: string, options: Partial<ClientOptions> = {}) =>
    new Client({ base, token: async () => TOKEN, random: () => 0, ...options });

  it('shows its key and gives what is asked for as the node wants it', async () => {
    const node = await scriptNode(place, () => ({ body: { deliveries: [], next: null } }));
    await client(`${node.base}/`).deliveries({ state: ['dead', 'waiting'], limit: 5, before: undefined });
    expect(node.asked).toMatchObject([
      {
        method: 'GET',
        path: 'deliveries?state=dead&state=waiting&limit=5',
        headers: { authorization: `Bearer ${TOKEN}` },
      },
    ]);
  });

  it('names an id in a path without letting it be more than that', async () => {
    const node = await scriptNode(place, () => ({ body: {} }));
    await client(node.base).redeliver('../tasks?x#y');
    expect(node.asked[0]?.path).toBe('deliveries/..%2Ftasks%3Fx%23y/redeliver');
  });

  it('makes one sentence of a refusal, with the fields and the code', async () => {
    const errors = [
      { field: 'limit', rule: 'at most 1000' },
      { field: 'since', rule: 'not a time' },
    ];
    const body = { title: 'Bad', detail: 'limit: at most 1000', code: 'INVALID_PARAMETER', errors };
    const node = await scriptNode(place, () => ({ status: 400, body }));
    const error = await client(node.base)
      .events({})
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      message: 'limit: at most 1000; since: not a time (INVALID_PARAMETER)',
      status: 400,
      code: 'INVALID_PARAMETER',
    });
  });

  it.each([
    ['a refusal', 502, '<html>'],
    ['a refusal without words', 500, '{}'],
    ['an answer', 200, '<html>'],
    ['a redirect', 302, ''],
  ])('says when %s is not one of a node', async (_, status, body) => {
    const node = await scriptNode(place, () => ({ status, body, headers: { location: '/elsewhere' } }));
    await expect(client(node.base).endpoints()).rejects.toThrow(/not (as a node does|one of a node)/);
    expect(node.asked).toHaveLength(1);
  });

  it('says that nobody answers', async () => {
    const asking = client(`http://127.0.0.1:${await freePort()}`).endpoints();
    await expect(asking).rejects.toThrow(Unreachable);
    await expect(asking).rejects.toThrow(/^no node answers at http:\/\/127\.0\.0\.1:\d+: the connection is refused$/);
  });

  it('waits for an answer no longer than its deadline', async () => {
    const node = await scriptNode(place, () => () => {});
    await expect(client(node.base, { deadlineMs: 50 }).endpoints()).rejects.toThrow(TooSlow);
  });

  it('asks for another key once its own has run out, and gives up when that is refused too', async () => {
    let valid = 'mlr_1';
    const node = await scriptNode(place, ({ headers }) =>
      headers.authorization === `Bearer ${valid}` ? { body: { endpoints: [] } } : { status: 401, body: { code: 'NO' } },
    );
    const tokens = ['mlr_1', 'mlr_2', 'mlr_3'];
    const one = client(node.base, { token: async () => tokens.shift() ?? '' });
    await one.endpoints();
    valid = 'mlr_2';
    expect(await one.endpoints()).toEqual([]);
    valid = 'none';
    await expect(one.endpoints()).rejects.toMatchObject({ status: 401 });
    expect(node.asked.map(({ headers }) => headers.authorization?.slice(-1))).toEqual(['1', '1', '2', '2', '3']);
  });

  it('never tells its key', async () => {
    const refused = client('http://127.0.0.1:1', { token: async () => `${TOKEN}\r\nx: y` }).endpoints();
    const told = await refused.catch((error: Error) => `${error.message} ${error.cause}`);
    expect(told).toContain('characters that no key has');
    expect(told).not.toContain(TOKEN);
  });

  describe('following events', () => {
    async function take(from: AsyncGenerator<TaskEvent>, count: number): Promise<number[]> {
      const seen: number[] = [];
      for await (const { seq } of from) if (seen.push(seq) === count) break;
      return seen;
    }

    it('tells each once over streams that are cut anywhere', async () => {
      const node = await scriptNode(place, ({ headers }, nth) => response => {
        const after = Number(headers['last-event-id']);
        const rest = [1, 2, 3, 4, 5].map(step => streamed(after + step)).join('');
        // What lies behind the cut is told again by the next stream.
        startStream(response).write(`retry: 1\n\n: hello\n\n${rest.slice(0, nth * 97)}`, () => response.destroy());
      });
      const breaks: string[] = [];
      const following = client(node.base).follow(
        { task_id: 't1' },
        { after: '10', onBreak: why => breaks.push(why.message) },
      );
      expect(await take(following, 20)).toEqual(Array.from({ length: 20 }, (_, i) => 11 + i));
      expect(node.asked[0]?.path).toBe('events/stream?task_id=t1');
      expect(breaks.length).toBeGreaterThan(3);
    });

    it('begins with what happens from now on, and loses nothing of that by a cut before the first event', async () => {
      const node = await scriptNode(place, ({ path, headers }, nth) => {
        if (!path.startsWith('events/stream')) return { body: { events: [scriptedEvent(7)], next: null } };
        return response => {
          startStream(response).write('retry: 1\n\n');
          if (nth === 2) response.end();
          else response.write(streamed(Number(headers['last-event-id']) + 1));
        };
      });
      expect(await take(client(node.base).follow({ task_id: 't1' }), 1)).toEqual([8]);
      expect(node.asked[0]?.path).toBe('events?task_id=t1&limit=1');
    });

    it('takes a stream for lost that says nothing, not even that it lives', async () => {
      const node = await scriptNode(place, (_, nth) => response => {
        startStream(response).write('retry: 1\n\n');
        if (nth > 1) response.write(streamed(1));
      });
      const following = client(node.base, { silenceMs: 50 }).follow({}, { after: '0' });
      expect(await take(following, 1)).toEqual([1]);
      expect(node.asked).toHaveLength(2);
    });

    it('waits for a node that is restarted', async () => {
      const node = await scriptNode(place, () => response => {
        startStream(response).write(`retry: 1\n\n${streamed(1)}`);
      });
      const breaks: string[] = [];
      const following = client(node.base).follow({}, { after: '0', onBreak: why => breaks.push(why.message) });
      expect((await following.next()).value).toMatchObject({ seq: 1 });
      const second = following.next();
      await node.close();
      await expect.poll(() => breaks.at(-1)).toContain('the connection is refused');
      const port = Number(new URL(node.base).port);
      await scriptNode(place, () => response => void startStream(response).write(streamed(2)), port);
      expect((await second).value).toMatchObject({ seq: 2 });
      expect(breaks[0]).toContain('the connection was cut');
    });

    it('comes again when it is told to, and ends where it is refused for good', async () => {
      const node = await scriptNode(place, (_, nth) =>
        nth === 1
          ? { status: 503, headers: { 'retry-after': '0' }, body: { code: 'BUSY', detail: 'later' } }
          : { status: 403, body: { code: 'FORBIDDEN', detail: 'no' } },
      );
      const following = client(node.base).follow({}, { after: '0' });
      await expect(following.next()).rejects.toThrow('no (FORBIDDEN)');
      expect(node.asked).toHaveLength(2);
    });

    it('ends with its signal, at once', async () => {
      const node = await scriptNode(place, () => response => void startStream(response).write(streamed(1)));
      const ending = new AbortController();
      const following = client(node.base, { signal: ending.signal }).follow({}, { after: '0' });
      await following.next();
      const next = following.next();
      ending.abort();
      await expect(next).rejects.toMatchObject({ name: 'AbortError' });
    });
  });
});
