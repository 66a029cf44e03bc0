import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { clientAnswer, clientHello, HANDSHAKE_SIZE, serverAnswer } from './handshake.ts';

const random = (seed: number): Buffer => {
  let state = seed;
  return Buffer.from(
    Array.from({ length: 1528 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
};
const ends = HANDSHAKE_SIZE + 1;
const hmac = (key: Buffer | string, ...parts: readonly Buffer[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest();
const tail = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER = 'Genuine Adobe Flash Player 001';
const SERVER = 'Genuine Adobe Flash Media Server 001';

/** Where scheme 0 (selector at 8) or scheme 1 (selector at 772) puts the digest. */
function digestPlace(block: Buffer, selectorAt: number): number {
  const sum = [0, 1, 2, 3].reduce((total, i) => total + block.readUInt8(selectorAt + i), 0);
  return (sum % 728) + selectorAt + 4;
}

function signed(selectorAt: number, key: string, seed: number): Buffer {
  const block = Buffer.concat([Buffer.from('0000000080000702', 'hex'), random(seed)]);
  const at = digestPlace(block, selectorAt);
  hmac(key, block.subarray(0, at), block.subarray(at + 32)).copy(block, at);
  return block;
}

describe('the simple handshake', () => {
  it('opens with version 3, time 0, four zero bytes and the random', () => {
    const hello = clientHello(random(1), 'simple');
    expect(hello).toHaveLength(ends);
    expect(hello.subarray(0, 9).toString('hex')).toBe('030000000000000000');
    expect(hello.subarray(9).equals(random(1))).toBe(true);
  });

  it('is answered by the server with its own opening and an echo', () => {
    const hello = clientHello(random(1), 'simple');
    const answer = serverAnswer(hello, random(2), 'pull');
    expect(answer).toHaveLength(ends + HANDSHAKE_SIZE);
    expect(answer.subarray(9, ends).equals(random(2))).toBe(true);
    expect(answer.subarray(ends).equals(hello.subarray(1))).toBe(true);
  });

  it('is ended by the client with an echo of S1', () => {
    const s0s1 = Buffer.concat([Buffer.of(3), Buffer.alloc(8), random(3)]);
    expect(clientAnswer(s0s1, 'push').equals(s0s1.subarray(1))).toBe(true);
  });

  it.each([0, 2, 6, 0x48])('is refused when the peer opens with version %i', version => {
    const opening = Buffer.concat([Buffer.of(version), Buffer.alloc(8), random(3)]);
    expect(() => clientAnswer(opening, 'push')).toThrow(expect.objectContaining({ kind: 'garbage', side: 'push' }));
    expect(() => serverAnswer(opening, random(1), 'pull')).toThrow(/version/);
  });

  it('is refused at every truncation', () => {
    const hello = clientHello(random(1), 'digest');
    for (let end = 0; end < ends; end += 7) {
      expect(() => serverAnswer(hello.subarray(0, end), random(2), 'pull')).toThrow(Fault);
      expect(() => clientAnswer(hello.subarray(0, end), 'pull')).toThrow(Fault);
    }
  });
});

describe('the digest handshake', () => {
  it('signs C1 with the text of the Flash player, at the place that C1 itself names', () => {
    for (let seed = 1; seed < 20; seed++) {
      const c1 = clientHello(random(seed), 'digest').subarray(1);
      const at = digestPlace(c1, 8);
      expect(at + 32).toBeLessThanOrEqual(772);
      const digest = hmac(PLAYER, c1.subarray(0, at), c1.subarray(at + 32));
      expect(c1.subarray(at, at + 32).equals(digest)).toBe(true);
    }
  });

  it.each([
    ['0', 8],
    ['1', 772],
  ])('is answered in kind to a client of scheme %s', (_scheme, selectorAt) => {
    const c1 = signed(selectorAt, PLAYER, 5);
    const answer = serverAnswer(Buffer.concat([Buffer.of(3), c1]), random(6), 'pull');
    const s1 = answer.subarray(1, ends);
    const s2 = answer.subarray(ends);
    const at = digestPlace(s1, selectorAt);
    expect(s1.subarray(at, at + 32).equals(hmac(SERVER, s1.subarray(0, at), s1.subarray(at + 32)))).toBe(true);
    const digestAt = digestPlace(c1, selectorAt);
    const key = hmac(Buffer.concat([Buffer.from(SERVER), tail]), c1.subarray(digestAt, digestAt + 32));
    expect(s2.subarray(-32).equals(hmac(key, s2.subarray(0, -32)))).toBe(true);
  });

  it('is ended by the client with a C2 signed for the digest of S1', () => {
    const s1 = signed(772, SERVER, 7);
    const c2 = clientAnswer(Buffer.concat([Buffer.of(3), s1]), 'push');
    const at = digestPlace(s1, 772);
    const key = hmac(Buffer.concat([Buffer.from(PLAYER), tail]), s1.subarray(at, at + 32));
    expect(c2.subarray(-32).equals(hmac(key, c2.subarray(0, -32)))).toBe(true);
  });

  it('falls back to an echo when the digest is wrong by a bit', () => {
    const hello = clientHello(random(8), 'digest');
    hello.writeUInt8(hello.readUInt8(1000) ^ 1, 1000);
    const answer = serverAnswer(hello, random(9), 'pull');
    expect(answer.subarray(ends).equals(hello.subarray(1))).toBe(true);
  });
});
