import { describe, expect, it } from 'vitest';
import { LastGroup } from './last-group.ts';
import { Loop } from './loop.ts';
import { Batch, Packet, type PacketKind } from './packet.ts';
import { ScriptedItem } from './scripted-item.ts';
import { Silence } from './silence.ts';
import { loadStrip, type Strip } from './strip.ts';

const AAC_HEADER = Buffer.of(0xaf, 0, 0x11, 0x90);

function packetOf(kind: PacketKind, dtsMs: number): Packet {
  const packet = new Packet();
  packet.reset(kind, dtsMs);
  packet.addSpan(Buffer.from(`${kind} ${dtsMs}`), 0, `${kind} ${dtsMs}`.length);
  return packet;
}

const stripOf = (count: number, more: Partial<Strip> = {}): Strip => ({
  packets: Array.from({ length: count }, (_, i) => packetOf(i === 0 ? 'key' : 'inter', 7_000 + i * 40)),
  lengthMs: count * 40,
  headers: { video: Buffer.from('video'), audio: undefined },
  ...more,
});

/** What it gives, tick by tick, in so much time. */
function play(strip: Strip, ms: number, silence?: Silence) {
  let nowMs = 500;
  const loop = new Loop(strip, { now: () => nowMs, silence });
  const batch = new Batch();
  const out: { kind: PacketKind; dtsMs: number; text: string }[] = [];
  for (; nowMs <= 500 + ms; nowMs += 50) {
    batch.clear();
    loop.read(batch);
    for (const packet of batch.packets.slice(0, batch.count)) {
      out.push({ kind: packet.kind, dtsMs: packet.dtsMs, text: packet.copyPayload().toString() });
    }
  }
  return out;
}

describe('a loop', () => {
  it('shows its strip over and over in real time, from its key frame on, behind the codec headers', () => {
    const out = play(stripOf(50), 10_000);
    expect(out[0]).toEqual({ kind: 'videoHeader', dtsMs: 0, text: 'video' });
    const pictures = out.slice(1);
    expect(pictures).toHaveLength(251);
    expect(pictures.map(({ dtsMs }) => dtsMs)).toEqual(pictures.map((_, i) => i * 40));
    expect(pictures.filter(({ kind }) => kind === 'key').map(({ dtsMs }) => dtsMs)).toEqual([
      0, 2_000, 4_000, 6_000, 8_000, 10_000,
    ]);
  });

  it('stands still at the end of a strip that is shorter than a second', () => {
    const out = play(stripOf(3), 5_000).slice(1);
    expect(out.map(({ dtsMs }) => dtsMs).slice(0, 6)).toEqual([0, 40, 80, 1_000, 1_040, 1_080]);
  });

  it('has silence in step where it has no sound', () => {
    const out = play(stripOf(50), 10_000, new Silence(AAC_HEADER));
    expect(out[1]).toMatchObject({ kind: 'audioHeader', text: AAC_HEADER.toString() });
    const sounds = out.filter(({ kind }) => kind === 'audio').map(({ dtsMs }) => dtsMs);
    expect(sounds).toHaveLength(469);
    expect(
      sounds.every((at, i) => i === 0 || (at - (sounds[i - 1] ?? 0) >= 21 && at - (sounds[i - 1] ?? 0) <= 22)),
    ).toBe(true);
  });
});

describe('the last group', () => {
  const batchOf = (...given: readonly (readonly [PacketKind, number])[]): Batch => {
    const batch = new Batch();
    for (const [kind, dtsMs] of given) batch.next().show(packetOf(kind, dtsMs), dtsMs);
    return batch;
  };
  const headers = { video: undefined, audio: undefined };
  const words = (strip: Strip | undefined): string[] | undefined =>
    strip?.packets.map(packet => packet.copyPayload().toString());
  const group = (fromMs: number, count: number): Batch =>
    batchOf(...Array.from({ length: count }, (_, i) => [i === 0 ? 'key' : 'inter', fromMs + i * 100] as const));

  it('is the pictures since the last key frame, without sound and headers', () => {
    const last = new LastGroup({ bytes: 100_000, ms: 10_000 });
    expect(last.strip(headers)).toBeUndefined();
    last.append(batchOf(['inter', 0], ['videoHeader', 0], ['key', 100], ['audio', 110]));
    last.append(group(1_000, 7));
    last.append(batchOf(['audio', 1_650], ['disposable', 1_700]));
    expect(words(last.strip(headers))).toEqual([
      ...['key 1000', 'inter 1100', 'inter 1200', 'inter 1300', 'inter 1400', 'inter 1500', 'inter 1600'],
      'disposable 1700',
    ]);
    expect(last.strip(headers)?.lengthMs).toBe(800);
  });

  it('is the one before that where the newest has just begun', () => {
    const last = new LastGroup({ bytes: 100_000, ms: 10_000 });
    last.append(group(1_000, 10));
    last.append(group(2_000, 3));
    expect(words(last.strip(headers))?.[0]).toBe('key 1000');
    last.append(batchOf(['inter', 2_300], ['inter', 2_400], ['inter', 2_500]));
    expect(words(last.strip(headers))?.[0]).toBe('key 2000');
  });
});

describe('a strip', () => {
  const sleep = async (): Promise<void> => {};
  const { signal } = new AbortController();

  it('is a short file as a whole', async () => {
    const strip = await loadStrip(new ScriptedItem({ name: 'a', seconds: 4 }), { sleep, signal, name: 'a' });
    expect(strip.packets.filter(({ kind }) => kind !== 'audio')).toHaveLength(100);
    expect(strip.lengthMs).toBeCloseTo(4_000, 0);
    expect(strip.headers.video?.toString()).toBe('video ');
    expect(strip.packets[10]?.copyPayload().toString()).toMatch(/^a /);
  });

  it('is the first minute of a long one', async () => {
    const strip = await loadStrip(new ScriptedItem({ name: 'a', seconds: 600 }), { sleep, signal, name: 'a' });
    expect(strip.lengthMs).toBeCloseTo(60_000, 0);
  });
});
