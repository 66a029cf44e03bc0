import { existsSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Child } from './lab/child.ts';
import { freePort, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));
const START = fileURLToPath(new URL('../scripts/start.mjs', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../examples/create-task.mjs', import.meta.url));

/** Runs a command line in the place to its end. */
async function millrace(place: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = place.own(new Child(BIN, args, { cwd: place.dir, env }), it => it.stop());
  const code = await child.exited;
  await child.drained;
  return { code, output: child.output };
}

it('runs from any folder, through a chain of symbolic links', async () => {
  await using place = new Place();
  symlinkSync(BIN, place.path('first'));
  symlinkSync('first', place.path('second'));
  const child = place.own(new Child('./second', ['version'], { cwd: place.dir }), it => it.stop());
  expect(await child.exited).toBe(0);
  await child.drained;
  expect(child.output).toMatch(/^millrace \d+\.\d+\.\d+ \(Node 24\./);
});

it('says so when its packages are not installed', async () => {
  await using place = new Place();
  const clone = new Child('sh', ['-c', `mkdir -p bin && cp '${BIN}' bin/ && bin/millrace version`], { cwd: place.dir });
  expect(await clone.exited).toBe(1);
  await clone.drained;
  expect(clone.output).toContain("run 'npm ci'");
});

it('serves, makes a key beside it, takes the signed example, and ends cleanly when told through npm start', async () => {
  await using place = new Place();
  const port = await freePort();
  const flags = ['--listen', `127.0.0.1:${port}`, '--rtmp', '127.0.0.1:0', '--ready-file', 'ready', '--workers', '1'];
  // The machine's own Node may be old; this one stands for it.
  const server = place.own(new Child(process.execPath, [START, ...flags], { cwd: place.dir }), it => it.stop());
  await until('the node is ready', () => existsSync(place.path('ready')));
  expect(server.output).toContain(`http://127.0.0.1:${port}`);

  const second = await millrace(place, ['serve', '--listen', '127.0.0.1:0', '--rtmp', 'off']);
  expect(second).toMatchObject({ code: 5, output: expect.stringContaining('serves this data directory') });
  const taken = await millrace(place, ['serve', ...flags, '--data', 'other', '--ready-file', 'other-ready']);
  expect(taken).toMatchObject({ code: 6, output: expect.stringContaining('EADDRINUSE') });

  const key = await millrace(place, ['key', 'create', '--env']);
  const env = Object.fromEntries(
    [...key.output.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
  );
  const args = [EXAMPLE, `http://127.0.0.1:${port}`, 'rtmp://127.0.0.1:1/live/src', 'rtmp://127.0.0.1:1/live/out'];
  const example = place.own(new Child(process.execPath, args, { env }), it => it.stop());
  expect(await example.exited).toBe(0);
  await example.drained;
  expect(example.output).toMatch(/^200 \{"task_id":"/);

  server.process.kill('SIGTERM');
  expect(await server.exited).toBe(0);
  expect(existsSync(place.path('ready'))).toBe(false);
});

it('refuses a wrong command line with 2, before it touches anything', async () => {
  await using place = new Place();
  const { code, output } = await millrace(place, ['serve', '--wrokers', '2'], { MILLRACE_DTA: 'x' });
  expect(code).toBe(2);
  expect(output).toContain('did you mean --workers?');
  expect(output).toContain('did you mean MILLRACE_DATA?');
  expect(existsSync(place.path('data'))).toBe(false);
});
