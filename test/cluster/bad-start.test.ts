import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { Child } from '../lab/child.ts';
import { LabCluster } from '../lab/cluster.ts';
import { FaultProxy } from '../lab/fault-proxy.ts';
import { layKey, processesOf } from '../lab/millrace.ts';
import { NatsServer } from '../lab/nats.ts';
import { freePort, Place } from '../lab/place.ts';
import { pass } from '../lab/wait.ts';

const BIN = fileURLToPath(new URL('../../bin/millrace', import.meta.url));
const PASSWORD = 'not-to-be-printed';
const UNREACHABLE = 6;

interface Refused {
  readonly code: number | NodeJS.Signals;
  readonly said: string;
  readonly tookMs: number;
}

interface Given {
  readonly database: string;
  readonly nats: string;
  readonly sealKey?: Buffer;
  readonly name?: string;
}

let made = 0;

/** A start that is to come to nothing: it ends by itself and leaves nothing behind that runs or looks ready. */
async function refusedStart(place: Place, { database, nats, sealKey, name = 'refused' }: Given): Promise<Refused> {
  const data = place.path(`refused-${made++}`);
  mkdirSync(data, { mode: 0o700 });
  if (sealKey !== undefined) layKey(data, sealKey);
  const ready = `${data}.ready`;
  const ways = ['--listen', '127.0.0.1:0', '--rtmp', 'off', '--data', data, '--ready-file', ready];
  const atMs = performance.now();
  const child = place.own(
    new Child(BIN, ['serve', ...ways, '--node-name', name, '--database', database, '--nats', nats]),
    it => it.stop('SIGKILL'),
  );
  const ended = child.exited.then(code => ({ code, tookMs: performance.now() - atMs }));
  // One that waits for ever is found out all the same.
  await Promise.race([ended, pass(20_000).then(() => child.stop('SIGKILL'))]);
  const { code, tookMs } = await ended;
  await child.drained;
  expect(existsSync(ready), 'it said that it was ready').toBe(false);
  expect(processesOf(data), 'something runs on').toEqual([]);
  return { code, said: child.output, tookMs };
}

/** A web server, which is neither. */
async function stranger(place: Place): Promise<number> {
  const server = createServer((_, response) => response.end('hello'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  return (server.address() as AddressInfo).port;
}

async function silent(place: Place): Promise<number> {
  const proxy = await FaultProxy.start(place, { to: 1 });
  proxy.welcome = 'hold';
  return proxy.port;
}

/** Address of a server that is as it should be, but for its port. */
function at(url: string, port: number): string {
  const other = new URL(url);
  other.port = String(port);
  return other.href;
}

function withPassword(url: string): string {
  const other = new URL(url);
  other.username = other.username || 'somebody';
  other.password = PASSWORD;
  return other.href;
}

const atDatabase = (url: string, name: string): string => {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
};

describe('a node that cannot join', () => {
  it('says which server it cannot reach, without its password, and ends with 6', async () => {
    await using place = new Place();
    const { nats, database, sealKey } = await LabCluster.prepare(place);
    const [nobody, web, mute] = [await freePort(), await stranger(place), await silent(place)];
    const noStream = await NatsServer.start(place, { jetStream: false });
    const good = { database, nats: nats.url, sealKey };
    const cases: readonly (Given & { readonly port: number; readonly what: string })[] = [
      { what: 'no database', port: nobody, ...good, database: at(withPassword(database), nobody) },
      { what: 'a mute database', port: mute, ...good, database: at(withPassword(database), mute) },
      { what: 'another server for a database', port: web, ...good, database: at(withPassword(database), web) },
      { what: 'a wrong password', port: Number(new URL(database).port), ...good, database: withPassword(database) },
      {
        what: 'no such database',
        port: Number(new URL(database).port),
        ...good,
        database: atDatabase(database, 'none'),
      },
      { what: 'no NATS', port: nobody, ...good, nats: at(withPassword(nats.url), nobody) },
      { what: 'a mute NATS', port: mute, ...good, nats: at(withPassword(nats.url), mute) },
      { what: 'another server for NATS', port: web, ...good, nats: at(withPassword(nats.url), web) },
      { what: 'NATS without JetStream', port: Number(new URL(noStream.url).port), ...good, nats: noStream.url },
    ];
    const times: number[] = [];
    for (const { what, port, ...given } of cases) {
      const { code, said, tookMs } = await refusedStart(place, given);
      times.push(tookMs);
      expect.soft(code, `${what}: ${said}`).toBe(UNREACHABLE);
      expect.soft(said, what).toContain(`127.0.0.1:${port}`);
      expect.soft(said, what).not.toContain(PASSWORD);
      expect.soft(said, what).not.toContain(new URL(database).password);
      expect.soft(said, what).not.toMatch(/^\s+at /m);
    }
    figure('CLUSTER', `${cases.length} wrong servers at start: refused, at most`, Math.max(...times), {
      ...{ unit: 'ms', atMost: 7_000 },
    });
  }, 240_000);

  it('refuses a database that a newer version has changed, and says what to do', async () => {
    await using place = new Place();
    const cluster = await LabCluster.start(place, { nodes: 1 });
    await cluster.query('update schema_version set version = 9999');
    const { code, said } = await refusedStart(place, {
      ...{ database: cluster.database, nats: cluster.nats.url, sealKey: cluster.sealKey },
    });
    expect(code).not.toBe(0);
    expect(said).toContain('9999');
    expect(said).toMatch(/upgrade/i);
  });

  it('refuses a database that was sealed with another key', async () => {
    await using place = new Place();
    const cluster = await LabCluster.start(place, { nodes: 1 });
    const { code, said } = await refusedStart(place, { database: cluster.database, nats: cluster.nats.url });
    expect(code).not.toBe(0);
    expect(said).toMatch(/key/);
  });

  it('refuses a name that another node has, with 6, and leaves that one alone', async () => {
    await using place = new Place();
    const cluster = await LabCluster.start(place, { nodes: 1 });
    const { name, huawei } = cluster.node(0);
    const { code, said } = await refusedStart(place, {
      ...{ database: cluster.database, nats: cluster.nats.url, sealKey: cluster.sealKey, name },
    });
    expect(code).toBe(UNREACHABLE);
    expect(said).toContain(name);
    expect((await huawei.call({ method: 'GET' })).status).toBe(200);
  });

  it('refuses one of the two servers without the other', async () => {
    await using place = new Place();
    const { nats } = await LabCluster.prepare(place);
    const data = place.path('half');
    const child = new Child(BIN, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--nats', nats.url]);
    place.own(child, it => it.stop('SIGKILL'));
    expect(await child.exited).toBe(2);
    await child.drained;
    expect(child.output).toContain('--database');
    expect(existsSync(data)).toBe(false);
  });
});
