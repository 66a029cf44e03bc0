import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAddress } from '../address.ts';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { Batch, type PacketKind } from '../packet.ts';
import { headerOf } from './message.ts';
import {
  at,
  datagramsOnly,
  framed,
  type RtspScript,
  type RtspVisit,
  rtp,
  ScriptedRtsp,
  senderReport,
} from './scripted-server.ts';
import { openRtspSource, type RtspSource } from './source.ts';

const SETS = 'Z01ADeygoP2AiAAAAwAIAAADAZB4oUyw,aOvssiw=';
const SDP =
  `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=${SETS}\r\na=control:v\r\n` +
  'm=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\na=fmtp:97 mode=AAC-hbr;config=1190\r\na=control:a\r\n';
const PCMU = 'm=audio 0 RTP/AVP 0\r\na=control:a\r\n';

const servers: ScriptedRtsp[] = [];
const sources: RtspSource[] = [];
const dialler = new Dialler({ preset: 'lab' });

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  for (const server of servers.splice(0)) await server.close();
});

interface Wish {
  readonly script?: RtspScript;
  readonly sdp?: string;
  readonly now?: () => number;
  readonly userinfo?: string;
}

async function play({ script, sdp = SDP, now = () => 0, userinfo = '' }: Wish = {}) {
  const server = await ScriptedRtsp.listen({ sdp, ...(script === undefined ? {} : { script }) });
  servers.push(server);
  return { server, source: await pull(server, now, userinfo), visit: server.visit };
}

async function pull(server: ScriptedRtsp, now = () => 0, userinfo = ''): Promise<RtspSource> {
  const address = parseAddress(server.url('live/SECRETKEY', userinfo), ['rtsp']);
  const source = await openRtspSource(address, { dialler, signal: new AbortController().signal, now });
  sources.push(source);
  return source;
}

const key = (sequence: number, timestamp: number): Buffer =>
  rtp({ sequence, timestamp, marker: true }, Buffer.from('6588aa', 'hex'));
const inter = (sequence: number, timestamp: number): Buffer =>
  rtp({ sequence, timestamp, marker: true }, Buffer.from('419abb', 'hex'));
const sound = (sequence: number, timestamp: number): Buffer =>
  rtp({ sequence, timestamp, marker: true, payloadType: 97 }, Buffer.from('00100018aabbcc', 'hex'));

const batch = new Batch();

function readOnce(source: RtspSource): { kind: PacketKind; dtsMs: number }[] {
  batch.clear();
  source.read(batch);
  return batch.packets.slice(0, batch.count).map(({ kind, dtsMs }) => ({ kind, dtsMs }));
}

async function read(source: RtspSource, count: number): Promise<{ kind: PacketKind; dtsMs: number }[]> {
  const got: { kind: PacketKind; dtsMs: number }[] = [];
  await vi.waitFor(
    () => {
      got.push(...readOnce(source));
      expect(got.length).toBeGreaterThanOrEqual(count);
    },
    { timeout: 5000, interval: 2 },
  );
  return got;
}

const kinds = (packets: readonly { kind: PacketKind }[]): PacketKind[] => packets.map(({ kind }) => kind);

async function faultOf(source: RtspSource): Promise<Fault> {
  return vi.waitFor(
    () => {
      try {
        readOnce(source);
      } catch (error) {
        if (error instanceof Fault) return error;
      }
      throw new Error('no fault yet');
    },
    { timeout: 5000, interval: 2 },
  );
}

/** Reads until the server has heard so many requests. */
async function asked(source: RtspSource, visit: RtspVisit, count: number): Promise<string[]> {
  await vi.waitFor(
    () => {
      readOnce(source);
      expect(visit.asked.length).toBeGreaterThanOrEqual(count);
    },
    { timeout: 5000, interval: 2 },
  );
  return visit.methods().slice(5);
}

describe('an RTSP source', () => {
  it('hands over what has come, in order', async () => {
    const { source, visit } = await play();
    visit.socket.write(Buffer.concat([framed(0, key(1, 0)), framed(2, sound(1, 0)), framed(0, inter(2, 3600))]));
    const got = await read(source, 5);
    expect(kinds(got)).toEqual(['videoHeader', 'key', 'audioHeader', 'audio', 'inter']);
    expect(source.bytesIn).toBeGreaterThan(100);
  });

  it('hands over what came with, and before, the yes to play', async () => {
    const script = at('PLAY', (visit, request) => {
      visit.frame(0, key(1, 0));
      visit.answer(request);
      visit.frame(0, inter(2, 3600));
    });
    const { source } = await play({ script });
    expect(kinds(await read(source, 3))).toEqual(['videoHeader', 'key', 'inter']);
  });

  it('takes media on the channels that the server chose, and passes over others', async () => {
    let next = 10;
    const script = at('SETUP', (visit, request) => {
      visit.answer(request, '200 OK', { Transport: `RTP/AVP/TCP;interleaved=${next++}-${100 + next}`, Session: 'x' });
    });
    const { source, visit } = await play({ script });
    visit.frame(0, key(1, 0));
    visit.frame(200, key(1, 0));
    visit.frame(10, key(1, 0));
    visit.frame(11, sound(1, 0));
    expect(kinds(await read(source, 4))).toEqual(['videoHeader', 'key', 'audioHeader', 'audio']);
  });

  it('puts sound and pictures together by the reports of their sender', async () => {
    const { source, visit } = await play();
    const wallMs = 3_900_000_000_000;
    visit.socket.write(
      Buffer.concat([
        framed(1, senderReport(wallMs, 900)),
        framed(3, senderReport(wallMs + 500, 4_800)),
        framed(0, key(1, 90_900)),
        framed(2, sound(1, 4_800)),
      ]),
    );
    const got = await read(source, 4);
    const [picture, heard] = ['key', 'audio'].map(kind => got.find(packet => packet.kind === kind)?.dtsMs ?? 0);
    // Two pictures may be shown before this one that are decoded behind it: it is decoded 80 ms before it is shown.
    expect((picture ?? 0) + 80 - (heard ?? 0)).toBe(500);
  });

  it('counts what is missing', async () => {
    const { source, visit } = await play();
    for (const frame of [key(1, 0), inter(3, 7200), inter(4, 10_800), key(5, 14_400)]) visit.frame(0, frame);
    expect(kinds(await read(source, 3))).toEqual(['videoHeader', 'key', 'key']);
    expect(source.losses).toEqual({ gaps: 1, pictures: 2 });
  });

  it('says what it leaves out', async () => {
    const { source } = await play({ sdp: SDP.slice(0, SDP.indexOf('m=audio')) + PCMU });
    expect(source.notes).toEqual(['The sound is left out: it is G.711 (µ-law).']);
  });

  it('reads no more than it is asked for', async () => {
    const { source, visit } = await play();
    visit.socket.write(Buffer.concat(Array.from({ length: 100 }, (_, n) => framed(0, key(n, n * 3600)))));
    await vi.waitFor(() => {
      batch.clear();
      source.read(batch, 100);
      expect(batch.count).toBeGreaterThan(0);
    });
    expect(batch.count).toBeLessThan(10);
  });
});

describe('an RTSP source over TLS', () => {
  let front: tls.Server;
  let ca = '';
  let own = '';

  beforeAll(() => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-rtsps-'));
    const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=cam.test', '-addext', 'subjectAltName=DNS:cam.test'];
    const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', ...made, ...subject, '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' });
    [own, ca] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')];
    rmSync(folder, { recursive: true });
  });

  afterEach(() => front.close());

  async function open(server: ScriptedRtsp, wish = ''): Promise<{ source: RtspSource; port: number }> {
    front = tls.createServer({ key: own, cert: ca }, secure => {
      const plain = net.connect(server.port, '127.0.0.1');
      for (const socket of [plain, secure]) socket.on('error', () => undefined);
      secure.pipe(plain).pipe(secure);
    });
    await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve));
    const { port } = front.address() as AddressInfo;
    const overTls = new Dialler({ preset: 'lab', ca, lookup: async () => ['127.0.0.1'] });
    const address = parseAddress(`rtsps://cam.test:${port}/live${wish}`, ['rtsps']);
    const source = await openRtspSource(address, { dialler: overTls, signal: new AbortController().signal });
    sources.push(source);
    return { source, port };
  }

  it('comes like any other', async () => {
    const server = await ScriptedRtsp.listen({ sdp: SDP, onPlay: visit => visit.frame(0, key(1, 0)) });
    servers.push(server);
    const { source, port } = await open(server);
    expect(kinds(await read(source, 2))).toEqual(['videoHeader', 'key']);
    expect(server.visit.asked[0]?.uri).toBe(`rtsps://cam.test:${port}/live`);
  });

  it('does not come in datagrams, which anyone could read, where nobody asked for that', async () => {
    const server = await ScriptedRtsp.listen({ sdp: SDP, script: datagramsOnly });
    servers.push(server);
    await expect(open(server)).rejects.toThrow('it offers UDP only');
    expect(server.visit.setUps).toEqual([]);
  });

  it('comes in datagrams where the address says so', async () => {
    const server = await ScriptedRtsp.listen({ sdp: SDP, onPlay: visit => visit.frame(0, key(1, 0)) });
    servers.push(server);
    const { source } = await open(server, '#transport=udp');
    expect(kinds(await read(source, 2))).toEqual(['videoHeader', 'key']);
  });
});

describe('the end of an RTSP source', () => {
  it('is told behind what came before it', async () => {
    const { source, visit } = await play();
    visit.frame(0, key(1, 0));
    visit.socket.end();
    expect(kinds(await read(source, 2))).toEqual(['videoHeader', 'key']);
    expect(await faultOf(source)).toMatchObject({ kind: 'closed', side: 'pull' });
  });

  it('is told when all tracks have left', async () => {
    const { source, visit } = await play();
    const bye = Buffer.from('81cb000100000001', 'hex');
    visit.frame(1, bye);
    visit.frame(3, bye);
    const fault = await faultOf(source);
    expect(fault).toMatchObject({ kind: 'closed' });
    expect(fault.message).toMatch(/live\/SE\*\*\*: the stream has ended$/);
  });

  it.each([
    ['TEARDOWN', 'ended'],
    ['REDIRECT', 'elsewhere'],
  ])('is told when the server says %s', async (method, words) => {
    const { source, visit } = await play();
    visit.socket.write(`${method} rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n`);
    expect((await faultOf(source)).message).toContain(words);
  });

  it('is garbage', async () => {
    const { source, visit } = await play();
    visit.socket.write(Buffer.alloc(80_000, 7));
    expect(await faultOf(source)).toMatchObject({ kind: 'garbage' });
  });

  it('is ours to tell, once', async () => {
    const { source, visit } = await play();
    source.close();
    source.close();
    await vi.waitFor(() => expect(visit.methods().slice(5)).toEqual(['TEARDOWN']));
    await vi.waitFor(() => expect(visit.socket.readableEnded || visit.socket.destroyed).toBe(true));
  });
});

describe('keeping an RTSP source alive', () => {
  const session = (timeout: number): RtspScript =>
    at('SETUP', (visit, request) => {
      const transport = headerOf(request.message, 'transport') ?? '';
      visit.answer(request, '200 OK', { Transport: transport, Session: `abc;timeout=${timeout}` });
    });

  it('asks at half of what the server allows, and not before', async () => {
    let nowMs = 0;
    const { source, visit } = await play({ script: session(20), now: () => nowMs });
    nowMs = 9_900;
    visit.frame(0, key(1, 0));
    await read(source, 2);
    nowMs = 10_000;
    expect(await asked(source, visit, 6)).toEqual(['GET_PARAMETER']);
    nowMs = 20_000;
    expect(await asked(source, visit, 7)).toEqual(['GET_PARAMETER', 'GET_PARAMETER']);
    expect(visit.asked.at(-1)?.message.headers.get('session')).toEqual(['abc']);
  });

  it('asks as often as the server wants that tells it for one track only', async () => {
    let nowMs = 0;
    const script = at('SETUP', (visit, request) => {
      const transport = headerOf(request.message, 'transport') ?? '';
      const isFirst = visit.methods().filter(method => method === 'SETUP').length === 1;
      visit.answer(request, '200 OK', { Transport: transport, Session: isFirst ? 'abc;timeout=4' : 'abc' });
    });
    const { source, visit } = await play({ script, now: () => nowMs });
    nowMs = 2_000;
    expect(await asked(source, visit, 6)).toEqual(['GET_PARAMETER']);
  });

  it('asks by OPTIONS for good where GET_PARAMETER is refused', async () => {
    let nowMs = 0;
    const script: RtspScript = (visit, request) => {
      if (request.method === 'GET_PARAMETER') visit.answer(request, '405 Method Not Allowed');
      return request.method === 'GET_PARAMETER';
    };
    const { server, source, visit } = await play({ script, now: () => nowMs });
    nowMs = 30_000;
    await asked(source, visit, 6);
    visit.frame(0, key(1, 0));
    await read(source, 2);
    nowMs = 60_000;
    expect(await asked(source, visit, 7)).toEqual(['GET_PARAMETER', 'OPTIONS']);
    const next = await pull(server, () => nowMs);
    nowMs = 90_000;
    expect(await asked(next, server.visit, 6)).toEqual(['OPTIONS']);
  });

  it('asks by OPTIONS the next time where GET_PARAMETER made the server hang up', async () => {
    let nowMs = 0;
    const script = at('GET_PARAMETER', visit => visit.socket.end());
    const { server, source } = await play({ script, now: () => nowMs });
    nowMs = 30_000;
    expect(await faultOf(source)).toMatchObject({ kind: 'closed' });
    const next = await pull(server, () => nowMs);
    nowMs = 60_000;
    expect(await asked(next, server.visit, 6)).toEqual(['OPTIONS']);
  });

  it('asks by OPTIONS where the server does not list GET_PARAMETER', async () => {
    let nowMs = 0;
    const script = at('OPTIONS', (visit, request) =>
      visit.answer(request, '200 OK', { Public: 'DESCRIBE, SETUP, PLAY' }),
    );
    const { source, visit } = await play({ script, now: () => nowMs });
    nowMs = 30_000;
    expect(await asked(source, visit, 6)).toEqual(['OPTIONS']);
  });

  it('proves anew who it is where the nonce has grown stale', async () => {
    let nowMs = 0;
    const proofs: string[] = [];
    let nonce = 1;
    const script: RtspScript = (visit, request) => {
      const given = headerOf(request.message, 'authorization') ?? '';
      if (request.method === 'GET_PARAMETER') proofs.push(/nonce="(\w*)"/.exec(given)?.[1] ?? '');
      if (given.includes(`nonce="n${nonce}"`)) return false;
      const stale = given === '' ? '' : ', stale=true';
      visit.answer(request, '401 Unauthorized', {
        'WWW-Authenticate': `Digest realm="cam", nonce="n${nonce}"${stale}`,
      });
      return true;
    };
    const { source } = await play({ script, now: () => nowMs, userinfo: 'a:b' });
    nonce = 2;
    nowMs = 30_000;
    await vi.waitFor(() => {
      readOnce(source);
      expect(proofs).toEqual(['n1', 'n2']);
    });
    nowMs = 59_999;
    readOnce(source);
    expect(proofs).toHaveLength(2);
  });

  it('answers what the server asks', async () => {
    const { source, visit } = await play();
    const answers: string[] = [];
    visit.socket.on('data', bytes => answers.push(String(bytes)));
    visit.socket.write('OPTIONS * RTSP/1.0\r\nCSeq: 31\r\n\r\nDANCE x RTSP/1.0\r\nCSeq: 32\r\n\r\n');
    await vi.waitFor(() => {
      readOnce(source);
      expect(answers.join('')).toBe(
        'RTSP/1.0 200 OK\r\nCSeq: 31\r\n\r\nRTSP/1.0 501 Not Implemented\r\nCSeq: 32\r\n\r\n',
      );
    });
  });
});
