import { statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendRaw } from './lab/api.ts';
import { Child } from './lab/child.ts';
import { CountedSource } from './lab/counted-source.ts';
import { Millrace } from './lab/millrace.ts';
import { Oracle } from './lab/oracle.ts';
import { freePort, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// A task's life from a shell, as a person on the machine of the node leads it.

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));

let place: Place;
let node: Millrace;
let source: CountedSource;
let oracle: Oracle;
let here: readonly string[];
beforeAll(async () => {
  place = new Place();
  here = ['--listen', `127.0.0.1:${await freePort()}`];
  node = await Millrace.start(place, { flags: here });
  source = await CountedSource.start(place);
  oracle = await Oracle.start(place);
});
afterAll(() => place[Symbol.asyncDispose]());

const start = (...argv: readonly string[]) =>
  place.own(new Child(BIN, [...argv, ...here, '--data', node.data], { cwd: place.dir, env: node.variables }), it =>
    it.stop(),
  );

const command = async (...argv: readonly string[]) => {
  const child = start(...argv);
  const code = await child.exited;
  await child.drained;
  return { code, output: child.output };
};

const idIn = (output: string): string => /^[\da-f]{8}-[\da-f-]{27}$/m.exec(output)?.[0] ?? '';

it('is made, waited for until media flows, followed, stopped and deleted', async () => {
  const made = await command(
    'task',
    'create',
    '--source',
    source.url(),
    '--to',
    oracle.url('out'),
    '--name',
    'shop',
    '--wait',
  );
  expect([made.code, made.output]).toEqual([0, expect.stringMatching(/^running/m)]);
  const id = idIn(made.output);
  const watching = start('task', 'watch', id, '--json');
  await until('rates are told', () => /"out":\{"kbit":[1-9]/.test(watching.output));
  watching.process.kill('SIGINT');
  expect(await watching.exited).toBe(130);
  expect((await command('task', 'list')).output).toMatch(new RegExp(`^${id} +shop +running `, 'm'));
  expect((await command('task', 'stop', id)).output).toContain('stopped');
  expect((await command('task', 'delete', id)).code).toBe(0);
  expect((await command('task', 'get', id)).code).toBe(3);
});

it('is told to have stopped nowhere, and why, where nothing can flow', async () => {
  const nobody = `rtmp://127.0.0.1:${await freePort()}/live/nobody`;
  const { code, output } = await command('task', 'create', '--source', nobody, '--to', oracle.url('x'), '--wait', '3s');
  expect([code, output]).toEqual([
    7,
    expect.stringMatching(/^millrace: nothing flows after 3 s: recovering .*refused/m),
  ]);
  expect((await command('task', 'delete', idIn(output))).code).toBe(0);
});

it('is planned before it is made', async () => {
  const { code, output } = await command('plan', '--source', source.url(), '--to', oracle.url('planned'));
  expect([code, output]).toEqual([0, expect.stringMatching(/h264|H\.264|avc1/i)]);
});

it('goes by a file to another node, and comes back the same', async () => {
  writeFileSync(
    place.path('wishes.yaml'),
    `millrace: 1\ntasks:\n  - name: later\n    source: {kind: live, url: "${source.url()}"}\n    destination: {kind: url, url: "${oracle.url('y')}"}\n    start_at: 2030-01-01T00:00:00Z\n`,
  );
  expect((await command('apply', '-f', 'wishes.yaml')).output).toMatch(/^\+ task later$/m);
  expect((await command('export', '--reveal', '--output', 'all.yaml')).code).toBe(0);
  expect(statSync(place.path('all.yaml')).mode & 0o777).toBe(0o600);
  const other = await Millrace.start(place, { name: 'other', flags: ['--rtmp', 'off'] });
  const there = async (...argv: readonly string[]) => {
    const at = ['--data', other.data, '--api', other.api];
    const child = place.own(new Child(BIN, [...argv, ...at], { cwd: place.dir, env: other.variables }), it =>
      it.stop(),
    );
    expect(await child.exited, child.output).toBe(0);
  };
  await there('apply', '-f', 'all.yaml');
  await there('export', '--reveal', '--output', 'again.yaml');
  const same = await new Child('cmp', ['all.yaml', 'again.yaml'], { cwd: place.dir }).exited;
  expect(same).toBe(0);
});

it('has a machine under it that is looked over from outside and from inside', async () => {
  const outside = await command('doctor', '--all');
  expect(outside.output).toMatch(/^ok {4}database: it is whole$/m);
  expect(outside.output).toMatch(/^ok {4}api-address: .*, where the node listens$/m);
  const key = /MILLRACE_API_KEY=(\S+)/.exec(await node.command('key', 'create', '--api', '--env'))?.[1] ?? '';
  const headers = { authorization: `Bearer ${key.replace(/['"]/g, '')}` };
  const inside = await sendRaw(node.api, { method: 'GET', url: '/api/v1/doctor', headers });
  expect([inside.status, inside.body.checks.length]).toEqual([200, expect.any(Number)]);
  expect(inside.body.checks.length).toBeGreaterThanOrEqual(20);
  expect(inside.body.checks.filter(({ state }: { state: string }) => state === 'fail')).toEqual([]);
});
