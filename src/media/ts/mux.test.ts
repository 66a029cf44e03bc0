import { describe, expect, it } from 'vitest';
import { avcConfig } from '../codec/avc-config.ts';
import { opusHead } from '../codec/opus.ts';
import { Fault } from '../fault.ts';
import {
  aacHeader,
  av1Header,
  avcHeader,
  mp3Head,
  OPUS_HEAD,
  opusHeader,
  putAvcHead,
  putHevcHead,
} from '../flv/body.ts';
import { Encoded } from '../outlet.ts';
import { Batch, type PacketKind } from '../packet.ts';
import { TsDemuxer } from './demux.ts';
import { TsWriter } from './mux.ts';
import { TS_PACKET_BYTES } from './packets.ts';
import { OTHER_SPS, PPS, SPS, slice } from './scripted-stream.ts';

interface Given {
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly body: Buffer;
}

const AVC: Given = { kind: 'videoHeader', dtsMs: 0, body: avcHeader(avcConfig([SPS], [PPS])) };
const AAC: Given = { kind: 'audioHeader', dtsMs: 0, body: aacHeader(Buffer.of(0x11, 0x90)) };

const lengthPrefixed = (unit: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return Buffer.concat([length, unit]);
};

function picture(
  kind: 'key' | 'inter' | 'disposable',
  dtsMs: number,
  more: { cts?: number; bytes?: number } = {},
): Given {
  const { cts = 0, bytes = 300 } = more;
  const head = Buffer.alloc(5);
  putAvcHead(head, 0, kind === 'key', cts);
  return { kind, dtsMs, body: Buffer.concat([head, lengthPrefixed(slice(kind, bytes, dtsMs))]) };
}

const sound = (dtsMs: number, bytes = 200): Given => {
  const body = Buffer.concat([Buffer.of(0xaf, 1), Buffer.alloc(bytes, 1 + (dtsMs % 200))]);
  return { kind: 'audio', dtsMs, body };
};

function batchOf(given: readonly Given[], cutEvery = Number.POSITIVE_INFINITY): Batch {
  const batch = new Batch();
  for (const { kind, dtsMs, body } of given) {
    const packet = batch.next();
    packet.reset(kind, dtsMs);
    for (let at = 0; at < body.length; at += cutEvery) packet.addSpan(body, at, Math.min(body.length, at + cutEvery));
  }
  return batch;
}

function mux(given: readonly Given[], writer = new TsWriter(), cutEvery?: number): Buffer {
  const out = new Encoded(16);
  writer.encode(batchOf(given, cutEvery), out);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

/** What a reader makes of it, headers left out; times from the first one on. */
function read(bytes: Buffer): { readonly seen: Given[]; readonly headers: Buffer[]; readonly demuxer: TsDemuxer } {
  const demuxer = new TsDemuxer();
  const batch = new Batch();
  demuxer.push(bytes, batch);
  demuxer.end(batch);
  const all = batch.packets.slice(0, batch.count).map(packet => {
    return { kind: packet.kind, dtsMs: packet.dtsMs - 400, body: packet.copyPayload() };
  });
  const isHeader = ({ kind }: Given): boolean => kind === 'videoHeader' || kind === 'audioHeader';
  return { seen: all.filter(one => !isHeader(one)), headers: all.filter(isHeader).map(({ body }) => body), demuxer };
}

const bySide = (given: readonly Given[], side: 'audio' | 'video'): Given[] =>
  given.filter(({ kind }) => (kind === 'audio') === (side === 'audio') && !kind.endsWith('Header'));

/** Two seconds with B-frames and sound. */
function scene(): Given[] {
  const pictures = Array.from({ length: 50 }, (_, i) => {
    const kind = i % 25 === 0 ? 'key' : i % 3 === 1 ? 'inter' : 'disposable';
    return picture(kind, i * 40, { cts: kind === 'disposable' ? 0 : 80, bytes: 150 + ((i * 977) % 3_000) });
  });
  const sounds = Array.from({ length: 93 }, (_, i) => sound(Math.round((i * 1024) / 48), 100 + ((i * 37) % 300)));
  return [AVC, AAC, ...[...pictures, ...sounds].sort((one, other) => one.dtsMs - other.dtsMs)];
}

describe('a transport stream writer', () => {
  it('is understood by the reader: every frame, byte for byte, at its time', () => {
    const given = scene();
    const { seen, headers, demuxer } = read(mux(given));
    expect(bySide(seen, 'video')).toEqual(bySide(given, 'video'));
    expect(bySide(seen, 'audio')).toEqual(bySide(given, 'audio'));
    expect(headers).toEqual(expect.arrayContaining([AVC.body, AAC.body]));
    expect(demuxer.counts).toEqual({ continuity: 0, damaged: 0 });
  });

  it('writes the same whatever pieces the frames lie in, and over however many batches they come', () => {
    const given = scene();
    const whole = mux(given);
    expect(mux(given, new TsWriter(), 7).equals(whole)).toBe(true);
    const writer = new TsWriter();
    expect(Buffer.concat(given.map(one => mux([one], writer))).equals(whole)).toBe(true);
  });

  it('says behind each packet where it ends, on the boundary of a transport packet', () => {
    const out = new Encoded(16);
    const given = scene();
    new TsWriter().encode(batchOf(given), out);
    expect(out.ends).toHaveLength(given.length);
    expect(out.ends.every((end, i) => end % TS_PACKET_BYTES === 0 && end >= (out.ends[i - 1] ?? 0))).toBe(true);
    expect(out.ends.at(-1)).toBe(out.length);
  });

  it('cuts frames of every length to packets without a byte too many', () => {
    for (let bytes = 1; bytes < 600; bytes++) {
      const given = [AVC, AAC, picture('key', 0, { bytes }), sound(10, bytes)];
      const { seen } = read(mux(given));
      expect([...bySide(seen, 'video'), ...bySide(seen, 'audio')]).toEqual(given.slice(2));
    }
  });

  it('repeats parameter sets and tables at every key frame, so that a receiver may join there', () => {
    const writer = new TsWriter();
    mux([AVC, AAC, picture('key', 0)], writer);
    const later = mux([sound(980), picture('key', 1_000), sound(1_001), picture('inter', 1_040)], writer);
    const { seen, headers } = read(later);
    expect(seen.map(({ kind }) => kind)).toContain('key');
    expect(headers.some(header => header.equals(AVC.body))).toBe(true);
  });

  it('tells the clock at least ten times a second, also where pictures are rare or there are none', () => {
    const clocksOf = (bytes: Buffer): number[] => {
      const clocks: number[] = [];
      for (let at = 0; at < bytes.length; at += TS_PACKET_BYTES) {
        const hasClock = ((bytes[at + 3] as number) & 0x20) !== 0 && (bytes[at + 4] as number) > 0;
        if (!hasClock || ((bytes[at + 5] as number) & 0x10) === 0) continue;
        clocks.push((bytes.readUInt32BE(at + 6) * 2 + ((bytes[at + 10] as number) >> 7)) / 90);
      }
      return clocks;
    };
    const sounds = Array.from({ length: 100 }, (_, i) => sound(i * 21));
    const slides = [AVC, AAC, picture('key', 0), ...sounds, picture('inter', 2_100)];
    for (const bytes of [mux(slides), mux([AAC, ...sounds])]) {
      const clocks = clocksOf(bytes);
      expect(clocks.length).toBeGreaterThan(20);
      expect(Math.max(...clocks.map((at, i) => at - (clocks[i - 1] ?? at)))).toBeLessThanOrEqual(105);
    }
  });

  it('goes over the end of the 33 bits', () => {
    const wrapMs = 2 ** 33 / 90;
    const given = [
      AVC,
      AAC,
      ...Array.from({ length: 30 }, (_, i) => picture(i === 0 ? 'key' : 'inter', Math.round(wrapMs) - 600 + i * 40)),
    ];
    const { seen } = read(mux(given));
    const times = seen.map(({ dtsMs }) => dtsMs);
    expect(
      times
        .map((at, i) => at - (times[i - 1] ?? at))
        .slice(1)
        .every(step => step === 40),
    ).toBe(true);
  });

  it('tells of another map when the codec of a track changes', () => {
    const writer = new TsWriter();
    const mp3 = Buffer.concat([mp3Head(44_100, 2), Buffer.from('fffb9064', 'hex'), Buffer.alloc(413, 5)]);
    const bytes = Buffer.concat([
      mux([AVC, AAC, picture('key', 0), sound(10)], writer),
      mux([{ ...AVC, body: avcHeader(avcConfig([OTHER_SPS], [PPS])) }, picture('key', 40)], writer),
    ]);
    expect(read(bytes).headers.map(header => header.toString('hex'))).toEqual(
      expect.arrayContaining([avcHeader(avcConfig([OTHER_SPS], [PPS])).toString('hex')]),
    );
    const plain = mux([
      AVC,
      picture('key', 0),
      { kind: 'audio', dtsMs: 10, body: mp3 },
      { kind: 'audio', dtsMs: 36, body: mp3 },
    ]);
    expect(read(plain).seen.some(({ kind, body }) => kind === 'audio' && body.equals(mp3))).toBe(true);
  });

  it('carries Opus', () => {
    const frame = Buffer.concat([OPUS_HEAD, Buffer.of(0xfc), Buffer.alloc(600, 7)]);
    const header: Given = { kind: 'audioHeader', dtsMs: 0, body: opusHeader(opusHead(2)) };
    const { seen } = read(
      mux([header, { kind: 'audio', dtsMs: 0, body: frame }, { kind: 'audio', dtsMs: 20, body: frame }]),
    );
    expect(seen).toEqual([
      { kind: 'audio', dtsMs: 0, body: frame },
      { kind: 'audio', dtsMs: 20, body: frame },
    ]);
  });

  it('names what it cannot carry', () => {
    const faultOf = (given: Given): string => {
      try {
        mux([given]);
      } catch (error) {
        if (error instanceof Fault) return `${error.side} ${error.kind}: ${error.message}`;
      }
      return 'none';
    };
    const unsaid = 'push unsupported: a transport stream cannot carry';
    expect(faultOf({ ...AVC, body: av1Header(Buffer.alloc(4)) })).toBe(`${unsaid} AV1`);
    expect(faultOf({ ...AAC, body: aacHeader(Buffer.of(0x17, 0x80, 0, 0, 0)) })).toContain(
      `${unsaid} AAC of object type`,
    );
    expect(faultOf({ ...AVC, body: avcHeader(Buffer.alloc(3)) })).toContain('without readable parameter sets');
    const hevcHead = Buffer.alloc(8);
    putHevcHead(hevcHead, 0, true, 0);
    expect(faultOf({ kind: 'audio', dtsMs: 0, body: Buffer.of(0xb0, 1, 2, 3) })).toBe(`${unsaid} Speex`);
  });
});
