import { once } from 'node:events';
import type net from 'node:net';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../test/lab/child.ts';
import { Place } from '../../test/lab/place.ts';
import { type Pair, selfMade } from '../../test/lab/self-made.ts';
import { parseAddress } from './address.ts';
import type { Fault } from './fault.ts';
import { Dialler } from './net.ts';
import { pinOf, type Trust } from './trust.ts';

const OTHER = `sha256/${'A'.repeat(43)}=`;
const studio = new Place();
let here: Pair;
let renewed: Pair;
let there: Pair;
let named: Pair;

beforeAll(async () => {
  here = await selfMade(studio);
  renewed = await selfMade(studio, { name: 'renewed', like: 'localhost' });
  there = await selfMade(studio, { name: 'there' });
  named = await selfMade(studio, { name: 'ingest.example' });
});
afterAll(() => studio[Symbol.asyncDispose]());

let place: Place;
afterEach(() => place[Symbol.asyncDispose]());

/** A peer on this machine that shows the certificate; answers its port. */
async function peer(pair: Pair): Promise<number> {
  place = new Place();
  const server = tls.createServer(pair, socket => place.own(socket, it => it.destroy()).on('error', () => {}));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  place.own(server, it => it.close());
  return (server.address() as net.AddressInfo).port;
}

/** What comes of a dial: the name that was asked for, or the Fault. */
async function dial(url: string, trust: Trust, ca?: string): Promise<string | Fault> {
  const dialler = new Dialler({ preset: 'lab', ...(ca === undefined ? {} : { ca }) });
  const address = parseAddress(url, ['rtmp', 'rtmps']);
  const { signal } = new AbortController();
  try {
    const socket = await dialler.trusting(trust).dial(address, { signal, side: 'push' });
    place.own(socket, it => it.destroy());
    return socket instanceof tls.TLSSocket ? String(socket.servername) : 'in the clear';
  } catch (error) {
    return error as Fault;
  }
}

describe('a peer with an authority of its own', () => {
  it('is believed, and no other one is for it', async () => {
    const url = `rtmps://localhost:${await peer(here)}/a/b`;
    expect(await dial(url, { ca: here.cert })).toBe('localhost');
    expect(await dial(url, { ca: there.cert })).toMatchObject({ kind: 'tls', retryable: true });
  });

  it('is believed by that one alone: the node`s own authority does not vouch for it', async () => {
    const url = `rtmps://localhost:${await peer(here)}/a/b`;
    expect(await dial(url, {}, here.cert)).toBe('localhost');
    expect(await dial(url, { ca: there.cert }, here.cert)).toMatchObject({ kind: 'tls' });
  });

  it('has to be the host all the same', async () => {
    const url = `rtmps://localhost:${await peer(named)}/a/b`;
    expect(await dial(url, { ca: named.cert })).toMatchObject({ message: expect.stringContaining('for another name') });
  });

  it('may have another name than its address', async () => {
    const url = `rtmps://127.0.0.1:${await peer(named)}/a/b`;
    expect(await dial(url, { ca: named.cert, serverName: 'ingest.example' })).toBe('ingest.example');
  });
});

describe('a peer of which the key is known', () => {
  it('is believed with it, and with a new certificate for the same key', async () => {
    const pins = [OTHER, pinOf(here.cert)];
    expect(await dial(`rtmps://localhost:${await peer(here)}/a/b`, { ca: here.cert, pins })).toBe('localhost');
    await place[Symbol.asyncDispose]();
    expect(renewed.cert).not.toBe(here.cert);
    expect(await dial(`rtmps://localhost:${await peer(renewed)}/a/b`, { ca: renewed.cert, pins })).toBe('localhost');
  });

  it('is not with another one, whoever vouches for it; the key that it has is told', async () => {
    const fault = await dial(`rtmps://localhost:${await peer(here)}/a/b`, { pins: [OTHER] }, here.cert);
    expect(fault).toMatchObject({ side: 'push', kind: 'tls', retryable: true });
    expect((fault as Fault).message).toContain(pinOf(here.cert));
  });

  it('is not where nobody vouches for it', async () => {
    const fault = await dial(`rtmps://localhost:${await peer(here)}/a/b`, { pins: [pinOf(here.cert)] });
    expect(fault).toMatchObject({ kind: 'tls', message: expect.stringContaining('self-signed') });
  });

  it('is not spoken to in the clear', async () => {
    place = new Place();
    expect(await dial('rtmp://localhost:9/a/b', { pins: [OTHER] })).toMatchObject({ kind: 'tls' });
  });
});

it('a pin is what openssl makes of the key', async () => {
  place = new Place();
  const script =
    'openssl x509 -in "$0" -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64';
  const said = await run('/bin/sh', ['-c', script, studio.path('localhost.pem')]);
  expect(`sha256/${said.trim()}`).toBe(pinOf(here.cert));
});
