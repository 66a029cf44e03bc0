import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config.ts';
import { OPTIONS } from '../src/options.ts';
import { Child } from './lab/child.ts';
import { freePort, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const textOf = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

interface ComposedService {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly secrets?: readonly string[];
  readonly volumes: readonly string[];
}

interface Composed {
  readonly services: Readonly<Record<string, ComposedService>>;
  readonly volumes: Readonly<Record<string, null>>;
  readonly secrets?: Readonly<Record<string, { readonly file: string }>>;
}

const SAID: Readonly<Record<string, string>> = { POSTGRES_PASSWORD: '3e7a', NATS_PASSWORD: '12e4' };

/** As `docker compose` fills in variables; one that has no value, and must have, is an error there. */
const interpolated = (text: string): string =>
  text.replace(/\$\{(\w+)(?::\?[^}]*)?\}/g, (_all, name: string) => SAID[name] ?? '');

/** Comments tell of commands of a shell, whose variables are not meant. */
const composed = (name: string): Composed =>
  parse(interpolated(textOf(name).replaceAll(/^#.*$/gm, '')), { merge: true }) as Composed;

const cluster = composed('compose.yaml');
const nodes = Object.entries(cluster.services).filter(([, { image }]) => image === 'millrace');
const unknownOptions = (environment: Readonly<Record<string, string>> = {}): string[] =>
  Object.keys(environment).filter(name => !OPTIONS.some(({ env }) => env === name));

describe('the compose file of one node', () => {
  const { millrace } = composed('compose.single.yaml').services;

  it('sets options that there are, and keeps the root from being written', () => {
    expect(unknownOptions(millrace?.environment)).toEqual([]);
    expect([millrace?.read_only, millrace?.volumes]).toEqual([true, ['data:/data']]);
  });
});

describe('the compose file of a cluster', () => {
  it('has two nodes, PostgreSQL and NATS', () => {
    expect(nodes.map(([name]) => name)).toEqual(['a', 'b']);
    expect(cluster.services.postgres?.image).toMatch(/^postgres:1[5-9]/);
    expect(cluster.services.nats?.image).toMatch(/^nats:2\.1[1-9]/);
  });

  it('has no default for any secret', () => {
    const wanted = textOf('compose.yaml').match(/\$\{[^}]*\}/g) ?? [];
    expect(wanted.length).toBeGreaterThan(3);
    expect(wanted.filter(variable => !/^\$\{\w+:\?.+\}$/.test(variable))).toEqual([]);
    expect(cluster.secrets).toEqual({ seal_key: { file: './seal.key' } });
    for (const name of ['.gitignore', '.dockerignore']) expect(textOf(name)).toMatch(/^\/?seal\.key$/m);
  });

  it('names volumes, secrets and services that it defines', () => {
    for (const { volumes, secrets = [], depends_on = {} } of Object.values(cluster.services)) {
      expect(Object.keys(cluster.volumes)).toEqual(expect.arrayContaining(volumes.map(it => it.split(':')[0])));
      expect(Object.keys(cluster.secrets ?? {})).toEqual(expect.arrayContaining([...secrets]));
      expect(Object.keys(cluster.services)).toEqual(expect.arrayContaining(Object.keys(depends_on)));
    }
  });

  it('starts the nodes once the others are healthy, which those can tell', () => {
    for (const [, { depends_on }] of nodes)
      expect(depends_on).toEqual({
        postgres: { condition: 'service_healthy' },
        nats: { condition: 'service_healthy' },
      });
    expect([cluster.services.postgres, cluster.services.nats].map(it => it?.healthcheck?.test.length)).toEqual([4, 6]);
  });

  it('publishes every port once, and on loopback only', () => {
    const ports = nodes.flatMap(([, node]) => node.ports ?? []).map(port => port.slice(0, port.lastIndexOf(':')));
    expect(new Set(ports).size).toBe(4);
    expect(ports.filter(port => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });
});

describe.each(nodes)('the node %s of the compose file', (name, { environment = {}, read_only, volumes, secrets }) => {
  it('is given options that there are, with values that they take', () => {
    expect(unknownOptions(environment)).toEqual([]);
    expect(readConfig({ flags: {}, env: environment, cwd: '/', cores: 2 }).network).toBe('public');
  });

  it('has a name and a data directory of its own, the common key, and a root that is not written', () => {
    expect([environment.MILLRACE_NODE_NAME, environment.MILLRACE_ADVERTISE]).toEqual([name, `http://${name}:8080`]);
    expect([volumes, secrets, read_only]).toEqual([[`${name}:/data`], ['seal_key'], true]);
    expect(environment.MILLRACE_SEAL_KEY_FILE).toBe('/run/secrets/seal_key');
  });
});

it('the NATS server takes the arguments of the compose file, and tells its health where it is asked', async () => {
  await using place = new Place();
  const [port, health] = [await freePort(), await freePort()];
  const given = cluster.services.nats?.command ?? [];
  const args = given.map(arg => arg.replace('=/data', `=${place.dir}`).replace('=8222', `=${health}`));
  const server = place.own(new Child('nats-server', [...args, '--addr=127.0.0.1', `--port=${port}`]), it => it.stop());
  const asked = cluster.services.nats?.healthcheck?.test.at(-1) ?? '';
  const probe = asked.replace(':8222/', `:${health}/`);
  await until('the NATS server is healthy', async () => (await fetch(probe)).ok);
  expect(server.running).toBe(true);
});
