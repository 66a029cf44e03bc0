import { describe, expect, it } from 'vitest';
import { dice } from '../../test/lab/films.ts';
import { Fault } from './fault.ts';
import { type Framing, framingOf } from './http-framing.ts';

const chunked = (): Framing => framingOf({ headers: { 'transfer-encoding': 'Chunked' } });
const BODY = '5\r\nhello\r\n6;name=value\r\n world\r\n01\r\n!\r\n0\r\nTrailer: x\r\n\r\n';

/** What comes out of pieces of so many bytes. */
function unframed(framing: Framing, text: string, step = text.length): string {
  let out = '';
  for (let at = 0; at < text.length; at += step) {
    const bytes = Buffer.from(text.slice(at, at + step), 'latin1');
    out += bytes.toString('latin1', 0, framing.unframe(bytes, 0, bytes.length));
  }
  return out;
}

describe('the framing of an answer', () => {
  it.each(Array.from({ length: BODY.length }, (_, i) => i + 1))(
    'takes chunks apart that come %i bytes at a time',
    step => {
      const framing = chunked();
      expect(unframed(framing, `${BODY}GET`, step)).toBe('hello world!');
      expect(framing.ended).toBe(true);
    },
  );

  it('waits for the end of chunks that are cut anywhere', () => {
    for (let end = 0; end < BODY.length; end++) {
      const framing = chunked();
      expect('hello world!').toContain(unframed(framing, BODY.slice(0, end)));
      expect(framing.ended).toBe(false);
    }
  });

  it.each([
    ['without a size', '\r\n'],
    ['of a size that is no number', 'xyz\r\n'],
    ['larger than anything', 'fffffffff\r\n'],
    ['that is longer than its size', '1\r\nab'],
    ['whose size does not end', `1;${'x'.repeat(2_000)}`],
    ['behind which too much follows', `0\r\n${'a: b\r\n'.repeat(2_000)}`],
  ])('refuses a chunk %s', (_, text) => {
    expect(() => unframed(chunked(), text)).toThrow(expect.objectContaining({ kind: 'garbage' }));
  });

  it('ends a body of a known length where it ends', () => {
    const framing = framingOf({ headers: { 'content-length': '5, 5' } });
    expect([unframed(framing, 'hel'), framing.ended]).toEqual(['hel', false]);
    expect([unframed(framing, 'lo and more'), framing.ended]).toEqual(['lo', true]);
  });

  it('never ends a body of which nothing is told', () => {
    const framing = framingOf({ headers: {} });
    expect([unframed(framing, 'hello'), framing.ended]).toEqual(['hello', false]);
  });

  it.each(['5, 6', '-1', '1e3', ''])('refuses a length of "%s"', length => {
    expect(() => framingOf({ headers: { 'content-length': length } })).toThrow('a length that is none');
  });

  it('refuses a coding that it does not know', () => {
    expect(() => framingOf({ headers: { 'transfer-encoding': 'gzip, chunked' } })).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    );
  });

  it('whatever is done to chunks, they are taken apart or refused', () => {
    const roll = dice(11);
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from(BODY);
      for (let n = roll(6); n >= 0; n--) bytes[roll(bytes.length)] = roll(256);
      try {
        expect(chunked().unframe(bytes, 0, bytes.length)).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }
  });
});
