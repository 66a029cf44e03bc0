import { afterEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openSource, type SourceOptions } from '../open.ts';
import { Batch, Packet, type PacketKind, type Source } from '../packet.ts';
import type { Referral } from '../referral.ts';
import { MessageType, pingRequest, streamEof } from './message.ts';
import { at, type Received, type Script, ScriptedServer } from './scripted-server.ts';

const servers: ScriptedServer[] = [];
const sources: Source[] = [];

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  for (const server of servers.splice(0)) await server.close();
});

async function play(
  script?: Script,
  more: Pick<SourceOptions, 'referred'> = {},
): Promise<{ server: ScriptedServer; source: Source }> {
  const server = await ScriptedServer.listen(script === undefined ? {} : { script });
  servers.push(server);
  const dialler = new Dialler({ preset: 'lab' });
  const source = await openSource(server.url('live/SECRETKEY'), {
    ...more,
    dialler,
    signal: new AbortController().signal,
  });
  sources.push(source);
  return { server, source };
}

/** Media whose every byte tells which packet it belongs to. */
function media(kind: PacketKind, dtsMs: number, bytes = 50): Packet {
  const payload = Buffer.alloc(bytes, dtsMs & 0xff);
  const heads = { key: [0x17, 1], inter: [0x27, 1], audio: [0xaf, 1], videoHeader: [0x17, 0], audioHeader: [0xaf, 0] };
  Buffer.from(kind in heads ? heads[kind as keyof typeof heads] : [0x27, 1]).copy(payload);
  const packet = new Packet();
  packet.reset(kind, dtsMs);
  packet.addSpan(payload, 0, bytes);
  return packet;
}

const batch = new Batch();

function readOnce(source: Source): Received[] {
  batch.clear();
  source.read(batch);
  return batch.packets
    .slice(0, batch.count)
    .map(packet => ({ kind: packet.kind, dtsMs: packet.dtsMs, payload: packet.copyPayload() }));
}

async function read(source: Source, count: number): Promise<Received[]> {
  const got: Received[] = [];
  await vi.waitFor(
    () => {
      got.push(...readOnce(source));
      expect(got.length).toBeGreaterThanOrEqual(count);
    },
    { timeout: 5000, interval: 2 },
  );
  return got;
}

async function faultOf(source: Source): Promise<Fault> {
  let fault: unknown;
  await vi.waitFor(
    () => {
      try {
        readOnce(source);
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(Fault);
    },
    { timeout: 5000, interval: 2 },
  );
  return fault as Fault;
}

describe('an RTMP source', () => {
  it('tells where its server sends it, and goes on', async () => {
    const told: Referral[] = [];
    const { server, source } = await play(undefined, { referred: to => told.push(to) });
    const status = { level: 'status', code: 'NetConnection.Connect.ReconnectRequest', tcUrl: '/other' };
    server.visit.command(['onStatus', 0, null, status]);
    server.visit.media([media('key', 0)]);
    expect(await read(source, 1)).toHaveLength(1);
    expect(told).toEqual([{ url: server.url('other/SECRETKEY'), isSameServer: true, words: '' }]);
  });

  it('hands over what has come, in order', async () => {
    const { server, source } = await play();
    server.visit.media([media('videoHeader', 0), media('key', 0), media('audio', 10), media('inter', 40)]);
    const got = await read(source, 4);
    expect(got.map(({ kind }) => kind)).toEqual(['videoHeader', 'key', 'audio', 'inter']);
    expect(got[3]?.payload.equals(media('inter', 40).copyPayload())).toBe(true);
    expect(source.bytesIn).toBeGreaterThan(200);
  });

  it('loses nothing that comes in one piece with the answer to play', async () => {
    const { source } = await play(
      at('play', visit => {
        visit.socket.cork();
        visit.status('NetStream.Play.Start');
        visit.media([media('key', 0), media('audio', 10)]);
        const cut = visit.mediaBytes(media('inter', 40, 9000));
        visit.socket.write(cut.subarray(0, 5000));
        visit.socket.uncork();
        visit.socket.write(cut.subarray(5000));
      }),
    );
    const got = await read(source, 3);
    expect(got.map(({ kind }) => kind)).toEqual(['key', 'audio', 'inter']);
    expect(got[2]?.payload.equals(media('inter', 40, 9000).copyPayload())).toBe(true);
  });

  it('takes media for a yes, from servers that say nothing else', async () => {
    const { source } = await play(at('play', visit => visit.media([media('key', 0)])));
    expect((await read(source, 1))[0]?.kind).toBe('key');
  });

  it('reads far more than one buffer of it, also where messages are cut by the buffer', async () => {
    const { server, source } = await play();
    const sent = Array.from({ length: 300 }, (_, i) => media(i === 0 ? 'key' : 'inter', i, 7000 + i * 13));
    server.visit.media(sent);
    const got = await read(source, sent.length);
    expect(got).toHaveLength(300);
    for (const [i, packet] of sent.entries()) expect(got[i]?.payload.equals(packet.copyPayload())).toBe(true);
  });

  it('reads no more at once than it is asked for', async () => {
    const { server, source } = await play();
    server.visit.media(Array.from({ length: 100 }, (_, i) => media(i === 0 ? 'key' : 'inter', i, 1_000)));
    await read(source, 1);
    const before = source.bytesIn;
    await vi.waitFor(() => {
      batch.clear();
      source.read(batch, 3_000);
      expect(batch.count).toBeGreaterThan(0);
    });
    expect(source.bytesIn - before).toBeLessThanOrEqual(3_000);
  });

  it('answers pings and acknowledges while media comes', async () => {
    const { server, source } = await play();
    server.visit.control(MessageType.userControl, pingRequest(77));
    server.visit.media(Array.from({ length: 60 }, (_, i) => media('inter', i, 50_000)));
    await read(source, 60);
    const types = (): number[] => server.visit.messages.map(({ type }) => type);
    const pongs = () => server.visit.messages.filter(({ type, payload }) => type === 4 && payload[1] === 7);
    await vi.waitFor(() => {
      readOnce(source);
      expect(types()).toContain(MessageType.acknowledgement);
      expect(pongs()).toHaveLength(1);
    });
  });

  it('tells the end of the connection behind the media, also in the middle of a message', async () => {
    const { server, source } = await play();
    server.visit.media([media('key', 0)]);
    server.visit.socket.end(server.visit.mediaBytes(media('inter', 40, 9000)).subarray(0, 5000));
    expect(await read(source, 1)).toHaveLength(1);
    expect(await faultOf(source)).toMatchObject({ side: 'pull', kind: 'closed' });
  });

  it('tells a reset', async () => {
    const { server, source } = await play();
    server.visit.socket.resetAndDestroy();
    expect(await faultOf(source)).toMatchObject({ side: 'pull', kind: 'closed' });
  });

  it.each([
    ['NetStream.Play.Stop', 'status'],
    ['NetStream.Play.UnpublishNotify', 'status'],
    ['NetStream.Play.Failed', 'error'],
  ])('ends with %s', async (code, level) => {
    const { server, source } = await play();
    server.visit.media([media('key', 0)]);
    server.visit.status(code, { level, description: 'SECRETKEY is gone' });
    expect(await read(source, 1)).toHaveLength(1);
    const fault = await faultOf(source);
    expect(fault).toMatchObject({ kind: 'closed', message: expect.stringContaining(`${code} *** is gone`) });
    expect(fault.message).not.toContain('SECRETKEY');
  });

  it('ends with the stream', async () => {
    const { server, source } = await play();
    server.visit.control(MessageType.userControl, streamEof(1));
    expect((await faultOf(source)).message).toContain('the stream has ended');
  });

  it('does not end with statuses that mean nothing', async () => {
    const { server, source } = await play();
    server.visit.status('NetStream.Play.PublishNotify');
    server.visit.status('NetStream.Data.Start');
    server.visit.media([media('key', 0)]);
    expect(await read(source, 1)).toHaveLength(1);
  });

  it('tells garbage', async () => {
    const { server, source } = await play();
    server.visit.socket.write(Buffer.alloc(2000, 0xff));
    expect((await faultOf(source)).kind).toBe('garbage');
  });

  it('tells a flood of pings, each of which wants an answer', async () => {
    const { server, source } = await play();
    server.visit.socket.cork();
    for (let i = 0; i < 3000; i++) server.visit.control(MessageType.userControl, pingRequest(i));
    server.visit.socket.uncork();
    expect(await faultOf(source)).toMatchObject({ kind: 'garbage', message: expect.stringContaining('floods') });
  });

  it('closes the connection, more than once without complaint', async () => {
    const { server, source } = await play();
    source.close();
    source.close();
    await vi.waitFor(() => expect(server.visit.ended).toBe(true));
  });
});
