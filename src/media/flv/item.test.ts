import { describe, expect, it } from 'vitest';
import { flvOf, type Kept, playAll, videoIn } from '../../../test/lab/packets.ts';
import { Fault } from '../fault.ts';
import { ScriptedBytes } from '../file/scripted-bytes.ts';
import { Batch } from '../packet.ts';
import { encodeAmf0 } from '../rtmp/amf0.ts';
import { FlvDemuxer } from './demux.ts';
import { openFlv } from './item.ts';

const signal = AbortSignal.timeout(60_000);
const RECORD = Buffer.from(
  '01640015ffe1001a67640015acd941e08feb011000000300100000030320f162d96001000668ebe3cb22c0fdf8f800',
  'hex',
);
const VIDEO_HEADER = Buffer.concat([Buffer.of(0x17, 0, 0, 0, 0), RECORD]);
const AUDIO_HEADER = Buffer.of(0xaf, 0, 0x11, 0x90);
const HEADERS: readonly Kept[] = [
  { kind: 'videoHeader', dtsMs: 0, body: VIDEO_HEADER },
  { kind: 'audioHeader', dtsMs: 0, body: AUDIO_HEADER },
];

/** A second of frames from `startMs` on, a key frame at each second. */
function frames(seconds: number, startMs = 0, frameBytes = 200): Kept[] {
  return Array.from({ length: seconds * 25 }, (_, i): Kept[] => {
    const key = i % 25 === 0;
    const slice = Buffer.concat([
      Buffer.of(0, 0, 0, frameBytes, key ? 0x65 : 0x41),
      Buffer.alloc(frameBytes - 1, i + 1),
    ]);
    const body = Buffer.concat([Buffer.of(key ? 0x17 : 0x27, 1, 0, 0, 80), slice]);
    const dtsMs = startMs + i * 40;
    return [
      { kind: key ? 'key' : 'inter', dtsMs, body },
      { kind: 'audio', dtsMs: dtsMs + 5, body: Buffer.concat([Buffer.of(0xaf, 1), Buffer.alloc(30, i + 1)]) },
    ];
  }).flat();
}

const metadata = (facts: Record<string, never> | object): Kept => ({
  kind: 'metadata',
  dtsMs: 0,
  body: encodeAmf0(['onMetaData', facts as never], { ecmaArrays: true }),
});

const shown = (kept: readonly Kept[]): string[] =>
  kept
    .filter(({ kind }) => kind !== 'metadata')
    .map(({ kind, dtsMs, body }) => `${kind}@${dtsMs} ${body.toString('hex')}`);

function demux(pieces: readonly Buffer[]): string[] {
  const batch = new Batch();
  const demuxer = new FlvDemuxer();
  for (const piece of pieces) demuxer.push(piece, batch);
  return batch.packets
    .slice(0, batch.count)
    .map(packet => `${packet.kind}@${packet.dtsMs} ${packet.copyPayload().toString('hex')}`);
}

describe('FLV', () => {
  const kept = [metadata({ duration: 2 }), ...HEADERS, ...frames(2, 1000)];
  const bytes = flvOf(kept);

  it('is read alike however it was cut', () => {
    expect(demux([bytes])).toEqual(shown(kept));
    for (const size of [1, 3, 10, 11, 100, 1000]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(demux(pieces), `pieces of ${size}`).toEqual(shown(kept));
    }
  });

  it('that ends anywhere gives what came before', () => {
    for (let end = 0; end < 3000; end++) {
      const seen = demux([bytes.subarray(0, end)]);
      expect(seen).toEqual(shown(kept).slice(0, seen.length));
    }
  });

  it('with a broken tag is refused by its offset', () => {
    const broken = Buffer.from(bytes);
    const at = flvOf([metadata({ duration: 2 }), ...HEADERS]).length;
    broken[at] = 77;
    expect(() => demux([broken])).toThrow(
      expect.objectContaining({ side: 'pull', kind: 'garbage', message: `no FLV tag stands at byte ${at}` }),
    );
    expect(() => demux([Buffer.from('FLW\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00')])).toThrow('no FLV header');
    expect(() => demux([Buffer.from('464c560105ffffffff00000000', 'hex')])).toThrow('no FLV header');
    broken[at] = 0x29;
    expect(() => demux([broken])).toThrow('encrypted');
  });

  it('with bytes changed at random throws nothing but faults', () => {
    let seed = 3;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 500; round++) {
      const copy = Buffer.from(bytes);
      for (let i = random(20); i >= 0; i--) copy[random(copy.length)] = random(256);
      try {
        demux([copy]);
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }
  });
});

describe('an FLV file', () => {
  it('is played from 0 whatever its clock says', async () => {
    const bytes = new ScriptedBytes(flvOf([metadata({ duration: 2.005 }), ...HEADERS, ...frames(2, 7_000_000)]));
    const item = await openFlv(bytes, { startMs: 0, signal });
    const kept = await playAll(item);
    expect([item.startMs, item.durationMs]).toEqual([0, 2005]);
    expect(kept.slice(0, 5).map(({ kind, dtsMs }) => `${kind}@${dtsMs}`)).toEqual([
      'metadata@0',
      'videoHeader@0',
      'audioHeader@0',
      'key@0',
      'audio@5',
    ]);
    expect(kept).toHaveLength(103);
  });

  it('is played from the key frame before a position, found by a walk', async () => {
    const file = new ScriptedBytes(flvOf([...HEADERS, ...frames(30, 500)]));
    const item = await openFlv(file, { startMs: 20_700, signal });
    const kept = await playAll(item);
    expect(item.startMs).toBe(20_000);
    expect(kept.slice(0, 4).map(({ kind, dtsMs }) => `${kind}@${dtsMs}`)).toEqual([
      'metadata@20000',
      'videoHeader@20000',
      'audioHeader@20000',
      'key@20000',
    ]);
    expect(videoIn(kept)).toHaveLength(250);
  });

  it('is played from a position by its own list of key frames, if that is true', async () => {
    const seconds = Array.from({ length: 300 }, (_, i) => i);
    const all = frames(300);
    const place = (offset: number) =>
      metadata({ duration: 300, keyframes: { times: seconds, filepositions: seconds.map(() => offset) } });
    // Numbers are of one size, so that the head's length is known before its content.
    const headBytes = flvOf([place(0), ...HEADERS]).length;
    const secondBytes = flvOf(all.slice(0, 50)).length - flvOf([]).length;
    const list = (shift: number) =>
      metadata({
        duration: 300,
        keyframes: { times: seconds, filepositions: seconds.map(second => headBytes + second * secondBytes + shift) },
      });
    for (const shift of [0, 3]) {
      const file = new ScriptedBytes(flvOf([list(shift), ...HEADERS, ...all]));
      const item = await openFlv(file, { startMs: 250_500, signal });
      expect(item.startMs, `a list that is ${shift} bytes off`).toBe(250_000);
      expect(videoIn(await playAll(item, { stepMs: 500 }))).toHaveLength(1250);
    }
  });

  it('that cannot be sought is read through up to the position', async () => {
    const file = new ScriptedBytes(flvOf([...HEADERS, ...frames(10)]), { seekable: false });
    const item = await openFlv(file, { startMs: 5_500, signal });
    expect(item.startMs).toBe(5000);
    expect(videoIn(await playAll(item))).toHaveLength(125);
  });

  it('of sound alone begins at the position itself', async () => {
    const sound = frames(10).filter(({ kind }) => kind === 'audio');
    const file = new ScriptedBytes(flvOf([...HEADERS.slice(1), ...sound]));
    const item = await openFlv(file, { startMs: 2_010, signal });
    const kept = await playAll(item);
    expect(item.startMs).toBe(2040);
    expect(kept.map(({ kind }) => kind).slice(0, 3)).toEqual(['metadata', 'audioHeader', 'audio']);
  });
});
