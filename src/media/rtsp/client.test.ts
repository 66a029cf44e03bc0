import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openSource } from '../open.ts';
import type { Source } from '../packet.ts';
import { headerOf } from './message.ts';
import { type AskedRtsp, at, clientPortsOf, datagramsOnly, type RtspScript, ScriptedRtsp } from './scripted-server.ts';

const SDP =
  'v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n' +
  'm=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\na=control:trackID=1\r\n';
const USER = 'us%65r';
const PASSWORD = 'p%40ss%3Aword';
const PLAIN = 'user:p@ss:word';

const servers: ScriptedRtsp[] = [];
const sources: Source[] = [];
const dialler = new Dialler({ preset: 'lab' });

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  for (const server of servers.splice(0)) await server.close();
});

async function serve(script?: RtspScript, sdp = SDP): Promise<ScriptedRtsp> {
  const server = await ScriptedRtsp.listen({ sdp, ...(script === undefined ? {} : { script }) });
  servers.push(server);
  return server;
}

async function open(url: string, limits: { stepMs?: number; totalMs?: number } = {}): Promise<Source> {
  const source = await openSource(url, { dialler, signal: new AbortController().signal, ...limits });
  sources.push(source);
  return source;
}

async function faultOf(opening: Promise<Source>): Promise<Fault> {
  const error: unknown = await opening.then(
    () => undefined,
    cause => cause,
  );
  expect(error).toMatchObject({ name: 'Fault', side: 'pull' });
  return error as Fault;
}

/** Refuses whoever does not prove himself; the check is written apart from the product's own. */
function gate(challenge: string, proves: (given: string, asked: AskedRtsp) => boolean): RtspScript {
  return (visit, asked) => {
    const given = headerOf(asked.message, 'authorization');
    if (given !== undefined && proves(given, asked)) return false;
    visit.answer(asked, '401 Unauthorized', { 'WWW-Authenticate': challenge });
    return true;
  };
}

const isBasic = (given: string): boolean => given === `Basic ${Buffer.from(PLAIN).toString('base64')}`;

function isDigest(nonce: string, hash: 'md5' | 'sha256' = 'md5'): (given: string, asked: AskedRtsp) => boolean {
  const digest = (text: string): string => createHash(hash).update(text).digest('hex');
  return (given, { method, uri }) => {
    const field = (name: string): string => new RegExp(`\\b${name}="?([^",]*)`).exec(given)?.[1] ?? '';
    const middle = field('qop') === '' ? nonce : `${nonce}:${field('nc')}:${field('cnonce')}:auth`;
    const name = PLAIN.slice(0, 4);
    const right = digest(`${digest(`${name}:cam:${PLAIN.slice(5)}`)}:${middle}:${digest(`${method}:${uri}`)}`);
    return field('nonce') === nonce && field('uri') === uri && field('response') === right;
  };
}

describe('opening an RTSP source', () => {
  it('describes, sets up and plays, each under the address that the server wants', async () => {
    const server = await serve();
    await open(`${server.url('live/ch1')}?token=KEY`);
    const base = `rtsp://127.0.0.1:${server.port}/live/ch1?token=KEY`;
    expect(server.visit.asked.map(({ method, uri }) => `${method} ${uri}`)).toEqual([
      `OPTIONS ${base}`,
      `DESCRIBE ${base}`,
      `SETUP ${base}/trackID=0`,
      `SETUP ${base}/trackID=1`,
      `PLAY ${base}/`,
    ]);
    const [, , first, second, play] = server.visit.asked.map(({ message }) => message);
    expect(first?.headers.get('transport')).toEqual(['RTP/AVP/TCP;unicast;interleaved=0-1']);
    expect(second?.headers.get('transport')).toEqual(['RTP/AVP/TCP;unicast;interleaved=2-3']);
    expect([second, play].map(message => message?.headers.get('session'))).toEqual([['A1B2C3D4'], ['A1B2C3D4']]);
  });

  it('goes on without the OPTIONS of a server that has none', async () => {
    const server = await serve(at('OPTIONS', (visit, asked) => visit.answer(asked, '501 Not Implemented')));
    await open(server.url('live'));
    expect(server.visit.methods().at(-1)).toBe('PLAY');
  });

  it('takes answers without a number, and passes over those of another', async () => {
    const server = await serve(
      at('OPTIONS', visit => {
        visit.socket.write(
          'RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\nRTSP/1.0 404 No\r\nCSeq: 77\r\n\r\nRTSP/1.0 200 OK\r\n\r\n',
        );
      }),
    );
    await open(server.url('live'));
  });

  it('never goes where the description or the transport points', async () => {
    const elsewhere = SDP.replace('a=control:*', 'c=IN IP4 192.0.2.9\r\na=control:rtsp://192.0.2.9/x/').replace(
      'trackID=0',
      'rtsp://192.0.2.9/x/0',
    );
    const server = await serve(
      at('SETUP', (visit, asked) => {
        const transport = `${headerOf(asked.message, 'transport') ?? ''};destination=192.0.2.9;source=192.0.2.9`;
        visit.answer(asked, '200 OK', { Transport: transport, Session: 'x' });
      }),
      elsewhere,
    );
    await open(server.url('live'));
    expect(server.visit.asked.map(({ uri }) => uri).slice(2)).toEqual([
      'rtsp://192.0.2.9/x/0',
      `rtsp://127.0.0.1:${server.port}/live/trackID=1`,
      'rtsp://192.0.2.9/x/',
    ]);
  });
});

describe('a server that wants to know who we are', () => {
  const address = (server: ScriptedRtsp, userinfo = `${USER}:${PASSWORD}`): string => server.url('live/ch1', userinfo);

  it('is told by Basic', async () => {
    const server = await serve(gate('Basic realm="cam"', isBasic));
    await open(address(server));
    expect(server.visit.methods()).toEqual(['OPTIONS', 'OPTIONS', 'DESCRIBE', 'SETUP', 'SETUP', 'PLAY']);
  });

  it.each([
    ['without a quality', 'Digest realm="cam", nonce="n1"', 'md5'],
    ['with qop', 'Digest realm="cam", nonce="n1", qop="auth,auth-int", algorithm=MD5', 'md5'],
    ['with SHA-256', 'Digest realm="cam", nonce="n1", qop="auth", algorithm=SHA-256', 'sha256'],
  ] as const)('is told by Digest %s', async (_, challenge, hash) => {
    const server = await serve(gate(challenge, isDigest('n1', hash)));
    await open(address(server));
    expect(server.visit.methods()).toEqual(['OPTIONS', 'OPTIONS', 'DESCRIBE', 'SETUP', 'SETUP', 'PLAY']);
  });

  it('is told again where its nonce grows stale', async () => {
    let nonce = 0;
    const server = await serve((visit, asked) => {
      if (asked.method === 'SETUP' && nonce === 1) nonce = 2;
      const stale = nonce === 2 ? ', stale=true' : '';
      nonce ||= 1;
      return gate(`Digest realm="cam", nonce="n${nonce}"${stale}`, isDigest(`n${nonce}`))(visit, asked);
    });
    await open(address(server));
    expect(server.visit.methods()).toEqual(['OPTIONS', 'OPTIONS', 'DESCRIBE', 'SETUP', 'SETUP', 'SETUP', 'PLAY']);
  });

  it('is told over a new connection where it hangs up behind its question', async () => {
    const server = await serve((visit, asked) => {
      if (isDigest('n1')(headerOf(asked.message, 'authorization') ?? '', asked)) return false;
      visit.answer(asked, '401 Unauthorized', {
        'WWW-Authenticate': 'Digest realm="cam", nonce="n1"',
        Connection: 'close',
      });
      visit.socket.end();
      return true;
    });
    await open(address(server));
    expect(server.visits.map(visit => visit.methods().length)).toEqual([1, 5]);
  });

  it('refuses a wrong password once and for all, in a sentence without it', async () => {
    const server = await serve(gate('Digest realm="cam", nonce="n1"', isDigest('n1')));
    const fault = await faultOf(open(address(server, 'user:WRONGSECRET')));
    expect(fault).toMatchObject({ kind: 'refused', refusal: 'denied' });
    expect(fault.message).toBe(
      `rtsp://***@127.0.0.1:${server.port}/live/*** refused OPTIONS: 401, it does not accept the name and the password`,
    );
    expect(server.visit.methods()).toHaveLength(2);
  });

  it('is not asked for ever where it always has another nonce', async () => {
    let nonce = 0;
    const server = await serve((visit, asked) =>
      gate(`Digest realm="cam", nonce="${nonce++}", stale=true`, () => false)(visit, asked),
    );
    expect(await faultOf(open(address(server)))).toMatchObject({ kind: 'refused', refusal: 'denied' });
    expect(server.visit.methods().length).toBeLessThan(5);
  });

  it('is told apart from one that cannot be told', async () => {
    const server = await serve(gate('Digest realm="cam", nonce="n1"', () => false));
    expect(await faultOf(open(server.url('live')))).toMatchObject({ kind: 'refused', refusal: 'credentials' });
    const strange = await serve(gate('Digest realm="cam", nonce="n1", algorithm=MD4', () => false));
    expect(await faultOf(open(address(strange)))).toMatchObject({ kind: 'unsupported', refusal: 'credentials' });
  });
});

describe('a server that sends us elsewhere', () => {
  const to = (location: () => string): RtspScript =>
    at('DESCRIBE', (visit, asked) => visit.answer(asked, '302 Moved Temporarily', { Location: location() }));

  it('is followed, with the login to the same host', async () => {
    const target = await serve(gate('Basic realm="cam"', isBasic));
    const server = await serve(to(() => target.url('other')));
    await open(server.url('live', `${USER}:${PASSWORD}`));
    expect(target.visit.methods().at(-1)).toBe('PLAY');
  });

  it('is not followed round and round', async () => {
    const server: ScriptedRtsp = await serve(to(() => server.url('again')));
    expect(await faultOf(open(server.url('live')))).toMatchObject({ kind: 'refused', refusal: 'redirected' });
    expect(server.visits).toHaveLength(4);
  });

  it('is not followed to another scheme', async () => {
    for (const location of ['file:///etc/passwd', 'http://127.0.0.1/', 'rtsp://', '']) {
      const server = await serve(to(() => location));
      expect((await faultOf(open(server.url('live')))).kind).toBe('refused');
    }
  });

  it('is not followed past the network policy', async () => {
    const server = await serve(to(() => 'rtsp://169.254.169.254/x'));
    expect(await faultOf(open(server.url('live')))).toMatchObject({ kind: 'policy' });
  });
});

const answering = (method: string, status: string, headers: Readonly<Record<string, string>> = {}): RtspScript =>
  at(method, (visit, asked) => visit.answer(asked, status, headers));

describe('a server that sends in another way', () => {
  const transports = (server: ScriptedRtsp): string[] =>
    server.visits.flatMap(({ asked }) =>
      asked.filter(({ method }) => method === 'SETUP').map(({ message }) => headerOf(message, 'transport') ?? ''),
    );
  const kinds = (server: ScriptedRtsp): string[] =>
    transports(server).map(transport => (transport.includes('interleaved') ? 'tcp' : 'udp'));

  it.each(['461 Unsupported Transport', '400 Bad Request', '406 Not Acceptable', '501 Not Implemented'])(
    'is asked for datagrams where it says %s to the connection',
    async status => {
      const server = await serve((visit, asked) => {
        if (clientPortsOf(asked.message) !== undefined || asked.method !== 'SETUP') return false;
        visit.answer(asked, status);
        return true;
      });
      await open(server.url('live'));
      expect([kinds(server), server.visits.length]).toEqual([['tcp', 'udp', 'udp'], 1]);
    },
  );

  it('is asked for two neighbouring ports, the first of them even', async () => {
    const server = await serve(datagramsOnly);
    await open(server.url('live'));
    const pairs = server.visit.asked.map(({ message }) => clientPortsOf(message)).filter(it => it !== undefined);
    expect(pairs.map(([rtp, rtcp]) => [rtp % 2, rtcp - rtp])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('is dialled anew where it agrees to datagrams that nobody has asked for', async () => {
    const server = await serve((visit, asked) => {
      if (clientPortsOf(asked.message) !== undefined || asked.method !== 'SETUP') return false;
      visit.answer(asked, '200 OK', { Transport: 'RTP/AVP;unicast;client_port=0-1', Session: 'x' });
      return true;
    });
    await open(server.url('live'));
    expect(kinds(server)).toEqual(['tcp', 'udp', 'udp']);
    await vi.waitFor(() => expect(server.visits[0]?.methods().at(-1)).toBe('TEARDOWN'));
  });

  it('is asked for datagrams first where the address wants them', async () => {
    const server = await serve();
    await open(`${server.url('live?a=b')}#transport=udp`);
    expect(kinds(server)).toEqual(['udp', 'udp']);
    expect(server.visit.asked[0]?.uri).toBe(server.url('live?a=b'));
  });

  it.each([
    ['#transport=tcp', datagramsOnly, 'it offers UDP only'],
    ['#transport=udp', answering('SETUP', '461 Unsupported Transport'), 'over UDP (RTP/AVP)'],
    ['#transport=udp', answering('SETUP', '200 OK', { Transport: 'RTP/AVP;multicast' }), 'over UDP (RTP/AVP)'],
    ['', answering('SETUP', '461 Unsupported Transport'), 'over the connection (RTP/AVP/TCP), and not over UDP either'],
    ['#transport=carrier-pigeon', answering('SETUP', '200 OK'), 'must be one of: tcp, udp, http'],
  ])('is given up with a plain word: %s', async (wish, script, words) => {
    const server = await serve(script);
    const fault = await faultOf(open(`${server.url('live')}${wish}`));
    expect(fault).toMatchObject({ kind: 'unsupported', retryable: false });
    expect(fault.message).toContain(words);
  });

  it('keeps no port of ours where it does not play in the end', async () => {
    const ports = (): number => process.getActiveResourcesInfo().filter(name => name === 'UDPWrap').length;
    await vi.waitFor(() => expect(ports()).toBe(0));
    const server = await serve((visit, asked) => {
      if (asked.method === 'PLAY') visit.answer(asked, '454 Session Not Found');
      return asked.method === 'PLAY' || datagramsOnly(visit, asked);
    });
    expect((await faultOf(open(server.url('live')))).message).toContain('refused PLAY: 454');
    expect(server.visit.setUps).toHaveLength(2);
    for (const { socket } of server.visits) socket.destroy();
    await vi.waitFor(() => expect(ports()).toBe(0));
  });

  it('is refused by its own words where it is not about the way', async () => {
    const server = await serve(answering('SETUP', '453 Not Enough Bandwidth'));
    expect((await faultOf(open(server.url('live')))).message).toContain('refused SETUP: 453 Not Enough Bandwidth');
    expect(kinds(server)).toEqual(['tcp']);
  });
});

describe('a server that does not play', () => {
  it.each([
    ['DESCRIBE', '404 Stream "ch1" Not Found', { kind: 'refused', refusal: 'unknown' }],
    ['DESCRIBE', '403 Forbidden', { kind: 'refused', refusal: 'denied' }],
    ['DESCRIBE', '0 ', { kind: 'refused' }],
    ['DESCRIBE', '999 What', { kind: 'refused' }],
    ['DESCRIBE', '302 Moved', { kind: 'refused' }],
    ['SETUP', '461 Unsupported Transport', { kind: 'unsupported' }],
    ['PLAY', '503 Service Unavailable', { kind: 'refused' }],
  ])('refuses %s with %s', async (method, status, expected) => {
    const server = await serve(answering(method, status));
    expect(await faultOf(open(server.url('live')))).toMatchObject(expected);
  });

  it('quotes no key of ours', async () => {
    const server = await serve(answering('DESCRIBE', '404 no SECRETKEY with p@ssword and p%40ssword\u001b[2J'));
    const fault = await faultOf(open(`${server.url('live/SECRETKEY', 'user:p%40ssword')}?sign=SECRETSIGN`));
    expect(fault.message).toContain('404 no *** with *** and ***');
    expect(fault.message).not.toMatch(/SECRET|p@ss/);
    expect(fault.message).not.toContain('\u001b');
  });

  it('gives two tracks one channel', async () => {
    const server = await serve(
      answering('SETUP', '200 OK', { Transport: 'RTP/AVP/TCP;interleaved=0-1', Session: 'x' }),
    );
    expect(await faultOf(open(server.url('live')))).toMatchObject({ kind: 'garbage' });
  });

  it('says nothing', async () => {
    const server = await serve(() => true);
    const fault = await faultOf(open(server.url('live'), { stepMs: 60 }));
    expect(fault).toMatchObject({ kind: 'timeout' });
    expect(fault.message).toContain('did not answer OPTIONS');
  });

  it('takes too long over all of it', async () => {
    const server = await serve((visit, asked) => {
      if (asked.method === 'OPTIONS') visit.answer(asked);
      return true;
    });
    expect(await faultOf(open(server.url('live'), { totalMs: 80 }))).toMatchObject({ kind: 'timeout' });
  });

  it('hangs up', async () => {
    const server = await serve(at('DESCRIBE', visit => visit.socket.end()));
    const fault = await faultOf(open(server.url('live')));
    expect(fault).toMatchObject({ kind: 'closed' });
    expect(fault.message).toContain('closed the connection at DESCRIBE');
  });

  it.each([
    ['an endless line', `RTSP/1.0 200 ${'x'.repeat(70_000)}`],
    ['a body of a terabyte', 'RTSP/1.0 200 OK\r\nContent-Length: 1000000000000\r\n\r\n'],
    ['bytes of something else', '\x00'.repeat(70_000)],
    ['a flood of answers', 'RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n'.repeat(300)],
    ['a flood of media', '$\x00\xff\xff'.padEnd(65_539, '\x80').repeat(330)],
  ])('sends %s', async (_, text) => {
    const server = await serve(at('DESCRIBE', visit => visit.socket.write(Buffer.from(text, 'latin1'))));
    expect(await faultOf(open(server.url('live')))).toMatchObject({ kind: 'garbage' });
  });

  it('describes nothing that can be played', async () => {
    const server = await serve(undefined, 'v=0\r\nm=video 0 RTP/AVP 26\r\n');
    expect((await faultOf(open(server.url('live')))).message).toContain('its pictures are JPEG');
  });

  it('is given up when the run is', async () => {
    const server = await serve(() => true);
    const abort = new AbortController();
    const opening = openSource(server.url('live'), { dialler, signal: abort.signal });
    abort.abort();
    expect((await faultOf(opening)).kind).toBe('closed');
  });
});
