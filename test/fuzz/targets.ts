import { parseAddress, rtmpTarget } from '../../src/media/address.ts';
import { parseAacConfig } from '../../src/media/codec/aac.ts';
import { parseAvcConfig, parseSps } from '../../src/media/codec/h264.ts';
import { parseHevcConfig, parseHevcSps } from '../../src/media/codec/h265.ts';
import type { Demuxer } from '../../src/media/demuxer.ts';
import { FlvDemuxer } from '../../src/media/flv/demux.ts';
import { parsePlaylist } from '../../src/media/hls/playlist.ts';
import { framingOf } from '../../src/media/http-framing.ts';
import { readHead } from '../../src/media/http-head.ts';
import { fragment, MemoryFile, movie, type TrackWish } from '../../src/media/mp4/box-writer.ts';
import { openMp4 } from '../../src/media/mp4/item.ts';
import { both, VIDEO } from '../../src/media/mp4/numbered-film.ts';
import { Batch } from '../../src/media/packet.ts';
import { decodeAmf0, encodeAmf0 } from '../../src/media/rtmp/amf0.ts';
import { readAnswer, Secrets } from '../../src/media/rtmp/answer.ts';
import { ChunkReader } from '../../src/media/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../../src/media/rtmp/chunk-writer.ts';
import { referralOf } from '../../src/media/rtmp/referral.ts';
import { AudioTrack } from '../../src/media/rtsp/audio.ts';
import { parseLatmConfig } from '../../src/media/rtsp/audio-config.ts';
import { Clocks } from '../../src/media/rtsp/clocks.ts';
import { RtspReader } from '../../src/media/rtsp/message.ts';
import { PlayedRtp } from '../../src/media/rtsp/played-rtp.ts';
import { Reorder } from '../../src/media/rtsp/reorder.ts';
import { RtpHead, readRtcp, readRtp } from '../../src/media/rtsp/rtp.ts';
import { framed, rtp, senderReport } from '../../src/media/rtsp/scripted-server.ts';
import { parseSdp } from '../../src/media/rtsp/sdp.ts';
import { chooseTracks } from '../../src/media/rtsp/tracks.ts';
import { VideoTrack } from '../../src/media/rtsp/video.ts';
import { TsDemuxer } from '../../src/media/ts/demux.ts';
import { HEVC_SETS, PPS, SPS, scriptedMedia } from '../../src/media/ts/scripted-stream.ts';
import { WsFraming } from '../../src/media/ws-framing.ts';
import { CountedStream } from '../lab/counted-stream.ts';
import { flvOf } from '../lab/packets.ts';
import { CAMERA, PLAYLISTS } from './samples.ts';

/** What reads bytes of a peer: it ends, soon, with or without a Fault, whatever they are. */
export interface Target {
  readonly name: string;
  readonly seeds: () => readonly Buffer[];
  readonly run: (bytes: Buffer) => void | Promise<void>;
}

const WHERE = 'peer';
const text = (bytes: Buffer): string => bytes.toString('latin1');
const hex = (...given: readonly string[]): Buffer[] => given.map(one => Buffer.from(one, 'hex'));

const referralSeeds = (): Buffer[] =>
  ['rtmp://b.example:1936/live', '//192.0.2.1/a/b?c=d', '../other', '', 'rtmps://u:p@[2001:db8::1]/x'].map(tcUrl =>
    encodeAmf0(['onStatus', 0, null, { code: 'NetConnection.Connect.ReconnectRequest', tcUrl, description: 'move' }]),
  );

/** Where it leads to is an address that can be dialled, with the stream's name; the name is told to nobody. */
function refer(bytes: Buffer): void {
  const [, , ...values] = decodeAmf0(bytes, 'push');
  const address = parseAddress('rtmp://a.example/live/SECRETKEY?sign=SECRETSIGN', ['rtmp']);
  const target = rtmpTarget(address);
  const from = { address, target, secrets: new Secrets(address, target) };
  const { url, words } = referralOf(readAnswer({ name: 'onStatus', transaction: 0, values }), from);
  const led = url === undefined ? target : rtmpTarget(parseAddress(url, ['rtmp', 'rtmps']));
  if (led.streamName !== target.streamName || words.includes('SECRET')) throw new Error(`it leads to ${url}: ${words}`);
}

/** Cut at odd places, as a network does. */
function feed(bytes: Buffer, take: (piece: Buffer) => void): void {
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 13) % 4_001) {
    take(bytes.subarray(at, at + size));
  }
}

function demux(demuxer: Demuxer, bytes: Buffer): void {
  const batch = new Batch();
  feed(bytes, piece => {
    demuxer.push(Buffer.from(piece), batch);
    batch.clear();
  });
  demuxer.end(batch);
}

function countedFlv(): Buffer {
  const stream = new CountedStream({ videoKbit: 40 });
  return flvOf([
    { kind: 'videoHeader', dtsMs: 0, body: stream.videoHeader },
    { kind: 'audioHeader', dtsMs: 0, body: stream.audioHeader },
    ...stream.between(0, 1_500),
  ]);
}

function chunks(): Buffer {
  const writer = new ChunkWriter({ chunkSize: 128 });
  const command = encodeAmf0(['connect', 1, { app: 'live', tcUrl: 'rtmp://h/live' }]);
  return Buffer.concat(
    [20, 18, 1, 5, 4, 3].map(type => {
      const payload = type === 20 ? command : Buffer.alloc(type === 18 ? 300 : 6, type);
      return writer.message(
        { type, csid: type === 18 ? 4 : 3, streamId: type === 18 ? 1 : 0, timestampMs: 40 * type },
        payload,
      );
    }),
  );
}

/** Frames of a few bytes: what is mutated is to be the index. */
const small = (track: TrackWish): TrackWish => ({ ...track, sizes: track.sizes.map(() => 8) });

async function playMp4(bytes: Buffer): Promise<void> {
  const options = { url: 'media://film.mp4', startMs: 0, signal: new AbortController().signal };
  const item = await openMp4(new MemoryFile(bytes), options);
  try {
    const batch = new Batch();
    for (let untilMs = item.startMs + 500, steps = 0; steps < 200; steps++, untilMs += 500) {
      batch.clear();
      if (item.read(batch, untilMs) === 'end') return;
    }
  } finally {
    item.close();
  }
}

/** Every interleaved frame is a packet of both tracks. */
function playRtp(bytes: Buffer): void {
  const into = new Batch();
  const head = new RtpHead();
  const clocks = new Clocks(() => 0);
  const takers = chooseTracks(parseSdp(CAMERA), WHERE).tracks.map(chosen => {
    const clock = clocks.add(chosen.rate);
    return chosen.kind === 'video'
      ? new VideoTrack(chosen.format, clock, chosen)
      : new AudioTrack(chosen.format, clock);
  });
  const reader = new RtspReader(WHERE, {
    message: () => undefined,
    frame: (channel, own, from, to) => {
      if (channel % 2 === 1) readRtcp(own, from, to);
      else if (readRtp(own, from, to, head)) takers[(channel / 2) % takers.length]?.take(own, head, false, into);
      into.clear();
    },
  });
  reader.channels = new Set([0, 1, 2, 3]);
  feed(bytes, piece => reader.feed(piece, 0, piece.length));
}

function rtpSeeds(): readonly Buffer[] {
  const video = hex(
    '674d400deca0a0fd80880000030008000003019078a14cb0',
    '68ebecb22c',
    '6588aa',
    '419abb',
    '5c8588aa',
    '5c0588bb',
    '5c4588cc',
  );
  const stap = Buffer.concat(
    hex('18', '0018', '674d400deca0a0fd80880000030008000003019078a14cb0', '0005', '68ebecb22c'),
  );
  const sound = Buffer.concat(hex('0010', '0050', '210a4fffffffff0000ff'));
  const frames = [...video, stap].map((unit, i) =>
    framed(0, rtp({ sequence: i, timestamp: i * 3_600, marker: true }, unit)),
  );
  const heard = [0, 1, 2].map(i => framed(2, rtp({ sequence: i, timestamp: i * 1_024, marker: true }, sound)));
  return [Buffer.concat([...frames, ...heard, framed(1, senderReport(1_000, 90_000))])];
}

/** Datagrams with their lengths in front: numbers in every order, of two senders, and reports. */
function datagramSeeds(): readonly Buffer[] {
  const unit = Buffer.from('419abb', 'hex');
  const numbers = [65_534, 0, 65_535, 1, 3, 2, 9, 40_000, 40_001, 5, 5];
  const media = numbers.map((sequence, i) => rtp({ sequence, timestamp: i * 3_600, marker: true }, unit));
  const others = [7, 8].map(sequence => rtp({ sequence, timestamp: 0, ssrc: 2 }, unit));
  const all = [...media, senderReport(3_900_000_000_000, 90_000), ...others];
  return [Buffer.concat(all.flatMap(bytes => [Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]))];
}

/** Every datagram is RTP and RTCP, each a little later than the former. */
function playDatagrams(bytes: Buffer): void {
  const [chosen] = chooseTracks(parseSdp(CAMERA), WHERE).tracks;
  if (chosen?.kind !== 'video') throw new Error('no picture');
  const clock = new Clocks(() => 0).add(chosen.rate);
  const track = new PlayedRtp(chosen.payloadType, clock, new VideoTrack(chosen.format, clock, chosen));
  const into = new Batch();
  const reorder = new Reorder((packet, length, cameMs) => {
    track.cameMs = cameMs;
    track.takeRtp(packet, 0, length, into);
    into.clear();
  });
  for (let at = 0, ms = 0; at + 2 <= bytes.length; ms += 7) {
    const packet = bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at));
    reorder.put(packet, packet.length, ms);
    track.takeRtcp(packet, 0, packet.length);
    at += 2 + packet.length;
  }
  reorder.expire(1e9);
  if (reorder.held > 0) throw new Error('packets are kept for ever');
  track.reception.report({ ssrc: 1, name: 'fuzz' }, 1e9);
}

export const TARGETS: readonly Target[] = [
  { name: 'flv', seeds: () => [countedFlv()], run: bytes => demux(new FlvDemuxer(), bytes) },
  {
    name: 'ts',
    seeds: () => [
      scriptedMedia({ seconds: 1 }).bytes,
      scriptedMedia({ seconds: 1, startMs: 2 ** 33 / 90 - 300, gop: 5 }).bytes,
    ],
    run: bytes => demux(new TsDemuxer(), bytes),
  },
  {
    name: 'mp4',
    seeds: () => [
      movie({ tracks: both([800, 400], [1200, 2400], [400, 0]).tracks.map(small) }),
      Buffer.concat([
        movie({ tracks: [{ ...VIDEO, sizes: [] }], mvex: true }),
        ...[0, 1, 2].map(i => fragment({ id: 1, kind: 'video', timeUnits: i * 1_200, each: 400, sizes: [40, 20, 20] })),
      ]),
    ],
    run: playMp4,
  },
  {
    name: 'hls',
    seeds: () => PLAYLISTS.map(playlist => Buffer.from(playlist)),
    run: bytes => void parsePlaylist(text(bytes), 'http://h.example/live/list.m3u8'),
  },
  {
    name: 'amf0',
    seeds: () => [
      encodeAmf0(['connect', 1, { app: 'live', deep: { er: { est: [1, 'two', null, true] } }, when: new Date(0) }]),
      encodeAmf0(['onMetaData', { width: 1280, height: 720, framerate: 25, tags: ['a', 'b'] }], { ecmaArrays: true }),
    ],
    run: bytes => void decodeAmf0(bytes, 'pull'),
  },
  { name: 'referral', seeds: referralSeeds, run: refer },
  {
    name: 'rtmp',
    seeds: () => [chunks()],
    run: bytes => {
      const batch = new Batch();
      const reader = new ChunkReader({ side: 'pull', onMessage: () => undefined });
      feed(bytes, piece => {
        reader.feed(piece, 0, piece.length, batch);
        batch.clear();
      });
    },
  },
  {
    name: 'rtsp',
    seeds: () => [
      Buffer.from(
        'RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 12;timeout=60\r\nContent-Length: 4\r\n\r\nv=0\n$\x00\x00\x04abcd',
      ),
      Buffer.from(
        'RTSP/1.0 401 Unauthorized\r\nCSeq: 3\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n',
      ),
    ],
    run: bytes => {
      const reader = new RtspReader(WHERE, { message: () => undefined, frame: () => undefined });
      reader.channels = new Set([0]);
      feed(bytes, piece => reader.feed(piece, 0, piece.length));
    },
  },
  {
    name: 'sdp',
    seeds: () => [Buffer.from(CAMERA)],
    run: bytes => void chooseTracks(parseSdp(text(bytes)), WHERE),
  },
  { name: 'rtp', seeds: rtpSeeds, run: playRtp },
  { name: 'datagrams', seeds: datagramSeeds, run: playDatagrams },
  {
    name: 'http',
    seeds: () => [
      Buffer.from(
        'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nFLV\x01\r\n3\r\nabc\r\n0\r\n\r\n',
      ),
      Buffer.from('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nFLV\x01\x05'),
    ],
    run: bytes => {
      const head = readHead(bytes);
      if (head === undefined) return;
      const framing = framingOf(head);
      feed(bytes.subarray(head.bytes), piece => void framing.unframe(Buffer.from(piece), 0, piece.length));
    },
  },
  {
    name: 'websocket',
    seeds: () => [Buffer.concat(hex('8203464c56', '0203464c56', '8002aabb', '8900', '880203e8'))],
    run: bytes => {
      const framing = new WsFraming(() => undefined);
      feed(bytes, piece => void framing.unframe(Buffer.from(piece), 0, piece.length));
    },
  },
  {
    name: 'headers',
    seeds: () => [SPS, PPS, ...HEVC_SETS, ...hex('1190', '2b920800', '014d001effe1000467', '400026203fc0')],
    run: bytes => {
      parseSps(bytes);
      parseAvcConfig(bytes);
      parseHevcSps(bytes);
      parseHevcConfig(bytes);
      parseAacConfig(bytes);
      parseLatmConfig(bytes);
    },
  },
];
