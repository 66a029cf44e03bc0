import { describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { answerBytes, headerOf, RtspReader, requestBytes } from './message.ts';
import { framed } from './scripted-server.ts';

/** What the reader makes of the bytes, handed over in pieces. */
function readAll(pieces: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = new RtspReader('rtsp://camera/***', {
    message: ({ status, words, headers, body }) => seen.push(`${status ?? words} ${headers.size} ${body}`),
    frame: (channel, bytes, start, end) => seen.push(`$${channel} ${bytes.subarray(start, end).toString('latin1')}`),
  });
  reader.channels = new Set([0, 1]);
  for (const piece of pieces) reader.feed(piece, 0, piece.length);
  return seen;
}

const MIXED = Buffer.concat([
  framed(0, Buffer.from('\x80first', 'latin1')),
  Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody'),
  framed(1, Buffer.from('\x80', 'latin1')),
  Buffer.from('\r\nGET_PARAMETER rtsp://me/ RTSP/1.0\r\nCSeq: 9\r\n\r\n'),
  framed(7, Buffer.alloc(0)),
]);
const SEEN = ['$0 \x80first', '200 2 body', '$1 \x80', 'GET_PARAMETER 1 ', '$7 '];

function faultOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the bytes of a connection', () => {
  it('are frames and messages, one behind the other', () => {
    expect(readAll([MIXED])).toEqual(SEEN);
  });

  it('may be cut anywhere', () => {
    for (let at = 1; at < MIXED.length; at++) {
      expect(readAll([MIXED.subarray(0, at), MIXED.subarray(at)])).toEqual(SEEN);
    }
    expect(readAll([...MIXED].map(byte => Buffer.of(byte)))).toEqual(SEEN);
  });

  it('give nothing that is not whole', () => {
    for (let length = 0; length < MIXED.length; length++) {
      const seen = readAll([MIXED.subarray(0, length)]);
      expect(seen).toEqual(SEEN.slice(0, seen.length));
    }
  });

  it('are found again behind a frame whose length is wrong', () => {
    const lying = Buffer.concat([Buffer.of(0x24, 0, 0, 3), Buffer.from('\x80abcdefgh\xff\xfe', 'latin1')]);
    const seen = readAll([lying, Buffer.from('\n'), MIXED]);
    expect(seen.slice(0, 2)).toEqual(['$0 \x80ab', '$0 \x80first']);
  });

  it('are garbage where nothing of RTSP is found for long', () => {
    expect(faultOf(() => readAll([Buffer.alloc(70_000, 0x01)]))).toMatchObject({ kind: 'garbage', side: 'pull' });
  });

  it('never break the reader, whatever they are', () => {
    let seed = 20_261_121;
    const dice = (sides: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % sides;
    };
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.from(MIXED);
      for (let n = dice(8) + 1; n > 0; n--) bytes[dice(bytes.length)] = dice(256);
      const cut = dice(bytes.length);
      const error = faultOf(() => readAll([bytes.subarray(0, cut), bytes.subarray(cut)]));
      expect(error === undefined || error instanceof Fault).toBe(true);
    }
  });
});

describe('a message', () => {
  const one = (text: string) => {
    const found: Parameters<RtspReader['listener']['message']>[0][] = [];
    const reader = new RtspReader('it', { message: message => found.push(message), frame: () => undefined });
    reader.feed(Buffer.from(text), 0, Buffer.byteLength(text));
    return found[0];
  };

  it('has its headers by name, however they are written', () => {
    const message = one('RTSP/1.0 401 Unauthorized\nCSEQ:1\nWWW-Authenticate: Basic\r\nwww-authenticate: Digest\r\n\n');
    expect(message).toMatchObject({ status: 401, words: 'Unauthorized' });
    expect(message?.headers.get('www-authenticate')).toEqual(['Basic', 'Digest']);
  });

  it('goes on in folded lines', () => {
    const message = one('RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;\r\n\tinterleaved=0-1\r\n\r\n');
    expect(message === undefined ? '' : headerOf(message, 'transport')).toBe('RTP/AVP/TCP; interleaved=0-1');
  });

  it('may have an odd status and no words', () => {
    expect(one('RTSP/1.0 999\r\n\r\n')).toMatchObject({ status: 999, words: '' });
    expect(one('RTSP/1.0 0 \r\n\r\n')).toMatchObject({ status: 0 });
  });

  it('is refused with an impossible length, an endless line or endless headers', () => {
    for (const length of ['-1', '1000000000000', '65537', 'x']) {
      expect(faultOf(() => one(`RTSP/1.0 200 OK\r\nContent-Length: ${length}\r\n\r\n`))).toMatchObject({
        kind: 'garbage',
      });
    }
    expect(faultOf(() => one(`RTSP/1.0 200 OK\r\nX: ${'x'.repeat(65_536)}`))).toMatchObject({ kind: 'garbage' });
    expect(faultOf(() => one(`RTSP/1.0 200 OK\r\n${'X: y\r\n'.repeat(65)}\r\n`))).toMatchObject({ kind: 'garbage' });
  });
});

it('writes requests and answers', () => {
  const request = requestBytes({ method: 'PLAY', uri: 'rtsp://a/b', headers: { CSeq: '4' } });
  expect(request.toString()).toBe('PLAY rtsp://a/b RTSP/1.0\r\nCSeq: 4\r\n\r\n');
  expect(answerBytes('200 OK', { CSeq: '9' }).toString()).toBe('RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n');
});
