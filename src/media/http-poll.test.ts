import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { Place } from '../../test/lab/place.ts';
import { until } from '../../test/lab/wait.ts';
import { parseAddress } from './address.ts';
import { Fault } from './fault.ts';
import { type PolledBody, PolledLine } from './http-poll.ts';
import { Dialler } from './net.ts';

type Answer = (socket: net.Socket, request: string, nth: number) => void;

/** A server that says whatever it likes to each request, and a line to it. */
async function lineTo(place: Place, answer: Answer): Promise<(path: string) => Promise<PolledBody>> {
  let requests = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', bytes => answer(socket, bytes.toString('latin1'), ++requests));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  place.own(server, it => {
    for (const socket of sockets) socket.destroy();
    it.close();
  });
  const { port } = server.address() as net.AddressInfo;
  const line = place.own(new PolledLine(new Dialler({ preset: 'lab' })), it => it.close());
  lines.set(place, line);
  const { signal } = new AbortController();
  return path => line.get(parseAddress(`http://127.0.0.1:${port}${path}`, ['http']), { headers: {}, signal });
}

const lines = new WeakMap<Place, PolledLine>();

async function readAll(body: PolledBody): Promise<string> {
  const buffer = Buffer.alloc(7);
  let text = '';
  let fault: unknown;
  await until('all is read', () => {
    try {
      text += buffer.toString('latin1', 0, body.read(buffer));
    } catch (error) {
      fault = error;
    }
    return body.ended || fault !== undefined;
  });
  if (fault !== undefined) throw fault;
  return text;
}

const whole = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;

describe('a line that is polled', () => {
  it('serves one request behind the other', async () => {
    await using place = new Place();
    const get = await lineTo(place, (socket, request, nth) => {
      const path = request.split(' ')[1] ?? '';
      if (nth === 2) socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nchunk\r\n0\r\n\r\n`);
      else socket.write(whole(`the body of ${path}`));
    });
    expect(await readAll(await get('/a'))).toBe('the body of /a');
    expect(await readAll(await get('/b'))).toBe('chunk');
    expect(await readAll(await get('/c'))).toBe('the body of /c');
    expect(lines.get(place)?.connections).toBe(1);
  });

  it('is connected anew where the server has ended it meanwhile', async () => {
    await using place = new Place();
    const get = await lineTo(place, (socket, _, nth) =>
      nth === 1 ? socket.end(whole('one')) : socket.write(whole('two')),
    );
    expect(await readAll(await get('/a'))).toBe('one');
    expect(await readAll(await get('/b'))).toBe('two');
    expect(lines.get(place)?.connections).toBe(2);
  });

  it.each([
    ['was not read to its end', whole('long enough')],
    ['was the last one, by its head', whole('ok').replace('\r\n', '\r\nConnection: close\r\n')],
    ['is of an old server', whole('ok').replace('1.1', '1.0')],
  ])('is connected anew where the answer before %s', async (_, first) => {
    await using place = new Place();
    const get = await lineTo(place, (socket, __, nth) => socket.write(nth === 1 ? first : whole('two')));
    const body = await get('/a');
    if (first.includes('long')) body.close();
    else await readAll(body);
    expect(await readAll(await get('/b'))).toBe('two');
    expect(lines.get(place)?.connections).toBe(2);
  });

  it('reads a body of which no length is told up to the end of the connection', async () => {
    await using place = new Place();
    const get = await lineTo(place, socket => socket.end('HTTP/1.1 200 OK\r\n\r\nall there is'));
    expect(await readAll(await get('/a'))).toBe('all there is');
  });

  it.each([
    ['a body that is cut short', 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort'],
    ['chunks that are cut short', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort'],
  ])('does not take %s for whole', async (_, text) => {
    await using place = new Place();
    const get = await lineTo(place, socket => socket.end(text));
    await expect(get('/s3cret').then(readAll)).rejects.toMatchObject({ name: 'Fault', kind: 'closed' });
  });

  it('is called off', async () => {
    await using place = new Place();
    await lineTo(place, () => undefined);
    const line = lines.get(place) ?? expect.fail('no line');
    const abort = new AbortController();
    const server = place.own(net.createServer(), it => it.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo;
    const getting = line.get(parseAddress(`http://127.0.0.1:${port}/`, ['http']), {
      headers: {},
      signal: abort.signal,
    });
    setImmediate(() => abort.abort());
    await expect(getting).rejects.toBeInstanceOf(Fault);
  });
});
