import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Api, startApi } from '../../test/lab/api.ts';
import { commandsAt } from '../../test/lab/at-api.ts';
import type { Ended } from '../../test/lab/command-line.ts';
import { Place } from '../../test/lab/place.ts';
import { isFile } from './task-flags.ts';

const SOURCE = 'rtmp://cam.example/live/canary-in';
const TO = 'rtmp://push.example/live/canary-out';

describe('the task commands', () => {
  let place: Place;
  let api: Api;
  let at: Awaited<ReturnType<typeof commandsAt>>;
  beforeEach(async () => {
    place = new Place();
    api = await startApi(place, { callsPerSecond: { native: 0 } });
    at = await commandsAt(api, place.dir);
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const made = async (...flags: readonly string[]): Promise<string> => {
    const { code, out, err } = await at(['task', 'create', '--to', TO, ...flags]);
    expect([code, err]).toEqual([0, '']);
    return out.trim();
  };
  const live = (...flags: readonly string[]) => made('--source', SOURCE, ...flags);
  const seen = async (id: string) => JSON.parse((await at(['task', 'get', id, '--reveal', '--json'])).out);
  const refused = ({ code, out, err }: Ended) => ({ code, said: err, out });

  it('make a task of a live stream by flags', async () => {
    const id = await live('--name', 'shop', '--tag', 'a', '--tag', 'b', '--standby', 'rtmp://two.example/live/x');
    expect(await seen(id)).toMatchObject({
      name: 'shop',
      tags: ['a', 'b'],
      source: { kind: 'live', url: SOURCE },
      standby: ['rtmp://two.example/live/x'],
      destination: { kind: 'url', url: TO },
      enabled: true,
    });
  });

  it('make a list of several sources, and of one that looks like a file', async () => {
    const two = await made('--source', 'http://a.example/1', '--source', 'http://a.example/2', '--rounds', 'endless');
    expect((await seen(two)).source).toMatchObject({
      kind: 'list',
      items: [{ url: 'http://a.example/1' }, { url: 'http://a.example/2' }],
      rounds: 'endless',
    });
    expect((await seen(await made('--source', 'http://a.example/1.mp4?x=1'))).source).toMatchObject({ kind: 'list' });
  });

  it('make a task of a file in YAML, over which the flags stand', async () => {
    const text = `source: {kind: live, url: "${SOURCE}"}\ndestination: {kind: url, url: "${TO}"}\nname: from the file\n`;
    writeFileSync(place.path('task.yaml'), text);
    const { out } = await at(['task', 'create', '-f', 'task.yaml', '--tag', 'x', '--disabled']);
    expect(await seen(out.trim())).toMatchObject({ name: 'from the file', tags: ['x'], enabled: false });
  });

  it('make a task of JSON on stdin and print it whole', async () => {
    const wish = { source: { kind: 'live', url: SOURCE }, destination: { kind: 'url', url: TO } };
    const { out } = await at(['task', 'create', '-f', '-', '--json'], { typed: JSON.stringify(wish) });
    expect(JSON.parse(out)).toMatchObject({ version: 1, status: { word: 'scheduled' } });
    expect(out).not.toContain('canary');
  });

  it('count the start and the end from now', async () => {
    const now = Date.now();
    const id = await live('--start', '10m', '--end', '2h');
    const { start_at, end_at } = await seen(id);
    expect(Date.parse(end_at) - Date.parse(start_at)).toBe(110 * 60_000);
    expect(Date.parse(start_at) - now).toBeLessThan(11 * 60_000);
  });

  it.each([
    ['without a source', ['--to', TO], /what to pull/],
    ['without a destination', ['--source', SOURCE], /where to push/],
    ['with rounds of nothing', ['--to', TO, '--rounds', '2'], /--rounds goes with --source/],
    ['with a stream of two', ['--to', TO, '--live', '--source', SOURCE, '--source', SOURCE], /one stream/],
    ['with a file that is not there', ['-f', 'none.yaml'], /none\.yaml cannot be read/],
    ['with an end that is none', ['--source', SOURCE, '--to', TO, '--end', 'soon'], /Write it like 10m/],
    ['with an address of no scheme', ['--source', 'cam', '--to', TO], /source\.url/],
  ])('refuse to make one %s', async (_, flags, words) => {
    const ended = refused(await at(['task', 'create', ...flags]));
    expect(ended).toEqual({ code: 2, said: expect.stringMatching(words), out: '' });
    expect(ended.said).not.toContain('canary');
  });

  it('say where a file is broken, and not what stands there', async () => {
    writeFileSync(place.path('bad.yaml'), 'name: a\nsource: [canary\nx: "\n');
    const { code, said } = refused(await at(['task', 'create', '-f', 'bad.yaml']));
    expect([code, said]).toEqual([2, expect.stringMatching(/^millrace: bad\.yaml, line \d+, column \d+: /)]);
    expect(said).not.toContain('canary');
  });

  it('refuse a file of aliases', async () => {
    const ended = await at(['task', 'create', '-f', '-'], { typed: 'a: &a [1]\nb: [*a, *a]\n' });
    expect(refused(ended)).toMatchObject({ code: 2, said: 'millrace: stdin: aliases are not taken\n' });
  });

  it('give up waiting for media with a code of its own', async () => {
    const ended = await at(['task', 'create', '--source', SOURCE, '--to', TO, '--wait', '1s']);
    expect([ended.code, ended.err]).toEqual([
      7,
      expect.stringMatching(/^scheduled\nmillrace: nothing flows after 1 s/),
    ]);
    expect(ended.out).toMatch(/^[\da-f-]{36}\n$/);
  });

  it('tell at once that what was waited for has stopped', async () => {
    const ended = await at(['task', 'create', '--source', SOURCE, '--to', TO, '--wait', '1s', '--disabled', '--quiet']);
    expect([ended.code, ended.err]).toEqual([1, expect.stringMatching(/^millrace: the task is stopped/)]);
  });

  it('list tasks as a table, as ids and as JSON', async () => {
    const [one, two] = [await live('--name', 'one', '--tag', 'x'), await live('--name', 'two')];
    expect((await at(['task', 'list'])).out).toMatch(/^ID +NAME .*\n.* two .*\n.* one .*\n$/);
    expect((await at(['task', 'list', '--quiet'])).out.split('\n').sort()).toEqual(['', one, two].sort());
    expect((await at(['task', 'list', '--tag', 'x', '--quiet'])).out).toBe(`${one}\n`);
    expect(JSON.parse((await at(['task', 'list', '--limit', '1', '--json'])).out)).toHaveLength(1);
  });

  it('show no stream key unless they are told to', async () => {
    const id = await live();
    expect((await at(['task', 'get', id])).out).not.toContain('canary');
    expect((await at(['task', 'list'])).out).not.toContain('canary');
    expect((await at(['task', 'get', id, '--reveal'])).out).toContain('canary-out');
  });

  it('watch until they are interrupted', async () => {
    await live();
    const ending = new AbortController();
    const onOut = (text: string) => text.includes('scheduled') && ending.abort();
    expect((await at(['task', 'list', '--watch'], { signal: ending.signal, onOut })).code).toBe(130);
    const id = await live();
    const again = new AbortController();
    const ended = await at(['task', 'watch', id], { signal: again.signal, onOut: () => again.abort() });
    expect(ended).toMatchObject({ code: 130, out: expect.stringMatching(/Z {2}scheduled\n$/), err: '' });
  });

  it('change what is said and let the rest stay', async () => {
    const id = await live('--name', 'before', '--tag', 'stays');
    const { code } = await at(['task', 'edit', id, '--name', 'after', '--end', 'none', '--quiet']);
    expect([code, await seen(id)]).toMatchObject([0, { name: 'after', tags: ['stays'], version: 2 }]);
  });

  it('change nothing where another was faster', async () => {
    const id = await live();
    await at(['task', 'edit', id, '--name', 'first']);
    const late = await at(['task', 'edit', id, '--name', 'second', '--if-version', '1']);
    expect([late.code, late.err]).toEqual([5, expect.stringContaining('version 2')]);
    expect((await seen(id)).name).toBe('first');
  });

  it('refuse a change of nothing', async () => {
    expect(refused(await at(['task', 'edit', 'x']))).toMatchObject({
      code: 2,
      said: expect.stringContaining('otherwise'),
    });
  });

  it('stop, start and delete several', async () => {
    const [one, two] = [await live(), await live()];
    const stopped = await at(['task', 'stop', one, two]);
    expect(stopped.out.split('\n').filter(line => line.includes('stopped'))).toHaveLength(2);
    expect((await at(['task', 'start', one])).out).toMatch(/scheduled/);
    expect((await at(['task', 'restart', one, '--quiet'])).out).toBe('');
    expect((await at(['task', 'delete', one, two])).code).toBe(0);
    expect((await at(['task', 'get', one])).code).toBe(3);
  });

  it('switch a live task by hand, and back', async () => {
    const id = await live('--standby', 'rtmp://two.example/live/x');
    expect((await at(['task', 'switch', id, '1'])).code).toBe(0);
    expect((await at(['task', 'switch', id, 'auto'])).code).toBe(0);
    expect((await at(['task', 'switch', id, '2'])).code).toBe(2);
    expect((await at(['task', 'switch', id, 'best'])).code).toBe(2);
  });

  it('jump and skip in a list, and say where there is none', async () => {
    const list = await made('--source', 'http://a.example/1', '--source', 'http://a.example/2');
    expect((await at(['task', 'jump', list, '1', '--at', '2.5'])).code).toBe(0);
    const past = await at(['task', 'skip', list]);
    expect([past.code, past.err]).toEqual([5, expect.stringContaining('last file')]);
    expect((await at(['task', 'skip', await live()])).code).toBe(5);
  });

  it('plan a task without making it', async () => {
    const { code, out } = await at(['plan', '--source', SOURCE, '--to', TO]);
    expect([code, out]).toEqual([0, expect.stringMatching(/^from .* to no end\nSOURCE /)]);
    expect((await at(['task', 'list', '--quiet'])).out).toBe('');
  });

  it('tell what the node carries', async () => {
    expect((await at(['node', 'list'])).out).toMatch(/^lab {2}ready {2}version test/);
    expect(JSON.parse((await at(['node', 'list', '--json'])).out)).toHaveLength(1);
  });
});

it.each([
  ['media://a.mp4', true],
  ['asset://x', true],
  ['https://a.example/a.mp4?sign=1', true],
  ['https://a.example/live.m3u8', false],
  ['https://a.example/live', false],
  ['rtmp://a.example/live/a.mp4', false],
])('%s looks like a file: %s', (url, is) => {
  expect(isFile(url)).toBe(is);
});
