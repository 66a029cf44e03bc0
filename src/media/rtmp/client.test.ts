import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseAddress } from '../address.ts';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openRtmp, type Purpose, type RtmpStream } from './client.ts';
import { MessageType, pingRequest, readUserControl, setPeerBandwidth, windowAckSize } from './message.ts';
import { at, type Script, ScriptedServer } from './scripted-server.ts';

const SCHEMES = ['rtmp', 'rtmps'];
const servers: ScriptedServer[] = [];
const streams: RtmpStream[] = [];

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.socket.destroy();
  for (const server of servers.splice(0)) await server.close();
});

async function listen(script?: Script, greets = true): Promise<ScriptedServer> {
  const server = await ScriptedServer.listen({ greets, ...(script === undefined ? {} : { script }) });
  servers.push(server);
  return server;
}

interface Tries {
  readonly purpose?: Purpose;
  readonly stepMs?: number;
  readonly totalMs?: number;
  readonly signal?: AbortSignal;
  readonly held?: () => Promise<void>;
  readonly random?: (bytes: number) => Buffer;
  readonly fourCcs?: readonly string[];
}

async function open(url: string, tries: Tries = {}): Promise<RtmpStream> {
  const { purpose = 'publish', signal = new AbortController().signal, ...times } = tries;
  const dialler = new Dialler({ preset: 'lab' });
  const stream = await openRtmp(parseAddress(url, SCHEMES), purpose, { dialler, signal, ...times });
  streams.push(stream);
  return stream;
}

async function faultOf(opening: Promise<unknown>): Promise<Fault> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no fault, but ${String(error)}`);
}

describe('publishing', () => {
  it('says what encoders say, in their order', async () => {
    const server = await listen();
    await open(server.url('live/sub/key?sign=a/b&t=1#x'));
    expect(server.visit.names()).toEqual(['connect', 'releaseStream', 'FCPublish', 'createStream', 'publish']);
    const tcUrl = `rtmp://127.0.0.1:${server.port}/live/sub`;
    expect({ ...(server.visit.asked[0]?.values[0] as object) }).toEqual({
      app: 'live/sub',
      type: 'nonprivate',
      flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
      swfUrl: tcUrl,
      tcUrl,
    });
    expect(server.visit.asked[4]?.values).toEqual([null, 'key?sign=a/b&t=1#x', 'live']);
  });

  it('asks for nothing behind connect while it is held, and then goes on', async () => {
    const server = await listen();
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const opening = open(server.url(), {
      totalMs: 500,
      held: () => {
        reached.resolve();
        return held.promise;
      },
    });
    await reached.promise;
    expect(server.visit.names()).toEqual(['connect']);
    held.resolve();
    await opening;
    expect(server.visit.names().at(-1)).toBe('publish');
  });

  it.each(['the server', 'we'] as const)('is not held any longer when %s leave', async who => {
    const server = await listen();
    const leaving = new AbortController();
    const held = (): Promise<void> => {
      if (who === 'we') leaving.abort();
      else server.visit.socket.end();
      return new Promise(() => {});
    };
    const fault = await faultOf(open(server.url(), { held, signal: leaving.signal }));
    expect(fault.kind).toBe('closed');
  });

  it('publishes on the stream the server names, whatever its number', async () => {
    const server = await listen((visit, { name, transaction }) => {
      if (name === 'createStream') visit.command(['_result', transaction, null, '77']);
      return name === 'createStream';
    });
    const stream = await open(server.url());
    expect(stream.streamId).toBe(77);
    expect(server.visit.asked.at(-1)).toMatchObject({ name: 'publish', streamId: 77 });
  });

  it.each([0, null, 'zero'])('takes an answer whose transaction is %s', async transaction => {
    const server = await listen((visit, { name }) => {
      if (name !== 'createStream') return false;
      visit.command(['_result', transaction, null, 3]);
      return true;
    });
    expect((await open(server.url())).streamId).toBe(3);
  });

  it('finds its answers among others, in any order', async () => {
    const server = await listen((visit, { name, transaction }) => {
      if (name !== 'createStream') return false;
      visit.command(['onFCPublish', 0, null, { code: 'NetStream.Publish.Start' }]);
      visit.command(['_result', transaction + 40, null, 9]);
      visit.command(['somethingNew', 5, { a: [1, { b: null }] }]);
      visit.command(['_result', transaction, null, 4]);
      visit.command(['_result', transaction - 1, null, 8]);
      return true;
    });
    expect((await open(server.url())).streamId).toBe(4);
  });

  it.each(['releaseStream', 'FCPublish'])('does not mind an error to %s', async refused => {
    const server = await listen((visit, { name, transaction }) => {
      if (name !== refused) return false;
      visit.command(['_error', transaction, null, { level: 'error', code: 'NetConnection.Call.Failed' }]);
      return true;
    });
    expect((await open(server.url())).streamId).toBe(1);
  });

  it('checks the bandwidth when asked to, and does not take that for the answer to connect', async () => {
    const server = await listen((visit, { name }) => {
      if (name === 'connect') {
        visit.command(['onBWDone', 0, null, 8192]);
        visit.command(['_onbwcheck', 9, null]);
      }
      if (name === '_checkbw')
        visit.command(['_error', 2, null, { level: 'error', code: 'NetConnection.Call.Failed' }]);
      return name === '_checkbw';
    });
    await open(server.url());
    expect(server.visit.names()).toContain('_checkbw');
    expect(server.visit.names()).toContain('_result');
  });

  it('reads statuses written as ECMA arrays, and passes over messages it does not know', async () => {
    const server = await listen((visit, { name }) => {
      if (name !== 'publish') return false;
      visit.control(99, Buffer.from('whatever'));
      visit.control(MessageType.commandAmf3, Buffer.from([0, 2, 0, 1, 0x61]));
      visit.command(['onStatus', 0, null, { level: 'status', code: 'NetStream.Something.New' }]);
      visit.command(['onStatus', 0, { code: 'NetStream.Publish.Start' }], { ecmaArrays: true });
      return true;
    });
    expect((await open(server.url())).streamId).toBe(1);
  });

  it.each([
    [777_777, 250_000],
    [100_000, 100_000],
    [0, 250_000],
  ])('answers pings and bandwidth limits (%i) while it negotiates', async (bandwidth, window) => {
    const server = await listen((visit, { name }) => {
      if (name === 'connect') {
        visit.control(MessageType.userControl, pingRequest(1234));
        visit.control(MessageType.setPeerBandwidth, setPeerBandwidth(bandwidth));
      }
      return false;
    });
    await open(server.url());
    const { messages } = server.visit;
    const pong = messages.find(({ type }) => type === MessageType.userControl);
    expect(readUserControl(pong?.payload ?? Buffer.alloc(0))).toEqual({ event: 7, value: 1234 });
    const windows = messages.filter(({ type }) => type === MessageType.windowAckSize);
    expect(windows.map(({ payload }) => payload.readUInt32BE(0))).toEqual([250_000, window]);
  });

  it('acknowledges what it has received by half windows', async () => {
    const server = await listen(
      at('connect', visit => {
        visit.control(MessageType.windowAckSize, windowAckSize(40));
        visit.command(['_result', 1, null, {}]);
      }),
    );
    await open(server.url());
    const acks = server.visit.messages.filter(({ type }) => type === MessageType.acknowledgement);
    expect(acks.length).toBeGreaterThan(0);
    expect(acks.at(-1)?.payload.readUInt32BE(0)).toBeGreaterThan(40);
  });
});

describe('playing', () => {
  it('asks for the stream and for a buffer', async () => {
    const server = await listen();
    await open(server.url('live/one?token=x'), { purpose: 'play' });
    expect(server.visit.names()).toEqual(['connect', 'createStream', 'play']);
    expect(server.visit.asked[2]?.values).toEqual([null, 'one?token=x', -2000]);
  });

  it.each([
    ['NetStream.Play.StreamNotFound', 'status'],
    ['NetStream.Play.Failed', 'error'],
    ['NetStream.Whatever', 'error'],
  ])('takes %s for a no', async (code, level) => {
    const server = await listen(
      at('play', visit => {
        visit.status(code, { level });
      }),
    );
    const fault = await faultOf(open(server.url(), { purpose: 'play' }));
    expect(fault).toMatchObject({ side: 'pull', kind: 'refused', message: expect.stringContaining(code) });
  });
});

describe('a server that says no', () => {
  const codes = ['BadName', 'Denied', 'Rejected', 'Failed', 'InvalidSign'].map(word => `NetStream.Publish.${word}`);

  it.each(codes)('is heard: %s', async code => {
    const server = await listen(
      at('publish', visit => {
        visit.status(code);
      }),
    );
    const fault = await faultOf(open(server.url()));
    expect(fault).toMatchObject({ side: 'push', kind: 'refused', retryable: true });
    expect(fault.message).toContain(`refused publish: ${code}`);
  });

  it('is quoted without the key, without control characters, and not at any length', async () => {
    const words = '\u001b[31m bad key SECRETKEY?sign=SIGNATURE or "SIGNATURE"\r\n<script>\u202e';
    const server = await listen((visit, { name }) => {
      if (name === 'publish') visit.status('NetStream.Publish.Denied', { description: `${words}${'x'.repeat(5000)}` });
      return name === 'publish';
    });
    const fault = await faultOf(open(server.url('live/SECRETKEY?sign=SIGNATURE')));
    expect(fault.message).not.toMatch(/SECRETKEY|SIGNATURE/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must be gone
    expect(fault.message).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(fault.message).toContain('bad key ***');
    expect(fault.message.length).toBeLessThan(320);
  });

  it('is heard even when it hangs up right behind its words', async () => {
    const server = await listen((visit, { name }) => {
      if (name !== 'publish') return false;
      visit.status('NetStream.Publish.BadName', { level: 'error', description: 'Already publishing' });
      visit.socket.end();
      return true;
    });
    expect((await faultOf(open(server.url()))).message).toContain('Already publishing');
  });

  it('is heard at connect', async () => {
    const server = await listen(
      at('connect', (visit, { transaction }) => {
        const info = { level: 'error', code: 'NetConnection.Connect.InvalidApp', description: 'no such app' };
        visit.command(['_error', transaction, null, info]);
      }),
    );
    const fault = await faultOf(open(server.url()));
    expect(fault.message).toContain('refused connect: NetConnection.Connect.InvalidApp: no such app');
  });

  it.each(['adobe', 'llnw'])('asks for %s authentication where the address brings no password', async kind => {
    const server = await listen(
      at('connect', (visit, { transaction }) => {
        const description = `[ AccessManager.Reject ] : [ code=403 need auth; authmod=${kind} ] : `;
        const info = { level: 'error', code: 'NetConnection.Connect.Rejected', description };
        visit.command(['_error', transaction, null, info]);
      }),
    );
    const fault = await faultOf(open(server.url()));
    expect(fault).toMatchObject({ kind: 'refused', refusal: 'credentials' });
    expect(fault.message).toContain('put them in front of the host, as user:password@host');
  });
});

describe('codecs of enhanced RTMP', () => {
  const saidTo = (server: ScriptedServer, visit: number): { fourCcList?: unknown; capsEx?: unknown } => {
    const connect = server.visits[visit]?.asked.find(({ name }) => name === 'connect');
    return (connect?.values[0] ?? {}) as { fourCcList?: unknown; capsEx?: unknown };
  };
  const listOf = (server: ScriptedServer, visit: number): unknown => saidTo(server, visit).fourCcList;

  it('are told of where there are any', async () => {
    const server = await listen();
    await open(server.url());
    await open(server.url(), { fourCcs: ['hvc1'] });
    expect([listOf(server, 0), listOf(server, 1)]).toEqual([undefined, ['hvc1']]);
    expect([saidTo(server, 0).capsEx, saidTo(server, 1).capsEx]).toEqual([undefined, 1]);
  });

  it('are kept to ourselves before a server that refuses who speaks of them', async () => {
    const server = await listen((visit, { name, transaction, values }) => {
      if (name !== 'connect' || !('fourCcList' in (values[0] as object))) return false;
      visit.command(['_error', transaction, null, { level: 'error', code: 'NetConnection.Connect.Rejected' }]);
      return true;
    });
    await open(server.url(), { fourCcs: ['hvc1'] });
    expect(server.visits).toHaveLength(2);
    expect(listOf(server, 1)).toBeUndefined();
  });
});

describe('a server that wants a password', () => {
  /** Asks for a name, puts the question, and takes the connect that has an answer. */
  const asking = (question: string): Script => {
    const [, kind = ''] = /authmod=(\w+)/.exec(question) ?? [];
    return (visit, { name, transaction, values }) => {
      const { app = '' } = (values[0] ?? {}) as { app?: string };
      if (name !== 'connect' || app.includes('response=')) return false;
      const need = `[ AccessManager.Reject ] : [ code=403 need auth; authmod=${kind} ] : `;
      const description = app.includes('user=') ? question : need;
      const info = { level: 'error', code: 'NetConnection.Connect.Rejected', description };
      visit.command(['_error', transaction, null, info]);
      return true;
    };
  };
  const appOf = (server: ScriptedServer, visit: number): string => {
    const connect = server.visits[visit]?.asked.find(({ name }) => name === 'connect');
    return ((connect?.values[0] ?? {}) as { app?: string }).app ?? '';
  };
  const withUser = (url: string, userinfo: string): string => url.replace('rtmp://', `rtmp://${userinfo}@`);
  const random = (bytes: number): Buffer => Buffer.alloc(bytes, 0xab);

  it('in the way of Adobe is given the answer to its challenge', async () => {
    const question =
      '[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=ann&salt=S1&challenge=C1&opaque=O1';
    const server = await listen(asking(question));
    await open(withUser(server.url('live/key'), 'ann:p%40ss'), { random });
    expect([appOf(server, 0), appOf(server, 1)]).toEqual(['live', 'live?authmod=adobe&user=ann']);
    const md5 = (text: string): string => createHash('md5').update(text).digest('base64');
    const response = md5(`${md5('annS1p@ss')}O1abababab`);
    expect(appOf(server, 2)).toBe(`live?authmod=adobe&user=ann&challenge=abababab&response=${response}&opaque=O1`);
  });

  it('in the way of Limelight is given a digest', async () => {
    const question = '[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=needauth&user=ann&nonce=N1';
    const server = await listen(asking(question));
    await open(withUser(server.url('live/key'), 'ann:secret99'), { random });
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    const digest = [md5('ann:live:secret99'), 'N1', '00000001', 'abababab', 'auth', md5('publish:/live/_definst_')];
    const said = `authmod=llnw&user=ann&nonce=N1&cnonce=abababab&nc=00000001&response=${md5(digest.join(':'))}`;
    expect(appOf(server, 2)).toBe(`live?${said}`);
  });

  it('and does not take it is a refusal that keeps the password', async () => {
    const server = await listen((visit, { name, transaction }) => {
      if (name !== 'connect') return false;
      const description = '[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=x secret99';
      visit.command([
        '_error',
        transaction,
        null,
        { level: 'error', code: 'NetConnection.Connect.Rejected', description },
      ]);
      return true;
    });
    const fault = await faultOf(open(withUser(server.url('live/key'), 'ann:secret99')));
    expect(fault).toMatchObject({ kind: 'refused', refusal: 'credentials' });
    expect(fault.message).toContain('does not take this user name and password');
    expect(fault.message).not.toContain('secret99');
    expect(server.visits).toHaveLength(1);
  });

  it('and asks for ever is left after a few tries', async () => {
    const server = await listen((visit, { name, transaction }) => {
      if (name !== 'connect') return false;
      const description = '[ authmod=adobe ] : ?reason=needauth&salt=a&challenge=b';
      visit.command([
        '_error',
        transaction,
        null,
        { level: 'error', code: 'NetConnection.Connect.Rejected', description },
      ]);
      return true;
    });
    expect(await faultOf(open(withUser(server.url('live/key'), 'ann:secret99')))).toMatchObject({
      refusal: 'credentials',
    });
    expect(server.visits).toHaveLength(4);
  });
});

describe('a redirect', () => {
  const redirecting = (ex: (key: string) => Record<string, string | number>): Script => {
    return (visit, { name, transaction }) => {
      if (name !== 'connect') return false;
      const info = { level: 'error', code: 'NetConnection.Connect.Rejected', description: '', ex: ex('k') };
      visit.command(['_error', transaction, null, info]);
      return true;
    };
  };

  it('is followed with the stream added to where it leads', async () => {
    const target = await listen();
    const server = await listen(redirecting(() => ({ code: 302, redirect: `rtmp://127.0.0.1:${target.port}/other` })));
    await open(server.url('live/key?a=1'));
    expect(target.visit.asked[0]?.values[0]).toMatchObject({ app: 'other' });
    expect(target.visit.asked.at(-1)?.values[1]).toBe('key?a=1');
  });

  it('is followed as it stands when it is whole', async () => {
    const target = await listen();
    const server = await listen(
      redirecting(() => ({ code: 302, redirect: 'rtmp://x/y', redirect2: target.url('a/b?c') })),
    );
    await open(server.url('live/key'));
    expect(target.visit.asked.at(-1)?.values[1]).toBe('b?c');
  });

  it('is not followed for ever', async () => {
    const server: ScriptedServer = await listen((visit, asked) =>
      redirecting(() => ({ code: 302, redirect2: server.url('live/SECRETKEY') }))(visit, asked),
    );
    const fault = await faultOf(open(server.url('live/SECRETKEY')));
    expect(fault.message).toContain('redirects more than 3 times');
    expect(fault.message).not.toContain('SECRETKEY');
    expect(server.visits).toHaveLength(4);
  });

  it.each([
    ['rtmp://169.254.169.254/live/x', 'policy'],
    ['file:///etc/passwd', 'refused'],
    ['rtmp://ho\tst/a/b', 'refused'],
  ])('to %s is not followed', async (redirect2, kind) => {
    const server = await listen(redirecting(() => ({ code: 302, redirect2 })));
    expect((await faultOf(open(server.url()))).kind).toBe(kind);
  });
});

describe('a server that falls silent', () => {
  it.each(['connect', 'createStream', 'publish'])('at %s is given up, by name', async step => {
    const server = await listen((_, { name }) => name === step);
    const fault = await faultOf(open(server.url('live/SECRETKEY?s=SECRET'), { stepMs: 60 }));
    expect(fault).toMatchObject({ side: 'push', kind: 'timeout' });
    expect(fault.message).toContain(`did not answer ${step} within 0.1 s`);
    expect(fault.message).not.toContain('SECRET');
    await vi.waitFor(() => expect(server.visit.ended).toBe(true));
  });

  it('at play is given up, by name', async () => {
    const server = await listen((_, { name }) => name === 'play');
    expect((await faultOf(open(server.url(), { purpose: 'play', stepMs: 60 }))).message).toContain(
      'did not answer play',
    );
  });

  it('at the handshake is given up, by name', async () => {
    const server = await listen(undefined, false);
    expect((await faultOf(open(server.url(), { stepMs: 60 }))).message).toContain('did not answer handshake');
  });

  it('is given up when all steps together take too long', async () => {
    const server = await listen((visit, asked) => {
      setTimeout(() => visit.answer(asked), 100);
      return true;
    });
    const fault = await faultOf(open(server.url(), { stepMs: 500, totalMs: 150 }));
    expect(fault.message).toContain('did not get past createStream within 0.2 s');
  });

  it('is left at once when nobody wants the stream any more', async () => {
    const server = await listen((_, { name }) => name === 'createStream');
    const control = new AbortController();
    const opening = faultOf(open(server.url(), { signal: control.signal }));
    await vi.waitFor(() => expect(server.visit.names()).toContain('createStream'));
    control.abort();
    expect((await opening).kind).toBe('closed');
    await vi.waitFor(() => expect(server.visit.ended).toBe(true));
  });
});

describe('a connection that ends', () => {
  const steps = ['connect', 'createStream', 'publish'];

  it.each(steps)('at %s is told, by name', async step => {
    const server = await listen(
      at(step, visit => {
        visit.socket.end();
      }),
    );
    const fault = await faultOf(open(server.url('live/SECRETKEY')));
    expect(fault).toMatchObject({ side: 'push', kind: 'closed' });
    expect(fault.message).toContain(`closed the connection at ${step}`);
    expect(fault.message).not.toContain('SECRETKEY');
  });

  it.each(steps)('by a reset at %s is told, by name', async step => {
    const server = await listen(
      at(step, visit => {
        visit.socket.resetAndDestroy();
      }),
    );
    expect((await faultOf(open(server.url()))).message).toContain(`at ${step}`);
  });

  it('in the middle of the handshake is told', async () => {
    const server = await listen(undefined, false);
    const opening = faultOf(open(server.url()));
    await vi.waitFor(() => expect(server.visits).toHaveLength(1));
    server.visit.socket.end(Buffer.alloc(700, 3));
    expect((await opening).message).toContain('at handshake');
  });

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['an old RTMPE', '\u0006'.repeat(1537)],
  ])('because the server speaks %s is told', async (_, words) => {
    const server = await listen(undefined, false);
    const opening = faultOf(open(server.url()));
    await vi.waitFor(() => expect(server.visits).toHaveLength(1));
    server.visit.socket.write(words);
    expect(await opening).toMatchObject({ kind: 'garbage', message: expect.stringContaining('does not speak RTMP') });
  });

  it('because the server talks garbage is told', async () => {
    const server = await listen(
      at('connect', visit => {
        visit.socket.write(Buffer.alloc(500, 0xff));
      }),
    );
    expect((await faultOf(open(server.url()))).kind).toBe('garbage');
  });

  it.each(['play', 'publish'] as const)(
    'because the server floods a %s with media nobody asked for is told',
    async purpose => {
      const server = await listen(
        at('connect', visit => {
          const frame = Buffer.concat([Buffer.of(0x27, 1, 0, 0, 0), Buffer.alloc(1_000_000)]);
          for (let i = 0; i < 24; i++) visit.message(MessageType.video, frame);
        }),
      );
      const fault = await faultOf(open(server.url(), { purpose }));
      expect(fault).toMatchObject({ kind: 'garbage', message: expect.stringContaining('floods the negotiation') });
    },
  );
});
