import { describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { type AmfObject, type AmfValue, decodeAmf0, encodeAmf0 } from './amf0.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const decode = (text: string): AmfValue[] => decodeAmf0(hex(text), 'pull');
/** Objects of the decoder have no prototype; a plain copy compares with a literal. */
const plain = (value: AmfValue): unknown => JSON.parse(JSON.stringify(value));

const samples: readonly (readonly [string, AmfValue, string])[] = [
  ['a number', 1.5, '00 3ff8000000000000'],
  ['true', true, '01 01'],
  ['a string', 'live', '02 0004 6c697665'],
  ['null', null, '05'],
  ['undefined', undefined, '06'],
  ['a date', new Date(1000), '0b 408f400000000000 0000'],
  ['a strict array', [1, 'a'], '0a 00000002 00 3ff0000000000000 02 0001 61'],
];

describe('encodeAmf0 and decodeAmf0', () => {
  it.each(samples)('write and read %s', (_name, value, bytes) => {
    expect(encodeAmf0([value]).toString('hex')).toBe(hex(bytes).toString('hex'));
    expect(decode(bytes)).toEqual([value]);
  });

  it('write an object with its end marker', () => {
    const bytes = encodeAmf0([{ app: 'live', n: 2 }]);
    expect(bytes.toString('hex')).toBe(
      hex('03 0003 617070 02 0004 6c697665 0001 6e 00 4000000000000000 000009').toString('hex'),
    );
  });

  it('write objects as ECMA arrays when asked to', () => {
    expect(encodeAmf0(['onMetaData', { width: 1 }], { ecmaArrays: true }).toString('hex')).toBe(
      hex('02 000a 6f6e4d65746144617461 08 00000001 0005 7769647468 00 3ff0000000000000 000009').toString('hex'),
    );
  });

  it('write a string above 65535 bytes as a long string', () => {
    const bytes = encodeAmf0(['x'.repeat(65_536)]);
    expect(bytes.subarray(0, 5).toString('hex')).toBe('0c00010000');
    expect(decodeAmf0(bytes, 'push')).toEqual(['x'.repeat(65_536)]);
  });

  it('bring back a command with nested values', () => {
    const info: AmfObject = { level: 'status', ex: { code: 302, redirect: 'rtmp://b/live' }, list: [true, null] };
    const [name, transaction, object] = decodeAmf0(encodeAmf0(['onStatus', 0, info]), 'push');
    expect([name, transaction, plain(object)]).toEqual(['onStatus', 0, plain(info)]);
  });
});

describe('decodeAmf0', () => {
  it('reads an ECMA array whatever its count says', () => {
    expect(decode('08 ffffffff 0001 61 01 01 000009').map(plain)).toEqual([{ a: true }]);
  });

  it('reads a typed object without its class name', () => {
    expect(decode('10 0003 466f6f 0001 61 05 000009').map(plain)).toEqual([{ a: null }]);
  });

  it('reads a last object whose end marker is missing', () => {
    expect(decode('03 0001 61 01 00').map(plain)).toEqual([{ a: false }]);
  });

  it('reads a reference as undefined, so that no value can refer to itself', () => {
    expect(decode('03 0004 73656c66 07 0000 000009 05')).toEqual([{ self: undefined }, null]);
  });

  it('ends with undefined behind an AMF3 switch byte', () => {
    expect(decode('02 0001 61 11 0a 0b 01')).toEqual(['a', undefined]);
    expect(decode('03 0001 61 11 0a 0b 01')).toEqual([{ a: undefined }]);
  });

  it('keeps a number that is none as NaN', () => {
    expect(decode('00 7ff8000000000000')).toEqual([Number.NaN]);
  });

  it('takes __proto__ for a name like any other', () => {
    const bytes = encodeAmf0([{ a: 1 }]);
    const evil = Buffer.concat([hex('03 0009'), Buffer.from('__proto__'), bytes, hex('000009')]);
    const [object] = decodeAmf0(evil, 'pull') as [AmfObject];
    expect(Object.getPrototypeOf(object)).toBe(null);
    expect(Object.keys(object)).toEqual(['__proto__']);
    expect(({} as AmfObject).a).toBe(undefined);
  });

  it.each([
    ['a string longer than the rest', '02 ffff 61'],
    ['a long string over 64 KB', '0c 7fffffff'],
    ['an unknown marker', '42'],
    ['a movie clip', '04'],
    ['a number cut short', '00 3ff8'],
    ['an object whose property has no value', '03 0001 61'],
  ])('refuses %s', (_name, bytes) => {
    expect(() => decode(bytes)).toThrow(Fault);
  });

  it('refuses values nested deeper than 32, without recursion that could overflow', () => {
    expect(decodeAmf0(nested(32), 'pull')).toHaveLength(1);
    expect(() => decodeAmf0(nested(33), 'pull')).toThrow(/deeper than 32/);
    expect(() => decodeAmf0(nested(10_000), 'pull')).toThrow(Fault);
  });

  it('refuses more than 4096 values in all, wherever they stand', () => {
    expect(() => decodeAmf0(Buffer.alloc(5000, 5), 'pull')).toThrow(/more than 4096/);
    expect(() => decodeAmf0(Buffer.concat([hex('0a ffffffff'), Buffer.alloc(5000, 5)]), 'pull')).toThrow(
      /more than 4096/,
    );
    const arrays = Buffer.concat(Array.from({ length: 3000 }, () => hex('0a 00000001 05')));
    expect(() => decodeAmf0(arrays, 'pull')).toThrow(/more than 4096/);
  });

  it('names the side that sent the bytes', () => {
    expect(() => decodeAmf0(hex('42'), 'push')).toThrow(expect.objectContaining({ side: 'push', kind: 'garbage' }));
  });

  it('answers or faults, and nothing else, at every truncation', () => {
    const whole = encodeAmf0(['onMetaData', { a: [1, 'b', new Date(0)], c: { d: null } }, 'x'.repeat(70_000)]);
    for (let end = 0; end < 200; end++) expectValuesOrFault(whole.subarray(0, end));
  });

  it('answers or faults, and nothing else, on random bytes', () => {
    for (let seed = 1; seed <= 3000; seed++) expectValuesOrFault(randomMarkers(seed));
  });
});

function nested(depth: number): Buffer {
  return Buffer.concat([...Array.from({ length: depth }, () => hex('0a 00000001')), hex('05')]);
}

function expectValuesOrFault(bytes: Buffer): void {
  try {
    expect(Array.isArray(decodeAmf0(bytes, 'pull'))).toBe(true);
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
  }
}

/** Bytes rich in small numbers, so that markers and short lengths come up. */
function randomMarkers(seed: number): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length: 64 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 16) & (state >>> 28 < 12 ? 0x0f : 0xff);
    }),
  );
}
