import { describe, expect, it } from 'vitest';
import { CountedStream } from '../../../test/lab/counted-stream.ts';
import { dice } from '../../../test/lab/films.ts';
import { flvOf, type Kept, keep } from '../../../test/lab/packets.ts';
import { Fault } from '../fault.ts';
import { Batch } from '../packet.ts';
import { LiveFlvReader } from './live-reader.ts';

const stream = new CountedStream();
const METADATA = Buffer.from('02000a6f6e4d6574614461746108000000000000 09'.replace(' ', ''), 'hex');
const SENT: Kept[] = [
  { kind: 'metadata', dtsMs: 0, body: METADATA },
  { kind: 'videoHeader', dtsMs: 0, body: stream.videoHeader },
  { kind: 'audioHeader', dtsMs: 0, body: stream.audioHeader },
  ...stream.between(0, 200).map(({ kind, dtsMs, body }) => ({ kind, dtsMs, body })),
];
const BYTES = flvOf(SENT);

/** Every packet, kept before the next call as a relay does. */
function read(reader: LiveFlvReader, bytes: Buffer, step: number): Kept[] {
  const kept: Kept[] = [];
  const batch = new Batch();
  for (let at = 0; at < bytes.length; at += step) {
    batch.clear();
    reader.release();
    reader.feed(bytes, at, Math.min(at + step, bytes.length), batch);
    for (let i = 0; i < batch.count; i++) kept.push(keep(batch.packets[i] ?? expect.fail('a packet is missing')));
  }
  return kept;
}

describe('FLV from a live server', () => {
  it.each([1, 2, 3, 5, 11, 15, 16, 100, 1_000, 100_000])('is read %i bytes at a time', step => {
    expect(read(new LiveFlvReader(), BYTES, step)).toEqual(SENT);
  });

  it('gives a tag before the size behind it has come', () => {
    expect(read(new LiveFlvReader(), BYTES.subarray(0, BYTES.length - 4), BYTES.length)).toEqual(SENT);
  });

  it('gives what is whole, wherever it is cut', () => {
    for (let end = 0; end < BYTES.length; end++) {
      const kept = read(new LiveFlvReader(), BYTES.subarray(0, end), BYTES.length);
      expect(kept).toEqual(SENT.slice(0, kept.length));
    }
  });

  it('holds no more of a tag than has come of it', () => {
    const reader = new LiveFlvReader();
    const huge = Buffer.concat([BYTES.subarray(0, 13), Buffer.of(9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0)]);
    read(reader, huge, 4);
    expect(reader.carriedBytes).toBeLessThan(huge.length);
  });

  it('says at which byte there is no tag', () => {
    const bytes = Buffer.from(BYTES);
    bytes[13] = 0x46;
    expect(() => read(new LiveFlvReader(), bytes, 7)).toThrow('no FLV tag stands at byte 13');
  });

  it.each([
    ['has another signature', Buffer.from('FLX\x01\x05\0\0\0\x09\0\0\0\0')],
    ['is encrypted', Buffer.concat([BYTES.subarray(0, 13), Buffer.of(0x29, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)])],
    ['has an endless header', Buffer.from('464c560105ffffffff00000000', 'hex')],
  ])('is refused where it %s', (_, bytes) => {
    expect(() => read(new LiveFlvReader(), bytes, 1)).toThrow(expect.objectContaining({ name: 'Fault', side: 'pull' }));
  });

  it('does not mind wrong sizes of tags before', () => {
    const bytes = Buffer.from(BYTES);
    bytes.writeUInt32BE(12_345, 9);
    expect(read(new LiveFlvReader(), bytes, 1_000)).toEqual(SENT);
  });

  it('refuses a flood of tags', () => {
    const tag = Buffer.of(0, 0, 0, 0, 8, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0xaf, 1, 0);
    const flood = Buffer.concat([BYTES.subarray(0, 9), ...new Array<Buffer>(40_000).fill(tag)]);
    expect(() => read(new LiveFlvReader(), flood, flood.length)).toThrow('floods');
  });

  it('whatever is done to it, it is read or refused', () => {
    const roll = dice(17);
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from(BYTES.subarray(0, 2_000));
      for (let n = roll(5); n >= 0; n--) bytes[roll(bytes.length)] = roll(256);
      try {
        read(new LiveFlvReader(), bytes, 1 + roll(900));
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }
  });
});
