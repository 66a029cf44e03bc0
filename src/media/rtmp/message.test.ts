import { describe, expect, it } from 'vitest';
import { decodeAmf0 } from './amf0.ts';
import {
  acknowledgement,
  command,
  pingRequest,
  pingResponse,
  readUserControl,
  readWord,
  setBufferLength,
  setChunkSize,
  setPeerBandwidth,
  streamBegin,
  streamEof,
  windowAckSize,
} from './message.ts';

describe('message payloads', () => {
  it.each([
    ['setChunkSize', setChunkSize(65_536), '00010000'],
    ['acknowledgement', acknowledgement(0x01020304), '01020304'],
    ['acknowledgement past 2^32', acknowledgement(2 ** 32 + 5), '00000005'],
    ['windowAckSize', windowAckSize(2_500_000), '002625a0'],
    ['setPeerBandwidth', setPeerBandwidth(2_500_000), '002625a002'],
    ['streamBegin', streamBegin(1), '000000000001'],
    ['streamEof', streamEof(1), '000100000001'],
    ['setBufferLength', setBufferLength(1, 3000), '00030000000100000bb8'],
    ['pingRequest', pingRequest(0xfffffffe), '0006fffffffe'],
    ['pingResponse', pingResponse(7), '000700000007'],
  ])('%s is what the specification says', (_name, payload, expected) => {
    expect(payload.toString('hex')).toBe(expected);
  });

  it('a command is its name, its transaction and its arguments', () => {
    expect(decodeAmf0(command('releaseStream', 2, null, 'key'), 'push')).toEqual(['releaseStream', 2, null, 'key']);
  });

  it('a user control message is read as event and first word, and a short one as nothing', () => {
    expect(readUserControl(pingRequest(9))).toEqual({ event: 6, value: 9 });
    expect(readUserControl(pingRequest(9).subarray(0, 5))).toBe(undefined);
    expect(readWord(windowAckSize(5))).toBe(5);
    expect(readWord(Buffer.alloc(3))).toBe(undefined);
  });
});
