import { describe, expect, it } from 'vitest';
import { dice } from '../../test/lab/films.ts';
import { Fault } from './fault.ts';
import { acceptOf, WsFraming } from './ws-framing.ts';

/** A frame as a server sends it. */
function frame(first: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload);
  const { length } = body;
  const head =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.of(first, ...head), body]);
}

const LONG = Buffer.alloc(300, 'l');
const LONGER = Buffer.alloc(70_000, 'm');
const ALL = Buffer.concat([
  frame(0x82, 'whole'),
  frame(0x02, 'be'),
  frame(0x89, 'ping me'),
  frame(0x00, 'gun'),
  frame(0x80, ''),
  frame(0x8a, 'unasked'),
  frame(0x82, LONG),
  frame(0x82, LONGER),
  frame(0x88, Buffer.of(0x03, 0xe8)),
]);
const PAYLOAD = Buffer.concat([Buffer.from('wholebegun'), LONG, LONGER]);

function unframed(bytes: Buffer, step: number): { payload: Buffer; answers: Buffer[]; ended: boolean } {
  const answers: Buffer[] = [];
  const framing = new WsFraming(answer => answers.push(answer));
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    const part = Buffer.from(bytes.subarray(at, at + step));
    parts.push(part.subarray(0, framing.unframe(part, 0, part.length)));
  }
  return { payload: Buffer.concat(parts), answers, ended: framing.ended };
}

describe('what comes over a WebSocket', () => {
  it.each([1, 2, 3, 7, 64, 1_000, 100_000])('is one stream of bytes, read %i at a time', step => {
    const { payload, answers, ended } = unframed(ALL, step);
    expect(payload.equals(PAYLOAD)).toBe(true);
    expect(ended).toBe(true);
    expect(answers).toEqual([Buffer.concat([Buffer.of(0x8a, 0x80 | 7, 0, 0, 0, 0), Buffer.from('ping me')])]);
  });

  it('is waited for, wherever it is cut', () => {
    for (let end = 0; end < 400; end++) {
      const { payload, ended } = unframed(ALL.subarray(0, end), 1_000);
      expect([PAYLOAD.subarray(0, payload.length).equals(payload), ended]).toEqual([true, false]);
    }
  });

  it.each([
    ['is masked', Buffer.of(0x82, 0x81, 0, 0, 0, 0, 1)],
    ['uses an extension', frame(0xc2, 'x')],
    ['holds text', frame(0x81, 'x')],
    ['goes on with nothing', frame(0x80, 'x')],
    ['begins in the middle of another', Buffer.concat([frame(0x02, 'x'), frame(0x82, 'y')])],
    ['is of no kind', frame(0x83, 'x')],
    ['controls nothing', frame(0x8b, 'x')],
    ['controls at length', frame(0x89, LONG)],
    ['controls in pieces', frame(0x09, 'x')],
    ['is larger than anything', Buffer.of(0x82, 127, 0, 0, 0, 9, 0, 0, 0, 0)],
  ])('is refused where a frame %s', (_, bytes) => {
    expect(() => unframed(bytes, 1_000)).toThrow(expect.objectContaining({ name: 'Fault', kind: 'garbage' }));
  });

  it('whatever is done to it, it is read or refused', () => {
    const roll = dice(13);
    const sample = ALL.subarray(0, 400);
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from(sample);
      for (let n = roll(4); n >= 0; n--) bytes[roll(bytes.length)] = roll(256);
      try {
        unframed(bytes, 1 + roll(400));
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }
  });

  it('is asked for with a key that only its server can answer', () => {
    expect(acceptOf('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });
});
