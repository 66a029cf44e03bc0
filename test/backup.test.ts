import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { Child } from './lab/child.ts';
import { Millrace } from './lab/millrace.ts';
import { type NativeAsk, nativeAsk } from './lab/native.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));
const WRITES_PER_SECOND = 50;

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function millrace(...args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(BIN, args, { encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}

async function apiKeyOf(node: Millrace): Promise<string> {
  const key: unknown = JSON.parse(await node.command('key', 'create', '--api', '--json'));
  if (typeof key !== 'object' || key === null || !('apiKey' in key)) throw new Error('no key was made');
  return String(key.apiKey);
}

/** Not before the day after tomorrow, so that nothing goes on air. */
const wish = (name: string): object => {
  const start = Date.now() + 2 * 86_400_000;
  return {
    name,
    source: { kind: 'live', url: 'rtmp://127.0.0.1:1/live/in' },
    destination: { kind: 'url', url: 'rtmp://127.0.0.1:1/live/out' },
    start_at: new Date(start).toISOString(),
    end_at: new Date(start + 3_600_000).toISOString(),
  };
};

/** Makes tasks at that rate until it is told to stop; answers the names of those that were answered for. */
function writing(ask: NativeAsk): { readonly done: string[]; stop(): Promise<void> } {
  const done: string[] = [];
  const under: Promise<unknown>[] = [];
  let made = 0;
  const timer = setInterval(() => {
    const name = `n${made++}`;
    under.push(
      ask('tasks', { body: wish(name) }).then(({ status, body }) => {
        if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`);
        done.push(name);
      }),
    );
  }, 1_000 / WRITES_PER_SECOND);
  return {
    done,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(under);
    },
  };
}

async function namesOn(ask: NativeAsk): Promise<readonly string[]> {
  const names: string[] = [];
  for (let after = ''; ; ) {
    const { body } = await ask(`tasks?limit=100${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`);
    const page: {
      readonly tasks: readonly { readonly name: string }[];
      readonly next: string | null;
    } = body;
    names.push(...page.tasks.map(({ name }) => name));
    if (page.next === null) return names;
    after = page.next;
  }
}

it('copies a node that is written to fifty times a second, and makes another of the copy', async () => {
  await using place = new Place();
  const first = await Millrace.start(place);
  const apiKey = await apiKeyOf(first);
  const writer = writing(nativeAsk(first.api, apiKey));
  await until('some tasks are there', () => writer.done.length >= 60);
  const before = [...writer.done];
  const [copy, key] = [place.path('copy.db'), join(place.path('safe'), 'seal.key')];
  // Beside the writing, which a call that waits would hold up.
  const copying = new Child(BIN, ['backup', copy, '--key', key, '--data', first.data]);
  expect(await copying.exited).toBe(0);
  const during = writer.done.length - before.length;
  await writer.stop();
  await first.stop();
  expect(during).toBeGreaterThan(10);

  const data = place.path('restored');
  expect(millrace('restore', copy, '--key', key, '--data', data)).toMatchObject({ status: 0 });
  const second = await Millrace.start(place, { name: 'restored' });
  // Its keys have come along.
  const names = await namesOn(nativeAsk(second.api, apiKey));
  expect(before.filter(name => !names.includes(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  console.log(`backup: ${names.length} tasks in it, ${during} were made while it was taken`);
});

describe('a copy', () => {
  let place: Place;
  let data: string;
  let copy: string;
  beforeAll(async () => {
    place = new Place();
    const node = await Millrace.start(place);
    await nativeAsk(node.api, await apiKeyOf(node))('tasks', { body: wish('one') });
    await node.stop();
    data = node.data;
    copy = place.path('copy.db');
    expect(millrace('backup', copy, '--data', data)).toMatchObject({ status: 0 });
    return () => place[Symbol.asyncDispose]();
  });

  it('does not hold its key, and says where that is', () => {
    const again = millrace('backup', place.path('again.db'), '--data', data);
    expect(again.err).toContain(join(data, 'seal.key'));
    expect(readFileSync(copy).includes(readFileSync(join(data, 'seal.key')))).toBe(false);
  });

  it('is not restored without its key', () => {
    const target = place.path('keyless');
    expect(millrace('restore', copy, '--data', target)).toMatchObject({ status: 1 });
    expect(existsSync(target)).toBe(false);
  });

  it('is not restored with the key of another node', () => {
    const [target, key] = [place.path('wrong'), place.path('other.key')];
    writeFileSync(key, randomBytes(32));
    const { status, err } = millrace('restore', copy, '--key', key, '--data', target);
    expect({ status, told: err.includes('another key') }).toEqual({ status: 1, told: true });
    expect(existsSync(target)).toBe(false);
  });

  it('is looked through without being restored', () => {
    const target = place.path('unmade');
    const key = join(data, 'seal.key');
    const { status, out } = millrace('restore', copy, '--verify', '--json', '--key', key, '--data', target);
    expect({ status, ...JSON.parse(out) }).toMatchObject({ status: 0, tasks: 1 });
    expect(existsSync(target)).toBe(false);
  });

  it('does not take the place of data', () => {
    const ended = millrace('restore', copy, '--key', join(data, 'seal.key'), '--data', data);
    expect(ended).toMatchObject({ status: 5 });
  });

  it('does not lie beside its key', () => {
    const folder = place.path('both');
    mkdirSync(folder);
    const ended = millrace('backup', join(folder, 'a.db'), '--key', join(folder, 'seal.key'), '--data', data);
    expect(ended.status).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is made of a directory with data only', () => {
    expect(millrace('backup', place.path('none.db'), '--data', place.path('nowhere'))).toMatchObject({ status: 2 });
    expect(existsSync(place.path('nowhere'))).toBe(false);
  });

  it('can be read by its owner alone', () => {
    expect(statSync(copy).mode & 0o777).toBe(0o600);
  });
});
