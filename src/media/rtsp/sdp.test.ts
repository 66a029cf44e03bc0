import { describe, expect, it } from 'vitest';
import { parseSdp } from './sdp.ts';

const CAMERA = `v=0\r
o=- 1 1 IN IP4 10.0.0.1\r
s=Media Presentation\r
c=IN IP4 0.0.0.0\r
t=0 0\r
a=control:*\r
a=range:npt=now-\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=framerate:25.0\r
a=fmtp:96 packetization-mode=1; profile-level-id=4D001E; sprop-parameter-sets=Z00AHp2oKAv+VA==,aO48gA==\r
a=control:trackID=1\r
m=audio 0 RTP/AVP 0 104\r
a=rtpmap:104 mpeg4-generic/16000/1\r
a=fmtp:104 profile-level-id=15; mode=AAC-hbr;config=1408; SizeLength=13\r
a=control:trackID=2\r
m=audio 0 RTP/AVP 8\r
a=control:trackID=3\r
a=sendonly\r
m=application 0 RTP/AVP 107\r
a=rtpmap:107 vnd.onvif.metadata/90000\r
`;

describe('a session description', () => {
  it('lists what may be played', () => {
    const { control, media } = parseSdp(CAMERA);
    expect(control).toBe('*');
    expect(media.map(({ kind, control: own }) => [kind, own])).toEqual([
      ['video', 'trackID=1'],
      ['audio', 'trackID=2'],
      ['application', undefined],
    ]);
    expect(media[0]).toMatchObject({
      framesPerSecond: 25,
      formats: [{ payloadType: 96, codec: 'H264', rate: 90_000 }],
    });
    expect(media[0]?.formats[0]?.parameters.get('sprop-parameter-sets')).toBe('Z00AHp2oKAv+VA==,aO48gA==');
  });

  it('knows the payload types that need no words', () => {
    const formats = parseSdp(CAMERA).media[1]?.formats;
    expect(formats?.map(({ codec, rate, channels }) => [codec, rate, channels])).toEqual([
      ['PCMU', 8000, 1],
      ['MPEG4-GENERIC', 16_000, 1],
    ]);
    expect(formats?.[1]?.parameters.get('sizelength')).toBe('13');
  });

  it('passes over what it cannot read', () => {
    const text =
      'm=\nm=video\nm=video 0 RTP/AVP 200 x 96\na=rtpmap\na=rtpmap:96\na=rtpmap:96 H264/0\na=fmtp:96 =;;a\na=control:a b\n';
    expect(parseSdp(text).media).toMatchObject([
      { control: undefined, formats: [{ payloadType: 96, codec: 'H264', rate: 0 }] },
    ]);
    expect(parseSdp('').media).toEqual([]);
  });

  it('looks at a bounded number of media', () => {
    expect(parseSdp('m=video 0 RTP/AVP 96\n'.repeat(1_000)).media).toHaveLength(64);
  });

  it('may be cut anywhere, and be any bytes', () => {
    for (let length = 0; length < CAMERA.length; length++) parseSdp(CAMERA.slice(0, length));
    let seed = 7;
    const dice = (sides: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % sides;
    };
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.from(CAMERA);
      for (let n = dice(12) + 1; n > 0; n--) bytes[dice(bytes.length)] = dice(256);
      expect(parseSdp(bytes.toString('utf8')).media.length).toBeLessThan(65);
    }
  });
});
