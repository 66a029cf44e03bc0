import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BadConfig, parseListen, printConfig, readConfig } from './config.ts';
import type { Surroundings } from './config-sources.ts';

describe('config', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (given: Partial<Surroundings> = {}) =>
    readConfig({ flags: {}, env: {}, cwd: folder, cores: 2, ...given });
  const problems = (given: Partial<Surroundings>): readonly string[] => {
    try {
      read(given);
    } catch (error) {
      if (error instanceof BadConfig) return error.problems;
      throw error;
    }
    return [];
  };
  const file = (text: string) => writeFileSync(join(folder, 'millrace.yaml'), text);

  it('has a default for everything', () => {
    const { origins, ...values } = read();
    expect(values).toEqual({
      data: join(folder, 'data'),
      database: null,
      sealKeyFile: null,
      listen: { host: '127.0.0.1', port: 8080 },
      consoleUrl: null,
      rtmp: { host: '127.0.0.1', port: 1935 },
      workers: 2,
      network: 'lab',
      media: null,
      ca: null,
      srtListen: null,
      logLevel: 'info',
      metrics: { listen: null, tasks: 0 },
      readyFile: null,
      region: 'default',
      nats: null,
      natsDomain: null,
      nodeName: hostname(),
      leaseMs: 10_000,
      role: 'all',
      capacity: null,
      advertise: null,
      sameDestination: 'wait',
      alibabaEndOnAir: 'fixed',
      keepEventsMs: 90 * 24 * 3_600_000,
      alibabaEvents: { running: 'LivePullToPushRunning', exit: 'LivePullToPushExit' },
      eagerRecovery: true,
      callsPerSecond: { alibaba: 10, huawei: 0, native: 100 },
      cover: { silentMs: 5_000, warmSilentMs: 2_000, floorKbit: 0, warm: false, delayMs: 0, slate: 'off' },
      givenKey: null,
    });
    expect(new Set(Object.values(origins))).toEqual(new Set(['default']));
  });

  it('takes a flag before a variable before the file before the default, and says which', () => {
    file('workers: 5\nregion: from-file\nlog-level: warn\n');
    const config = read({ flags: { workers: '7' }, env: { MILLRACE_WORKERS: '6', MILLRACE_REGION: 'from-env' } });
    expect([config.workers, config.region, config.logLevel]).toEqual([7, 'from-env', 'warn']);
    expect(config.origins).toMatchObject({
      workers: '--workers',
      region: 'MILLRACE_REGION',
      'log-level': join(folder, 'millrace.yaml'),
      network: 'default',
    });
  });

  it('starts at most four workers by default, and at least one', () => {
    expect([read({ cores: 64 }).workers, read({ cores: 0 }).workers]).toEqual([4, 1]);
  });

  it.each([
    ['127.0.0.1:8080', 'lab'],
    ['127.9.9.9:1', 'lab'],
    ['localhost:1', 'lab'],
    ['[::1]:0', 'lab'],
    ['0.0.0.0:8080', 'public'],
    ['[::]:8080', 'public'],
    ['127.example.org:1', 'public'],
  ])('listening on %s, it dials %s addresses', (listen, network) => {
    expect(read({ flags: { listen } }).network).toBe(network);
  });

  it('reads IPv6 addresses and port 0', () => {
    expect(parseListen('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(parseListen('0.0.0.0:65535')).toEqual({ host: '0.0.0.0', port: 65_535 });
  });

  it.each(['8080', ':8080', 'a:b', '::1:80', '127.0.0.1:65536', '127.0.0.1:', 'http://a:1', 'a b:1', '127.0.0.1:-1'])(
    'refuses to listen on %s',
    listen => {
      expect(problems({ flags: { listen } })).toEqual([
        expect.stringContaining(`--listen: "${listen}" is not an address like`),
      ]);
    },
  );

  it.each(['-1', '10001', '1.5', 'x', '1e3'])('refuses %s calls a second', rate => {
    const names = ['alibaba-calls-per-second', 'huawei-calls-per-second', 'native-calls-per-second'];
    expect(problems({ flags: Object.fromEntries(names.map(name => [name, rate])) })).toEqual(
      names.map(name => `--${name}: "${rate}" is not a whole number from 0 to 10000`),
    );
  });

  it.each(['db', 'mysql://u:secret@h/db', 'postgres://u:secret@h', 'postgres:///db', 'postgres://u:secret@h/a/b'])(
    'refuses %s for a database, and does not repeat it',
    database => {
      expect(problems({ flags: { database } })).toEqual([
        '--database: the value is not an address like postgres://USER:PASSWORD@HOST:PORT/NAME',
      ]);
    },
  );

  it('shows where the database is, without its password', () => {
    const config = read({ env: { MILLRACE_DATABASE: 'postgres://u:secret@h:5433/db?sslmode=require' } });
    expect(config.database).toBe('postgres://u:secret@h:5433/db?sslmode=require');
    expect(printConfig(config).find(({ name }) => name === 'database')?.value).toBe('postgres://u:***@h:5433/db');
  });

  it('turns the RTMP server off by a word, in a file too', () => {
    expect(read({ flags: { rtmp: 'off' } }).rtmp).toBeNull();
    file('rtmp: off\n');
    expect(read().rtmp).toBeNull();
    file('rtmp: false\n');
    expect(read().rtmp).toBeNull();
  });

  it.each([
    ['on', true],
    ['off', false],
    ['true', true],
    ['false', false],
  ])('takes eager recovery from a file that says %s', (word, is) => {
    file(`eager-recovery: ${word}\n`);
    expect(read().eagerRecovery).toBe(is);
  });

  it('takes other names for the events of Alibaba callbacks', () => {
    file('alibaba-exit-event: LivePullToPushFinish\n');
    expect(read({ flags: { 'alibaba-running-event': 'LivePullToPushRuning' } }).alibabaEvents).toEqual({
      running: 'LivePullToPushRuning',
      exit: 'LivePullToPushFinish',
    });
  });

  it('takes how long events are kept, in days', () => {
    expect(read({ flags: { 'keep-events': '7d' } }).keepEventsMs).toBe(7 * 24 * 3_600_000);
  });

  it.each(['0d', '7', '1.5d', '-1d', '3651d', '90 d', ''.padEnd(9, '9')])('refuses %j as how long', days => {
    expect(problems({ flags: { 'keep-events': days } })).toEqual([
      `--keep-events: "${days}" is not a number of days from 1d to 3650d`,
    ]);
  });

  it.each(['two words', 'x'.repeat(65), 'a"b'])('refuses %j as the name of an event', name => {
    expect(problems({ flags: { 'alibaba-exit-event': name } })).toEqual([
      `--alibaba-exit-event: "${name}" is not a name of 1 to 64 letters, digits, "-", "_" or "."`,
    ]);
  });

  it('says how sources are covered for', () => {
    file('slate: off\nwarm-standby: on\n');
    const flags = { 'delay-budget': '30000', 'source-silence': '500', 'source-floor': '300' };
    expect(read({ flags }).cover).toMatchObject({
      ...{ slate: 'off', warm: true, delayMs: 30_000, silentMs: 500, floorKbit: 300 },
    });
    for (const slate of ['hold', 'media://slate.mp4', 'asset://slate']) {
      expect(read({ flags: { slate } }).cover.slate).toBe(slate);
    }
  });

  it('takes no cover that there is not', () => {
    const flags = {
      ...{ slate: 'http://host/a.mp4', 'delay-budget': '30001', 'source-silence': '499', 'source-floor': '-1' },
    };
    expect(problems({ flags })).toEqual([
      '--source-silence: "499" is not whole milliseconds from 500 to 60000',
      '--source-floor: "-1" is not whole kbit/s from 0 to 1000000',
      '--delay-budget: "30001" is not whole milliseconds from 0 to 30000',
      '--slate: "http://host/a.mp4" is not off, hold, media://FILE or asset://ID',
    ]);
  });

  it('takes no other word for eager recovery', () => {
    expect(problems({ env: { MILLRACE_EAGER_RECOVERY: 'yes' } })).toEqual([
      'eager-recovery (from MILLRACE_EAGER_RECOVERY): "yes" is not on or off',
    ]);
  });

  it('takes an empty variable for an unset one', () => {
    expect(read({ env: { MILLRACE_WORKERS: '' } }).workers).toBe(2);
  });

  it('takes relative paths of the file from its folder, those of flags from the current one', () => {
    const path = join(folder, 'other.yaml');
    writeFileSync(path, 'data: state\nready-file: ready\nmedia: films\n');
    const config = read({ cwd: '/', file: path, flags: { 'ready-file': 'here' } });
    expect([config.data, config.media, config.readyFile]).toEqual([
      join(folder, 'state'),
      join(folder, 'films'),
      '/here',
    ]);
  });

  it.each([
    ['https://Millrace.example.com', 'https://millrace.example.com'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
  ])('takes %s for where the console is opened', (text, origin) => {
    expect(read({ flags: { 'console-url': text } }).consoleUrl).toBe(origin);
  });

  it.each(['millrace.example.com', 'ftp://a', 'https://a/console', 'https://user@a', 'https://a/?x'])(
    'does not take %s for where the console is opened',
    text => {
      expect(problems({ flags: { 'console-url': text } })[0]).toContain('is not an address like https://');
    },
  );

  it('lists every problem at once, each with the nearest known name', () => {
    file('wrokers: 3\nlisten: nowhere\nregion: [a]\nutterly-strange: 1\n');
    const path = join(folder, 'millrace.yaml');
    expect(
      problems({
        strangers: ['--dta', 'x', '--dtaa=y', 'stray'],
        flags: { workers: '0' },
        env: { MILLRACE_DAAT: 'x', MILLRACE_NETWORK: 'moon' },
      }),
    ).toEqual([
      'unknown option --dta (did you mean --data?)',
      'unknown option --dtaa (did you mean --data?)',
      'unexpected argument "stray"',
      `${path}: unknown key wrokers (did you mean workers?)`,
      `${path}: region is not a text or a number`,
      `${path}: unknown key utterly-strange`,
      'unknown environment variable MILLRACE_DAAT (did you mean MILLRACE_DATA?)',
      `listen (from ${path}): "nowhere" is not an address like 127.0.0.1:8080 or [::1]:8080`,
      'network (from MILLRACE_NETWORK): "moon" is not one of public, lan, lab',
      '--workers: "0" is not a whole number from 1 to 64',
    ]);
  });

  it('wants the file it was told to read', () => {
    expect(problems({ file: 'absent.yaml' })).toEqual([expect.stringContaining('absent.yaml: ENOENT')]);
  });

  it.each(['- a\n- b\n', 'just words\n', 'a: [\n'])('refuses the file %j', text => {
    file(text);
    expect(problems({})).toEqual([expect.stringContaining('millrace.yaml: ')]);
  });

  it('takes an empty file for no file', () => {
    file('# nothing here\n');
    expect(read().region).toBe('default');
  });

  it('takes a given key whole or not at all, and never repeats it', () => {
    const env = { MILLRACE_ACCESS_KEY: 'AK000001', MILLRACE_SECRET_KEY: 'secret-0001' };
    expect(read({ env }).givenKey).toEqual({ accessKey: 'AK000001', secretKey: 'secret-0001', projectId: null });
    expect(problems({ env: { MILLRACE_ACCESS_KEY: 'AK000001' } })).toEqual([
      expect.stringContaining('set both or neither'),
    ]);
    expect(problems({ env: { MILLRACE_PROJECT_ID: 'p' } })).toEqual([expect.stringContaining('set both or neither')]);
    const bad = problems({ env: { ...env, MILLRACE_SECRET_KEY: 'has a space' } });
    expect(bad).toEqual([expect.stringContaining('MILLRACE_SECRET_KEY is not 8 to 256')]);
    expect(bad.join()).not.toContain('has a space');
  });

  it('keeps keys out of flags and files', () => {
    file('secret-key: s3cret-in-a-file\n');
    expect(problems({})).toEqual([`${join(folder, 'millrace.yaml')}: unknown key secret-key`]);
  });

  it('reads what a node is among others', () => {
    const env = {
      MILLRACE_DATABASE: 'postgres://u:p@db/m',
      MILLRACE_NATS: 'tls://user:w0rd@one:4222,tls://two',
      MILLRACE_NODE_NAME: 'a.b-1',
      MILLRACE_LEASE: '5s',
      MILLRACE_ROLE: 'relay',
      MILLRACE_CAPACITY: '0',
      MILLRACE_ADVERTISE: 'http://10.0.0.5:8080/',
    };
    const config = read({ env });
    expect(config).toMatchObject({ nodeName: 'a.b-1', leaseMs: 5_000, role: 'relay', capacity: 0 });
    expect(config.advertise).toBe('http://10.0.0.5:8080');
    const shown = printConfig(config).find(({ name }) => name === 'nats')?.value;
    expect(shown).toBe('tls://user:***@one:4222,tls://two');
  });

  it('shows no token for NATS', () => {
    const env = { MILLRACE_DATABASE: 'postgres://u:p@db/m', MILLRACE_NATS: 'nats://t0ken@one' };
    expect(JSON.stringify(printConfig(read({ env })))).not.toContain('t0ken');
  });

  it.each([
    ['MILLRACE_NATS', 'http://one'],
    ['MILLRACE_NATS', 'nats://one,tls://two'],
    ['MILLRACE_NATS', 'nats://user:w0rd@one/path'],
    ['MILLRACE_NODE_NAME', 'two words'],
    ['MILLRACE_LEASE', '1s'],
    ['MILLRACE_LEASE', '61s'],
    ['MILLRACE_ROLE', 'both'],
    ['MILLRACE_CAPACITY', '-1'],
    ['MILLRACE_ADVERTISE', 'http://host/path'],
  ])('refuses %s=%s', (name, value) => {
    const found = problems({ env: { MILLRACE_DATABASE: 'postgres://u:p@db/m', [name]: value } });
    expect(found).toEqual([expect.stringContaining(name)]);
    expect(found.join()).not.toContain('w0rd');
  });

  it('wants a database that nodes can share where there is NATS', () => {
    expect(problems({ env: { MILLRACE_NATS: 'nats://one' } })).toEqual([expect.stringContaining('--database')]);
  });

  it('prints every option with its origin and masks the secret', () => {
    const env = { MILLRACE_ACCESS_KEY: 'AK000001', MILLRACE_SECRET_KEY: 'secret-0001' };
    const lines = printConfig(read({ env, flags: { listen: '[::1]:0' } }));
    expect(lines).toContainEqual({ name: 'listen', value: '[::1]:0', origin: '--listen' });
    expect(lines).toContainEqual({ name: 'secret-key', value: '***', origin: 'MILLRACE_SECRET_KEY' });
    expect(JSON.stringify(lines)).not.toContain('secret-0001');
  });
});
