import { describe, expect, it } from 'vitest';
import { parseAvcConfig } from '../codec/h264.ts';
import { parseHevcConfig } from '../codec/h265.ts';
import { Fault } from '../fault.ts';
import { Batch } from '../packet.ts';
import { TsDemuxer } from './demux.ts';
import {
  AUDIO_PID,
  adts,
  annexB,
  HEVC_SETS,
  OTHER_SPS,
  PPS,
  ScriptedStream,
  SPS,
  scriptedMedia,
  slice,
  VIDEO_PID,
} from './scripted-stream.ts';

interface Seen {
  readonly kind: string;
  readonly dtsMs: number;
  readonly body: string;
}

function demux(pieces: readonly Buffer[], demuxer = new TsDemuxer()): Seen[] {
  const seen: Seen[] = [];
  const batch = new Batch();
  const note = (): void => {
    for (const packet of batch.packets.slice(0, batch.count)) {
      seen.push({ kind: packet.kind, dtsMs: packet.dtsMs, body: packet.copyPayload().toString('hex') });
    }
    batch.clear();
  };
  for (const piece of pieces) {
    demuxer.push(piece, batch);
    note();
  }
  demuxer.end(batch);
  note();
  return seen;
}

const all = (stream: ScriptedStream, demuxer = new TsDemuxer()): Seen[] => demux([stream.bytes], demuxer);
const kinds = (seen: readonly Seen[]): string => seen.map(({ kind, dtsMs }) => `${kind}@${dtsMs}`).join(' ');
const video = (seen: readonly Seen[]): Seen[] =>
  seen.filter(({ kind }) => ['key', 'inter', 'disposable'].includes(kind));

/** What a demuxer says of bytes it cannot use. */
function faultOf(work: () => unknown): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('no fault');
}

describe('a transport stream', () => {
  it('gives length-prefixed pictures behind their codec header, and raw AAC frames with exact times', () => {
    const key = slice('key', 300);
    const stream = new ScriptedStream()
      .tables()
      .picture({ pts: 99_000, dts: 91_800, slice: key })
      .sound(90_000, [Buffer.from('aaaa', 'hex'), Buffer.from('bbbb', 'hex'), Buffer.from('cccc', 'hex')])
      .picture({ pts: 95_400, slice: slice('disposable', 20) });
    const seen = all(stream);
    expect(kinds(seen)).toBe(
      'audioHeader@1000 audio@1000 audio@1021 audio@1043 videoHeader@1020 key@1020 disposable@1060',
    );
    const [asc, first, second, , header, picture] = seen;
    expect(asc?.body).toBe('af001190');
    expect([first?.body, second?.body]).toEqual(['af01aaaa', 'af01bbbb']);
    const record = parseAvcConfig(Buffer.from(header?.body ?? '', 'hex').subarray(5));
    expect([record?.sps[0], record?.pps[0]]).toEqual([SPS, PPS]);
    expect(picture?.body).toBe(`1701000050${key.length.toString(16).padStart(8, '0')}${key.toString('hex')}`);
  });

  it('is read alike however it was cut', () => {
    const { bytes } = scriptedMedia({ seconds: 1 });
    const whole = demux([bytes]);
    expect(whole.length).toBeGreaterThan(70);
    for (const size of [1, 7, 187, 188, 189, 500, 1316, 4096]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(demux(pieces), `pieces of ${size}`).toEqual(whole);
    }
  });

  it('that ends after any packet gives what came before', () => {
    const { packets } = scriptedMedia({ seconds: 1 });
    const whole = demux([Buffer.concat(packets)]);
    for (let count = 1; count < packets.length; count++) {
      const seen = video(demux(packets.slice(0, count)));
      // The last picture may be cut short; all before it are whole.
      expect(seen.slice(0, -1)).toEqual(video(whole).slice(0, Math.max(0, seen.length - 1)));
    }
  });

  it.each([
    ['with time stamps in front of its packets (M2TS)', 4, 0],
    ['with check bytes behind its packets (DVB)', 0, 16],
  ])('%s is read alike', (_, before, behind) => {
    const { packets } = scriptedMedia({ seconds: 1 });
    const spaced = packets.map(packet => Buffer.concat([Buffer.alloc(before, 9), packet, Buffer.alloc(behind, 9)]));
    expect(demux([Buffer.concat(spaced)])).toEqual(demux(packets));
  });

  it('goes on over the wrap of its 33-bit clock', () => {
    const startMs = Math.round(2 ** 33 / 90) - 500;
    const seen = video(all(scriptedMedia({ seconds: 2, startMs })));
    const steps = seen.slice(1).map((frame, i) => frame.dtsMs - (seen[i]?.dtsMs ?? 0));
    expect(seen).toHaveLength(50);
    expect(steps.every(ms => Math.abs(ms - 40) <= 1)).toBe(true);
  });

  it('leaves out the picture that a lost packet belonged to, counts it, and goes on', () => {
    const stream = scriptedMedia({ seconds: 1 });
    const whole = video(all(stream));
    const lost = stream.packets.findIndex((packet, i) => i > 60 && packet.readUInt16BE(1) === VIDEO_PID);
    const demuxer = new TsDemuxer();
    const seen = video(demux(stream.packets.toSpliced(lost, 1), demuxer));
    expect(demuxer.counts.continuity).toBe(1);
    expect(whole.filter(frame => !seen.some(({ body }) => body === frame.body))).toHaveLength(1);
    expect(seen).toHaveLength(whole.length - 1);
  });

  it('passes over packets sent twice', () => {
    const { packets } = scriptedMedia({ seconds: 1 });
    const media = packets.flatMap(packet => (packet.readUInt16BE(1) % 0x1fff > 0xff ? [packet, packet] : [packet]));
    expect(demux([Buffer.concat(media)])).toEqual(demux(packets));
  });

  it('is found again behind garbage', () => {
    const { packets } = scriptedMedia({ seconds: 2 });
    const half = packets.length >> 1;
    const garbage = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 71) % 256));
    const whole = video(demux(packets));
    const seen = video(demux([Buffer.concat([...packets.slice(0, half), garbage, ...packets.slice(half)])]));
    expect(seen.length).toBeGreaterThanOrEqual(whole.length - 2);
    expect(seen.at(-1)).toEqual(whole.at(-1));
  });

  it('sends a codec header again only when the parameter sets are others, in front of a key frame', () => {
    const stream = new ScriptedStream().tables();
    const sets = [
      [SPS, PPS],
      [SPS, PPS],
      [OTHER_SPS, PPS],
    ];
    for (const [i, own] of sets.entries()) {
      stream.picture({ pts: 90_000 + i * 7200, slice: slice('key', 50, i), sets: own });
      stream.picture({ pts: 93_600 + i * 7200, slice: slice('inter', 50, i) });
    }
    const seen = all(stream);
    expect(seen.map(({ kind }) => kind).join(' ')).toBe('videoHeader key inter key inter videoHeader key inter');
    const record = parseAvcConfig(Buffer.from(seen[5]?.body ?? '', 'hex').subarray(5));
    expect(record?.sps).toEqual([OTHER_SPS]);
  });

  it('keeps a picture set that comes within a group of pictures where it stands', () => {
    const other = Buffer.from('68ce0fb22c', 'hex');
    const stream = new ScriptedStream()
      .tables()
      .picture({ pts: 90_000, slice: slice('key', 50) })
      .picture({ pts: 93_600, slice: slice('inter', 50), sets: [other] })
      .picture({ pts: 97_200, slice: slice('key', 50), sets: [SPS, PPS, other] });
    const seen = all(stream);
    expect(seen.map(({ kind }) => kind).join(' ')).toBe('videoHeader key inter videoHeader key');
    expect(seen[2]?.body).toContain(other.toString('hex'));
  });

  it('begins groups of pictures at recovery points, for broadcasts without IDR pictures', () => {
    const recovery = Buffer.from('06060180', 'hex');
    const stream = new ScriptedStream().tables();
    stream.picture({ pts: 90_000, slice: slice('inter', 50), sets: [SPS, PPS, recovery] });
    stream.picture({ pts: 93_600, slice: slice('inter', 50) });
    expect(kinds(all(stream))).toBe('videoHeader@1000 key@1000 inter@1040');
  });

  it('gives pictures that share a packet times of their own', () => {
    const stream = new ScriptedStream().tables();
    for (let i = 0; i < 3; i++) {
      const two = annexB([Buffer.of(9, 0xf0), ...(i === 0 ? [SPS, PPS] : []), slice(i === 0 ? 'key' : 'inter', 30, i)]);
      const next = annexB([Buffer.of(9, 0xf0), slice('inter', 30, 9 + i)]);
      stream.pes(VIDEO_PID, Buffer.concat([two, next]), { pts: 90_000 + i * 7200 });
    }
    expect(
      video(all(stream))
        .map(({ dtsMs }) => dtsMs)
        .slice(2),
    ).toEqual([1080, 1120, 1160, 1200]);
  });

  it('goes on with a picture in packets without a time', () => {
    const key = slice('key', 900);
    const bytes = annexB([SPS, PPS, key]);
    const stream = new ScriptedStream().tables();
    stream.pes(VIDEO_PID, bytes.subarray(0, 500), { pts: 90_000 }).pes(VIDEO_PID, bytes.subarray(500));
    expect(video(all(stream))[0]?.body.endsWith(key.toString('hex'))).toBe(true);
  });

  it('puts AAC frames together that packets cut, each at its own time', () => {
    const frames = [1, 2, 3, 4].map(value => adts(Buffer.alloc(100, value)));
    const bytes = Buffer.concat(frames);
    const stream = new ScriptedStream().tables();
    stream.pes(AUDIO_PID, bytes.subarray(0, 150), { pts: 90_000, length: true });
    // The third frame is the first to begin here.
    stream.pes(AUDIO_PID, bytes.subarray(150), { pts: 90_000 + 2 * 1920, length: true });
    const seen = all(stream).filter(({ kind }) => kind === 'audio');
    expect(seen.map(({ dtsMs }) => dtsMs)).toEqual([1000, 1021, 1043, 1064]);
    expect(seen.map(({ body }) => body.slice(4, 6))).toEqual(['01', '02', '03', '04']);
  });

  it('plays on with the streams of a new programme map', () => {
    const stream = new ScriptedStream().tables().picture({ pts: 90_000, slice: slice('key', 50) });
    stream.tables([{ type: 0x1b, pid: 0x200 }], 1);
    stream.pes(0x200, annexB([SPS, PPS, slice('key', 50, 7)]), { pts: 180_000 });
    expect(kinds(all(stream))).toBe('videoHeader@1000 key@1000 videoHeader@2000 key@2000');
  });

  it('gives H.265 in the enhanced form, its sets in the codec header', () => {
    const key = Buffer.from('2601af0010203040', 'hex');
    const stream = new ScriptedStream().tables([{ type: 0x24, pid: VIDEO_PID }]);
    stream.pes(VIDEO_PID, annexB([Buffer.from('460150', 'hex'), ...HEVC_SETS, key]), { pts: 97_200, dts: 90_000 });
    stream.pes(VIDEO_PID, annexB([Buffer.from('0201d0ff', 'hex')]), { pts: 93_600 });
    const [header, first, second] = all(stream);
    expect(header?.body.startsWith('9068766331')).toBe(true);
    expect(parseHevcConfig(Buffer.from(header?.body ?? '', 'hex').subarray(5))).toMatchObject({
      width: 320,
      height: 180,
    });
    expect(first?.body).toBe(`9168766331000050${'00000008'}${key.toString('hex')}`);
    expect(second?.body).toBe('a3687663310000000' + '40201d0ff');
  });

  it('gives MP3 and Opus', () => {
    const mp3 = Buffer.concat([Buffer.from('fffb9044', 'hex'), Buffer.alloc(413, 5)]);
    const withMp3 = new ScriptedStream().tables([{ type: 0x03, pid: AUDIO_PID }]);
    withMp3.pes(AUDIO_PID, Buffer.concat([mp3, mp3]), { pts: 90_000, length: true });
    expect(kinds(all(withMp3))).toBe('audio@1000 audio@1026');
    const descriptors = Buffer.concat([Buffer.from('0504'), Buffer.from('Opus'), Buffer.of(0x7f, 2, 0x80, 2)]);
    descriptors[0] = 5;
    const tagged = Buffer.concat([Buffer.of(5, 4), Buffer.from('Opus'), Buffer.of(0x7f, 2, 0x80, 2)]);
    const withOpus = new ScriptedStream().tables([{ type: 0x06, pid: AUDIO_PID, descriptors: tagged }]);
    withOpus.pes(AUDIO_PID, Buffer.from('7fe003fc01027fe003fc0304', 'hex'), { pts: 90_000, length: true });
    const seen = all(withOpus);
    expect(kinds(seen)).toBe('audioHeader@1000 audio@1000 audio@1020');
    expect(Buffer.from(seen[0]?.body ?? '', 'hex').toString('latin1', 5, 13)).toBe('OpusHead');
    expect(seen[1]?.body).toBe('914f707573fc0102');
  });
});

describe('sound that cannot be relayed', () => {
  const picture = { type: 0x1b, pid: VIDEO_PID };
  const layer2 = Buffer.concat([Buffer.from('fffda404', 'hex'), Buffer.alloc(572, 5)]);
  const withPicture = (streams: { type: number; pid: number }[]): ScriptedStream =>
    new ScriptedStream()
      .tables([picture, ...streams])
      .pes(VIDEO_PID, annexB([SPS, PPS, slice('key', 100)]), { pts: 90_000 });

  it('is left out beside a picture, which is said', () => {
    const demuxer = new TsDemuxer();
    const seen = all(withPicture([{ type: 0x81, pid: AUDIO_PID }]), demuxer);
    expect(kinds(seen)).toBe('videoHeader@1000 key@1000');
    expect(demuxer.announced).toEqual({ video: true, audio: false });
    expect(demuxer.notes).toEqual([
      'The sound is left out: the audio of the transport stream cannot be relayed: AC-3.',
    ]);
  });

  it('is left out, too, where only its frames tell', () => {
    const demuxer = new TsDemuxer();
    const stream = withPicture([{ type: 0x03, pid: AUDIO_PID }]);
    for (let i = 0; i < 3; i++) {
      stream.pes(AUDIO_PID, Buffer.concat([layer2, layer2]), { pts: 90_000 + i * 4_320, length: true });
      // The map comes again and again.
      stream.tables([picture, { type: 0x03, pid: AUDIO_PID }]);
    }
    expect(kinds(all(stream, demuxer))).toBe('videoHeader@1000 key@1000');
    expect(demuxer.announced).toEqual({ video: true, audio: false });
    expect(demuxer.notes).toEqual([
      'The sound is left out: the audio of the transport stream cannot be relayed: MPEG audio layer II.',
    ]);
  });

  it('is passed over for sound that can', () => {
    const demuxer = new TsDemuxer();
    const stream = withPicture([
      { type: 0x03, pid: AUDIO_PID },
      { type: 0x81, pid: AUDIO_PID + 1 },
      { type: 0x03, pid: AUDIO_PID + 2 },
    ]);
    const mp3 = Buffer.concat([Buffer.from('fffb9044', 'hex'), Buffer.alloc(413, 5)]);
    stream.pes(AUDIO_PID, Buffer.concat([layer2, layer2]), { pts: 90_000, length: true });
    stream.pes(AUDIO_PID + 2, Buffer.concat([mp3, mp3]), { pts: 90_000, length: true });
    expect(kinds(all(stream, demuxer))).toContain('audio@1000 audio@1026');
    expect(demuxer.notes).toEqual([]);
  });

  it('alone is refused', () => {
    const stream = new ScriptedStream().tables([{ type: 0x03, pid: AUDIO_PID }]);
    stream.pes(AUDIO_PID, Buffer.concat([layer2, layer2]), { pts: 90_000, length: true });
    expect(faultOf(() => all(stream))).toMatchObject({ kind: 'unsupported' });
  });
});

describe('a transport stream that cannot be relayed', () => {
  it.each([
    ['MPEG-2 video', [{ type: 0x02, pid: VIDEO_PID }]],
    ['AAC in LATM', [{ type: 0x11, pid: AUDIO_PID }]],
    ['AC-3', [{ type: 0x81, pid: AUDIO_PID }]],
    ['H.264 encrypted by SAMPLE-AES', [{ type: 0xdb, pid: VIDEO_PID }]],
  ])('is refused by the name of its codec: %s', (name, streams) => {
    const fault = faultOf(() => all(new ScriptedStream().tables(streams)));
    expect(fault).toMatchObject({ side: 'pull', kind: 'unsupported' });
    expect(fault.message).toContain(name);
  });

  it('is refused where it has not the track that is asked for', () => {
    const stream = new ScriptedStream().tables();
    expect(faultOf(() => demux([stream.bytes], new TsDemuxer({ tracks: { audio: 1 } }))).message).toBe(
      'the file has no audio track 1: it has only track 0',
    );
  });

  it('is refused when it is scrambled, not for a bit that fell over', () => {
    const { packets } = scriptedMedia({ seconds: 1 });
    const scramble = (packet: Buffer): Buffer => {
      const copy = Buffer.from(packet);
      copy[3] = (copy[3] as number) | 0x80;
      return copy;
    };
    const media = (packet: Buffer): boolean => packet.readUInt16BE(1) % 0x4000 === VIDEO_PID;
    expect(faultOf(() => demux(packets.map(packet => (media(packet) ? scramble(packet) : packet))))).toMatchObject({
      kind: 'unsupported',
      message: 'the transport stream is scrambled',
    });
    const one = packets.findIndex((packet, i) => i > 40 && media(packet));
    expect(demux(packets.with(one, scramble(packets[one] as Buffer))).length).toBeGreaterThan(50);
  });

  it('is garbage when it lists no programme in 8 MB, or breaks off', () => {
    const nothing = Buffer.concat(
      Array.from({ length: 350 }, () => Buffer.concat([Buffer.of(0x47, 0, 0x64, 0x10), Buffer.alloc(184)])),
    );
    expect(faultOf(() => demux(Array.from({ length: 140 }, () => nothing))).message).toContain('lists no programme');
    const noise = Buffer.alloc(600_000, 0x11);
    expect(faultOf(() => demux([noise, noise])).message).toContain('this is no transport stream');
    expect(faultOf(() => demux([scriptedMedia({ seconds: 1 }).bytes, noise, noise])).message).toContain('breaks off');
  });

  it('is garbage when a frame is larger than 16 MB', () => {
    const stream = new ScriptedStream().tables().pes(VIDEO_PID, annexB([SPS, PPS, slice('key', 1000)]), { pts: 0 });
    const more = new ScriptedStream();
    const demuxer = new TsDemuxer();
    demux([stream.bytes], demuxer);
    const open = new ScriptedStream().tables().pes(VIDEO_PID, Buffer.alloc(1), { pts: 0 });
    for (let i = 0; i < 16; i++) more.pes(VIDEO_PID, Buffer.alloc(60_000, 3));
    const fresh = new TsDemuxer();
    const batch = new Batch();
    fresh.push(open.bytes, batch);
    const fault = faultOf(() => {
      for (let i = 0; i < 20; i++) fresh.push(more.bytes, batch);
    });
    expect(fault.message).toContain('larger than 16 MB');
  });

  it('throws nothing but faults for 400 streams with bytes changed at random', () => {
    const { bytes } = scriptedMedia({ seconds: 1 });
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 400; round++) {
      const copy = Buffer.from(bytes);
      for (let i = random(40); i >= 0; i--) copy[random(copy.length)] = random(256);
      try {
        demux([copy]);
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }
  });
});
