import { describe, expect, it } from 'vitest';
import { credentialsOf } from '../credentials.ts';
import { Login } from './auth.ts';
import type { RtspMessage } from './message.ts';

const challenge = (...values: string[]): RtspMessage => ({
  ...{ status: 401, words: '', uri: '', body: Buffer.alloc(0) },
  headers: new Map([['www-authenticate', values]]),
});

const MUFASA = { name: 'Mufasa', password: 'Circle of Life' };
const CNONCE = Buffer.from('f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ', 'base64');
const OFFER =
  'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ' +
  'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const ASKED = { method: 'GET', uri: '/dir/index.html' };

function proof(...values: string[]): string {
  const login = new Login(MUFASA, () => CNONCE);
  expect(login.hear(challenge(...values), 0)).toBe('tryAgain');
  return login.authorization(ASKED) ?? '';
}

describe('a digest', () => {
  it('is the one of RFC 7616, section 3.9.1', () => {
    expect(proof(`Digest ${OFFER}, algorithm=MD5`)).toContain('response="8ca523f5e9506fed4657c9700eebdbec"');
    const better = proof(`Digest ${OFFER}, algorithm=SHA-256`);
    expect(better).toContain('response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"');
    expect(better).toContain('qop=auth, nc=00000001');
    expect(better).toContain('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"');
  });

  it('is the one of RFC 2069 without a quality of protection', () => {
    const login = new Login({ name: 'Mufasa', password: 'CircleOfLife' });
    login.hear(challenge('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'), 0);
    // As its erratum has it.
    expect(login.authorization(ASKED)).toContain('response="1949323746fe6a43ef61f9606e7febea"');
    expect(login.authorization(ASKED)).not.toMatch(/qop|nc=|cnonce|opaque|algorithm/);
  });

  it('is preferred to Basic, and SHA-256 to MD5, in one header or in several', () => {
    const both = [`Digest ${OFFER}, algorithm=MD5`, `Digest ${OFFER}, algorithm=SHA-256`];
    expect(proof('Basic realm="x"', ...both)).toContain('algorithm=SHA-256');
    expect(proof(`Basic realm="x", ${both[0]}`)).toMatch(/^Digest /);
  });

  it('counts how often it was used', () => {
    const login = new Login(MUFASA);
    login.hear(challenge(`Digest ${OFFER}`), 0);
    login.authorization(ASKED);
    expect(login.authorization(ASKED)).toContain('nc=00000002');
  });
});

describe('a login', () => {
  it('is soon made, however much room a server has left in its challenge', () => {
    const room = ' '.repeat(100_000);
    expect(proof(`Basic realm="x"${room},${room}charset="UTF-8"${room}?`)).toMatch(/^Basic /);
  });

  it('falls back to Basic where no digest can be used', () => {
    const value = `Basic ${Buffer.from('Mufasa:Circle of Life').toString('base64')}`;
    expect(proof('Digest realm="x", nonce="y", algorithm=SHA-512-256', 'Basic realm="x"')).toBe(value);
    expect(proof('Digest realm="x", nonce="y", qop="auth-int"', 'Basic realm="x"')).toBe(value);
  });

  it('is unknown where nothing is offered that can be used', () => {
    for (const offer of ['Digest realm="x", nonce="y", algorithm=MD4', 'Negotiate', '', '"""', '=,=,=']) {
      expect(new Login(MUFASA).hear(challenge(offer), 0)).toBe('unknown');
    }
  });

  it('is missing where the address names nobody', () => {
    expect(new Login(undefined).hear(challenge('Basic realm="x"'), 0)).toBe('missing');
  });

  it('is tried again with a new nonce, and not a second time', () => {
    const login = new Login(MUFASA);
    expect(login.hear(challenge('Digest realm="x", nonce="1"'), 0)).toBe('tryAgain');
    expect(login.hear(challenge('Digest realm="x", nonce="2"'), 1)).toBe('rejected');
  });

  it('is tried once more where the nonce was stale', () => {
    const login = new Login(MUFASA);
    login.hear(challenge('Digest realm="x", nonce="1"'), 0);
    expect(login.hear(challenge('Digest realm="x", nonce="2", stale=TRUE'), 1)).toBe('tryAgain');
    expect(login.hear(challenge('Digest realm="x", nonce="3", stale=true'), 2)).toBe('rejected');
  });

  it('is rejected at once where Basic is', () => {
    const login = new Login(MUFASA);
    login.hear(challenge('Basic realm="x"'), 0);
    expect(login.hear(challenge('Basic realm="x"'), 0)).toBe('rejected');
  });
});

it('decodes a name and a password once', () => {
  expect(credentialsOf('us%65r:p%40ss%3A%2F%2525')).toEqual({ name: 'user', password: 'p@ss:/%25' });
  expect(credentialsOf('user')).toEqual({ name: 'user', password: '' });
  expect(credentialsOf('user:100%')).toEqual({ name: 'user', password: '100%' });
  expect(credentialsOf('')).toBeUndefined();
});
