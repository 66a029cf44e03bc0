import { describe, expect, it } from 'vitest';
import { StreamReader } from './stream.ts';

const TEXT =
  ': hello\r\nretry: 1000\r\n\r\nid: 7\nevent: flowing\ndata: {"a":\ndata: "ü€😀"}\n\nid\ndata:two\r\rdata\n\nnonsense: x\n\nid: 9\n\n';

const read = (...chunks: readonly Uint8Array[]) => {
  const reader = new StreamReader();
  return chunks.flatMap(chunk => [...reader.take(chunk)]);
};

describe('an event stream', () => {
  const bytes = Buffer.from(TEXT);
  const messages = [
    { retry: 1000 },
    { id: '7', data: '{"a":\n"ü€😀"}' },
    { id: '', data: 'two' },
    { id: '', data: '' },
  ];

  it('is read with every kind of line end', () => {
    expect(read(bytes)).toEqual(messages);
  });

  it('reads the same wherever it was cut', () => {
    for (let at = 0; at <= bytes.length; at++) {
      expect(read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(messages);
    }
  });

  it('is not read on where a line is longer than any event', () => {
    expect(() => read(Buffer.alloc(5 << 20, 'x'))).toThrow(/too long/);
  });
});
