import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Millrace } from './lab/millrace.ts';
import { nativeAsk } from './lab/native.ts';
import { NatsServer } from './lab/nats.ts';
import { Place } from './lab/place.ts';
import { PostgresServer } from './lab/postgres.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));

/** Not before tomorrow, so that nothing goes on air. */
const wish = (name: string): object => {
  const start = Date.now() + 86_400_000;
  return {
    name,
    source: { kind: 'live', url: 'rtmp://127.0.0.1:1/live/in' },
    destination: { kind: 'url', url: `rtmp://127.0.0.1:1/live/${name}` },
    start_at: new Date(start).toISOString(),
    end_at: new Date(start + 3_600_000).toISOString(),
  };
};

describe('an installation that outgrows its file', () => {
  let place: Place;
  let node: Millrace;
  let database: string;

  beforeAll(async () => {
    place = new Place();
    const server = await PostgresServer.start(place);
    database = await server.createDatabase();
    node = await Millrace.start(place, { isAlone: true });
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const migrate = (from: string, env: NodeJS.ProcessEnv = { MILLRACE_DATABASE: database }) => {
    const { status, stdout, stderr } = spawnSync(BIN, ['migrate-store', '--from', from], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    return { status, said: stdout + stderr };
  };

  it('is not moved while its node runs', () => {
    expect(migrate(`sqlite:${node.data}`)).toMatchObject({ status: 5, said: expect.stringContaining('stop it first') });
  });

  it.each([
    ['data', '--from is to be like sqlite:DIR'],
    ['sqlite:/nowhere', 'no node has kept its data in /nowhere'],
  ])('is not moved from %s', (from, why) => {
    expect(migrate(from)).toMatchObject({ status: 2, said: expect.stringContaining(why) });
  });

  it('goes on with all its tasks and keys in the database, and nothing of it can be moved twice', async () => {
    const { apiKey } = JSON.parse(await node.command('key', 'create', '--api', '--json'));
    const ask = nativeAsk(node.api, String(apiKey));
    for (const name of ['a', 'b', 'c']) expect((await ask('tasks', { body: wish(name) })).status).toBe(201);
    const before = await ask('tasks');
    await node.stop();

    const gone = migrate(`sqlite:${node.data}`, { MILLRACE_DATABASE: 'postgres://someone:hush@127.0.0.1:1/none' });
    expect([gone.status, gone.said.includes('hush')]).toEqual([6, false]);

    const moved = migrate(`sqlite:${node.data}`);
    expect(moved).toMatchObject({ status: 0, said: expect.stringMatching(/tasks +3\n/) });
    expect(moved.said).toContain(join(node.data, 'seal.key'));
    expect(migrate(`sqlite:${node.data}`)).toMatchObject({ status: 5, said: expect.stringContaining('is in use') });

    const key = place.path('handed-in.key');
    copyFileSync(join(node.data, 'seal.key'), key);
    const nats = await NatsServer.start(place);
    const env = { MILLRACE_DATABASE: database, MILLRACE_SEAL_KEY_FILE: key, MILLRACE_NATS: nats.url };
    const second = await Millrace.start(place, { name: 'second', env, isAlone: true });
    const after = await nativeAsk(second.api, String(apiKey))('tasks');
    expect(after.body).toEqual(before.body);
    await second.stop();
  });
});
