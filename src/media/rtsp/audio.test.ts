import { describe, expect, it } from 'vitest';
import { Batch } from '../packet.ts';
import { AudioTrack } from './audio.ts';
import { coreSoundOf, parseLatmConfig, plainConfig } from './audio-config.ts';
import { Clocks } from './clocks.ts';
import { RtpHead, readRtp } from './rtp.ts';
import { rtp } from './scripted-server.ts';
import { parseSdp } from './sdp.ts';
import { chooseTracks } from './tracks.ts';

const GENERIC =
  'mpeg4-generic/48000/2\na=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190';
/** One frame a unit, AAC-LC, 48 kHz, stereo. */
const LATM = 'MP4A-LATM/48000/2\na=fmtp:97 cpresent=0;config=400023203fc0';

function trackOf(map: string): AudioTrack {
  const [chosen] = chooseTracks(parseSdp(`m=audio 0 RTP/AVP 97\na=rtpmap:97 ${map}\n`), 'it').tracks;
  if (chosen?.kind !== 'audio') throw new Error('no sound');
  return new AudioTrack(chosen.format, new Clocks(() => 0).add(chosen.rate));
}

interface Step {
  readonly payload: string;
  readonly at: number;
  readonly marker?: boolean;
  readonly lost?: boolean;
}

function play(map: string, steps: readonly Step[]): [string, number, string][] {
  const track = trackOf(map);
  const into = new Batch();
  for (const { payload, at, marker = true, lost = false } of steps) {
    const bytes = rtp({ sequence: 1, timestamp: at, marker }, Buffer.from(payload, 'hex'));
    const head = new RtpHead();
    readRtp(bytes, 0, bytes.length, head);
    track.take(bytes, head, lost, into);
  }
  const packets = into.packets.slice(0, into.count);
  return packets.map(packet => [packet.kind, packet.dtsMs, packet.copyPayload().toString('hex')]);
}

const HEADER = ['audioHeader', 60_000, 'af001190'];

describe('AAC over RTP', () => {
  it('comes as frames behind a codec header', () => {
    expect(
      play(GENERIC, [
        { payload: '00100018aabbcc', at: 0 },
        { payload: '00100010ddee', at: 1024 },
      ]),
    ).toEqual([HEADER, ['audio', 60_000, 'af01aabbcc'], ['audio', 60_021, 'af01ddee']]);
  });

  it('may come several frames at a time', () => {
    const shown = play(GENERIC, [{ payload: '003000180010001 0aabbccddeeff11'.replace(' ', ''), at: 0 }]);
    expect(shown.slice(1)).toEqual([
      ['audio', 60_000, 'af01aabbcc'],
      ['audio', 60_021, 'af01ddee'],
      ['audio', 60_043, 'af01ff11'],
    ]);
  });

  it('may come in pieces', () => {
    const pieces = [
      { payload: '00100020aabb', at: 0, marker: false },
      { payload: '00100020ccdd', at: 0 },
    ];
    expect(play(GENERIC, pieces).slice(1)).toEqual([['audio', 60_000, 'af01aabbccdd']]);
    const broken = [pieces[0], { payload: '00100020ccdd', at: 0, lost: true }] as Step[];
    expect(play(GENERIC, broken)).toEqual([]);
  });

  it('is passed over where its headers lie', () => {
    for (const payload of ['00', '0010', '00100018', 'ffff0018aabbcc', '0000aabb', '00200018fff8aabbcc']) {
      expect(play(GENERIC, [{ payload, at: 0 }]).length).toBeLessThanOrEqual(2);
    }
  });

  it('may be of half the clock, where an extension doubles it', () => {
    const map = 'mpeg4-generic/48000/2\na=fmtp:97 mode=AAC-hbr;config=2b118800';
    const shown = play(map, [{ payload: '002000100010aabbccdd', at: 0 }]);
    expect(shown.slice(1).map(([, dtsMs]) => dtsMs)).toEqual([60_000, 60_043]);
  });
});

describe('LATM', () => {
  it('comes as frames behind their lengths', () => {
    expect(play(LATM, [{ payload: '03aabbcc', at: 0 }])).toEqual([HEADER, ['audio', 60_000, 'af01aabbcc']]);
  });

  it('may come in pieces, and be long', () => {
    const frame = 'ab'.repeat(300);
    const whole = `ff2d${frame}`;
    const steps = [
      { payload: whole.slice(0, 400), at: 0, marker: false },
      { payload: whole.slice(400), at: 0 },
    ];
    expect(play(LATM, steps).at(-1)?.[2]).toBe(`af01${frame}`);
    expect(play(LATM, [steps[0], { ...steps[1], lost: true }] as Step[])).toEqual([]);
  });

  it('is passed over where it is cut short', () => {
    for (const payload of ['00', '05aa', 'ff', 'ffff']) expect(play(LATM, [{ payload, at: 0 }])).toEqual([]);
  });
});

it('takes Opus, a packet at a time', () => {
  const shown = play('opus/48000/2', [
    { payload: 'fcaabb', at: 0 },
    { payload: 'fccc', at: 960 },
  ]);
  expect(shown[0]?.[2].startsWith('904f7075734f70757348656164')).toBe(true);
  expect(shown.slice(1)).toEqual([
    ['audio', 60_000, '914f707573fcaabb'],
    ['audio', 60_020, '914f707573fccc'],
  ]);
});

describe('what is told of AAC', () => {
  it('is read', () => {
    expect(coreSoundOf(Buffer.from('1190', 'hex'))).toEqual({ rate: 48_000, samplesPerFrame: 1024 });
    expect(coreSoundOf(Buffer.from('1194', 'hex'))).toEqual({ rate: 48_000, samplesPerFrame: 960 });
    expect(coreSoundOf(Buffer.from('2b118800', 'hex'))).toEqual({ rate: 24_000, samplesPerFrame: 1024 });
    expect(plainConfig(48_000, 2)?.toString('hex')).toBe('1190');
    expect(plainConfig(47_999, 2)).toBeUndefined();
  });

  it('is taken out of what LATM tells', () => {
    const told = parseLatmConfig(Buffer.from('400023203fc0', 'hex'));
    expect([told?.config.toString('hex'), told?.framesPerUnit]).toEqual(['1190', 1]);
    // As GStreamer says it: with an extension that is not there.
    expect(parseLatmConfig(Buffer.from('40002320adca00', 'hex'))?.config.toString('hex')).toBe('119056e500');
  });

  it('is not taken where it is of an unusual form, or cut short', () => {
    for (const hex of [
      '',
      '40',
      '4000',
      'c00023203fc0',
      '000023203fc0',
      '400123203fc0',
      '40002320ffff',
      '400000000000',
    ]) {
      expect(parseLatmConfig(Buffer.from(hex, 'hex'))).toBeUndefined();
    }
  });
});
