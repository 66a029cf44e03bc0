import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Around, commandLine, keyDoor } from '../../test/lab/command-line.ts';
import { Place } from '../../test/lab/place.ts';
import { scriptedEvent, scriptNode, startStream, streamed } from '../../test/lab/scripted-node.ts';

describe('millrace task events', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const events = (base: string, flags: readonly string[], around: Around = {}) =>
    commandLine(['task', 'events', 't1', '--api', base, ...flags], {
      doors: keyDoor([]),
      ...around,
      terminal: { cwd: place.dir, ...around.terminal },
    });

  const told = [
    scriptedEvent(1, { type: 'created', from: 'scheduled', to: 'scheduled', cause: 'user' }),
    scriptedEvent(2),
    scriptedEvent(3, {
      type: 'alarm',
      from: 'running',
      reason: 'no media \u001b[2J\u009b31m for 5 s',
      detail: { alarm: 'SourceFrozen', set: true, alarm_id: 'e3' },
    }),
    scriptedEvent(4, { type: 'item_started', from: 'running', detail: { url: 'http://a/b.mp4', index: 2, round: 0 } }),
    scriptedEvent(5, { type: 'changed', from: 'running', detail: { changed: ['endAt', 'name'] } }),
  ];

  it('prints a line an event, with nothing in it that a terminal obeys', async () => {
    const node = await scriptNode(place, () => ({ body: { events: told, next_seq: null } }));
    expect((await events(node.base, [])).out).toBe(
      [
        '2026-11-21T10:00:00.000Z     1  scheduled               created',
        '2026-11-21T10:00:00.000Z     2  scheduled → running     flowing',
        '2026-11-21T10:00:00.000Z     3  running                 alarm SourceFrozen set  no media  [2J 31m for 5 s',
        '2026-11-21T10:00:00.000Z     4  running                 item_started #2 round 0 http://a/b.mp4',
        '2026-11-21T10:00:00.000Z     5  running                 changed endAt,name',
        '',
      ].join('\n'),
    );
    const { out } = await events(node.base, ['--json']);
    expect(out).not.toContain('\u009b');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toEqual(told);
  });

  it('reads on from page to page, behind the number it is given', async () => {
    const node = await scriptNode(place, (_, nth) => ({
      body: { events: [scriptedEvent(7 + nth)], next_seq: nth === 3 ? null : 7 + nth },
    }));
    const { out } = await events(node.base, ['--after', '7', '--json']);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).seq),
    ).toEqual([8, 9, 10]);
    expect(node.asked.map(({ path }) => path)).toEqual([
      'tasks/t1/events?after=7&limit=1000',
      'tasks/t1/events?after=8&limit=1000',
      'tasks/t1/events?after=9&limit=1000',
    ]);
  });

  it('goes on with what happens, over a stream that is lost, until it is interrupted', async () => {
    const ending = new AbortController();
    const node = await scriptNode(place, ({ path, headers }) => {
      if (!path.startsWith('events/stream')) return { body: { events: [scriptedEvent(1)], next_seq: null } };
      return response => {
        const next = streamed(Number(headers['last-event-id']) + 1);
        startStream(response).write(`retry: 1\n\n${next}`, () => response.destroy());
      };
    });
    const { code, out, err } = await events(node.base, ['--follow', '--json'], {
      signal: ending.signal,
      onOut: so => so.split('\n').length > 4 && ending.abort(),
    });
    expect(code).toBe(130);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).seq),
    ).toEqual([1, 2, 3, 4]);
    expect(err).toMatch(/^(millrace: no node answers at http:\/\/127[^\n]* the connection was cut; trying again\n)+$/);
    expect(node.asked.at(-1)?.path).toBe('events/stream?task_id=t1');
  });

  it('ends when nobody reads it any more, silently', async () => {
    const gone = new AbortController();
    const node = await scriptNode(place, ({ path }) =>
      path.startsWith('events/stream')
        ? response => void startStream(response).write(streamed(2))
        : { body: { events: [scriptedEvent(1)], next_seq: null } },
    );
    const { code, err } = await events(node.base, ['--follow'], {
      terminal: { gone: gone.signal },
      onOut: so => so.split('\n').length > 2 && gone.abort(),
    });
    expect([code, err]).toEqual([0, '']);
  });

  it('says that there is no such task', async () => {
    const node = await scriptNode(place, () => ({
      status: 404,
      body: { code: 'NOT_FOUND', detail: 'there is no task t1' },
    }));
    expect(await events(node.base, [])).toEqual({
      code: 3,
      out: '',
      err: 'millrace: there is no task t1 (NOT_FOUND)\n',
    });
  });

  it.each(['-1', '1.5', 'x', ''])('takes no %j for the number of an event', async after => {
    expect((await events('http://127.0.0.1:1', [`--after=${after}`])).code).toBe(2);
  });
});
