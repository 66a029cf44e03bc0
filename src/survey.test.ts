import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Place } from '../test/lab/place.ts';
import { readConfig } from './config.ts';
import { openSqlite } from './store/sqlite.ts';
import { diagnose } from './survey.ts';

describe('a survey of this machine', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const signal = new AbortController().signal;

  const states = async (flags: Readonly<Record<string, string>> = {}, isServing = false) => {
    const given = { data: place.path('data'), listen: '127.0.0.1:0', rtmp: 'off', ...flags };
    const config = readConfig({ flags: given, env: {}, cwd: place.dir, cores: 1 });
    const findings = await diagnose(config, { isServing, signal });
    return Object.fromEntries(findings.map(({ name, state }) => [name, state]));
  };

  const kept = async () => {
    mkdirSync(place.path('data'), { mode: 0o700 });
    const store = await openSqlite({ file: place.path('data/millrace.db'), sealKey: new Uint8Array(32) });
    await store.close();
    writeFileSync(place.path('data/seal.key'), new Uint8Array(32), { mode: 0o600 });
  };

  it('finds nothing wrong with what is not there yet', async () => {
    expect(await states()).toMatchObject({ 'data-directory': 'warn', database: 'ok', 'seal-key': 'ok' });
  });

  it('finds all well with what a node has kept', async () => {
    await kept();
    expect(await states()).toMatchObject({
      'data-directory': 'ok',
      'data-private': 'ok',
      database: 'ok',
      'database-version': 'ok',
      'seal-key': 'ok',
      administrator: 'warn',
      'node-version': 'ok',
      'api-address': 'ok',
      'address-policy': 'ok',
      'time-zones': 'ok',
      'clock-set': 'ok',
    });
  });

  it('sees a database that is damaged', async () => {
    await kept();
    writeFileSync(place.path('data/millrace.db'), Buffer.alloc(8192, 'x'));
    expect(await states()).toMatchObject({ database: 'fail' });
  });

  it('sees a key that others may read, and one that is gone', async () => {
    await kept();
    chmodSync(place.path('data/seal.key'), 0o644);
    expect(await states()).toMatchObject({ 'seal-key': 'fail' });
    rmSync(place.path('data/seal.key'));
    expect(await states()).toMatchObject({ 'seal-key': 'fail' });
  });

  it('sees a clock that was set back', async () => {
    await kept();
    const later = new Date(Date.now() + 3_600_000);
    utimesSync(place.path('data/millrace.db'), later, later);
    expect(await states()).toMatchObject({ 'clock-set': 'fail' });
  });

  it('sees whose port it is', async () => {
    const server = place.own(createServer(), it => it.close());
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const listen = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    // It says nothing, so that it cannot be a node.
    expect(await states({ listen })).toMatchObject({ 'api-address': 'fail' });
    expect(await states({ listen }, true)).toMatchObject({ 'api-address': 'ok' });
    expect(await states({ listen: '192.0.2.1:80' })).toMatchObject({ 'api-address': 'fail' });
  });

  it('sees a laboratory that is open to others', async () => {
    const open = { listen: '0.0.0.0:0', network: 'lab' };
    expect(await states(open)).toMatchObject({ exposure: 'fail', 'console-https': 'warn' });
    expect(await states({ ...open, network: 'public' })).toMatchObject({ exposure: 'ok', 'address-policy': 'ok' });
  });

  it('sees files of the configuration that are not as they should be', async () => {
    writeFileSync(place.path('ca.pem'), 'nothing');
    const flags = { ca: 'ca.pem', media: 'none' };
    expect(await states(flags)).toMatchObject({ authorities: 'fail', 'media-directory': 'fail' });
  });
});
