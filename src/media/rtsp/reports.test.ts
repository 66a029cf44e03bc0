import { afterEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import { openSource } from '../open.ts';
import { Batch, type PacketKind, type Source } from '../packet.ts';
import { datagramsOnly, type RtspScript, type RtspVisit, rtp, ScriptedRtsp, senderReport } from './scripted-server.ts';

const SETS = 'Z01ADeygoP2AiAAAAwAIAAADAZB4oUyw,aOvssiw=';
const SDP = `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=${SETS}\r\n`;
const dialler = new Dialler({ preset: 'lab' });
const opened: { close: () => unknown }[] = [];
let nowMs = 0;

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

interface Heard {
  readonly channel: number;
  readonly bytes: Buffer;
}

async function play(script?: RtspScript): Promise<{ source: Source; visit: RtspVisit; framed: Heard[] }> {
  nowMs = 0;
  const framed: Heard[] = [];
  const server = await ScriptedRtsp.listen({
    sdp: SDP,
    ...(script === undefined ? {} : { script }),
    onFrame: (_, channel, bytes) => framed.push({ channel, bytes }),
  });
  const options = { dialler, signal: new AbortController().signal, now: () => nowMs };
  const source = await openSource(server.url('live/SECRETKEY'), options);
  opened.push(server, source);
  return { source, visit: server.visit, framed };
}

const batch = new Batch();

function readOnce(source: Source): PacketKind[] {
  batch.clear();
  source.read(batch);
  return batch.packets.slice(0, batch.count).map(({ kind }) => kind);
}

async function read(source: Source, count: number): Promise<PacketKind[]> {
  const kinds: PacketKind[] = [];
  await vi.waitFor(() => {
    kinds.push(...readOnce(source));
    expect(kinds.length).toBeGreaterThanOrEqual(count);
  });
  return kinds;
}

const key = (sequence: number): Buffer =>
  rtp({ sequence, timestamp: sequence * 3_600, marker: true, ssrc: 7 }, Buffer.from('6588aa', 'hex'));
const inter = (sequence: number): Buffer =>
  rtp({ sequence, timestamp: sequence * 3_600, marker: true, ssrc: 7 }, Buffer.from('419abb', 'hex'));

/** Who is told of, the highest number, and how much was lost. */
const told = (bytes: Buffer | undefined) =>
  bytes === undefined ? undefined : [bytes[1], bytes.readUInt32BE(8), bytes.readUInt32BE(16), bytes.readIntBE(13, 3)];

describe('a sender', () => {
  it('is told over the connection every five seconds what has come', async () => {
    const { source, visit, framed } = await play();
    for (const packet of [key(1), inter(2), inter(4)]) visit.frame(0, packet);
    await read(source, 3);
    nowMs = 4_999;
    readOnce(source);
    nowMs = 5_000;
    readOnce(source);
    await vi.waitFor(() => expect(framed.map(({ channel }) => channel)).toEqual([1]));
    expect(told(framed[0]?.bytes)).toEqual([201, 7, 4, 1]);
    nowMs = 10_000;
    readOnce(source);
    await vi.waitFor(() => expect(framed).toHaveLength(2));
  });

  it('is told which of its own reports came, and how long ago', async () => {
    const { source, visit, framed } = await play();
    const wallMs = 3_900_000_000_250;
    visit.frame(1, senderReport(wallMs, 0, 7));
    visit.frame(0, key(1));
    await read(source, 2);
    nowMs = 5_000;
    readOnce(source);
    await vi.waitFor(() => expect(framed).toHaveLength(1));
    const middle = ((3_900_000_000 % 65_536) * 65_536 + 0x4000) % 2 ** 32;
    expect([framed[0]?.bytes.readUInt32BE(24), framed[0]?.bytes.readUInt32BE(28)]).toEqual([middle, 5 * 65_536]);
  });

  it('is told nothing while nothing has come', async () => {
    const { source, framed, visit } = await play();
    nowMs = 30_000;
    readOnce(source);
    await vi.waitFor(() => expect(visit.methods().at(-1)).toBe('GET_PARAMETER'));
    expect(framed).toEqual([]);
  });

  it('is told in datagrams what has come in datagrams, and the way is kept open', async () => {
    const { source, visit } = await play(datagramsOnly);
    await vi.waitFor(() => expect(visit.heard.map(({ channel }) => channel).sort()).toEqual([0, 1]));
    visit.frame(0, key(1));
    await read(source, 2);
    nowMs = 5_000;
    readOnce(source);
    await vi.waitFor(() => expect(visit.heard).toHaveLength(4));
    expect(told(visit.heard.slice(2).find(({ channel }) => channel === 1)?.bytes)).toEqual([201, 7, 1, 0]);
  });
});

describe('media in datagrams', () => {
  it('goes on at a key frame behind what was lost, and comes in order', async () => {
    const { source, visit } = await play(datagramsOnly);
    for (const packet of [key(1), inter(3), inter(2), inter(5), inter(6)]) visit.frame(0, packet);
    expect(await read(source, 4)).toEqual(['videoHeader', 'key', 'inter', 'inter']);
    await vi.waitFor(() => expect(source.bytesIn).toBeGreaterThan(5 * 15));
    nowMs = 1_000;
    expect(readOnce(source)).toEqual([]);
    visit.frame(0, key(7));
    expect(await read(source, 1)).toEqual(['key']);
  });

  it('is waited for four seconds, and then the fault names who may be in the way', async () => {
    const { source, visit } = await play(datagramsOnly);
    nowMs = 3_999;
    expect(readOnce(source)).toEqual([]);
    visit.frame(1, senderReport(3_900_000_000_000, 0, 7));
    nowMs = 4_000;
    expect(() => readOnce(source)).toThrow(Fault);
    expect(() => readOnce(source)).toThrow(/live\/SE\*\*\*: no RTP came over UDP within 4 s; a firewall\?$/);
  });

  it('may be silent for longer where some has come', async () => {
    const { source, visit } = await play(datagramsOnly);
    visit.frame(0, key(1));
    await read(source, 2);
    nowMs = 60_000;
    expect(readOnce(source)).toEqual([]);
  });

  it('ends with the connection that it was asked for over', async () => {
    const { source, visit } = await play(datagramsOnly);
    visit.socket.end();
    await vi.waitFor(() => expect(() => readOnce(source)).toThrow(Fault));
  });

  it('ends when its sender has left', async () => {
    const { source, visit } = await play(datagramsOnly);
    visit.frame(1, Buffer.from('81cb000100000007', 'hex'));
    await vi.waitFor(() => expect(() => readOnce(source)).toThrow('the stream has ended'));
  });

  it('is said good-bye to, and its ports are given back', async () => {
    const { source, visit } = await play(datagramsOnly);
    const count = (): number => process.getActiveResourcesInfo().filter(name => name === 'UDPWrap').length;
    const before = count();
    source.close();
    await vi.waitFor(() => expect(visit.methods().at(-1)).toBe('TEARDOWN'));
    await vi.waitFor(() => expect(count()).toBeLessThanOrEqual(before - 2));
  });
});
