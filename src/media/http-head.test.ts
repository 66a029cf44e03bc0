import { describe, expect, it } from 'vitest';
import { dice } from '../../test/lab/films.ts';
import { Fault } from './fault.ts';
import { readHead } from './http-head.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nX-Two: a\r\nx-two:  b \r\n\r\n';
const read = (text: string) => readHead(Buffer.from(text, 'latin1'));

describe('the head of an answer', () => {
  it('is read with its fields by lower-case name', () => {
    expect(read(`${HEAD}FLV`)).toEqual({
      statusCode: 200,
      statusMessage: 'OK',
      headers: { 'content-type': 'video/x-flv', 'x-two': 'a, b' },
      keepsAlive: true,
      bytes: HEAD.length,
    });
  });

  it('may come without a reason', () => {
    expect(read('HTTP/1.0 404\r\n\r\n')).toMatchObject({ statusCode: 404, statusMessage: '' });
  });

  it('is waited for, wherever it is cut', () => {
    for (let end = 0; end < HEAD.length; end++) expect(read(HEAD.slice(0, end))).toBeUndefined();
  });

  it.each([
    ['is none', 'ICY 200 OK\r\n\r\n'],
    ['has no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['has the status of nothing', 'HTTP/1.1 020 OK\r\n\r\n'],
    ['is of another version', 'HTTP/2 200\r\n\r\n'],
    ['folds a line', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n'],
    ['holds a line without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'],
    ['has too many fields', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(101)}\r\n`],
    ['does not end', `HTTP/1.1 200 OK\r\na: ${'x'.repeat(70_000)}`],
    ['is too large', `HTTP/1.1 200 OK\r\na: ${'x'.repeat(70_000)}\r\n\r\n`],
  ])('is refused where it %s', (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ name: 'Fault', kind: 'garbage' }));
  });

  it('whatever is done to it, it is read, waited for or refused', () => {
    const roll = dice(7);
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from(HEAD);
      for (let n = roll(6); n >= 0; n--) bytes[roll(bytes.length)] = roll(256);
      try {
        readHead(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }
  });
});
