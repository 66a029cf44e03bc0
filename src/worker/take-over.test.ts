import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { monotonic } from '../media/clock.ts';
import { listenChannel } from './channel.ts';
import { sleep } from './sleep.ts';
import { type TakeOverParts, takeOver } from './take-over.ts';

const CHANNEL = new URL('channel.ts', import.meta.url).href;

describe('taking over a data directory', () => {
  let folder: string;
  let path: string;
  const children: ChildProcess[] = [];
  const { signal } = new AbortController();
  const parts: TakeOverParts = { now: monotonic, sleep, signal };

  /** A process that serves the directory; `onAsked` is what it does when it is asked to hand over. */
  async function serving(onAsked: string | undefined): Promise<ChildProcess> {
    const asked = onAsked === undefined ? '' : `process.on('SIGUSR2', async () => { ${onAsked} });`;
    const code = `import { listenChannel } from '${CHANNEL}';
      const door = await listenChannel('${path}', () => ({ message() {}, closed() {} }));
      ${asked}
      setInterval(() => {}, 1000);
      console.log('serves');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    if (child.stdout === null) throw new Error('it has no output');
    await once(child.stdout, 'data');
    return child;
  }
  const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
  /** A clock on which the patience of 15 s is over after some looks. */
  const hurried = (): TakeOverParts => {
    let nowMs = 0;
    return { ...parts, now: () => (nowMs += 1_000) };
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'take-over-'));
    path = join(folder, 'control.sock');
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('has nothing to do where nobody serves it, or where there is none', async () => {
    expect(await takeOver(path, parts)).toBeUndefined();
    expect(await takeOver(join(folder, 'none', 'control.sock'), parts)).toBeUndefined();
  });

  it('waits until the other one is gone, not only its lock', async () => {
    const child = await serving('await door.close(); setTimeout(() => process.exit(0), 300);');
    expect(await takeOver(path, parts)).toBe(child.pid);
    if (!hasEnded(child)) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
    const door = await listenChannel(path, () => ({ message: () => {}, closed: () => {} }));
    await door.close();
  });

  it('ends one that does not know how to hand over', async () => {
    const child = await serving(undefined);
    expect(await takeOver(path, parts)).toBe(child.pid);
    if (!hasEnded(child)) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGUSR2');
  });

  it('gives up on one that stays, and says which', async () => {
    const child = await serving('');
    const refusal = takeOver(path, hurried());
    await expect(refusal).rejects.toMatchObject({
      name: 'DataDirectoryInUse',
      message: `the control process ${child.pid} was asked to hand over and has not ended within 15 s`,
    });
    expect(hasEnded(child)).toBe(false);
  });

  it('leaves a stranger alone that control.pid names', async () => {
    const stranger = spawn('sleep', ['60']);
    children.push(stranger);
    const door = await listenChannel(path, () => ({ message: () => {}, closed: () => {} }));
    await writeFile(join(folder, 'control.pid'), `${stranger.pid}\n`);
    await expect(takeOver(path, hurried())).rejects.toThrow(
      'the process that serves this data directory was not found',
    );
    expect(hasEnded(stranger)).toBe(false);
    await door.close();
  });

  it('ends early when it is called off', async () => {
    await serving('');
    expect(await takeOver(path, { ...parts, signal: AbortSignal.abort() })).toBeUndefined();
  });
});
