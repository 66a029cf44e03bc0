import { describe, expect, it } from 'vitest';
import { emptyReport, emptyRtp, newReporter, Reception } from './reception.ts';
import { RtpHead, readRtp } from './rtp.ts';

const RATE = 90_000;
const REPORTER = { ssrc: 0x01020304, name: 'abc' };

/** What a report says, read apart from what wrote it. */
function read(bytes: Buffer) {
  return {
    fraction: bytes.readUInt8(12),
    lost: bytes.readIntBE(13, 3),
    highest: bytes.readUInt32BE(16),
    jitter: bytes.readUInt32BE(20),
    last: bytes.readUInt32BE(24),
    since: bytes.readUInt32BE(28),
  };
}

/** Packets of pictures 40 ms apart, each as late as told. */
function received(numbers: readonly number[], lateMs: (n: number) => number = () => 0): Reception {
  const reception = new Reception(RATE);
  for (const [n, sequence] of numbers.entries()) {
    const head = { ...new RtpHead(), sequence, ssrc: 9, timestamp: (2 ** 32 - 7_200 + n * 3_600) % 2 ** 32 };
    reception.take(head, n * 40 + lateMs(n));
  }
  return reception;
}

describe('a receiver report', () => {
  it('is written as RFC 3550 has it', () => {
    const reception = received([65_534, 65_535, 1]);
    reception.hear({ ssrc: 9, middle: 0xaabbccdd }, 1_000);
    expect(reception.report(REPORTER, 1_500).toString('hex')).toBe(
      ['81c90007', '01020304', '00000009', '40000001', '00010001', '00000000', 'aabbccdd', '00008000']
        .concat('81ca0003', '01020304', '0103616263', '000000')
        .join(''),
    );
  });

  it('counts the turns of the numbers', () => {
    const numbers = Array.from({ length: 200_000 }, (_, n) => (n + 10) % 65_536);
    expect(read(received(numbers).report(REPORTER, 0))).toMatchObject({ lost: 0, highest: 200_009 });
  });

  it('tells the share of what was lost since the last one, and all that was lost', () => {
    const reception = received([1, 2, 3, 5, 6, 7, 8]);
    expect(read(reception.report(REPORTER, 0))).toMatchObject({ fraction: 32, lost: 1 });
    expect(read(reception.report(REPORTER, 0))).toMatchObject({ fraction: 0, lost: 1 });
  });

  it('tells no loss of packets that came in another order, and less than none of those that came twice', () => {
    expect(read(received([1, 3, 2, 4]).report(REPORTER, 0))).toMatchObject({ fraction: 0, lost: 0, highest: 4 });
    expect(read(received([1, 2, 2, 2]).report(REPORTER, 0))).toMatchObject({ fraction: 0, lost: -2 });
  });

  it('tells no jitter of what comes evenly, and that of what does not', () => {
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    expect(read(received(numbers).report(REPORTER, 0)).jitter).toBe(0);
    const { jitter } = read(received(numbers, n => (n % 2) * 10).report(REPORTER, 0));
    expect(jitter / 90).toBeCloseTo(10, 0);
  });

  it('begins anew with another sender, and with numbers from elsewhere', () => {
    const reception = received([1, 2, 9]);
    reception.take({ ...new RtpHead(), sequence: 40_000, ssrc: 9 }, 0);
    expect(read(reception.report(REPORTER, 0))).toMatchObject({ lost: 0, highest: 40_000 });
    reception.take({ ...new RtpHead(), sequence: 3, ssrc: 10 }, 0);
    expect(read(reception.report(REPORTER, 0))).toMatchObject({ lost: 0, highest: 3 });
  });

  it('tells nothing of reports of the sender that have not come', () => {
    expect(read(received([1]).report(REPORTER, 99_000))).toMatchObject({ last: 0, since: 0 });
  });

  it('keeps its length whatever the name', () => {
    for (const name of ['', 'a', 'ab', 'abc', 'abcd', 'abcde']) {
      const bytes = emptyReport({ ssrc: 1, name });
      expect([bytes.length % 4, 4 * bytes.readUInt16BE(10) + 4]).toEqual([0, bytes.length - 8]);
      expect(bytes.at(-1)).toBe(0);
    }
  });
});

it('opens the way with an RTP packet that is one, and empty', () => {
  const bytes = emptyRtp(REPORTER, 97);
  const head = new RtpHead();
  expect(readRtp(bytes, 0, bytes.length, head)).toBe(true);
  expect(head).toMatchObject({ payloadType: 97, ssrc: REPORTER.ssrc, start: 12, end: 12 });
});

it('is known by a name of its own each time', () => {
  const name = (fill: number): string => newReporter(bytes => Buffer.alloc(bytes, fill)).name;
  expect([name(1).length, name(1) === name(2)]).toEqual([16, false]);
});
