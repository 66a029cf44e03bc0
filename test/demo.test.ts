import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filmOf } from '../src/demo/film.ts';
import { figure } from './faults/figure.ts';
import { setupLink } from './lab/browser.ts';
import { run } from './lab/child.ts';
import { ConsoleUser } from './lab/console-user.ts';
import { Demo } from './lab/demo.ts';
import { frames, videoOf } from './lab/ffmpeg.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// The demonstration is what a newcomer sees first: it has to be on air in seconds, explain what is broken, and leave
// nothing behind, on this machine or beyond it.

interface Shown {
  readonly name: string;
  readonly status: { readonly word: string; readonly reason: string };
  readonly on_air: { readonly item: { readonly rounds: number } | null } | null;
}

describe('the test card', () => {
  it('is taken by every decoder, and moves', async () => {
    await using place = new Place();
    const file = place.path('card.flv');
    writeFileSync(file, filmOf({ ground: 'bars', number: 4 }, 6));
    expect(await run('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-f', 'null', '-'])).toBe('');
    const seen = videoOf(await frames(file, 'decode'));
    expect(seen).toHaveLength(150);
    expect(new Set(seen.map(({ hash }) => hash)).size).toBe(150);
  });
});

describe('the demonstration', () => {
  let place: Place;
  let demo: Demo;
  let user: ConsoleUser;

  beforeAll(async () => {
    place = new Place();
    demo = await Demo.start(place);
    user = new ConsoleUser(demo.api);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const tasks = async (): Promise<readonly Shown[]> => (await user.ask('tasks')).body.tasks ?? [];
  const statusOf = async (wanted: string): Promise<Shown['status'] | undefined> =>
    (await tasks()).find(({ name }) => name === wanted)?.status;

  it('says where everything is in ten lines', () => {
    const lines = demo.output.slice(0, demo.output.indexOf('removed at the end')).split('\n');
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(setupLink(demo)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#\/setup\?token=[\w-]{43}$/);
  });

  it('has a picture within seconds', async () => {
    await run('ffmpeg', ['-v', 'error', '-i', `${demo.rtmp}/out/bars`, '-frames:v', '1', '-f', 'null', '-']);
    const tookMs = performance.now() - demo.calledAtMs;
    figure('DEMO', 'command to the first picture, decoded', tookMs, { unit: 'ms', atMost: 5_000 });
  });

  it('lets the newcomer in by its link, and tells that it is a demonstration', async () => {
    const body = { token: setupLink(demo).split('token=')[1], name: 'ann', password: 'a long enough password' };
    const answer = await user.ask('setup', { body });
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201, body: { user: 'ann', demo: true } });
  });

  it('runs a stream and a list, and explains what is broken', async () => {
    await until(
      'two are on air',
      async () => (await tasks()).filter(({ status }) => status.word === 'running').length === 2,
    );
    const all = await tasks();
    expect(all.map(({ name }) => name).sort()).toEqual(['Bars', 'Broken on purpose', 'Playlist']);
    const list = async (): Promise<Shown | undefined> => (await tasks()).find(({ name }) => name === 'Playlist');
    await until('the list tells its round', async () => (await list())?.on_air?.item?.rounds === 3);
    const explained = /connection refused .*next try/;
    await until('the broken one says why', async () =>
      explained.test((await statusOf('Broken on purpose'))?.reason ?? ''),
    );
    expect((await statusOf('Broken on purpose'))?.word).toBe('recovering');
  });

  it('mends what is broken when it is asked to', async () => {
    const askedAt = performance.now();
    expect(await user.ask('demo/fix', { method: 'POST' })).toMatchObject({ status: 200 });
    await until('it is on air', async () => (await statusOf('Broken on purpose'))?.word === 'running', {
      timeoutMs: 30_000,
    });
    figure('DEMO', 'mended to on air', performance.now() - askedAt, { unit: 'ms', atMost: 10_000 });
    expect(await user.ask('demo/fix', { method: 'POST' })).toMatchObject({ status: 200 });
  });

  it('speaks to nobody but this machine', () => {
    expect(peersOf(demo.child.pid).filter(address => !/^(?:0100007F|00000000)$/.test(address))).toEqual([]);
  });

  it('ends with its command, and leaves nothing', async () => {
    demo.child.process.kill('SIGINT');
    expect(await demo.child.exited).toBe(0);
    expect(existsSync(demo.data)).toBe(false);
  });
});

/** Whom the processes of the tree have IPv4 connections with, as the kernel writes addresses. */
function peersOf(root: number): string[] {
  const sockets = new Set(treeOf(root).flatMap(inodesOf));
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const fields = lines.map(line => line.trim().split(/\s+/));
  return fields.flatMap(([, , peer = '', ...rest]) => (sockets.has(rest[6] ?? '') ? [peer.split(':')[0] ?? ''] : []));
}

function treeOf(root: number): number[] {
  const parents = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => ({ pid: Number(name), parent: parentOf(name) }));
  const children = parents.filter(({ parent }) => parent === root).map(({ pid }) => pid);
  return [root, ...children.flatMap(treeOf)];
}

function parentOf(pid: string): number {
  try {
    return Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return -1;
  }
}

function inodesOf(pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map(fd => linkOf(`/proc/${pid}/fd/${fd}`));
  return links.flatMap(link => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
