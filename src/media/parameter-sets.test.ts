import { describe, expect, it } from 'vitest';
import { Packet } from './packet.ts';
import { insertSets, parameterSetsOf } from './parameter-sets.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const AVC = hex('17 00 000000 01 640015 ff e1 0004 67640015 01 0002 68eb');
const SETS = '00000004 67640015 00000002 68eb';
/** Two arrays: a VPS, and two units of SPS. */
const HEVC = Buffer.concat([
  hex('90 68766331 01'),
  Buffer.alloc(20),
  hex('03 02 a0 0001 0003 400102 a1 0002 0002 4201 0002 4202'),
]);

/** A frame over spans of the given sizes. */
function frame(text: string, ...sizes: number[]): Packet {
  const bytes = hex(text);
  const packet = new Packet();
  packet.reset('key', 0);
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const end = Math.min(bytes.length, at + size);
    if (end > at) packet.addSpan(bytes, at, end);
    at = end;
  }
  return packet;
}

const words = (packet: Packet): string => {
  expect(packet.copyPayload()).toHaveLength(packet.size);
  return packet.copyPayload().toString('hex');
};
const bare = (text: string): string => text.replaceAll(' ', '');

describe('parameter sets', () => {
  it('are taken from H.264 and H.265 headers, each with its length', () => {
    expect(parameterSetsOf(AVC)).toEqual({ codec: 'avc', bytes: hex(SETS) });
    const bytes = hex('00000003 400102 00000002 4201 00000002 4202');
    expect(parameterSetsOf(HEVC)).toEqual({ codec: 'hevc', bytes });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['another codec', hex('80 61763031 81')],
    ['lengths of two bytes', hex('17 00 000000 01 640015 fd e1 0004 67640015 01 0002 68eb')],
  ])('are not there in %s', (_name, header) => {
    expect(parameterSetsOf(header)).toBe(undefined);
  });

  it('are not there in a header that is cut short, wherever', () => {
    for (let end = 0; end < AVC.length; end++) expect(parameterSetsOf(AVC.subarray(0, end))).toBe(undefined);
    for (let end = 0; end < HEVC.length; end++) expect(parameterSetsOf(HEVC.subarray(0, end))).toBe(undefined);
  });

  const sets = { codec: 'avc', bytes: hex(SETS) } as const;

  it.each([[[]], [[5]], [[2]], [[5, 1, 1]], [[6, 3]]])('go in front of the picture, over spans of %j', sizes => {
    const packet = frame('17 01 000000 00000003 65aabb', ...sizes);
    insertSets(packet, sets);
    expect(words(packet)).toBe(bare(`17 01 000000 ${SETS} 00000003 65aabb`));
  });

  it('go behind an access unit delimiter', () => {
    const packet = frame('17 01 000000 00000002 09f0 00000003 65aabb', 5, 4);
    insertSets(packet, sets);
    expect(words(packet)).toBe(bare(`17 01 000000 00000002 09f0 ${SETS} 00000003 65aabb`));
  });

  it.each([
    ['brings its own', '17 01 000000 00000004 67640015 00000003 65aabb'],
    ['is of another form', '17 02 000000 00000003 65aabb'],
    ['holds no unit', '17 01 000000'],
  ])('leave a frame alone that %s', (_name, text) => {
    const packet = frame(text, 5);
    insertSets(packet, sets);
    expect(words(packet)).toBe(bare(text));
  });

  it('go into enhanced frames, with and without a composition time', () => {
    for (const head of ['91 68766331 000000', '93 68766331']) {
      const packet = frame(`${head} 00000003 2601aa`, 5);
      insertSets(packet, { codec: 'hevc', bytes: hex('00000002 4201') });
      expect(words(packet)).toBe(bare(`${head} 00000002 4201 00000003 2601aa`));
    }
  });
});
