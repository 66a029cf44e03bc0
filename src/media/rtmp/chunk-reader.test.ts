import { describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { Batch } from '../packet.ts';
import { ChunkReader } from './chunk-reader.ts';
import { type Message, MessageType, setChunkSize } from './message.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const uint24 = (value: number): Buffer => Buffer.of(value >>> 16, (value >>> 8) & 255, value & 255);
function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

interface Fields {
  readonly csid?: number;
  readonly time?: number;
  readonly type?: number;
  readonly streamId?: number;
  /** Announced, where it differs from the body. */
  readonly length?: number;
}

/** A chunk of type 0, 1, 2 or 3 that carries `body`. A time from 0xffffff on is written extended, in type 3 too. */
function chunk(format: 0 | 1 | 2 | 3, fields: Fields, body: Buffer = Buffer.alloc(0)): Buffer {
  const { csid = 4, time = 0, type = MessageType.audio, streamId = 1, length = body.length } = fields;
  const id = Buffer.alloc(4);
  id.writeUInt32LE(streamId);
  const head = [uint24(Math.min(time, 0xffffff)), Buffer.concat([uint24(length), Buffer.of(type)]), id];
  const extension = time >= 0xffffff ? uint32(time) : Buffer.alloc(0);
  return Buffer.concat([basicHeader(format, csid), ...head.slice(0, 3 - format), extension, body]);
}

function basicHeader(format: number, csid: number): Buffer {
  if (csid < 64) return Buffer.of((format << 6) | csid);
  if (csid < 320) return Buffer.of(format << 6, csid - 64);
  return Buffer.of((format << 6) | 1, (csid - 64) & 255, (csid - 64) >> 8);
}

const control = (type: number, payload: Buffer): Buffer => chunk(0, { csid: 2, type, streamId: 0 }, payload);

/** MP3 sound of `size` bytes: any bytes behind the first are a body. */
const sound = (size: number, fill = 1): Buffer => Buffer.concat([Buffer.of(0x2f), Buffer.alloc(size - 1, fill)]);
/** A H.264 frame of `size` bytes. */
const frame = (size: number): Buffer => Buffer.concat([hex('27 01 000000 7fffffff'), Buffer.alloc(size - 9, 0x41)]);

class Listener {
  readonly messages: Message[] = [];
  readonly batch = new Batch();
  readonly reader: ChunkReader;

  constructor(maxMessageBytes?: number) {
    const onMessage = (message: Message) => this.messages.push(message);
    this.reader = new ChunkReader({
      side: 'pull',
      onMessage,
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
    });
  }

  /** The packets that these bytes end. */
  hear(...parts: readonly Buffer[]) {
    const bytes = Buffer.concat(parts);
    this.batch.clear();
    this.reader.feed(bytes, 0, bytes.length, this.batch);
    return this.batch.packets.slice(0, this.batch.count).map(packet => ({
      kind: packet.kind,
      dtsMs: packet.dtsMs,
      payload: packet.copyPayload(),
      spans: packet.spanCount,
    }));
  }

  times(...parts: readonly Buffer[]): number[] {
    return this.hear(...parts).map(packet => packet.dtsMs);
  }
}

const garbage = expect.objectContaining({ name: 'Fault', side: 'pull', kind: 'garbage' });

describe('ChunkReader', () => {
  it('gives an audio message as a packet of one view into the bytes', () => {
    const listener = new Listener();
    const bytes = hex('04 000028 000003 08 01000000 2f0102');
    listener.reader.feed(bytes, 0, bytes.length, listener.batch);
    const packet = listener.batch.packets[0];
    expect(packet).toMatchObject({ kind: 'audio', dtsMs: 40, size: 3, spanCount: 1 });
    expect(packet?.buffers[0]).toBe(bytes);
    expect([packet?.starts[0], packet?.ends[0]]).toEqual([12, 15]);
    expect(listener.reader.bytesIn).toBe(15);
  });

  it('reads only the part of the buffer that it is given', () => {
    const listener = new Listener();
    const bytes = Buffer.concat([Buffer.alloc(5, 0xff), chunk(0, {}, sound(3)), Buffer.alloc(5, 0xff)]);
    listener.reader.feed(bytes, 5, bytes.length - 5, listener.batch);
    expect(listener.batch.count).toBe(1);
  });

  it('gives a command as a message of its own bytes', () => {
    const listener = new Listener();
    const bytes = chunk(0, { csid: 3, type: 20, streamId: 7, time: 9 }, hex('02 0001 61'));
    listener.hear(bytes);
    expect(listener.messages).toEqual([{ type: 20, streamId: 7, timestampMs: 9, payload: hex('02 0001 61') }]);
  });

  it('gives messages of unknown types, which are not its concern', () => {
    const listener = new Listener();
    listener.hear(chunk(0, { csid: 3, type: 99 }, Buffer.of(1)), control(MessageType.userControl, Buffer.alloc(6)));
    expect(listener.messages.map(message => message.type)).toEqual([99, 4]);
  });

  it.each([2, 3, 63, 64, 319, 320, 65_599])('reads chunk stream %i', csid => {
    const listener = new Listener();
    const payload = sound(200);
    const packets = listener.hear(
      chunk(0, { csid, length: 200 }, payload.subarray(0, 128)),
      chunk(3, { csid }, payload.subarray(128)),
    );
    expect(packets.map(packet => packet.payload.equals(payload))).toEqual([true]);
  });

  it('reads chunk stream 64 in its two-byte and three-byte forms as one', () => {
    const listener = new Listener();
    expect(listener.times(chunk(0, { csid: 64, time: 5 }, sound(2)), hex('c1 00 00 2f01'))).toEqual([5, 10]);
  });

  it('ignores messages without a body and those that no destination needs', () => {
    const listener = new Listener();
    const packets = listener.hear(
      chunk(0, { type: 9, csid: 6 }),
      chunk(0, { type: 8 }),
      chunk(0, { type: 9, csid: 6 }, hex('17 02 000000')),
      chunk(0, { type: 20, csid: 3 }),
      chunk(0, { time: 7 }, sound(2)),
    );
    expect(packets.map(packet => packet.dtsMs)).toEqual([7]);
    expect(listener.messages).toEqual([]);
  });

  it('reads audio inside of an unfinished video message', () => {
    const listener = new Listener();
    const video = frame(300);
    const packets = listener.hear(
      chunk(0, { csid: 6, type: 9, length: 300, time: 40 }, video.subarray(0, 128)),
      chunk(0, { time: 42 }, sound(50, 7)),
      chunk(3, { csid: 6 }, video.subarray(128, 256)),
      chunk(1, { time: 20 }, sound(60, 8)),
      chunk(3, { csid: 6 }, video.subarray(256)),
    );
    expect(packets.map(({ kind, dtsMs }) => [kind, dtsMs])).toEqual([
      ['audio', 42],
      ['audio', 62],
      ['inter', 40],
    ]);
    expect(packets.map(({ payload }) => payload.equals(video))).toEqual([false, false, true]);
  });

  it('takes a new chunk size from the next chunk on, also inside of a message', () => {
    const listener = new Listener();
    const video = frame(1000);
    const packets = listener.hear(
      chunk(0, { csid: 6, type: 9, length: 1000 }, video.subarray(0, 128)),
      control(MessageType.setChunkSize, setChunkSize(500)),
      chunk(3, { csid: 6 }, video.subarray(128, 628)),
      control(MessageType.setChunkSize, setChunkSize(0x7fffffff)),
      chunk(3, { csid: 6 }, video.subarray(628)),
    );
    expect(packets.map(({ payload, spans }) => [payload.equals(video), spans])).toEqual([[true, 3]]);
  });

  it('forgets an aborted message', () => {
    const listener = new Listener();
    const packets = listener.hear(
      chunk(0, { csid: 6, type: 9, length: 300 }, frame(300).subarray(0, 128)),
      control(MessageType.abort, uint32(6)),
      control(MessageType.abort, uint32(50)),
      chunk(0, { csid: 6, type: 9, time: 80 }, frame(100)),
    );
    expect(packets.map(({ dtsMs, payload }) => [dtsMs, payload.length])).toEqual([[80, 100]]);
  });

  it('takes apart an aggregate, with times that count from its own', () => {
    const listener = new Listener();
    const tag = (type: number, time: number, body: Buffer) =>
      Buffer.concat([Buffer.of(type), uint24(body.length), uint24(time), Buffer.alloc(4), body, uint32(0)]);
    const name = hex('02 000a 6f6e4d65746144617461 05');
    const whole = Buffer.concat([tag(8, 500, sound(5)), tag(18, 500, name), tag(9, 540, frame(20)), tag(20, 0, name)]);
    const packets = listener.hear(
      control(MessageType.setChunkSize, setChunkSize(4096)),
      chunk(0, { type: 22, time: 1000 }, whole),
    );
    expect(packets.map(({ kind, dtsMs }) => [kind, dtsMs])).toEqual([
      ['audio', 1000],
      ['metadata', 1000],
      ['inter', 1040],
    ]);
    expect(() => listener.hear(chunk(0, { type: 22 }, hex('08 0000ff 000000 00 000000 2f')))).toThrow(garbage);
  });

  it.each([
    ['of a player', 18, ''],
    ['of a publisher', 18, '02 000d 40736574446174614672616d65'],
    ['as AMF3', 15, '00'],
  ])('gives metadata %s from the string onMetaData on', (_name, type, prefix) => {
    const name = hex('02 000a 6f6e4d65746144617461 08 00000000 000009');
    const packets = new Listener().hear(chunk(0, { csid: 5, type }, Buffer.concat([hex(prefix), name])));
    expect(packets.map(({ kind, payload }) => [kind, payload.toString('hex')])).toEqual([
      ['metadata', name.toString('hex')],
    ]);
  });

  it('ignores data messages that are no metadata', () => {
    const listener = new Listener();
    expect(listener.hear(chunk(0, { csid: 5, type: 18 }, hex('02 0006 6f6e54657874 05')))).toEqual([]);
    expect(listener.messages).toEqual([]);
  });
});

describe('ChunkReader times', () => {
  it('adds deltas, and repeats the last one for a type 3 chunk that begins a message', () => {
    const body = sound(4);
    const times = new Listener().times(
      chunk(0, { time: 5000 }, body),
      chunk(1, { time: 23 }, body),
      chunk(2, { time: 24 }, body),
      chunk(3, {}, body),
    );
    expect(times).toEqual([5000, 5023, 5047, 5071]);
  });

  it('adds a short first time again for a type 3 message, and nothing for a long one', () => {
    const body = sound(4);
    expect(new Listener().times(chunk(0, { time: 40 }, body), chunk(3, {}, body))).toEqual([40, 80]);
    expect(new Listener().times(chunk(0, { time: 90_000 }, body), chunk(3, {}, body))).toEqual([90_000, 90_000]);
  });

  it('takes type 1 for a first chunk, as some servers send it', () => {
    const listener = new Listener();
    expect(listener.times(chunk(1, { time: 17 }, sound(4)))).toEqual([17]);
    listener.hear(chunk(1, { csid: 3, type: 20 }, Buffer.of(5)));
    expect(listener.messages[0]?.streamId).toBe(0);
  });

  it('takes a repeated header inside of a message for what type 3 would say', () => {
    const listener = new Listener();
    const video = frame(200);
    const head = { csid: 6, type: 9, length: 200, time: 1000 };
    const packets = listener.hear(chunk(0, head, video.subarray(0, 128)), chunk(0, head, video.subarray(128)));
    expect(packets.map(({ dtsMs, payload }) => [dtsMs, payload.equals(video)])).toEqual([[1000, true]]);
  });

  const boundaries = [0xfffffe, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xffffffff] as const;
  for (const size of [128, 65_536]) {
    it.each(boundaries)(`reads time %i in chunks of ${size}, repeated in type 3 or not`, time => {
      const video = frame(300);
      for (const repeat of [true, false]) {
        const listener = new Listener();
        listener.hear(control(MessageType.setChunkSize, setChunkSize(size)));
        const parts = [chunk(0, { csid: 6, type: 9, length: 300, time }, video.subarray(0, size))];
        for (let at = size; at < 300; at += size) {
          parts.push(chunk(3, { csid: 6, time: repeat ? time : 0 }, video.subarray(at, at + size)));
        }
        const packets = listener.hear(...parts, chunk(0, { time: time - 1 }, sound(3)));
        expect(packets.map(packet => packet.dtsMs)).toEqual([time, time - 1]);
        expect(packets[0]?.payload.equals(video)).toBe(true);
      }
    });
  }

  it('reads an extended delta, and type 3 chunks that repeat either the delta or the whole time', () => {
    const video = frame(200);
    for (const repeated of [0x1000005, 0x1000005 + 1000]) {
      const packets = new Listener().hear(
        chunk(0, { csid: 6, type: 9, time: 1000 }, frame(100)),
        chunk(1, { csid: 6, type: 9, length: 200, time: 0x1000005 }, video.subarray(0, 128)),
        chunk(3, { csid: 6, time: repeated }, video.subarray(128)),
      );
      expect(packets.map(packet => packet.dtsMs)).toEqual([1000, 1000 + 0x1000005]);
      expect(packets[1]?.payload.equals(video)).toBe(true);
    }
  });

  it('decides at any cut whether a type 3 chunk repeats the extended time, even if the payload begins like it', () => {
    const time = 0x01020304;
    const likeness = Buffer.concat([frame(128), hex('01 02 03 ff'), Buffer.alloc(40, 3)]);
    const short = Buffer.concat([frame(128), hex('01 02')]);
    for (const video of [likeness, short]) {
      const stream = Buffer.concat([
        chunk(0, { csid: 6, type: 9, length: video.length, time }, video.subarray(0, 128)),
        chunk(3, { csid: 6 }, video.subarray(128)),
        chunk(0, { time: 0x01020300 }, sound(9)),
      ]);
      for (let cut = 1; cut < stream.length; cut++) {
        const listener = new Listener();
        const packets = [...listener.hear(stream.subarray(0, cut)), ...listener.hear(stream.subarray(cut))];
        expect(packets.map(packet => packet.dtsMs)).toEqual([time, 0x01020300]);
        expect(packets[0]?.payload.equals(video)).toBe(true);
      }
    }
  });

  it('goes on past 2^32, by whole times and by deltas', () => {
    const body = sound(3);
    expect(new Listener().times(chunk(0, { time: 0xfffffff0 }, body), chunk(0, { time: 8 }, body))).toEqual([
      0xfffffff0, 0x100000008,
    ]);
    expect(
      new Listener().times(
        chunk(0, { time: 0xfffffff0 }, body),
        chunk(1, { time: 24 }, body),
        chunk(2, { time: 4 }, body),
      ),
    ).toEqual([0xfffffff0, 0x100000008, 0x10000000c]);
  });

  it('gives a repeated codec header the time of the frames around it', () => {
    const listener = new Listener();
    const times = listener.times(
      chunk(0, { time: 3_000_000_000 }, sound(3)),
      chunk(0, { csid: 6, type: 9, time: 0 }, hex('17 00 000000 01640015')),
      chunk(0, { csid: 6, type: 9, time: 3_000_000_010 }, frame(20)),
    );
    expect(times).toEqual([3_000_000_000, 3_000_000_000, 3_000_000_010]);
  });
});

describe('ChunkReader against peers that lie', () => {
  it.each([
    ['a chunk size of 0', control(MessageType.setChunkSize, uint32(0))],
    ['a chunk size of 2^31', control(MessageType.setChunkSize, uint32(0x80000000))],
    ['a chunk size cut short', control(MessageType.setChunkSize, Buffer.alloc(2))],
    ['an abort cut short', control(MessageType.abort, Buffer.alloc(2))],
    ['type 2 first', chunk(2, { time: 5 }, sound(3))],
    ['type 3 first', chunk(3, {}, sound(3))],
    [
      'a new message inside of an unfinished one',
      Buffer.concat([chunk(0, { length: 300 }, sound(128)), chunk(0, { length: 301 }, sound(128))]),
    ],
    [
      'another type inside of an unfinished message',
      Buffer.concat([chunk(0, { length: 300 }, sound(128)), chunk(1, { length: 300, type: 9 }, sound(128))]),
    ],
  ])('faults on %s', (_name, bytes) => {
    expect(() => new Listener().hear(bytes)).toThrow(garbage);
  });

  it('takes 64 chunk streams and faults on the next', () => {
    const listener = new Listener();
    for (let i = 0; i < 64; i++) listener.hear(chunk(0, { csid: 3 + i * 7 }, sound(3)));
    expect(() => listener.hear(chunk(0, { csid: 2 }, sound(3)))).toThrow(/64 chunk streams/);
  });

  it('faults on a message longer than allowed as soon as it is announced', () => {
    const head = chunk(0, { type: 9, csid: 6, length: 5001 });
    expect(() => new Listener(5000).hear(head)).toThrow(/5001/);
    expect(() => new Listener(5001).hear(head)).not.toThrow();
  });

  it('makes no room for what is only announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const listeners = Array.from({ length: 100 }, () => {
      const listener = new Listener();
      listener.hear(chunk(0, { type: 9, csid: 6, length: 0xffffff }, frame(100)));
      return listener;
    });
    expect(listeners).toHaveLength(100);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024);
  });

  it('bounds what unfinished messages hold together', () => {
    const listener = new Listener(100_000);
    listener.hear(control(MessageType.setChunkSize, setChunkSize(65_536)));
    const part = frame(65_536);
    expect(() => {
      for (let csid = 3; csid < 60; csid++) listener.hear(chunk(0, { csid, type: 9, length: 70_000 }, part));
    }).toThrow(/unfinished messages/);
  });

  it('counts what is unfinished only once, and no more when it is finished or aborted', () => {
    const listener = new Listener(100_000);
    listener.hear(control(MessageType.setChunkSize, setChunkSize(65_536)));
    const message = chunk(0, { csid: 6, type: 9 }, frame(60_000));
    for (let round = 0; round < 50; round++) {
      for (let at = 0; at < message.length; at += 5000) listener.hear(message.subarray(at, at + 5000));
      expect(listener.batch.count).toBe(1);
      listener.hear(chunk(0, { csid: 7, type: 9, length: 70_000 }, frame(65_536)));
      listener.hear(control(MessageType.abort, uint32(7)));
    }
  });

  it('bounds the packets that tiny messages can make', () => {
    const tiny = Buffer.concat(Array.from({ length: 40_000 }, () => hex('c4 2f01')));
    expect(() => new Listener().hear(chunk(0, {}, sound(2)), tiny)).toThrow(/32768 frames/);
  });

  it('gives a message in 1-byte chunks in a bounded number of views', () => {
    const listener = new Listener();
    listener.hear(control(MessageType.setChunkSize, setChunkSize(1)));
    const video = frame(20_000);
    const parts = [chunk(0, { csid: 6, type: 9, length: video.length }, video.subarray(0, 1))];
    for (let at = 1; at < video.length; at++) parts.push(Buffer.of(0xc6, video.readUInt8(at)));
    const packets = listener.hear(...parts);
    expect(packets[0]?.payload.equals(video)).toBe(true);
    expect(packets[0]?.spans).toBeLessThanOrEqual(1025);
  });

  it('ends in a Fault or in nothing on random bytes, whatever the cuts', () => {
    let faults = 0;
    for (let seed = 1; seed <= 400; seed++) faults += hearRandom(seed) ? 1 : 0;
    expect(faults).toBeGreaterThan(100);
  });

  it('ends in a Fault or in nothing on a good stream with random bytes changed', () => {
    const video = frame(500);
    const good = Buffer.concat([
      chunk(0, { csid: 6, type: 9, length: 500, time: 0xffffff }, video.subarray(0, 128)),
      chunk(3, { csid: 6, time: 0xffffff }, video.subarray(128, 256)),
      chunk(0, { csid: 3, type: 20 }, hex('02 0001 61')),
      chunk(3, { csid: 6, time: 0xffffff }, video.subarray(256, 384)),
      chunk(3, { csid: 6, time: 0xffffff }, video.subarray(384)),
      control(MessageType.setChunkSize, setChunkSize(4096)),
      chunk(0, { type: 22, csid: 7 }, hex('08 000002 000000 00 000000 2f01 00000000')),
    ]);
    const next = randomFrom(77);
    for (let run = 0; run < 2000; run++) {
      const bad = Buffer.from(good);
      for (let i = 0; i < 3; i++) bad[next(bad.length)] = next(256);
      expectFaultOrNothing(new Listener(), bad, next);
    }
  });
});

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function hearRandom(seed: number): boolean {
  const next = randomFrom(seed);
  return expectFaultOrNothing(new Listener(), Buffer.from(Array.from({ length: 2000 }, () => next(256))), next);
}

/** True when it ended in a Fault. */
function expectFaultOrNothing(listener: Listener, bytes: Buffer, next: (below: number) => number): boolean {
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + next(300));
      listener.hear(bytes.subarray(at, end));
      at = end;
    }
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    return true;
  }
}
