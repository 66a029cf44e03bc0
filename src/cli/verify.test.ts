import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine } from '../../test/lab/command-line.ts';
import { Place } from '../../test/lab/place.ts';
import { signWebhook } from '../control/webhook.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const AT = Date.UTC(2026, 10, 21, 12);
const BODY = '{"type":"task.flowing","name":"ünï"}';

describe('millrace callback verify', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
    writeFileSync(place.path('secret'), `${SECRET}\n`);
  });
  afterEach(() => place[Symbol.asyncDispose]());

  interface Received {
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly ageMs?: number;
    readonly flags?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  }

  const sign = (secrets = [SECRET]) => signWebhook({ id: 'e1', atMs: AT, body: BODY, secrets });

  function verify({ body = BODY, headers = sign(), ageMs = 0, flags, env = {} }: Received) {
    const given = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
    return commandLine(['callback', 'verify', ...(flags ?? ['--secret-file', 'secret']), ...given], {
      typed: Buffer.from(body),
      terminal: { cwd: place.dir, now: () => AT + ageMs, env },
    });
  }

  const valid = { code: 0, out: 'valid: event e1, signed at 2026-11-21T12:00:00Z\n', err: '' };

  it('believes what was signed with the secret of the file, or one of the environment', async () => {
    expect(await verify({})).toEqual(valid);
    expect(await verify({ flags: [], env: { MILLRACE_CALLBACK_SECRET: `${OTHER} ${SECRET}` } })).toEqual(valid);
  });

  it('believes either signature of a rotation', async () => {
    expect(await verify({ headers: sign([OTHER, SECRET]) })).toEqual(valid);
  });

  it('takes headers however they are written', async () => {
    const headers = Object.fromEntries(
      Object.entries(sign()).map(([name, value]) => [name.toUpperCase(), ` ${value} `]),
    );
    expect(await verify({ headers })).toEqual(valid);
  });

  it.each<[string, Received, RegExp]>([
    ['another secret', { headers: sign([OTHER]) }, /no signature is of a secret.*or the body is not the one/],
    ['another body', { body: '{}' }, /no signature is of a secret.*or the body is not the one/],
    ['a line break at the end', { body: `${BODY}\n` }, /a line break was added at its end/],
    ['JSON written anew', { body: JSON.stringify(JSON.parse(BODY), null, 2) }, /its JSON was read and written anew/],
    ['an old try', { ageMs: 301_000 }, /too old, though its signature fits.*--tolerance/],
    ['an old try of another', { ageMs: 301_000, headers: sign([OTHER]) }, /too old$/m],
    ['a try to come', { ageMs: -301_000 }, /in the future/],
    ['no headers', { headers: {} }, /there is no webhook-id$/m],
  ])('says what is wrong with %s', async (_, received, words) => {
    const { code, out, err } = await verify(received);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^millrace: not to be trusted: /);
    expect(err).toMatch(words);
    expect(err).not.toContain(SECRET.slice(6));
  });

  it('takes old tries when it is told to', async () => {
    expect(await verify({ ageMs: 3_600_000, flags: ['--secret-file', 'secret', '--tolerance', '2h'] })).toEqual(valid);
  });

  it.each<[string, Received, RegExp]>([
    ['no secret', { flags: [] }, /there is no secret/],
    ['a file that is not there', { flags: ['--secret-file', 'nowhere'] }, /nowhere cannot be read/],
    ['a secret that is none', { flags: [], env: { MILLRACE_CALLBACK_SECRET: 'canary' } }, /whsec_ and base64/],
    ['a header without a name', { flags: ['--header', 'v1,abc'] }, /Write it like/],
  ])('refuses %s', async (_, received, words) => {
    const { code, err } = await verify(received);
    expect([code, err]).toEqual([2, expect.stringMatching(words)]);
    expect(err).not.toContain('canary');
  });
});
