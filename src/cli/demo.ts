import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Client } from '../client.ts';
import { type Config, readConfig } from '../config.ts';
import { DEMO_TAG, type DemoSources, demoTasks } from '../demo/demo.ts';
import { type BannerFacts, consoleLink } from './banner.ts';
import type { OpenAccounts } from './doors.ts';
import type { World } from './program.ts';

const EXAMPLE = `
Example:
  millrace demo`;

/** Where a node listens unless told; taken by another program, any other port will do. */
const API_PORT = 8080;
const RTMP_PORT = 1935;
/** The key that makes the tasks; it is deleted as soon as they are made. */
const PASSING_KEY_MS = 15 * 60_000;

interface Given {
  readonly data?: string;
  readonly listen?: string;
  readonly rtmp?: string;
}

export function addDemo(program: Command, world: World): void {
  const { terminal, doors, signal, handOver } = world;
  const demo = program
    .command('demo')
    .description('run a node with three tasks of its own, on this machine alone, until Ctrl-C')
    .option('--data <DIR>', 'keep what it makes there (default: a folder of its own, removed at the end)')
    .option('--listen <ADDRESS>', `where the API listens (default: 127.0.0.1:${API_PORT}, or a free port)`)
    .option('--rtmp <ADDRESS>', `where its RTMP server listens (default: 127.0.0.1:${RTMP_PORT}, or a free port)`)
    .addHelpText('after', EXAMPLE);
  demo.action(async (given: Given) => {
    const own = given.data === undefined ? mkdtempSync(join(tmpdir(), 'millrace-demo-')) : undefined;
    const { DemoSources } = await import('../demo/demo.ts');
    const config = await configOfDemo(given, own ?? given.data ?? '', world);
    const sources = await DemoSources.open(join(config.data, 'media'), () => performance.now());
    try {
      const made: Promise<void>[] = [];
      const banner = (facts: BannerFacts): string => {
        made.push(makeTasks(config, facts, { world, sources }));
        return demoBanner(facts, own !== undefined);
      };
      const { serve } = await doors();
      const fix = (): Promise<void> => sources.broken.switchOn();
      await serve(config, { signal, handOver, replace: false, print: terminal.out, banner, demo: { fix } });
      await Promise.all(made);
    } finally {
      await sources.close();
      if (own !== undefined) rmSync(own, { recursive: true, force: true });
    }
  });
}

/** Everything on this machine, and nothing of the environment: a demonstration is the same everywhere. */
async function configOfDemo({ listen, rtmp }: Given, data: string, { terminal }: World): Promise<Config> {
  const flags = {
    data,
    listen: listen ?? (await freeAddress(API_PORT)),
    rtmp: rtmp ?? (await freeAddress(RTMP_PORT)),
    media: join(data, 'media'),
    network: 'lab',
    workers: '1',
    'log-level': 'warn',
  } as const;
  return readConfig({ flags, env: {}, cwd: data, cores: terminal.cores, file: undefined, strangers: [] });
}

/** The usual port, or one that the system chooses. */
function freeAddress(port: number): Promise<string> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve('127.0.0.1:0'));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(`127.0.0.1:${port}`)));
  });
}

interface Making {
  readonly world: World;
  readonly sources: DemoSources;
}

/** A node whose tasks cannot be made is told of, and stays. */
async function makeTasks(config: Config, facts: BannerFacts, { world, sources }: Making): Promise<void> {
  try {
    const open = await (await world.doors()).openAccounts(config, { mustStand: true });
    await askWith(open, facts, world, client => putTasks(client, demoTasks(sources, facts.rtmp ?? '')));
  } catch (error) {
    if (!world.signal.aborted) world.terminal.err(`the tasks were not made: ${String(error)}\n`);
  }
}

/** As anybody would, over the API, with a key that is deleted at once. */
async function askWith(
  open: OpenAccounts,
  { api }: BannerFacts,
  { signal }: World,
  ask: (client: Client) => Promise<void>,
): Promise<void> {
  try {
    const { key, token } = await open.apiKeys.create({ name: 'demo', lifeMs: PASSING_KEY_MS, isPassing: true });
    try {
      await ask(new Client({ base: api, token: async () => token, signal }));
    } finally {
      await open.apiKeys.removePassing(key.id);
    }
  } finally {
    await open.close();
  }
}

/** In place of those of an earlier demonstration in the same folder, whose sources are gone. */
async function putTasks(client: Client, wishes: ReturnType<typeof demoTasks>): Promise<void> {
  const { tasks } = await client.tasks({ tag: DEMO_TAG });
  await Promise.all(tasks.map(({ id }) => client.deleteTask(id)));
  for (const wish of wishes) await client.createTask(wish);
}

/** At most ten lines. */
function demoBanner(facts: BannerFacts, isPassing: boolean): string {
  const { version, api, rtmp, data } = facts;
  return [
    `Millrace ${version}, a demonstration: three tasks on this machine, and nothing leaves it. Ctrl-C stops it.`,
    '',
    `  open  ${consoleLink(facts)}`,
    ...(facts.setupToken === undefined ? [] : ['        (makes the administrator: once, within 30 minutes)']),
    `  API   ${api}/api/v1, in Huawei's words ${api}/v1, in Alibaba's ${api}/`,
    `  RTMP  ${rtmp}/out/bars and /out/playlist can be watched`,
    `  data  ${data}${isPassing ? ' (removed at the end)' : ''}`,
    '',
  ].join('\n');
}
