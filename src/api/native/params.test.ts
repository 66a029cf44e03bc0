import type { StaticDecode } from 'typebox';
import { describe, expect, test } from 'vitest';
import type { WireRequest } from '../auth.ts';
import { readTarget } from '../target.ts';
import { NativeError } from './error.ts';
import { anyOf, cursor, id, integer, readBody, readQuery, time, words } from './params.ts';

const SHAPE = anyOf({
  count: integer(1, 1_000),
  from: cursor,
  at: time,
  name: id,
  colour: words(
    new Map([
      ['red', 'RED'],
      ['dark_blue', 'BLUE'],
    ]),
  ),
});

type Wish = StaticDecode<typeof SHAPE>;

const query = (text: string): Wish => readQuery(readTarget(`/?${text}`) ?? { segments: [], query: [] }, SHAPE);

const wire = (body: string, type = 'application/json'): WireRequest => ({
  method: 'POST',
  target: { segments: ['', ''], query: [] },
  rawHeaders: ['Content-Type', type],
  body: Buffer.from(body),
  remote: '127.0.0.1',
  requestId: 'r1',
});

const body = (value: unknown): Wish => readBody(wire(typeof value === 'string' ? value : JSON.stringify(value)), SHAPE);

function fieldsRefused(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof NativeError) return error.circumstances.errors?.map(({ field }) => field) ?? [];
    throw error;
  }
  return [];
}

describe('a query', () => {
  test('is read by its shape, and what is left out stays out', () => {
    expect(query('')).toEqual({});
    expect(query('count=1000&from=0&name=a-1._b')).toEqual({ count: 1_000, from: 0, name: 'a-1._b' });
  });

  test.each([
    ['2026-11-21T10:00:00Z', Date.UTC(2026, 10, 21, 10)],
    ['2026-11-21t10:00:00.5z', Date.UTC(2026, 10, 21, 10, 0, 0, 500)],
    ['2026-11-21T10:00:00%2B02:00', Date.UTC(2026, 10, 21, 8)],
    ['2024-02-29T23:59:59.123456789-00:00', Date.UTC(2024, 1, 29, 23, 59, 59, 123)],
    ['1795255200000', 1_795_255_200_000],
    ['0', 0],
  ])('takes %s for a time', (text, at) => {
    expect(query(`at=${text}`)).toEqual({ at });
  });

  test.each([
    ['colour=red,dark_blue', ['RED', 'BLUE']],
    ['colour=dark_blue&colour=red', ['BLUE', 'RED']],
    ['colour=red,red&colour=red', ['RED']],
  ])('takes a list like %s', (text, colour) => {
    expect(query(text)).toEqual({ colour });
  });

  test.each([
    ...[
      '0',
      '1001',
      '-1',
      '+1',
      '1.0',
      '1e2',
      '0x10',
      'NaN',
      'Infinity',
      '9007199254740993',
      '',
      ' 1',
      '1,2',
      'null',
    ].map(value => ['count', value]),
    ...['-1', '9007199254740992', '99999999999999999999', 'abc', '', '1.5', 'MTIz', '1;2', '%00', '٣'].map(value => [
      'from',
      value,
    ]),
    ...[
      ...['', 'now', '2026-11', '2026-11-21', '2026-11-21T10:00Z', '2026-11-21T10:00:00', '2026-02-30T00:00:00Z'],
      ...['2025-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-11-21T24:00:01Z', '2026-11-21T10:00:60Z'],
      ...['2026-11-21T10:00:00+02:00', '2026-11-21 10:00:00Z', '2026-11-21T10:00:00%2B24:00', '-1', '8640000000000001'],
      ...['1e12', 'Sat, 21 Nov 2026 10:00:00 GMT', '2026-11-21T10:00:00.Z'],
    ].map(value => ['at', value]),
    ...['', 'a b', 'a/b', '%0d%0a', '%00', 'a'.repeat(65), '*', '😀'].map(value => ['name', value]),
    ...['', 'green', 'Red', 'red,', ',red', 'red,,dark_blue', 'red;dark_blue', 'darkBlue'].map(value => [
      'colour',
      value,
    ]),
    ...['unknown', 'Count', 'count[]', '__proto__', 'constructor', 'toString'].map(name => [name, '1']),
  ])('refuses %s=%s, naming the field', (name, value) => {
    expect(fieldsRefused(() => query(`${name}=${value}`))).toEqual([name]);
  });

  test('refuses what stands twice and is no list', () => {
    expect(fieldsRefused(() => query('count=1&count=1'))).toEqual(['count']);
  });

  test('tells everything that is wrong at once, but not without end', () => {
    expect(fieldsRefused(() => query('count=0&from=x&name=ok&mist=1'))).toEqual(['count', 'from', 'mist']);
    const many = Array.from({ length: 500 }, (_, at) => `x${at}=1`).join('&');
    expect(fieldsRefused(() => query(many))).toHaveLength(16);
  });

  test('shows of a name that is not known no more than fits a line', () => {
    expect(fieldsRefused(() => query(`${'a'.repeat(5_000)}=1`))).toEqual(['a'.repeat(64)]);
  });
});

describe('a body', () => {
  test('is read by the same shape, in the types of JSON', () => {
    expect(body({ count: 7, at: '2026-11-21T10:00:00Z', colour: ['red'] })).toEqual({
      count: 7,
      at: Date.UTC(2026, 10, 21, 10),
      colour: ['RED'],
    });
    expect(body({ at: 0, colour: 'dark_blue,red' })).toEqual({ at: 0, colour: ['BLUE', 'RED'] });
  });

  test('may be left out', () => {
    expect(body('')).toEqual({});
  });

  test.each([
    { count: '7' },
    { count: 1.5 },
    { count: 1e21 },
    { count: null },
    { count: true },
    { count: [7] },
    { count: {} },
    { at: true },
    { at: ['2026-11-21T10:00:00Z'] },
    { at: -1 },
    { name: 5 },
    { name: '' },
    { colour: [] },
    { colour: [1] },
    { colour: ['red', null] },
    { colour: [['red']] },
    { colour: '' },
    { stranger: 1 },
    { stranger: null },
  ])('refuses %j, naming the field', wish => {
    expect(fieldsRefused(() => body(wish))).toEqual(Object.keys(wish));
  });

  test.each([
    '[]',
    'null',
    '1',
    '"x"',
    '{',
    '{"count":1,"count":1}',
    '{"count":01}',
    '{} {}',
    '\u00ff',
    '{"a":"\\u0000"}',
  ])('refuses %s as a whole', text => {
    expect(fieldsRefused(() => body(text))).toEqual(['body']);
  });

  test('is JSON by name too', () => {
    expect(() => readBody(wire('{}', 'text/plain'), SHAPE)).toThrow('The media type is not supported');
    expect(readBody(wire('{}', 'application/json; charset=UTF-8'), SHAPE)).toEqual({});
  });

  test('has no name that means something to the language', () => {
    expect(fieldsRefused(() => body('{"__proto__":{"count":7}}'))).toEqual(['__proto__']);
    expect(fieldsRefused(() => body('{"toString":"x"}'))).toEqual(['toString']);
  });
});
