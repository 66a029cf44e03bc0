import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TaskEvent } from '../src/client/words.ts';
import { Child } from './lab/child.ts';
import { openHook } from './lab/hook.ts';
import { Millrace } from './lab/millrace.ts';
import { freePort, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));

let place: Place;
let node: Millrace;
let here: readonly string[];
beforeAll(async () => {
  place = new Place();
  here = ['--listen', `127.0.0.1:${await freePort()}`];
  node = await Millrace.start(place, { flags: here });
});
afterAll(() => place[Symbol.asyncDispose]());

/** The command as a person on the machine of the node gives it. */
const command = (...argv: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(BIN, [...argv, ...here, '--data', node.data], {
    encoding: 'utf8',
    env: node.variables,
  });
  return { status, stdout, stderr };
};

const sleeping = (more: object = {}) =>
  node.huawei.createLive('rtmp://127.0.0.1:1/a/b', 'rtmp://127.0.0.1:1/a/c', {
    start_time: new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+/, ''),
    ...more,
  });

const seqs = (printed: string): number[] =>
  printed
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => (JSON.parse(line) as TaskEvent).seq);

it('tells what happened to a task, with a key that is gone behind the command', async () => {
  const taskId = await sleeping();
  const { status, stdout, stderr } = command('task', 'events', taskId);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^\d{4}-\S+Z {5}1 {2}scheduled {15}created\n$/);
  const keys: { id?: string }[] = JSON.parse(await node.command('key', 'list', '--json'));
  expect(keys.filter(({ id }) => id !== undefined)).toEqual([]);
});

it('follows a task over a restart of the node, each event once, until it is interrupted', async () => {
  const taskId = await sleeping();
  const argv = ['task', 'events', taskId, '--follow', '--json', ...here, '--data', node.data];
  const following = place.own(new Child(BIN, argv, { env: node.variables }), it => it.stop());
  await until('the first event is told', () => seqs(following.output).length === 1);
  await node.killControl();
  await until('the loss is told', () => following.output.includes('trying again'));
  await node.restart();
  await node.huawei.remove(taskId);
  await until('the last event is told', () => following.output.includes('"type":"deleted"'));
  following.process.kill('SIGINT');
  expect(await following.exited).toBe(130);
  const stored = seqs(command('task', 'events', taskId, '--json').stdout);
  expect(seqs(following.output)).toEqual(stored);
  expect(following.output.match(/millrace: /g)).toHaveLength(1);
});

it('ends silently when its reader has gone', async () => {
  const taskId = await sleeping();
  const words = `"${BIN}" task events ${taskId} --follow ${here.join(' ')} --data "${node.data}"`;
  const script = `{ ${words} 2>"${place.path('err')}"; echo $? >"${place.path('code')}"; } | head -n 1; cat "${place.path('err')}"`;
  const child = place.own(new Child('sh', ['-c', script]), it => it.stop());
  await until('the first event is told', () => child.output.includes('created'));
  // What nobody takes any more is noticed at the next write.
  await node.huawei.remove(taskId);
  expect(await child.exited).toBe(0);
  expect(child.output.trim().split('\n')).toHaveLength(1);
  expect(spawnSync('cat', [place.path('code')], { encoding: 'utf8' }).stdout).toBe('0\n');
});

it('lists a callback, shows its tries and sends it again', async () => {
  const hook = await openHook(place);
  const taskId = await sleeping({ callback_url: `${hook.base}/hook` });
  await node.huawei.remove(taskId);
  await until('the callback came', () => hook.told.length === 1);
  const list = () => JSON.parse(command('callback', 'list', '--task', taskId, '--since', '1h', '--json').stdout);
  const [delivery] = await until('it is delivered', () => list()[0]?.state === 'delivered' && list());
  expect(command('callback', 'show', delivery.id).stdout).toMatch(/^try +\S+ +\d+ ms +200 +taken$/m);
  expect(command('callback', 'redeliver', delivery.id).stdout).toBe('1 to be sent again\n');
  await until('it came again', () => hook.told.length === 2);
  await until('it is delivered again', () => list()[0]?.state === 'delivered');
  const bulk = command('callback', 'redeliver', '--since', '1h', '--state', 'delivered', '--task', taskId);
  expect(bulk.stdout).toBe('1 to be sent again\n');
  await until('it came once more', () => hook.told.length === 3);
  expect(new Set(hook.told.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([delivery.event_id]));
});

it('rotates a secret and tells which of them sign', async () => {
  const { secret } = JSON.parse(command('callback', 'secret', 'rotate', '--json').stdout);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const again = command('callback', 'secret', 'rotate', '--overlap', '1h').stdout;
  expect(again).toMatch(/^former {6}signs until \d{4}-/m);
  const shown = command('callback', 'secret', 'show').stdout;
  expect(shown.trim().split('\n').length).toBeGreaterThanOrEqual(3);
  expect(shown).not.toContain('whsec_');
});

it.each<readonly [string, readonly string[], number, RegExp]>([
  ['a task that there is not', ['task', 'events', 'nothere'], 3, /^millrace: .*\(NOT_FOUND\)\n$/],
  ['a callback that there is not', ['callback', 'show', 'nothere'], 3, /^millrace: .*\(NOT_FOUND\)\n$/],
  ['a receiver that there is not', ['callback', 'resume', 'nothere'], 3, /^millrace: .*\(NOT_FOUND\)\n$/],
  ['an account that there is not', ['callback', 'endpoints', '--account', 'nothere'], 2, /there is no account/],
  ['an address that is none', ['callback', 'test', 'ftp://a/b'], 2, /^millrace: .*\(INVALID_PARAMETER\)\n$/],
  ['a receiver that does not answer', ['callback', 'test', 'http://127.0.0.1:1/'], 1, /^millrace: not taken: /],
])('says in a line that it is given %s', (_, argv, code, words) => {
  const { status, stdout, stderr } = command(...argv);
  expect([status, stdout]).toEqual([code, '']);
  expect(stderr).toMatch(words);
});

it('is refused with a key that is not one, or that may not do it', async () => {
  const env = (key: string) => ({ ...process.env, MILLRACE_API: node.api, MILLRACE_API_KEY: key });
  const asked = (key: string, ...argv: string[]) =>
    spawnSync(BIN, ['callback', ...argv], { encoding: 'utf8', env: env(key) });
  expect(asked(`mlr_${'x'.repeat(43)}`, 'endpoints')).toMatchObject({ status: 4, stdout: '' });
  const flags = ['--policy', 'ReadOnlyAccess', '--life', '1h', '--json'];
  const { apiKey, id } = JSON.parse(await node.command('key', 'create', '--api', ...flags));
  expect(asked(apiKey, 'list')).toMatchObject({ status: 0 });
  expect(asked(apiKey, 'secret', 'rotate')).toMatchObject({ status: 4, stdout: '' });
  await node.command('key', 'disable', id);
  expect(asked(apiKey, 'list')).toMatchObject({ status: 4, stdout: '' });
});

it('says in a line that no node runs, and makes no data where there is none', async () => {
  const elsewhere = place.path('elsewhere');
  mkdirSync(elsewhere);
  const asked = (...argv: string[]) =>
    spawnSync(BIN, ['callback', 'endpoints', ...argv], {
      ...{ encoding: 'utf8', cwd: elsewhere },
      env: argv.includes(node.data) ? node.variables : process.env,
    } as const);
  const free = `127.0.0.1:${await freePort()}`;
  expect(asked('--data', node.data, '--listen', free)).toMatchObject({
    status: 6,
    stdout: '',
    stderr: expect.stringMatching(/^millrace: no node answers at [^\n]*"millrace serve"[^\n]*\n$/),
  });
  expect(asked('--listen', free)).toMatchObject({ status: 2, stdout: '' });
  expect(spawnSync('ls', [elsewhere], { encoding: 'utf8' }).stdout).toBe('');
});
