import { describe, expect, test } from 'vitest';
import type { WireRequest } from '../auth.ts';
import { Refusal } from '../refusal.ts';
import { type Pair, readTarget } from '../target.ts';
import { AlibabaError } from './error.ts';
import { Params, readParams } from './params.ts';

const params = (query: string): Params => new Params(readTarget(`/?${query}`)?.query ?? []);

/** The value, or the code and text of the refusal. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof AlibabaError) return `${error.code}: ${error.message}`;
    if (error instanceof Refusal) return error.kind;
    throw error;
  }
}

describe('the parameters of a request', () => {
  function read(url: string, body: string | Uint8Array = '', type?: string): unknown {
    const target = readTarget(url);
    if (target === undefined) return 'malformed';
    const rawHeaders = type === undefined ? [] : ['Content-Type', type];
    const request: WireRequest = {
      method: 'POST',
      target,
      rawHeaders,
      body: Buffer.from(body),
      remote: '',
      requestId: '',
    };
    return outcome(() => readParams(request).pairs);
  }

  const FORM = 'application/x-www-form-urlencoded';
  const PAIRS: readonly Pair[] = [
    ['a', '1'],
    ['b c', 'd é+'],
  ];

  test.each([
    ['a query', '/?a=1&b+c=d%20%C3%A9%2B', '', undefined],
    ['a form', '/', 'a=1&b%20c=d+%c3%a9%2b', FORM],
    ['both', '/?a=1', 'b%20c=d+%C3%A9%2B', `${FORM}; charset=UTF-8`],
    ['a form with raw UTF-8', '/?a=1', 'b c=d é%2B', 'Application/X-WWW-Form-URLEncoded;charset="utf-8"'],
    ['a query beside an empty body of any kind', '/?a=1&b+c=d+%C3%A9%2B', '', 'application/json'],
  ])('are read from %s', (_, url, body, type) => {
    expect(read(url, body, type)).toEqual(PAIRS);
  });

  test.each([
    ['a cut escape in the query', '/?a=%4', '', undefined, 'malformed'],
    ['no UTF-8 in the query', '/?a=%ff', '', undefined, 'malformed'],
    ['a cut escape in the form', '/', 'a=%4', FORM, 'malformed'],
    ['no UTF-8 in the form, escaped', '/', 'a=%c0%af', FORM, 'malformed'],
    ['no UTF-8 in the form, raw', '/', Uint8Array.of(97, 61, 255), FORM, 'malformed'],
    ['a body of another kind', '/', '{"a":1}', 'application/json', 'mediaType'],
    ['a body of no kind', '/', 'a=1', undefined, 'mediaType'],
    ['a form in another charset', '/', 'a=1', `${FORM}; charset=gbk`, 'mediaType'],
    ['far too many', `/?${'a&'.repeat(1001)}`, '', undefined, 'InvalidParameter: The request has too many parameters.'],
  ])('are refused: %s', (_, url, body, type, refusal) => {
    expect(read(url, body, type)).toBe(refusal);
  });
});

describe('a text', () => {
  test('is absent where it is empty, unless that is asked for', () => {
    const given = params('a=&b=x');
    expect([given.text('a'), given.sent('a'), given.text('b'), given.text('c'), given.sent('c')]).toEqual([
      undefined,
      '',
      'x',
      undefined,
      undefined,
    ]);
  });

  test.each(['', 'Region='])('that is required is missed in %j', query => {
    expect(outcome(() => params(query).required('Region'))).toBe('MissingRegion: Region is mandatory for this action.');
  });

  test.each(['a=1&a=2', 'a=1&a=1', 'a=&a='])('may stand once: %s', query => {
    expect(outcome(() => params(query).text('a'))).toBe(
      'InvalidParameter: The specified a is invalid: it is given more than once.',
    );
  });

  test('of a name that objects have anyway is absent too', () => {
    expect([params('').text('constructor'), params('__proto__=x').text('__proto__')]).toEqual([undefined, 'x']);
  });
});

describe('an integer', () => {
  const read = (text: string): unknown => outcome(() => params(`N=${text}`).integer('N', { min: -1, max: 300 }));

  test.each([
    ['-1', -1],
    ['0', 0],
    ['-0', 0],
    ['007', 7],
    ['300', 300],
    ['', undefined],
  ])('is read from %j', (text, value) => {
    expect(read(text)).toBe(value);
  });

  test.each(['-2', '301', '1.0', '1e2', '0x1', '%2B1', '+1', ' 1', '1 ', 'true', 'null', '--1', '9'.repeat(16), '٣'])(
    'is not read from %j',
    text => {
      expect(read(text)).toBe(
        'InvalidParameter: The specified N is invalid: it must be an integer between -1 and 300.',
      );
    },
  );
});

describe('a list', () => {
  const read = (query: string): unknown => outcome(() => params(query).list('L'));

  test.each([
    ['L=["a","b"]', ['a', 'b']],
    ['L= [ "a" ,\n"\\u00e9\\/" ] ', ['a', 'é/']],
    ['L=[]', []],
    ['L=a', ['a']],
    ['L=rtmp://h/a,b', ['rtmp://h/a,b']],
    ['L="a"', ['"a"']],
    ['L.1=a', ['a']],
    [
      `${Array.from({ length: 12 }, (_, i) => `L.${12 - i}=${12 - i}`).join('&')}`,
      '1 2 3 4 5 6 7 8 9 10 11 12'.split(' '),
    ],
    ['L.1=&L.2=b', ['', 'b']],
    ['L=', undefined],
    ['', undefined],
    ['LL.1=a&L1=b', undefined],
  ])('is read from %s', (query, list) => {
    expect(read(query)).toEqual(list);
  });

  test.each([
    'L=["a"',
    'L=[1]',
    'L=[null]',
    'L=[["a"]]',
    'L=["a",]',
    "L=['a']",
    'L=["\\ud800"]',
    `L=${'['.repeat(9_000)}`,
  ])('is not read from %s', query => {
    expect(read(query)).toBe('InvalidParameter: The specified L is invalid: it must be a JSON array of texts.');
  });

  test.each([
    ['L.0=a', 'The specified L.0 is invalid.'],
    ['L.01=a', 'The specified L.01 is invalid.'],
    ['L.x=a', 'The specified L.x is invalid.'],
    ['L.=a', 'The specified L. is invalid.'],
    ['L.99999=a', 'The specified L.99999 is invalid.'],
    ['L.2=a', 'The specified L is invalid: its numbers must run from 1 without gaps.'],
    ['L.1=a&L.3=b', 'The specified L is invalid: its numbers must run from 1 without gaps.'],
    ['L.1=a&L.1=b', 'The specified L.1 is invalid: it is given more than once.'],
    ['L=a&L.1=a', 'The specified L is invalid: it is given in two forms.'],
  ])('is not read from %s', (query, message) => {
    expect(read(query)).toBe(`InvalidParameter: ${message}`);
  });

  test('that is required is missed', () => {
    expect(outcome(() => params('').requiredList('SourceUrls'))).toBe(
      'MissingSourceUrls: SourceUrls is mandatory for this action.',
    );
  });
});
