import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine, keyDoor } from '../../test/lab/command-line.ts';
import { Place } from '../../test/lab/place.ts';
import { type Asked, type ScriptedNode, scriptNode } from '../../test/lab/scripted-node.ts';

const NOW = Date.UTC(2026, 10, 21, 12);

const DELIVERY = {
  id: 'd1',
  cursor: '9',
  task_id: 't1',
  event_id: 'e1',
  event_type: 'gave_up',
  seq: 4,
  dialect: 'huawei',
  endpoint: 'ep1',
  url: 'https://receiver.example/***',
  state: 'waiting',
  attempts: 2,
  next_attempt_at: '2026-11-21T10:02:00.000Z',
  last_error: 'status 503',
  created_at: '2026-11-21T10:00:00.000Z',
  settled_at: null,
  log: [
    { at: '2026-11-21T10:00:00.000Z', took_ms: 15_000, status: null, error: 'no answer within 15 s' },
    { at: '2026-11-21T10:00:20.000Z', took_ms: 3, status: 503, error: 'status 503' },
  ],
};

describe('the commands of callbacks', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const answering = (answer: (asked: Asked, nth: number) => unknown): Promise<ScriptedNode> =>
    scriptNode(place, (asked, nth) => ({ body: answer(asked, nth) }));

  const callback = ({ base }: { base: string }, ...argv: readonly string[]) =>
    commandLine(['callback', ...argv, '--api', base], {
      doors: keyDoor([]),
      terminal: { cwd: place.dir, now: () => NOW },
    });
  const nowhere = { base: 'http://127.0.0.1:1' };

  it('list what matches, in columns and as JSON', async () => {
    const node = await answering(() => ({ deliveries: [DELIVERY], next: null }));
    const { out } = await callback(
      node,
      'list',
      '--state',
      'dead',
      '--state',
      'waiting',
      '--task',
      't1',
      '--since',
      '2h',
    );
    expect(out.replace(/ {2,}/g, ' | ')).toBe(
      [
        'ID | TASK | SEQ | EVENT | STATE | TRIES | CREATED | NEXT TRY | LAST ERROR',
        'd1 | t1 | 4 | gave_up | waiting | 2 | 2026-11-21T10:00:00.000Z | 2026-11-21T10:02:00.000Z | status 503',
        '',
      ].join('\n'),
    );
    expect(Object.fromEntries(new URLSearchParams(node.asked[0]?.path.split('?')[1]))).toEqual({
      state: 'dead,waiting',
      task_id: 't1',
      since: '2026-11-21T10:00:00.000Z',
      limit: '100',
    });
    expect(JSON.parse((await callback(node, 'list', '--json')).out)).toEqual([DELIVERY]);
  });

  it('list as many as are wanted, page by page', async () => {
    const node = await answering(({ path }) => {
      const { limit, before = '2000' } = Object.fromEntries(new URLSearchParams(path.split('?')[1]));
      const deliveries = Array.from({ length: Number(limit) }, () => DELIVERY);
      return { deliveries, next: String(Number(before) - Number(limit)) };
    });
    const { out } = await callback(node, 'list', '--limit', '1200', '--json');
    expect(JSON.parse(out)).toHaveLength(1200);
    expect(node.asked.map(({ path }) => path)).toEqual(['deliveries?limit=1000', 'deliveries?limit=200&before=1000']);
  });

  it('show all of one', async () => {
    const node = await answering(() => ({ ...DELIVERY, content_type: 'application/json', body: '{"a":"\u009b2J"}' }));
    expect((await callback(node, 'show', 'd1')).out).toBe(
      [
        'id        d1',
        'event     e1 (gave_up, number 4 of task t1)',
        'receiver  https://receiver.example/*** (ep1)',
        'state     waiting, next try at 2026-11-21T10:02:00.000Z',
        'created   2026-11-21T10:00:00.000Z',
        'try       2026-11-21T10:00:00.000Z  15000 ms  no answer  no answer within 15 s',
        'try       2026-11-21T10:00:20.000Z  3 ms  503  status 503',
        'body      {"a":" 2J"}',
        '',
      ].join('\n'),
    );
    expect(node.asked[0]?.path).toBe('deliveries/d1');
  });

  it('send one again, or those that were given up since a time', async () => {
    const node = await answering((_, nth) => ({ redelivered: nth }));
    expect((await callback(node, 'redeliver', 'd1')).out).toBe('1 to be sent again\n');
    expect((await callback(node, 'redeliver', '--since', '3d')).out).toBe('2 to be sent again\n');
    const moments = ['--since', '2026-11-20T00:00:00+08:00', '--until', '1h'];
    await callback(node, 'redeliver', ...moments, '--state', 'delivered', '--task', 't1', '--endpoint', 'ep1');
    expect(node.asked.map(({ path, body }) => [path, body])).toEqual([
      ['deliveries/d1/redeliver', undefined],
      ['deliveries/redeliver', { since: '2026-11-18T12:00:00.000Z', states: ['dead'] }],
      [
        'deliveries/redeliver',
        {
          since: '2026-11-19T16:00:00.000Z',
          until: '2026-11-21T11:00:00.000Z',
          states: ['delivered'],
          task_id: 't1',
          endpoint: 'ep1',
        },
      ],
    ]);
  });

  it.each([
    ['nothing to send again', ['redeliver'], /give the id of a callback, or --since/],
    ['only a state to send again', ['redeliver', '--state', 'dead'], /or --since/],
    ['an id and a time', ['redeliver', 'd1', '--since', '2h'], /not both/],
    ['a state that there is not', ['list', '--state', 'lost'], /There are waiting, delivered, dead/],
    ['a time that is none', ['list', '--since', 'yesterday'], /so long ago/],
    ['a time of no zone', ['list', '--since', '2026-11-21T10:00:00'], /so long ago/],
    ['a day that there is not', ['list', '--since', '2026-13-41T10:00:00Z'], /so long ago/],
    ['no number', ['list', '--limit', '0'], /whole number/],
    ['no receiver to test', ['test'], /give the address of a receiver/],
    ['two receivers to test', ['test', 'http://a', '--task', 't1'], /give the address of a receiver/],
  ])('refuse %s', async (_, argv, words) => {
    expect(await callback(nowhere, ...argv)).toMatchObject({ code: 2, err: expect.stringMatching(words) });
  });

  it('test a receiver', async () => {
    const node = await answering(() => ({ delivered: true, status: 204, took_ms: 12, error: '' }));
    const taken = { code: 0, out: 'taken with status 204 in 12 ms\n', err: '' };
    expect(await callback(node, 'test', 'https://receiver.example/hook')).toEqual(taken);
    await callback(node, 'test', '--task', 't1');
    expect(node.asked.map(({ body }) => body)).toEqual([{ url: 'https://receiver.example/hook' }, { task_id: 't1' }]);
  });

  it('end with 1 where a test was not taken, and say why', async () => {
    const outcome = { delivered: false, status: 301, took_ms: 12, error: 'it redirects: update the URL' };
    const node = await answering(() => outcome);
    expect(await callback(node, 'test', 'http://a')).toEqual({
      code: 1,
      out: '',
      err: 'millrace: not taken: it redirects: update the URL (12 ms)\n',
    });
    expect(JSON.parse((await callback(node, 'test', 'http://a', '--json')).out)).toEqual(outcome);
  });

  it('list and resume receivers', async () => {
    const ep = { id: 'ep1', url: 'https://a/***', failing_since: 'F', paused_at: null, last_error: 'status 500' };
    const node = await answering(() => ({ endpoints: [ep] }));
    expect((await callback(node, 'endpoints')).out).toContain(
      'ep1  https://a/***  F              -          status 500',
    );
    expect(JSON.parse((await callback(node, 'endpoints', '--json')).out)).toEqual([ep]);
    expect(await callback(node, 'resume', 'ep1')).toEqual({ code: 0, out: '', err: '' });
    expect(node.asked.at(-1)).toMatchObject({ method: 'POST', path: 'endpoints/ep1/resume' });
  });

  it('tell of secrets without telling them', async () => {
    const node = await answering(() => ({ secrets: [{ id: 's1', created_at: 'C', retires_at: null }] }));
    expect((await callback(node, 'secret', 'show')).out).toBe('ID  CREATED  RETIRES\ns1  C        never\n');
  });

  it('rotate a secret, and show the new one once', async () => {
    const node = await answering(() => ({ secret: 'whsec_AAAA', retires_at: '2026-11-22T10:00:00.000Z' }));
    expect((await callback(node, 'secret', 'rotate')).out).toBe(
      'secret      whsec_AAAA   (shown this once)\nformer      signs until 2026-11-22T10:00:00.000Z\n',
    );
    await callback(node, 'secret', 'rotate', '--overlap', '0s');
    await callback(node, 'secret', 'rotate', '--overlap', '1h30m');
    expect(node.asked.map(({ body }) => body)).toEqual([{}, { overlap_s: 0 }, { overlap_s: 5400 }]);
  });
});
