import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi } from '../../test/lab/api.ts';
import { commandsAt } from '../../test/lab/at-api.ts';
import { commandLine } from '../../test/lab/command-line.ts';
import { Place } from '../../test/lab/place.ts';
import type { Finding } from '../client/node-words.ts';

const WELL: Finding = { name: 'ticks', state: 'ok', found: 'in time', why: 'Media is due.', fix: '' };
const ILL: Finding = { name: 'swap', state: 'warn', found: 'much', why: 'It is slow.', fix: 'sysctl vm.swappiness=1' };
const BAD: Finding = { name: 'database', state: 'fail', found: 'broken', why: 'It is lost.', fix: '' };

describe('millrace doctor', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const doctor = (findings: readonly Finding[], ...flags: readonly string[]) =>
    commandLine(['doctor', ...flags], { doors: { diagnose: async () => findings }, terminal: { cwd: place.dir } });

  it('tells what is not well, and how to mend it', async () => {
    expect(await doctor([WELL, ILL])).toEqual({
      code: 0,
      out: 'warn  swap: much\n      It is slow.\n      mend it: sysctl vm.swappiness=1\n1 of 2 checks found nothing to mend\n',
      err: '',
    });
  });

  it('tells also what is well when it is asked to', async () => {
    expect((await doctor([WELL], '--all')).out).toMatch(/^ok {4}ticks: in time\n {6}Media is due\.\n1 of 1/);
  });

  it('ends with 1 where something failed', async () => {
    const { code, out, err } = await doctor([WELL, BAD]);
    expect([code, err]).toEqual([1, 'millrace: 1 of 2 checks failed\n']);
    expect(out).toMatch(/^FAIL {2}database: broken\n/);
  });

  it('prints all of it as JSON', async () => {
    expect(JSON.parse((await doctor([WELL, ILL], '--json')).out)).toEqual({ checks: [WELL, ILL] });
  });

  it('asks a node where one is named', async () => {
    const api = await startApi(place);
    const at = await commandsAt(api, place.dir);
    const { code, out } = await at(['doctor', '--api', api.base, '--all']);
    expect([code, out]).toEqual([0, expect.stringContaining('ok    ticks')]);
  });

  it('is for administrators', async () => {
    const api = await startApi(place);
    const { token } = await api.apiKeys.create({ name: 'of a viewer', policies: ['ReadOnlyAccess'] });
    const env = { MILLRACE_API_KEY: token };
    const { code } = await commandLine(['doctor', '--api', api.base], { terminal: { env, cwd: place.dir } });
    expect(code).toBe(4);
  });
});
