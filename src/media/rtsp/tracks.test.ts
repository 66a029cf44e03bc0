import { describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { parseSdp } from './sdp.ts';
import { chooseTracks } from './tracks.ts';

const H264 = 'm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n';
const AAC = 'm=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/48000/2\na=fmtp:97 mode=AAC-hbr;config=1190\n';
const PCMU = 'm=audio 0 RTP/AVP 0\n';

const choose = (sdp: string) => chooseTracks(parseSdp(sdp), 'rtsp://camera/***');

function whyNot(sdp: string): string {
  try {
    choose(sdp);
  } catch (error) {
    expect(error).toMatchObject({ side: 'pull', kind: 'unsupported', retryable: false });
    return error instanceof Fault ? error.message : '';
  }
  return '';
}

describe('the tracks', () => {
  it('are the first pictures and the first sound that can be carried', () => {
    const { tracks, notes } = choose(`${PCMU}${AAC}m=video 0 RTP/AVP 26\n${H264}${H264}`);
    expect(tracks.map(({ kind, payloadType }) => [kind, payloadType])).toEqual([
      ['video', 96],
      ['audio', 97],
    ]);
    expect(notes).toEqual([]);
  });

  it('are the pictures alone where the sound cannot be carried, which is told', () => {
    const { tracks, notes } = choose(`${H264}${PCMU}`);
    expect(tracks).toHaveLength(1);
    expect(notes).toEqual(['The sound is left out: it is G.711 (µ-law).']);
  });

  it('are the sound alone where there is nothing else', () => {
    expect(choose(AAC).tracks.map(({ kind }) => kind)).toEqual(['audio']);
  });

  it('are none where pictures or all sound cannot be carried, which is told', () => {
    expect(whyNot(`m=video 0 RTP/AVP 26\n${AAC}`)).toBe('rtsp://camera/*** cannot be relayed: its pictures are JPEG');
    expect(whyNot(PCMU)).toContain('G.711 (µ-law)');
    expect(whyNot('m=audio 0 RTP/AVP 8\n')).toContain('G.711 (A-law)');
    expect(whyNot('m=audio 0 RTP/AVP 97\na=rtpmap:97 MP4A-LATM/48000\n')).toContain('without its configuration');
    expect(whyNot('m=video 0 RTP/AVP 99\n')).toContain('payload type 99');
    expect(whyNot('')).toContain('neither pictures nor sound');
  });

  it('are read with what is missing or makes no sense', () => {
    const [video] = choose(
      'm=video 0 RTP/AVP 96\na=rtpmap:96 H264/0\na=fmtp:96 sprop-parameter-sets=!!!,,AAAA\n',
    ).tracks;
    expect(video).toMatchObject({ rate: 90_000, sets: [] });
    const [sound] = choose('m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/44100/1\n').tracks;
    expect(sound?.rate).toBe(44_100);
    expect(sound?.kind === 'audio' && sound.format.header.toString('hex')).toBe('af001208');
  });

  it('may be H.265, with its sets', () => {
    const set = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
    const sets = `sprop-vps=${set('40010c01ffff')}; sprop-sps=${set('420101016000')}; sprop-pps=${set('4401c173')}`;
    const [video] = choose(`m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 ${sets}\n`).tracks;
    expect(video?.kind === 'video' && video.sets).toHaveLength(3);
  });
});
