import { describe, expect, it } from 'vitest';
import { Packet } from '../packet.ts';
import { classifyAudio, classifyVideo, compositionMs, metadataAt, payloadByte, readTagHead } from './tag.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** A packet whose payload is cut into pieces of the given size. */
function packetOf(payload: Buffer, piece = payload.length): Packet {
  const packet = new Packet();
  packet.reset('audio', 0);
  for (let at = 0; at < payload.length; at += piece) {
    packet.addSpan(payload, at, Math.min(payload.length, at + piece));
  }
  return packet;
}

const AUD = '00000002 09f0';
const SLICE = '00000003 419a24';
const UNREFERENCED = '00000003 019e45';
const IDR = '00000003 658884';

describe('classifyVideo', () => {
  it.each([
    ['an AVC configuration', '17 00 000000 0164001f', 'videoHeader'],
    ['a key frame', `17 01 000000 ${IDR}`, 'key'],
    ['a frame that others refer to', `27 01 000050 ${SLICE}`, 'inter'],
    ['a frame that nothing refers to', `27 01 000050 ${UNREFERENCED}`, 'disposable'],
    ['such a frame behind a delimiter', `27 01 000000 ${AUD} ${UNREFERENCED}`, 'disposable'],
    ['a frame whose NAL length is longer than itself', '27 01 000000 7fffffff 01', 'inter'],
    ['a frame whose NAL length is 0', '27 01 000000 00000000 01', 'inter'],
    ['a frame with too many units before the slice', `27 01 000000 ${AUD.repeat(4)} ${UNREFERENCED}`, 'inter'],
    ['the end of the sequence', '17 02 000000 00', undefined],
    ['an AVC frame without a byte of picture', '17 01 000000', undefined],
    ['a command frame', '57 00', undefined],
    ['nothing', '', undefined],
    ['an old H.265 configuration', '1c 00 000000 0101', 'videoHeader'],
    ['an old H.265 key frame', '1c 01 000000 00000001', 'key'],
    ['an old H.265 frame', '2c 01 000000 00000001', 'inter'],
    ['a H.263 key frame', '12 0000', 'key'],
    ['a disposable H.263 frame', '32 0000', 'disposable'],
    ['an enhanced configuration', '90 68766331 01', 'videoHeader'],
    ['an enhanced key frame', '91 68766331 000000 00', 'key'],
    ['an enhanced key frame without composition time', '93 61763031 0a', 'key'],
    ['an enhanced frame', 'a3 68766331 00', 'inter'],
    ['an enhanced H.264 frame that nothing refers to', `a1 61766331 000050 ${UNREFERENCED}`, 'disposable'],
    ['the same without composition time', `a3 61766331 ${UNREFERENCED}`, 'disposable'],
    ['the end of an enhanced sequence', '92 68766331 00', undefined],
    ['HDR metadata', '94 68766331 02', undefined],
    ['an extra track', '96 00 68766331 00', undefined],
    ['an enhanced command frame', 'd1 00', undefined],
    ['an enhanced key frame behind a nanosecond prefix', '97 02 000001 01 68766331 00', 'key'],
    ['a prefix that is longer than the body', '97 ff ffff 00', undefined],
    ['a prefix behind a prefix without end', '97 00 00 07 00 00 07', undefined],
  ] as const)('takes %s for what it is', (_name, payload, kind) => {
    expect(classifyVideo(packetOf(hex(payload)))).toBe(kind);
  });

  it('reads a body whose every byte is a view of its own', () => {
    expect(classifyVideo(packetOf(hex(`17 01 000000 ${IDR}`), 1))).toBe('key');
    expect(classifyVideo(packetOf(hex('17 00 000000 0164001f'), 1))).toBe('videoHeader');
    expect(classifyVideo(packetOf(hex(`27 01 000000 ${AUD} ${UNREFERENCED}`), 1))).toBe('disposable');
  });

  it('never throws at any truncation', () => {
    const samples = [`27 01 000000 ${AUD} ${UNREFERENCED}`, '97 ff 0010 00', '97 02 000001 01 68766331 00'];
    for (const sample of samples.map(hex)) {
      for (let end = 0; end <= sample.length; end++) classifyVideo(packetOf(sample.subarray(0, end)));
    }
    expect(classifyVideo(packetOf(hex(samples[0] ?? '').subarray(0, 12)))).toBe('inter');
  });
});

describe('compositionMs', () => {
  it.each([
    ['a frame of H.264', `27 01 000050 ${SLICE}`, 80],
    ['one that is shown before its time', `27 01 ffffd8 ${SLICE}`, -40],
    ['a frame of H.265 in the way of Chinese CDNs', '2c 01 000028 00000001 26', 40],
    ['an enhanced frame of H.265', 'a1 68766331 000050 00000001 26', 80],
    ['an enhanced frame of H.264', 'a1 61766331 000050 00000001 41', 80],
    ['one that is shown at once', 'a3 68766331 00000001 26', 0],
    ['a frame behind ModEx', 'a7 02 000000 01 68766331 000050 00000001 26', 80],
    ['a frame of AV1', 'a1 61763031 0a0b0c0d', 0],
    ['a frame of H.263', '22 000084', 0],
  ])('of %s is what its body says', (_, body, wanted) => {
    for (const piece of [1, 3, 100]) expect(compositionMs(packetOf(hex(body), piece))).toBe(wanted);
  });
});

describe('classifyAudio', () => {
  it.each([
    ['an AAC configuration', 'af 00 1210', 'audioHeader'],
    ['AAC sound', 'af 01 2110', 'audio'],
    ['an AAC body without sound', 'af 01', undefined],
    ['MP3 sound', '2f fffb', 'audio'],
    ['a single byte', '2f', undefined],
    ['nothing', '', undefined],
    ['an enhanced configuration', '90 4f707573 01', 'audioHeader'],
    ['enhanced sound', '91 4f707573 01', 'audio'],
    ['a channel map', '94 4f707573 01', undefined],
    ['enhanced sound cut short', '91 4f70', undefined],
  ] as const)('takes %s for what it is', (_name, payload, kind) => {
    expect(classifyAudio(packetOf(hex(payload)))).toBe(kind);
  });
});

describe('metadataAt', () => {
  const name = '02 000a 6f6e4d65746144617461';
  const setDataFrame = '02 000d 40736574446174614672616d65';
  it.each([
    ['onMetaData itself', `${name} 05`, 0],
    ['what a publisher sends', `${setDataFrame} ${name} 05`, 16],
    ['an AMF3 data message', `00 ${name} 05`, 1],
    ['both', `00 ${setDataFrame} ${name} 05`, 17],
    ['other data', '02 000a 6f6e54657874446174 61', -1],
    ['a name cut short', name.slice(0, 12), -1],
    ['nothing', '', -1],
  ])('finds it in %s', (_name, payload, at) => {
    const bytes = hex(payload);
    expect(metadataAt(bytes, 0, bytes.length)).toBe(at);
  });
});

describe('readTagHead', () => {
  it('puts the extended byte on top of the time, and masks the filter bit', () => {
    expect(readTagHead(hex('29 00000a 000001 ff 000000'), 0)).toEqual({ type: 9, size: 10, timestamp: 0xff000001 });
  });
});

describe('payloadByte', () => {
  it('answers -1 behind the end', () => {
    const packet = packetOf(hex('010203'), 2);
    expect([0, 1, 2, 3].map(i => payloadByte(packet, i))).toEqual([1, 2, 3, -1]);
  });
});
