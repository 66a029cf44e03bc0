import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../src/options.ts';
import { Child } from './lab/child.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Options of the image and the unit, which nobody would see misspelt before the node refuses to start. */
const VARIABLES = OPTIONS.map(({ env }) => env);

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The folders of all packages that the program itself asks for, and that those ask for. */
function productionPackages(): readonly string[] {
  const lock = JSON.parse(textOf('package-lock.json')) as { packages: Readonly<Record<string, Locked>> };
  const found = new Set<string>();
  const visit = (folder: string): void => {
    for (const name of Object.keys(lock.packages[folder]?.dependencies ?? {})) {
      const own = join(folder, 'node_modules', name);
      const path = lock.packages[own] === undefined ? join('node_modules', name) : own;
      if (!found.has(path)) {
        found.add(path);
        visit(path);
      }
    }
  };
  visit('');
  return [...found];
}

/** The tree that the Dockerfile makes, as far as it can be made without one; nothing in it may be written. */
function imageAt(folder: string): void {
  for (const name of ['bin', 'src', 'package.json', 'LICENSE', ...productionPackages()]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  const folders = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isDirectory());
  for (const entry of folders) chmodSync(join(entry.parentPath, entry.name), 0o555);
  chmodSync(folder, 0o555);
}

function writable(folder: string): void {
  chmodSync(folder, 0o755);
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) writable(join(folder, entry.name));
}

describe('a tree with the packages of production alone', () => {
  it('serves with the Node 24 of the machine, and writes nothing beside its data', async () => {
    await using place = new Place();
    const image = place.path('app');
    imageAt(image);
    place.own(image, writable);
    const node = place.path('node-24');
    mkdirSync(node);
    symlinkSync(join(ROOT, 'node_modules', 'node', 'bin', 'node'), join(node, 'node'));
    const env = { PATH: `${node}:/usr/bin:/bin`, NODE_COMPILE_CACHE: place.path('cache'), NODE_ENV: 'production' };
    const millrace = await Millrace.start(place, { bin: join(image, 'bin', 'millrace'), env });
    expect((await fetch(`${millrace.api}/readyz`)).status).toBe(200);
    await millrace.stop();
    expect(existsSync(join(image, 'node_modules', '.cache'))).toBe(false);
  });
});

describe('the Dockerfile', () => {
  const lines = textOf('Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const said = (word: string): string[] => lines.filter(line => line.startsWith(`${word} `));

  it('copies what there is, past what is not sent', () => {
    const ignored = textOf('.dockerignore').split('\n');
    const sources = said('COPY')
      .filter(line => !line.includes('--from='))
      .flatMap(line => line.split(/\s+/).slice(1, -1));
    expect(sources.filter(source => !existsSync(join(ROOT, source)) || ignored.includes(source))).toEqual([]);
  });

  it('is run by a user without rights, and says how it is ended and asked for its health', () => {
    expect([said('USER').at(-1), said('STOPSIGNAL')[0]]).toEqual(['USER node', 'STOPSIGNAL SIGTERM']);
    expect(said('HEALTHCHECK')[0]).toContain('/healthz');
  });

  it('sets options that there are', () => {
    const set = said('ENV').flatMap(line => [...line.matchAll(/\b(MILLRACE_\w+)=/g)].map(match => match[1] ?? ''));
    expect(set.length).toBeGreaterThan(2);
    expect(set.filter(name => !VARIABLES.includes(name))).toEqual([]);
  });

  it('brings a Node of the version that the project is made for', () => {
    expect(said('ARG')[0]).toMatch(/^ARG NODE=node:24-/);
    expect(textOf('package.json')).toMatch(/"node": "24\./);
  });
});

describe('the systemd unit', () => {
  const unit = textOf('deploy/millrace.service');
  const lineOf = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

  it('starts the program with options that there are', async () => {
    const [, ...args] = lineOf('ExecStart').split(' ');
    const flags = args.filter(word => word.startsWith('--')).map(flag => flag.slice(2));
    expect(args[0]).toBe('serve');
    expect(flags.filter(flag => flag !== 'config' && !OPTIONS.some(({ name }) => name === flag))).toEqual([]);
  });

  it('leaves the workers to the control process that follows', () => {
    expect([lineOf('KillMode'), lineOf('ExecReload'), lineOf('Restart')]).toEqual([
      'process',
      '/bin/kill -USR2 $MAINPID',
      'always',
    ]);
  });

  it('keeps its data where the program is told to', () => {
    expect(lineOf('ExecStart')).toContain(`--data /var/lib/${lineOf('StateDirectory')}`);
  });
});

it('bin/millrace says what is missing where no packages are installed', async () => {
  await using place = new Place();
  cpSync(join(ROOT, 'bin'), place.path('bin'), { recursive: true });
  const child = new Child(place.path('bin/millrace'), ['version'], { env: { PATH: '/usr/bin:/bin' } });
  expect(await child.exited).toBe(1);
  await child.drained;
  expect(child.output).toContain('its packages are not installed');
});
