import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountSuite } from './accounts.testsuite.ts';
import { assetSuite, sampleAsset } from './assets.testsuite.ts';
import { auditSuite } from './audit.testsuite.ts';
import { eventsSuite } from './events.testsuite.ts';
import { nodesSuite } from './nodes.testsuite.ts';
import { CANARY, NOW, sampleKey, sampleTask, telling } from './sample.ts';
import { loadSealKey } from './seal.ts';
import { openSqlite } from './sqlite.ts';
import { storeSuite } from './store.testsuite.ts';
import type { Store } from './store.ts';

let folder: string;
let file: string;
let keyFile: string;
const opened: Store[] = [];

async function open(): Promise<Store> {
  const store = await openSqlite({ file, sealKey: loadSealKey(keyFile, file) });
  opened.push(store);
  return store;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  file = join(folder, 'data', 'millrace.db');
  keyFile = join(folder, 'data', 'seal.key');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

storeSuite('SQLite', async () => ({ store: await open(), reopen: open }));
accountSuite('SQLite', async () => ({ store: await open(), reopen: open }));
auditSuite('SQLite', async () => ({ store: await open(), reopen: open }));
assetSuite('SQLite', async () => ({ store: await open(), reopen: open }));
eventsSuite('SQLite', async () => ({ store: await open(), reopen: open }));
nodesSuite('SQLite', async () => ({ store: await open(), reopen: open }));

describe('the database file', () => {
  it('is open to nobody but its owner, nor are the files beside it', async () => {
    await (await open()).create(sampleTask());
    const modes = readdirSync(join(folder, 'data')).map(name => statSync(join(folder, 'data', name)).mode & 0o777);
    expect(modes.length).toBeGreaterThanOrEqual(3);
    expect(modes.every(mode => mode === 0o600)).toBe(true);
  });

  it('holds no address, secret, reason or body in the clear, in the log neither', async () => {
    const store = await open();
    const { task, ...rest } = sampleTask();
    await store.create({ task, ...rest });
    await store.change(task.id, telling('claimed', 'deliver'));
    const breakpoint = { version: 1, url: `http://f.example/${CANARY}.mp4`, round: 0, index: 0, offsetMs: 1 };
    await store.saveBreakpoints([{ taskId: task.id, epoch: 1, breakpoint }]);
    await store.change(task.id, telling('gaveUp', 'deliver'));
    await store.addAccessKey(sampleKey({ token: `token-${CANARY}`, expiresAt: NOW }));
    await store.addAsset(sampleAsset());
    const texts = readdirSync(join(folder, 'data')).map(name => readFileSync(join(folder, 'data', name), 'latin1'));
    expect(texts.some(text => text.includes(task.id))).toBe(true);
    expect(texts.some(text => text.includes(CANARY))).toBe(false);
  });

  it('is refused with another key, and left alone', async () => {
    const store = await open();
    const { task, ...rest } = sampleTask();
    await store.create({ task, ...rest });
    await store.close();
    await expect(openSqlite({ file, sealKey: Buffer.alloc(32, 7) })).rejects.toThrow('made with another key');
    expect(await (await open()).get(task.id)).toEqual(task);
  });

  it('is refused when a newer program made it, with both versions', async () => {
    await (await open()).close();
    const raw = new DatabaseSync(file);
    raw.exec('update schema_version set version = 99');
    raw.close();
    await expect(open()).rejects.toThrow(/of version 99; this program knows versions up to \d+: upgrade it/);
  });

  it('is refused when it is no database, and not overwritten', async () => {
    loadSealKey(keyFile, file);
    writeFileSync(file, 'a letter to somebody, long enough to be read as a header of a database file by mistake');
    await expect(open()).rejects.toMatchObject({ name: 'StoreFault', kind: 'broken' });
    expect(readFileSync(file, 'utf8')).toContain('a letter to somebody');
  });

  it('is refused when it is damaged', async () => {
    const store = await open();
    for (let at = 0; at < 20; at++) await store.create(sampleTask());
    await store.close();
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 8192, 8192 + 12_288);
    writeFileSync(file, bytes);
    await expect(open()).rejects.toThrow(/restore it from a backup/);
  });

  it('can be made by two at once', async () => {
    const stores = await Promise.all([open(), open()]);
    const { task, ...rest } = sampleTask();
    await stores[0].create({ task, ...rest });
    expect(await stores[1].get(task.id)).toEqual(task);
  });
});

describe('another process', () => {
  const children: ChildProcess[] = [];
  /** Runs a module that finds the store open as `store`, its samples as `sample`, and `say` to print a line. */
  function runBeside(body: string): ChildProcess {
    const source = `
      const { openSqlite } = await import(${JSON.stringify(join(import.meta.dirname, 'sqlite.ts'))});
      const { loadSealKey } = await import(${JSON.stringify(join(import.meta.dirname, 'seal.ts'))});
      const sample = await import(${JSON.stringify(join(import.meta.dirname, 'sample.ts'))});
      const { writeSync } = await import('node:fs');
      const say = line => writeSync(1, line + '\\n');
      const file = ${JSON.stringify(file)};
      const store = await openSqlite({ file, sealKey: loadSealKey(${JSON.stringify(keyFile)}, file) });
      ${body}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return child;
  }
  const exitOf = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };

  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await exitOf(child);
    }
  });

  it('writes beside us, and both see everything', async () => {
    const store = await open();
    const { task, ...rest } = sampleTask();
    await store.create({ task, ...rest });
    const child = runBeside(`
      for (let i = 0; i < 100; i++) await store.change(${JSON.stringify(task.id)}, sample.telling('alarm'));
      await store.close();`);
    const own = (async () => {
      for (let at = 0; at < 100; at++) await store.change(task.id, telling('alarm'));
    })();
    await Promise.all([own, exitOf(child)]);
    expect((await store.get(task.id))?.seq).toBe(201);
    expect(await store.events(task.id, 0, 1000)).toHaveLength(201);
  });

  it('that is killed has stored all that it was answered', async () => {
    (await open()).close();
    const child = runBeside(`
      const go = async () => { for (;;) { const change = sample.sampleTask(); await store.create(change); say(change.task.id); } };
      await Promise.all([go(), go(), go()]);`);
    const answered: string[] = [];
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      answered.push(line);
      if (answered.length === 300) child.kill('SIGKILL');
    }
    await exitOf(child);
    const store = await open();
    expect(answered.length).toBeGreaterThanOrEqual(300);
    for (const id of answered) {
      expect((await store.get(id))?.seq).toBe(1);
      expect(await store.events(id, 0, 10)).toHaveLength(1);
    }
  });
});

describe('the key file', () => {
  it('is made once, private, and read from then on', () => {
    const key = loadSealKey(keyFile, file);
    expect(key).toHaveLength(32);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(loadSealKey(keyFile, file)).toEqual(key);
    expect(readdirSync(join(folder, 'data'))).toEqual(['seal.key']);
  });

  it('is not made anew when there is a database that needs the old one', async () => {
    await (await open()).close();
    rmSync(keyFile);
    expect(() => loadSealKey(keyFile, file)).toThrow(/is missing.*restore it/);
    expect(existsSync(keyFile)).toBe(false);
  });

  it('is refused when others may read it', () => {
    loadSealKey(keyFile, file);
    chmodSync(keyFile, 0o640);
    expect(() => loadSealKey(keyFile, file)).toThrow(/mode 0640/);
  });

  it('is refused when it is no key', () => {
    loadSealKey(keyFile, file);
    writeFileSync(keyFile, 'short');
    expect(() => loadSealKey(keyFile, file)).toThrow(/must hold 32 bytes, it holds 5/);
  });
});

it('a thousand tasks and their claims are stored in a moment', async () => {
  const store = await open();
  const changes = Array.from({ length: 1000 }, () => sampleTask());
  const startedAt = performance.now();
  await Promise.all(changes.map(change => store.create(change)));
  await Promise.all(changes.map(({ task }) => store.change(task.id, telling('claimed'))));
  expect(performance.now() - startedAt).toBeLessThan(3000);
  expect(await store.due(NOW, 10)).toEqual([]);
});
