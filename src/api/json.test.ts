import { describe, expect, test } from 'vitest';
import { BadJson, isObject, readJson } from './json.ts';

const read = (text: string) => readJson(Buffer.from(text));
const refusal = (bytes: string | Buffer): string => {
  try {
    readJson(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  } catch (error) {
    if (error instanceof BadJson) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('a strict JSON reader', () => {
  test('agrees with JSON.parse on what both take', () => {
    const text =
      ' { "a" : [ 1 , -0.5e+2, true,false, null, "x\\u00e9\\n\\/\\uD83D\\uDE00é😀" ], "b":{}, "c":[], "":[[{"d":0}]] }\r\n\t';
    expect(JSON.stringify(read(text))).toBe(JSON.stringify(JSON.parse(text)));
  });

  test('tolerates a byte order mark and counts it in offsets', () => {
    expect(read('\uFEFF{"a":1}')).toEqual({ a: 1 });
    expect(refusal('\uFEFF{"a":x}')).toContain('at byte 8:');
  });

  test.each([
    ['', 'at byte 0: a value is expected'],
    ['{"a":1,}', 'at byte 7: a key is expected'],
    ['[1,]', 'at byte 3: a value is expected'],
    ['{"a":1', 'at byte 6: "," or "}" is expected'],
    ['{"é":1 2}', 'at byte 8: "," or "}" is expected'],
    ['{} {}', 'at byte 3: there is something after the end'],
    ['NaN', 'at byte 0: a value is expected'],
    ['01', 'at byte 1: there is something after the end'],
    ['1e999', 'at byte 0: the number is out of range'],
    ['/* */1', 'at byte 0: a value is expected'],
    ["{'a':1}", 'at byte 1: a key is expected'],
    ['{"a":1,"b":2,"a":3}', 'at byte 13: the key stands twice'],
    ['{"a":1,"\\u0061":3}', 'at byte 7: the key stands twice'],
    ['"a\nb"', 'at byte 2: a control character'],
    ['"\\x"', 'at byte 0: a string holds an escape that does not exist'],
    ['"\\u12g4"', 'at byte 0: a string holds an escape that does not exist'],
    ['"\\ud800"', 'at byte 0: a string holds half a surrogate pair'],
    ['["\\udc00\\ud800"]', 'at byte 1: a string holds half a surrogate pair'],
    ['"\\u0000"', 'at byte 0: a string holds NUL'],
    ['"abc', 'at byte 4: a string has no end'],
    ['tru', 'at byte 0: a value is expected'],
  ])('refuses %j', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  test.each([
    [Buffer.from([0x22, 0x61, 0xff, 0x22]), 2],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 1],
    [Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 1],
    [Buffer.from([0x22, 0xe2, 0x82]), 1],
  ])('refuses bytes that are not UTF-8 and says where: %j', (bytes, offset) => {
    expect(refusal(bytes)).toBe(`not valid JSON at byte ${offset}: the text is not UTF-8`);
  });

  test('takes __proto__ and constructor as keys like any other', () => {
    const value = read('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":2}');
    expect(isObject(value) && Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('takes 64 levels and no more', () => {
    expect(refusal(`${'['.repeat(64)}1${']'.repeat(64)}`)).toBe('accepted');
    expect(refusal(`${'['.repeat(65)}1${']'.repeat(65)}`)).toContain('nested deeper than 64');
  });

  test('answers hostile documents of 1 MB in linear time', () => {
    const keys = Array.from({ length: 90_000 }, (_, i) => `"${i}":0`).join(',');
    const documents = [
      '['.repeat(1e6),
      `{${keys}}`,
      `[${'0,'.repeat(5e5)}0]`,
      `"${'\\\\'.repeat(5e5)}`,
      `"\\x${'a'.repeat(1e6)}"`,
    ];
    for (const text of documents) {
      const bytes = Buffer.from(text);
      const from = performance.now();
      expect(refusal(bytes)).not.toBe('accepted');
      // What is not linear takes minutes: a busy machine is no reason to fail.
      expect(performance.now() - from).toBeLessThan(2_500);
    }
  });
});
