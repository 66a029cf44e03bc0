import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openSource } from '../open.ts';
import { Batch, type Source } from '../packet.ts';
import { rtp, ScriptedRtsp } from './scripted-server.ts';
import { ScriptedTunnel, type TunnelAsked } from './scripted-tunnel.ts';

const SETS = 'Z01ADeygoP2AiAAAAwAIAAADAZB4oUyw,aOvssiw=';
const SDP = `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=${SETS}\r\n`;
const dialler = new Dialler({ preset: 'lab' });
const opened: { close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function serve(answer?: (asked: TunnelAsked) => string | undefined) {
  const server = await ScriptedRtsp.listen({ sdp: SDP });
  const tunnel = await ScriptedTunnel.listen({ port: server.port, ...(answer === undefined ? {} : { answer }) });
  opened.push(server, tunnel);
  return { server, tunnel };
}

async function open(
  { port }: { readonly port: number },
  { userinfo = '', ...more }: { userinfo?: string; stepMs?: number } = {},
) {
  const url = `rtsp://${userinfo}127.0.0.1:${port}/live/SECRETKEY?a=b#transport=http`;
  const source = await openSource(url, { dialler, signal: new AbortController().signal, ...more });
  opened.push(source);
  return source;
}

async function read(source: Source, count: number): Promise<string[]> {
  const [batch, kinds] = [new Batch(), [] as string[]];
  await vi.waitFor(() => {
    batch.clear();
    source.read(batch);
    kinds.push(...batch.packets.slice(0, batch.count).map(({ kind }) => kind));
    expect(kinds.length).toBeGreaterThanOrEqual(count);
  });
  return kinds;
}

const faultOf = (opening: Promise<Source>): Promise<Fault> =>
  opening.then(
    () => Promise.reject(new Error('it opened')),
    error => (error instanceof Fault ? error : Promise.reject(error)),
  );

const key = rtp({ sequence: 1, timestamp: 0, marker: true }, Buffer.from('6588aa', 'hex'));

describe('a tunnel through HTTP', () => {
  it('carries what the server says and what we say, on two connections with one cookie', async () => {
    const { server, tunnel } = await serve();
    const source = await open(tunnel);
    server.visit.frame(0, key);
    expect(await read(source, 2)).toEqual(['videoHeader', 'key']);
    expect(tunnel.asked.map(({ head }) => head.split('\r\n')[0])).toEqual([
      'GET /live/SECRETKEY?a=b HTTP/1.0',
      'POST /live/SECRETKEY?a=b HTTP/1.0',
    ]);
    const cookies = tunnel.asked.map(({ head }) => /x-sessioncookie: (\w{22,})/.exec(head)?.[1]);
    expect(cookies[0]).toBe(cookies[1]);
    expect(tunnel.asked[0]?.head).toContain('Accept: application/x-rtsp-tunnelled');
    expect(server.visit.asked[0]?.uri).toBe(`rtsp://127.0.0.1:${tunnel.port}/live/SECRETKEY?a=b`);
  });

  it('is left with a good-bye, and both of its connections are closed', async () => {
    const { server, tunnel } = await serve();
    (await open(tunnel)).close();
    await vi.waitFor(() => expect(server.visit.methods().at(-1)).toBe('TEARDOWN'));
    await vi.waitFor(() => expect(tunnel.sockets.size).toBe(0), { timeout: 3_000 });
  });

  it('ends as any other source when what comes has ended', async () => {
    const { server, tunnel } = await serve();
    const source = await open(tunnel);
    server.visit.socket.destroy();
    await vi.waitFor(() => expect(() => source.read(new Batch())).toThrow(Fault));
    source.close();
    await vi.waitFor(() => expect(tunnel.sockets.size).toBe(0), { timeout: 3_000 });
  });

  it('tells the web server who we are where it asks, and not before', async () => {
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    const { tunnel } = await serve(({ method, head }) => {
      const given = (name: string): string => new RegExp(`\\b${name}="?([^",\\r]*)`).exec(head)?.[1] ?? '';
      const right = md5(`${md5('admin:cam:p@ss')}:nonce:${md5(`${method}:/live/SECRETKEY?a=b`)}`);
      if (given('response') === right) return undefined;
      return 'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="cam", nonce="nonce"\r\n\r\n';
    });
    await open(tunnel, { userinfo: 'admin:p%40ss@' });
    expect(tunnel.asked.map(({ method, head }) => [method, head.includes('Authorization')])).toEqual([
      ['GET', false],
      ['GET', true],
      ['POST', true],
    ]);
  });

  it.each([
    ['GET', 'HTTP/1.0 404 no SECRETKEY here\r\n\r\n', 'does not speak RTSP over HTTP here: 404 no *** here'],
    ['GET', 'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n', 'asks for a name and a password'],
    ['GET', 'RTSP/1.0 200 OK\r\n\r\n', 'does not begin with an HTTP status line'],
    ['GET', '', 'ended too early'],
    ['POST', 'HTTP/1.0 403 Forbidden\r\n\r\n', 'closed the connection at OPTIONS'],
  ])('is told of in plain words where it cannot be opened: %s %s', async (method, answer, words) => {
    const { tunnel } = await serve(asked => (asked.method === method ? answer : undefined));
    const fault = await faultOf(open(tunnel));
    expect(fault).toMatchObject({ side: 'pull' });
    expect(`${fault.message} ${String(fault.cause)}`).toContain(words);
    expect(fault.message).not.toContain('SECRETKEY');
    await vi.waitFor(() => expect(tunnel.sockets.size).toBe(0));
  });

  it('is not waited for longer than other steps', async () => {
    const { server } = await serve();
    // It waits for a request that it knows.
    const fault = await faultOf(open(server, { stepMs: 60 }));
    expect(fault).toMatchObject({ kind: 'timeout' });
  });
});
