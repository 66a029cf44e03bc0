import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Api, callTasks, startApi } from '../../test/lab/api.ts';
import { commandsAt } from '../../test/lab/at-api.ts';
import { Place } from '../../test/lab/place.ts';

const ID = '11111111-2222-4333-8444-555555555555';
const LIVE = 'kind: live, url: "rtmp://cam.example/live/canary-in"';
const TO = 'kind: url, url: "rtmp://push.example/live/canary-out"';
const TASK = `  - id: ${ID}
    name: shop
    source: {${LIVE}}
    destination: {${TO}}
`;
const FILE = `millrace: 1
domains:
  - {name: push.example, target: "rtmp://10.0.0.1:1935"}
policies:
  - {name: mine, document: {Version: "1.1", Statement: [{Effect: Allow, Action: "live:*", Resource: "*"}]}}
assets:
  - {id: intro, url: "https://files.example/a.mp4?sign=canary"}
tasks:
${TASK}`;

describe('export and apply', { timeout: 30_000 }, () => {
  let place: Place;
  let api: Api;
  let at: Awaited<ReturnType<typeof commandsAt>>;
  beforeEach(async () => {
    place = new Place();
    api = await startApi(place, { callsPerSecond: { native: 0 } });
    at = await commandsAt(api, place.dir);
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const apply = (typed: string, ...flags: readonly string[]) => at(['apply', '-f', '-', ...flags], { typed });
  const exported = async () => (await at(['export', '--reveal'])).out;

  it('make all that a file says, each thing once', async () => {
    const first = await apply(FILE);
    expect(first).toEqual({
      code: 0,
      out: `+ domain push.example\n+ policy mine\n+ asset intro\n+ task ${ID} shop\n`,
      err: '4 created\n',
    });
    expect(await apply(FILE)).toEqual({ code: 0, out: '', err: '1 as they are\n' });
  });

  it('tell what would be done, and do nothing', async () => {
    expect(await apply(FILE, '--dry-run')).toMatchObject({ code: 0, err: 'would be: 4 created\n' });
    expect((await at(['task', 'list', '--quiet'])).out).toBe('');
  });

  it('change only what is otherwise', async () => {
    await apply(FILE);
    const changed = FILE.replace('name: shop\n', 'name: shop\n    tags: [a]\n    retry: {count: 2, interval_s: 5}\n');
    expect(await apply(changed.replace('a.mp4', 'b.mp4'))).toMatchObject({
      out: `~ asset intro: url\n~ task ${ID} shop: tags, retry\n`,
    });
    // What a file says no more is as usual again.
    expect((await apply(changed.replace('    tags: [a]\n', ''))).out).toContain(`~ task ${ID} shop: tags\n`);
  });

  it('delete what the file does not have when they are told to, of what it speaks of', async () => {
    await apply(FILE);
    expect((await apply('millrace: 1\ntasks: []\n')).out).toBe('');
    expect((await apply('millrace: 1\ntasks: []\n', '--prune')).out).toBe(`- task ${ID} shop\n`);
    expect((await apply('millrace: 1\nassets: []\npolicies: []\ndomains: []\n', '--prune')).out).toBe(
      '- asset intro\n- policy mine\n- domain push.example\n',
    );
  });

  it('know a task without an id by its name', async () => {
    const byName = FILE.replace(`id: ${ID}\n    `, '');
    await apply(byName);
    expect((await apply(byName)).err).toBe('1 as they are\n');
    expect((await at(['task', 'list', '--quiet'])).out.split('\n')).toHaveLength(2);
  });

  it('refuse to guess which of two tasks of one name is meant', async () => {
    for (let n = 0; n < 2; n++)
      await at([
        'task',
        'create',
        '--name',
        'shop',
        '--source',
        'rtmp://a.example/a/b',
        '--to',
        'rtmp://a.example/c/d',
      ]);
    const { code, err } = await apply(FILE.replace(`id: ${ID}\n    `, ''));
    expect([code, err]).toEqual([1, expect.stringContaining('! task shop: 2 tasks have that name')]);
  });

  it('do the rest where one thing goes wrong, and end with 1', async () => {
    const bad = `${FILE}  - {name: bad, source: {kind: live, url: "gopher://x"}, destination: {${TO}}}\n`;
    const { code, out, err } = await apply(bad);
    expect([code, out]).toEqual([1, expect.stringContaining(`+ task ${ID} shop`)]);
    expect(err).toMatch(/^! task bad: source\.url: .*\n4 created, 1 refused\nmillrace: 1 of 5 could not/);
  });

  it('say that a destination cannot change', async () => {
    await apply(FILE);
    const { code, err } = await apply(FILE.replace('canary-out', 'canary-other'));
    expect([code, err]).toEqual([1, expect.stringContaining('destination cannot change: give it another id')]);
    expect(err).not.toContain('canary');
  });

  it('say that an id was used by a task that is gone', async () => {
    await apply(FILE);
    await at(['task', 'delete', ID]);
    const { code, err } = await apply(FILE);
    expect([code, err]).toEqual([1, expect.stringContaining('A task has that id, or had it lately')]);
  });

  it('let one of two who make a task of the same id at once be first', async () => {
    const wish = `id: ${ID}\nsource: {${LIVE}}\ndestination: {${TO}}\n`;
    const make = () => at(['task', 'create', '-f', '-'], { typed: wish });
    const codes = (await Promise.all([make(), make()])).map(({ code }) => code);
    expect(codes.sort()).toEqual([0, 5]);
  });

  it('refuse an id that is none', async () => {
    const { code, err } = await apply(FILE.replace(ID, 'shop-7'));
    expect([code, err]).toEqual([1, expect.stringContaining('id: must be a UUID in small letters')]);
  });

  it('pass over a task whose end is gone by', async () => {
    const past = FILE.replace('name: shop\n', 'name: shop\n    end_at: 2026-01-01T00:00:00Z\n');
    expect(await apply(past)).toMatchObject({ code: 0, out: expect.stringContaining(`= task ${ID} shop is over\n`) });
  });

  it('take a moment for the same in whatever form it is written', async () => {
    const timed = (time: string) => FILE.replace('name: shop\n', `name: shop\n    start_at: ${time}\n`);
    await apply(timed('2030-01-01T08:00:00+08:00'));
    expect((await apply(timed('2030-01-01T00:00:00Z'))).out).toBe('');
  });

  it.each([
    ['of no version', 'tasks: []\n', /must begin with "millrace: 1"/],
    ['of another version', 'millrace: 2\n', /must begin with "millrace: 1"/],
    ['with a slip of the pen', 'millrace: 1\ntask: []\n', /task is not known here/],
    ['with a strange field', `${FILE}    colour: red\n`, /tasks\[0\]\.colour is not known here/],
    ['with a task twice', FILE + TASK, /tasks\[1\] has the id .* of another one/],
    [
      'with a task that cannot be known again',
      `millrace: 1\ntasks: [{source: {${LIVE}}, destination: {${TO}}}]`,
      /an id or a name/,
    ],
    ['with a domain of no target', 'millrace: 1\ndomains: [{name: a}]\n', /domains\[0\]\.target must be given/],
    ['that is a list', '- 1\n', /does not hold fields/],
  ])('refuse a file %s before anything is done', async (_, text, words) => {
    const { code, out, err } = await apply(text);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(words)]);
    expect((await at(['task', 'list', '--quiet'])).out).toBe('');
  });

  it('hide stream keys unless they are told to, and refuse what was hidden', async () => {
    await apply(FILE);
    const { out: masked } = await at(['export']);
    expect(masked).not.toContain('canary');
    const { code, err } = await apply(masked);
    expect([code, err]).toEqual([2, expect.stringContaining('tasks[0].source.url is masked: export it with --reveal')]);
  });

  it('write the same text again and again', async () => {
    await apply(FILE);
    const text = await exported();
    expect(text).toMatch(/^# Written by .*\nmillrace: 1\ndomains:\n {2}- name: push\.example\n/);
    expect((await apply(text)).out).toBe('');
    expect(await exported()).toBe(text);
  });

  it('write a file that nobody else may read, or none', async () => {
    await apply(FILE);
    expect(await at(['export', '--reveal', '--output', 'all.yaml'])).toEqual({ code: 0, out: '', err: '' });
    expect(statSync(place.path('all.yaml')).mode & 0o777).toBe(0o600);
    expect((await at(['export', '--output', 'none/all.yaml'])).code).toBe(1);
  });

  it('keep projects apart by their names', async () => {
    const { projectId } = api.key;
    const two = `millrace: 1\nprojects: [cn-north-4, other]\ntasks:\n${TASK}    project: other\n`;
    expect((await apply(two)).out).toBe(`+ project other\n+ task ${ID} shop\n`);
    expect(await exported()).toContain('project: other');
    expect(JSON.parse((await at(['task', 'get', ID, '--json'])).out).project_id).not.toBe(projectId);
  });

  it('leave tasks of the clouds alone, and say so', async () => {
    const ends = { source_urls: ['rtmp://cam.example/live/x'], destination_url: 'rtmp://push.example/live/s' };
    const times = { start_time: '2030-01-01T00:00:00Z', end_time: '2030-01-02T00:00:00Z' };
    const body = { source_type: 'PullLivePushLive', ...ends, ...times };
    await apply(FILE);
    const made = await callTasks(api, { method: 'POST', body });
    if (made.status >= 300) throw new Error(JSON.stringify(made.body));
    const { out, err } = await at(['export', '--reveal']);
    expect([out.match(/^ {2}- id: .*-/gm)?.length, err]).toEqual([1, expect.stringContaining('1 task of a cloud')]);
    expect((await apply('millrace: 1\ntasks: []\n', '--prune')).out).toBe(`- task ${ID} shop\n`);
  });

  it('come again when the node says that it is too much', async () => {
    await using slow = new Place();
    const busy = await startApi(slow, { callsPerSecond: { native: 5 } });
    const there = await commandsAt(busy, slow.dir);
    const tasks = Array.from({ length: 12 }, (_, n) => TASK.replace('1111', `${1000 + n}`)).join('');
    const { code, err } = await there(['apply', '-f', '-'], { typed: `millrace: 1\ntasks:\n${tasks}` });
    expect([code, err]).toEqual([0, '12 created\n']);
  });
});
