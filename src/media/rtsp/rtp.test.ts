import { describe, expect, it } from 'vitest';
import { RtpHead, readRtcp, readRtp, Sequence } from './rtp.ts';
import { rtp, senderReport } from './scripted-server.ts';

const GOLDEN = Buffer.from('b16100070001e24000000102deadbeefbede000100000000aabb0002', 'hex');

function read(bytes: Buffer): RtpHead | undefined {
  const head = new RtpHead();
  return readRtp(bytes, 0, bytes.length, head) ? head : undefined;
}

describe('an RTP packet', () => {
  it('is read with sources, an extension and padding', () => {
    expect(read(GOLDEN)).toEqual({
      ...{ marker: false, payloadType: 97, sequence: 7, timestamp: 123_456, ssrc: 0x102 },
      ...{ start: 24, end: 26 },
    });
  });

  it('says what was written', () => {
    const bytes = rtp({ sequence: 65_535, timestamp: 2 ** 32 - 1, marker: true, ssrc: 9 }, Buffer.from('abc'));
    expect(read(bytes)).toMatchObject({
      marker: true,
      sequence: 65_535,
      timestamp: 2 ** 32 - 1,
      ssrc: 9,
      start: 12,
      end: 15,
    });
  });

  it('is none where it is cut short, or lies about its parts', () => {
    for (let length = 0; length < 24; length++) expect(read(GOLDEN.subarray(0, length))).toBeUndefined();
    expect(read(rtp({ sequence: 1, timestamp: 1 }, Buffer.alloc(0)))).toMatchObject({ start: 12, end: 12 });
    const padded = Buffer.from(GOLDEN);
    padded[padded.length - 1] = 200;
    expect(read(padded)).toBeUndefined();
    expect(read(Buffer.alloc(40, 0xff))).toBeUndefined();
  });
});

describe('RTCP', () => {
  it('tells the time on the wall, wherever in a packet', () => {
    const bytes = Buffer.concat([senderReport(3_900_000_000_500, 77, 5), Buffer.from('81cb000100000005', 'hex')]);
    const { report, bye } = readRtcp(bytes, 0, bytes.length);
    expect([report?.timestamp, report?.ssrc, bye]).toEqual([77, 5, true]);
    expect(report?.wallMs).toBeCloseTo(3_900_000_000_500, 2);
  });

  it('tells nothing where the sender does not know the time', () => {
    const bytes = senderReport(0, 77);
    expect(readRtcp(bytes, 0, bytes.length)).toEqual({ report: undefined, bye: false });
  });

  it('is passed over where it is cut short', () => {
    const bytes = Buffer.concat([senderReport(3_900_000_000_500, 77), Buffer.from('81cb000100000005', 'hex')]);
    for (let length = 0; length < 28; length++) expect(readRtcp(bytes, 0, length).report).toBeUndefined();
    for (let length = 28; length < 36; length++) expect(readRtcp(bytes, 0, length).bye).toBe(false);
  });
});

describe('the numbers of packets', () => {
  const judge = (...numbers: (number | [number, number])[]): string[] => {
    const sequence = new Sequence();
    return numbers.map(entry => {
      const [number, ssrc] = typeof entry === 'number' ? [entry, 1] : entry;
      return sequence.judge({ ...new RtpHead(), sequence: number, ssrc });
    });
  };

  it('follow on each other over 16 bits', () => {
    expect(judge(65_534, 65_535, 0, 1)).toEqual(['follows', 'follows', 'follows', 'follows']);
  });

  it('show what is missing', () => {
    expect(judge(5, 7, 8, 1_000)).toEqual(['follows', 'gap', 'follows', 'gap']);
  });

  it('show what comes twice or late', () => {
    expect(judge(5, 6, 6, 5, 7)).toEqual(['follows', 'follows', 'old', 'old', 'follows']);
  });

  it('show another sender as something missing', () => {
    expect(judge(5, [5, 2], [6, 2])).toEqual(['follows', 'gap', 'follows']);
  });

  it('begin anew where they stay behind', () => {
    const judged = judge(100, ...Array.from({ length: 70 }, (_, n) => 60 + (n % 20)));
    expect(judged.filter(word => word === 'gap').length).toBeGreaterThan(0);
  });
});
