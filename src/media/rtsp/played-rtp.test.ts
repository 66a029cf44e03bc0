import { expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { Batch, isHeader, isVideo } from '../packet.ts';
import { AudioTrack } from './audio.ts';
import { Clocks } from './clocks.ts';
import { RtspReader } from './message.ts';
import { PlayedRtp } from './played-rtp.ts';
import { framed, rtp, senderReport } from './scripted-server.ts';
import { parseSdp } from './sdp.ts';
import { chooseTracks } from './tracks.ts';
import { VideoTrack } from './video.ts';

/** Both tracks with one payload type, which is theirs alone on their channels. */
const SDP = `m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
m=audio 0 RTP/AVP 96
a=rtpmap:96 mpeg4-generic/48000/2
a=fmtp:96 mode=AAC-hbr;config=1190
`;
const SETS = ['674d400deca0a0fd80880000030008000003019078a14cb0', '68ebecb22c'];

/** A second of a stream as it lies in a connection: sets, slices in one and in several packets, sound, reports. */
function stream(): Buffer {
  const frames: Buffer[] = [];
  let sequence = 0;
  const video = (hex: string, n: number, marker: boolean): void => {
    frames.push(framed(0, rtp({ sequence: sequence++, timestamp: n * 3600, marker }, Buffer.from(hex, 'hex'))));
  };
  for (let n = 0; n < 25; n++) {
    if (n % 10 === 0) for (const set of SETS) video(set, n, false);
    if (n % 10 === 0) frames.push(framed(1, senderReport(3_900_000_000_000 + n * 40, n * 3600)));
    if (n % 3 === 0) video('7c859a9b9c', n, false);
    video(n % 3 === 0 ? '7c459d' : '419abb', n, true);
    frames.push(
      framed(2, rtp({ sequence: n, timestamp: n * 1920, marker: true }, Buffer.from('00100018aabbcc', 'hex'))),
    );
  }
  frames.push(Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n'));
  return Buffer.concat(frames);
}

/** Reads it all as a source does; answers the packets, or the fault. */
function play(bytes: Buffer): Batch | Fault {
  const clocks = new Clocks(() => 0);
  const played = chooseTracks(parseSdp(SDP), 'it').tracks.map(chosen => {
    const clock = clocks.add(chosen.rate);
    const track =
      chosen.kind === 'video' ? new VideoTrack(chosen.format, clock, chosen) : new AudioTrack(chosen.format, clock);
    return new PlayedRtp(chosen.payloadType, clock, track);
  });
  const into = new Batch();
  const reader = new RtspReader('it', {
    message: () => undefined,
    frame: (channel, own, start, end) => {
      const track = played[channel >> 1];
      if (channel % 2 === 0) track?.takeRtp(own, start, end, into);
      else track?.takeRtcp(own, start, end);
    },
  });
  reader.channels = new Set([0, 1, 2, 3]);
  try {
    reader.feed(bytes, 0, bytes.length);
    return into;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** Whether every picture is made of whole units, and every time is one. */
function isSound(batch: Batch): boolean {
  return batch.packets.slice(0, batch.count).every(packet => {
    if (!Number.isFinite(packet.dtsMs)) return false;
    if (isHeader(packet.kind) || !isVideo(packet.kind)) return true;
    const body = packet.copyPayload();
    let at = 5;
    while (at + 4 <= body.length) at += 4 + body.readUInt32BE(at);
    return at === body.length;
  });
}

it('plays the stream that the others are made of', () => {
  const batch = play(stream());
  if (batch instanceof Fault) throw batch;
  const kinds = batch.packets.slice(0, batch.count).map(({ kind }) => kind);
  expect(kinds.filter(kind => kind === 'audio')).toHaveLength(25);
  expect(kinds.filter(kind => kind === 'key' || kind === 'inter')).toHaveLength(25);
});

it('makes whole pictures or none of a stream that is cut or damaged anywhere', () => {
  const whole = stream();
  let seed = 20_261_121;
  const dice = (sides: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % sides;
  };
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(whole.subarray(0, dice(4) === 0 ? dice(whole.length) : whole.length));
    for (let n = dice(20); n > 0 && bytes.length > 0; n--) bytes[dice(bytes.length)] = dice(256);
    const made = play(bytes);
    expect(made instanceof Fault || isSound(made)).toBe(true);
  }
});
