import { beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { box, fragment, movie, u32 } from '../mp4/box-writer.ts';
import type { Movie } from '../mp4/movie.ts';
import { Batch } from '../packet.ts';
import type { Piece } from './aside.ts';
import { FragmentDemuxer } from './fragments.ts';
import { movieIn } from './map.ts';

const MAP = movie({
  tracks: [
    { kind: 'video', sizes: [], each: 40 },
    { kind: 'audio', sizes: [], each: 24 },
  ],
  mvex: true,
});
const VIDEO = { id: 1, kind: 'video', timeUnits: 4000, each: 40, sizes: [60, 20, 30] } as const;
const AUDIO = { id: 2, kind: 'audio', timeUnits: 3990, each: 24, sizes: [10, 11, 12] } as const;
const SEGMENT = Buffer.concat([
  box('styp', Buffer.from('msdh'), u32(0)),
  box('sidx', Buffer.alloc(40)),
  fragment(VIDEO),
  fragment(AUDIO),
]);

let head: Movie;
beforeAll(async () => {
  head = await movieIn(MAP, AbortSignal.timeout(5_000));
});

function demux(pieces: readonly Buffer[], aside?: Piece): string[] {
  const demuxer = new FragmentDemuxer(head);
  const batch = new Batch();
  if (aside !== undefined) demuxer.aside(aside);
  for (const piece of pieces) demuxer.push(piece, batch);
  demuxer.end();
  return batch.packets.slice(0, batch.count).map(({ kind, dtsMs, size }) => `${kind}@${dtsMs}:${size}`);
}

const cut = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

describe('fragments of MP4', () => {
  const whole = [
    ...['videoHeader@4000:30', 'key@4000:65', 'inter@4040:25', 'inter@4080:35'],
    ...['audio@3990:11', 'audio@4014:12', 'audio@4038:13'],
  ];

  it('give their samples when the bytes are in, however they were cut', () => {
    expect(demux([SEGMENT])).toEqual(whole);
    for (const size of [1, 2, 7, 8, 9, 50, 333]) expect(demux(cut(SEGMENT, size)), `pieces of ${size}`).toEqual(whole);
  });

  it('that end anywhere give what came before', () => {
    for (let end = 0; end < SEGMENT.length; end++) {
      const seen = demux([SEGMENT.subarray(0, end)]);
      expect(seen).toEqual(whole.slice(0, seen.length));
    }
  });

  it('go on in the next segment, and behind one that was cut short', () => {
    const next = Buffer.concat([fragment({ ...VIDEO, timeUnits: 4120 }), fragment({ ...AUDIO, timeUnits: 4062 })]);
    const demuxer = new FragmentDemuxer(head);
    const batch = new Batch();
    for (const piece of [SEGMENT.subarray(0, SEGMENT.length - 40), next]) {
      demuxer.push(piece, batch);
      demuxer.end();
    }
    const times = batch.packets.slice(0, batch.count).map(({ kind, dtsMs }) => `${kind}@${dtsMs}`);
    expect(times.slice(-6)).toEqual(['key@4120', 'inter@4160', 'inter@4200', 'audio@4062', 'audio@4086', 'audio@4110']);
  });

  it('with all the sound behind the pictures give it in step, where it has come ahead', () => {
    const video = { ...VIDEO, timeUnits: 4000 };
    const muxed = Buffer.concat([box('styp', Buffer.alloc(8)), fragment(video, AUDIO)]);
    const from = muxed.length - 33;
    const bytes = muxed.subarray(from);
    const inStep = [
      ...['videoHeader@4000:30', 'key@4000:65', 'audio@3990:11'],
      ...['inter@4040:25', 'audio@4014:12', 'audio@4038:13', 'inter@4080:35'],
    ];
    for (const size of [1, 7, 50, 1_000]) {
      expect(demux(cut(muxed, size), { from, bytes }), `pieces of ${size}`).toEqual(inStep);
    }
    for (let end = 0; end < muxed.length; end++) {
      const seen = demux([muxed.subarray(0, end)], { from, bytes });
      expect(seen).toEqual(inStep.slice(0, seen.length));
    }
  });

  it('that name bytes outside of their media are refused', () => {
    const moved = (by: number): Buffer => {
      const bytes = Buffer.from(fragment(VIDEO));
      const at = bytes.indexOf('trun') + 12;
      bytes.writeInt32BE(bytes.readInt32BE(at) + by, at);
      return bytes;
    };
    expect(() => demux([moved(-20)])).toThrow('not in the media behind it');
    expect(() => demux([moved(1)])).toThrow('beyond the media behind it');
  });

  it('that claim what they have no room for are refused before anything is made for it', () => {
    const claim = Buffer.from(fragment(VIDEO));
    claim.writeUInt32BE(1_000_000_000, claim.indexOf('trun') + 8);
    expect(() => demux([claim])).toThrow('claims 1000000000 samples');
    expect(() => demux([Buffer.concat([u32(0x7fff_ffff), Buffer.from('moof')])])).toThrow('"moof"');
  });

  it('that claim many samples in many runs, each of which would do alone, are refused', () => {
    const runs = Array.from({ length: 4 }, () => box('trun', u32(0, 100_000)));
    const moof = box('moof', box('traf', box('tfhd', u32(0x02_0000, VIDEO.id)), ...runs));
    expect(() => demux([moof])).toThrow('claims 100000 samples');
  });

  it('with bytes changed at random throw nothing but faults', () => {
    let seed = 11;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 2_000; round++) {
      const copy = Buffer.from(SEGMENT);
      for (let i = random(8); i >= 0; i--) copy[random(copy.length)] = random(256);
      try {
        demux(cut(copy, 64));
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }
  });
});
