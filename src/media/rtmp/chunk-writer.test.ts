import { describe, expect, it } from 'vitest';
import { Batch, Packet, type PacketKind } from '../packet.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter, type ChunkWriterOptions } from './chunk-writer.ts';
import { command, MessageType, setChunkSize } from './message.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function packetOf(kind: PacketKind, payload: Buffer, piece = payload.length): Packet {
  const packet = new Packet();
  packet.reset(kind, 0);
  for (let at = 0; at < payload.length; at += piece) {
    packet.addSpan(payload, at, Math.min(payload.length, at + piece));
  }
  return packet;
}

function written(packet: Packet, timestampMs: number, options: ChunkWriterOptions = {}): Buffer {
  const writer = new ChunkWriter(options);
  const out = Buffer.alloc(writer.packetBytes(packet) + 3, 0xee);
  const end = writer.writePacket(out, 3, packet, timestampMs, 1);
  expect(end).toBeLessThanOrEqual(out.length);
  return out.subarray(3, end);
}

describe('ChunkWriter', () => {
  it('writes a whole header, with the stream id little-endian', () => {
    expect(written(packetOf('audio', hex('af0121')), 0x123456).toString('hex')).toBe(
      '0412345600000308' + '01000000af0121',
    );
  });

  it.each([
    ['audioHeader', '04', '08'],
    ['videoHeader', '06', '09'],
    ['key', '06', '09'],
    ['disposable', '06', '09'],
    ['metadata', '05', '12'],
  ] as const)('gives %s its chunk stream and message type', (kind, csid, type) => {
    const bytes = written(packetOf(kind, hex('00')), 0).toString('hex');
    expect([bytes.slice(0, 2), bytes.slice(14, 16)]).toEqual([csid, type]);
  });

  it('divides a message into chunks, wherever its views end', () => {
    const payload = Buffer.from(Array.from({ length: 10 }, (_, i) => i));
    for (const piece of [1, 3, 4, 10]) {
      expect(written(packetOf('key', payload, piece), 0, { chunkSize: 4 }).toString('hex')).toBe(
        '060000000000' + '0a0901000000' + '00010203' + 'c6' + '04050607' + 'c6' + '0809',
      );
    }
  });

  it('extends times from 0xffffff on, in type 3 chunks too', () => {
    expect(written(packetOf('key', hex('0102')), 0xfffffe, { chunkSize: 1 }).toString('hex')).toBe(
      '06fffffe000002' + '0901000000' + '01' + 'c602',
    );
    expect(written(packetOf('key', hex('0102')), 0xffffff, { chunkSize: 1 }).toString('hex')).toBe(
      '06ffffff000002' + '0901000000' + '00ffffff' + '01' + 'c6' + '00ffffff' + '02',
    );
  });

  it('writes times modulo 2^32', () => {
    const bytes = written(packetOf('audio', hex('af01')), 2 ** 32 + 5);
    expect(bytes.subarray(0, 4).toString('hex')).toBe('04000005');
    expect(
      written(packetOf('audio', hex('af01')), 2 ** 32 - 1)
        .subarray(12, 16)
        .toString('hex'),
    ).toBe('ffffffff');
  });

  it('says @setDataFrame before metadata only when told to', () => {
    const metadata = packetOf('metadata', hex('02 000a 6f6e4d65746144617461 05'));
    const published = written(metadata, 0, { setDataFrame: true });
    expect(published.subarray(4, 7).toString('hex')).toBe('00001e');
    expect(published.subarray(12, 28).toString('latin1')).toBe('\x02\x00\x0d@setDataFrame');
    expect(written(metadata, 0).subarray(4, 7).toString('hex')).toBe('00000e');
    expect(written(packetOf('key', hex('01')), 0, { setDataFrame: true })).toHaveLength(13);
  });

  it('refuses a frame that no message can hold', () => {
    const payload = Buffer.alloc(1 << 20);
    const packet = new Packet();
    packet.reset('key', 0);
    for (let i = 0; i < 16; i++) packet.addSpan(payload, 0, payload.length);
    expect(() => new ChunkWriter().writePacket(Buffer.alloc(32), 0, packet, 0, 1)).toThrow(/16777216 bytes/);
  });

  it('writes a command in chunks', () => {
    const payload = command('connect', 1, { tcUrl: 'x'.repeat(300) });
    const bytes = new ChunkWriter({ chunkSize: 128 }).message(
      { type: MessageType.commandAmf0, csid: 3, streamId: 0, timestampMs: 0 },
      payload,
    );
    expect(bytes).toHaveLength(12 + payload.length + Math.floor(payload.length / 128));
    expect(bytes[12 + 128]).toBe(0xc3);
  });
});

interface Heard {
  readonly kind: string;
  readonly dtsMs: number;
  readonly payload: string;
}

/** Feeds the bytes cut at the given places, and keeps what came. */
function hear(bytes: Buffer, cuts: readonly number[]): { packets: Heard[]; commands: string[] } {
  const packets: Heard[] = [];
  const commands: string[] = [];
  const reader = new ChunkReader({
    side: 'pull',
    onMessage: message => commands.push(message.payload.toString('hex')),
  });
  const batch = new Batch();
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    // A buffer of its own that is spoilt afterwards shows views that outlive their feed.
    const read = Buffer.from(bytes.subarray(from, to));
    batch.clear();
    reader.feed(read, 0, read.length, batch);
    for (const packet of batch.packets.slice(0, batch.count)) {
      packets.push({ kind: packet.kind, dtsMs: packet.dtsMs, payload: packet.copyPayload().toString('hex') });
    }
    read.fill(0xee);
    from = to;
  }
  expect(reader.bytesIn).toBe(bytes.length);
  return { packets, commands };
}

const body = (head: string, size: number, fill: number): Buffer => Buffer.concat([hex(head), Buffer.alloc(size, fill)]);

/** A stream of every kind of packet that crosses the given time, and what a reader must hear. */
function sample(
  chunkSize: number,
  startMs: number,
  scale: number,
): { bytes: Buffer; expected: Heard[]; commands: string[] } {
  const writer = new ChunkWriter({ chunkSize, setDataFrame: true });
  const say = command('onStatus', 0, null, { code: 'x'.repeat(20 * scale) });
  const frames: readonly (readonly [PacketKind, Buffer, number])[] = [
    ['metadata', hex('02 000a 6f6e4d65746144617461 08 00000000 000009'), 0],
    ['videoHeader', hex('17 00 000000 0164001fffe1'), 0],
    ['audioHeader', hex('af 00 1210'), 0],
    ['key', body('17 01 000050 000000ff 65', 40 * scale, 1), 0],
    ['audio', body('af 01', 9 * scale, 2), 10],
    ['disposable', body('27 01 000000 00000009 01', 9 * scale, 3), 40],
    ['audio', body('af 01', 9 * scale, 4), 33],
    ['inter', body('27 01 000000 00000009 41', 20 * scale, 5), 80],
  ];
  const parts = [control(writer, MessageType.setChunkSize, setChunkSize(chunkSize))];
  const expected: Heard[] = [];
  for (const [kind, payload, offset] of frames) {
    const packet = packetOf(kind, payload, 7);
    const out = Buffer.alloc(writer.packetBytes(packet));
    parts.push(out.subarray(0, writer.writePacket(out, 0, packet, startMs + offset, 1)));
    parts.push(control(writer, MessageType.commandAmf0, say));
    expected.push({ kind, dtsMs: startMs + offset, payload: payload.toString('hex') });
  }
  return { bytes: Buffer.concat(parts), expected, commands: frames.map(() => say.toString('hex')) };
}

function control(writer: ChunkWriter, type: number, payload: Buffer): Buffer {
  return writer.message(
    { type, csid: type === MessageType.setChunkSize ? 2 : 3, streamId: 0, timestampMs: 0 },
    payload,
  );
}

describe('what ChunkWriter writes, ChunkReader reads', () => {
  const starts = [0, 0xffffff - 20, 2 ** 31 - 20, 2 ** 32 - 20] as const;
  // The announcement itself is shorter than a chunk of 4 bytes; below that the reader's first 128 stand in the way.
  for (const chunkSize of [4, 128, 4096, 65_536]) {
    it.each(starts)(`in chunks of ${chunkSize} from time %i on, cut at any one place`, start => {
      const { bytes, expected, commands } = sample(chunkSize, start, 1);
      for (let cut = 1; cut < bytes.length; cut++) expect(hear(bytes, [cut])).toEqual({ packets: expected, commands });
    });
  }

  it.each([1, 128, 4096, 65_536])('in chunks of %i, cut at any two places and into single bytes', chunkSize => {
    const { bytes, expected, commands } = sample(chunkSize, 0xffffff - 20, 1);
    const stream = chunkSize === 1 ? announced(bytes) : bytes;
    const everywhere = Array.from({ length: stream.length - 1 }, (_, i) => i + 1);
    expect(hear(stream, everywhere)).toEqual({ packets: expected, commands });
    for (let cut = 1; cut < stream.length - 20; cut += 3) {
      expect(hear(stream, [cut, cut + 1 + (cut % 19)])).toEqual({ packets: expected, commands });
    }
  });

  it.each([128, 4096, 65_536])('large, in chunks of %i, cut at random', chunkSize => {
    const { bytes, expected, commands } = sample(chunkSize, 2 ** 32 - 20, 5000);
    let state = chunkSize;
    for (let run = 0; run < 20; run++) {
      const cuts: number[] = [];
      for (let at = 0; at < bytes.length; ) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        at += 1 + ((state >>> 8) % 30_000);
        if (at < bytes.length) cuts.push(at);
      }
      expect(hear(bytes, cuts)).toEqual({ packets: expected, commands });
    }
  });

  it('up to any truncation, with nothing made up behind it', () => {
    const { bytes, expected } = sample(128, 0xffffff - 20, 1);
    for (let end = 0; end < bytes.length; end++) {
      const { packets } = hear(bytes.subarray(0, end), []);
      expect(packets).toEqual(expected.slice(0, packets.length));
    }
  });
});

/** A writer of 1-byte chunks has divided the announcement of that size too: puts it whole in front. */
function announced(bytes: Buffer): Buffer {
  const whole = new ChunkWriter().message(
    { type: MessageType.setChunkSize, csid: 2, streamId: 0, timestampMs: 0 },
    setChunkSize(1),
  );
  return Buffer.concat([whole, bytes.subarray(whole.length + 3)]);
}
