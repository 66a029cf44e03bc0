import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine, keyDoor } from '../../test/lab/command-line.ts';
import { Place } from '../../test/lab/place.ts';
import { type ScriptedNode, scriptNode } from '../../test/lab/scripted-node.ts';

const told = (name: string, rest: Record<string, unknown> = {}) => ({
  ...{ name, version: '1.0.0', region: 'north', state: 'ready', presence: 'present', wanted: 'active' },
  ...{ takes_tasks: true, self: true, runs: 3, capacity: 250, load: 0.25, duties: ['callbacks'], clock_offset_s: -1.5 },
  ...{ uptime_s: 60, tasks: { running: 2, recovering: 1, scheduled: 0 }, kbit_in: 1, kbit_out: 1, viewers: 0 },
  workers: [{ slot: 0, pid: 7, runs: 3, state: 'up', cpu: 0.1, rss_mb: 50, lag_ms: 1 }],
  control: { pid: 6, cpu: 0.1, rss_mb: 50, lag_ms: 1 },
  ...rest,
});

const AWAY = {
  ...{ presence: 'gone', state: 'unknown', self: false, runs: 0, uptime_s: null, workers: [], control: null },
  ...{ duties: [], clock_offset_s: null },
};

describe('the commands of nodes', () => {
  let place: Place;
  let node: ScriptedNode;
  let left: number;
  beforeEach(async () => {
    place = new Place();
    left = 2;
    node = await scriptNode(place, ({ method }) => {
      if (method === 'POST') return { body: { nodes: [told('a', { runs: left, wanted: 'draining' })] } };
      return { body: { nodes: [told('a', { runs: left-- }), told('b', AWAY)] } };
    });
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const run = (...words: string[]) =>
    commandLine(['node', ...words, '--api', node.base], { doors: keyDoor([], []), terminal: { cwd: place.dir } });

  it('list all of them, those that are gone too', async () => {
    const { code, out } = await run('list');
    expect(code).toBe(0);
    expect(out).toMatch(/^a {2}ready {2}version 1\.0\.0 {2}region north {2}up 60 s\n/);
    expect(out).toContain('acts for 2 of 250; load 25 %; does callbacks; clock -1.5 s\n');
    expect(out).toMatch(/\nb {2}gone {2}version 1\.0\.0 {2}region north\n/);
  });

  it('drain one', async () => {
    expect(await run('drain', 'a')).toMatchObject({ code: 0, out: 'a is being drained: 2 tasks left\n' });
    expect(node.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST nodes/a/drain']);
  });

  it('wait until it has given all away', async () => {
    const { code, out } = await run('drain', 'a', '--wait');
    expect([code, out]).toEqual([0, 'a: 2 tasks left\na: 1 task left\na: 0 tasks left\n']);
  });

  it.each([
    ['cordon', 'a takes nothing more\n'],
    ['uncordon', 'a takes tasks again\n'],
  ])('%s one', async (what, words) => {
    expect(await run(what, 'a')).toMatchObject({ code: 0, out: words });
    expect(node.asked[0]?.path).toBe(`nodes/a/${what}`);
  });

  it('name it as a part of the path, whatever it is called', async () => {
    await run('cordon', 'a/b?c');
    expect(node.asked[0]?.path).toBe('nodes/a%2Fb%3Fc/cordon');
  });
});
