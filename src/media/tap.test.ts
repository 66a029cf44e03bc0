import { beforeEach, describe, expect, it } from 'vitest';
import { hevcHeader, putHevcHead } from './flv/body.ts';
import { FlvDemuxer } from './flv/demux.ts';
import { FlvViewer, type Look } from './flv/viewer.ts';
import { Batch, type Packet, type PacketKind } from './packet.ts';
import { type Shown, Tap } from './tap.ts';
import type { Wire } from './wire.ts';

const FRAME_MS = 40;
const GROUP = 10;

/** Somebody who takes `room` bytes until he is given more. */
class Eyes implements Wire {
  readonly remote = 'viewer:1';
  readonly pending = 0;
  room = Number.POSITIVE_INFINITY;
  state: 'open' | 'ended' | 'closed' = 'open';
  readonly #seen: Buffer[] = [];

  read(): number {
    return 0;
  }

  write(bytes: Buffer, from: number, to: number): number {
    const count = Math.min(this.room, to - from);
    this.room -= count;
    this.#seen.push(Buffer.from(bytes.subarray(from, from + count)));
    return count;
  }

  async end(): Promise<void> {
    this.state = 'ended';
  }

  close(): void {
    if (this.state === 'open') this.state = 'closed';
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#seen);
  }

  /** What a player makes of it. */
  get packets(): readonly Packet[] {
    const batch = new Batch();
    new FlvDemuxer().push(this.bytes, batch);
    return batch.packets.slice(0, batch.count);
  }

  get kinds(): string {
    return this.packets.map(({ kind }) => LETTERS[kind] ?? kind).join('');
  }
}

const LETTERS: Partial<Record<PacketKind, string>> = {
  videoHeader: 'H',
  audioHeader: 'h',
  key: 'K',
  inter: 'p',
  audio: 'a',
};
const AVC_HEADER = Buffer.from('1700000000014d401f', 'hex');
const AAC_HEADER = Buffer.from('af001190', 'hex');
const SHOWN: Shown = {
  inForce: { metadata: Buffer.from('secret'), videoHeader: AVC_HEADER, audioHeader: AAC_HEADER },
  audioOnly: false,
};

let nowMs: number;
let tap: Tap;
let sent: number;
let shown: Shown;
const out = new Batch();

beforeEach(() => {
  nowMs = 1_000;
  sent = 0;
  tap = new Tap();
  shown = SHOWN;
});

function add(kind: PacketKind, dtsMs: number, body: Buffer): void {
  const packet = out.next();
  packet.reset(kind, dtsMs);
  packet.addSpan(body, 0, body.length);
}

/** Ticks with one picture each and its sound, every tenth a key frame. */
function air(ticks: number, { bytes = 200, sound = true } = {}): boolean {
  let isAwake = true;
  for (let i = 0; i < ticks; i++, sent++) {
    nowMs += FRAME_MS;
    out.clear();
    const isKey = sent % GROUP === 0;
    const picture = Buffer.alloc(bytes, sent & 0xff);
    picture.set([isKey ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, bytes - 9, isKey ? 0x65 : 0x41]);
    add(isKey ? 'key' : 'inter', sent * FRAME_MS, picture);
    if (sound) add('audio', sent * FRAME_MS + 7, Buffer.from([0xaf, 1, sent & 0xff, 9]));
    isAwake = tap.tick(out, shown, nowMs);
  }
  return isAwake;
}

function look(kind: Look = 'live'): Eyes {
  const eyes = new Eyes();
  tap.add(new FlvViewer({ look: kind, wire: eyes, now: () => nowMs }), nowMs);
  return eyes;
}

describe('who looks at a run', () => {
  it('begins with the headers and the next key frame where nobody has looked before', () => {
    sent = 3;
    const eyes = look();
    air(10);
    expect(eyes.kinds).toBe('HhKapapa');
    expect(eyes.packets.find(({ kind }) => kind === 'key')?.dtsMs).toBe(GROUP * FRAME_MS);
  });

  it('begins at once, with the last key frame and all that followed, where another looks already', () => {
    look();
    air(15);
    const eyes = look();
    air(1);
    expect(eyes.kinds).toBe(`HhKa${'pa'.repeat(5)}`);
  });

  it('sees every packet that is sent, as it is sent', () => {
    const eyes = look();
    air(100);
    const pictures = eyes.packets.filter(({ kind }) => kind === 'key' || kind === 'inter');
    expect(pictures.map(({ dtsMs }) => dtsMs)).toEqual(Array.from({ length: 100 }, (_, i) => i * FRAME_MS));
    expect(pictures.map(picture => picture.copyPayload().at(-1))).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('is told which tracks there are, and nothing of the metadata', () => {
    const eyes = look();
    air(1);
    expect(eyes.bytes.subarray(0, 13).toString('hex')).toBe('464c5601050000000900000000');
    expect(eyes.bytes.includes('secret')).toBe(false);
  });

  it('has times beyond 2^24 milliseconds in the extended byte', () => {
    sent = 500_000;
    const eyes = look();
    air(1);
    expect(eyes.packets.find(({ kind }) => kind === 'key')?.dtsMs).toBe(20_000_000);
  });

  it('begins with any sound where there is nothing else', () => {
    shown = { ...SHOWN, inForce: { ...SHOWN.inForce, videoHeader: undefined }, audioOnly: true };
    const eyes = look();
    out.clear();
    add('audio', 40, Buffer.from([0xaf, 1, 1, 2]));
    tap.tick(out, shown, nowMs);
    expect(eyes.kinds).toBe('ha');
    expect(eyes.bytes[4]).toBe(4);
  });
});

it('H.265 is shown as enhanced RTMP carries it', () => {
  shown = { ...SHOWN, inForce: { ...SHOWN.inForce, videoHeader: hevcHeader(Buffer.alloc(30, 1)) } };
  const key = Buffer.alloc(60, 7);
  putHevcHead(key, 0, true, 40);
  const eyes = look();
  out.clear();
  add('key', 0, key);
  tap.tick(out, shown, nowMs);
  expect(eyes.kinds).toBe('HhK');
  expect(eyes.packets.at(-1)?.copyPayload().equals(key)).toBe(true);
});

describe('a viewer who is slow', () => {
  it('goes on at a key frame, and has all of the sound', () => {
    const eyes = look();
    air(20, { bytes: 20_000 });
    eyes.room = 0;
    air(60, { bytes: 20_000 });
    eyes.room = Number.POSITIVE_INFINITY;
    air(40, { bytes: 20_000 });
    const { packets } = eyes;
    const times = packets.filter(({ kind }) => kind === 'key' || kind === 'inter').map(({ dtsMs }) => dtsMs / FRAME_MS);
    const jump = times.findIndex((time, i) => i > 0 && time !== (times[i - 1] ?? 0) + 1);
    expect((times[jump] ?? 1) % GROUP).toBe(0);
    expect(times.at(-1)).toBe(119);
    expect(packets.filter(({ kind }) => kind === 'audio')).toHaveLength(120);
  });

  it('is cut when it takes nothing for some seconds, and the others see on', () => {
    const slow = look();
    const other = look();
    air(10);
    slow.room = 0;
    air(200);
    expect(slow.state).toBe('closed');
    expect(other.packets.filter(({ kind }) => kind === 'audio')).toHaveLength(210);
  });

  it('takes no other viewer with it when its connection breaks', () => {
    const broken = look();
    const other = look();
    air(5);
    broken.write = () => {
      throw new Error('EPIPE');
    };
    air(5);
    expect([broken.state, other.state]).toEqual(['closed', 'open']);
    expect(other.kinds.length).toBe(22);
  });
});

describe('a still', () => {
  it('is the last key frame behind its header, and then it is over', () => {
    look();
    air(25);
    const eyes = look('still');
    air(2);
    expect(eyes.kinds).toBe('HK');
    expect(eyes.packets.at(-1)?.dtsMs).toBe(20 * FRAME_MS);
    expect(eyes.state).toBe('ended');
  });

  it('that is large is over when it is taken', () => {
    const eyes = look('still');
    eyes.room = 1_000;
    air(1, { bytes: 5_000 });
    air(2);
    expect(eyes.state).toBe('open');
    eyes.room = Number.POSITIVE_INFINITY;
    air(1);
    expect(eyes.state).toBe('ended');
    expect(eyes.kinds).toBe('HK');
  });

  it('that nobody takes gives up its place', () => {
    const eyes = look('still');
    eyes.room = 1_000;
    air(1, { bytes: 5_000 });
    air(300);
    expect(eyes.state).toBe('closed');
  });

  it('waits for a key frame, but not for ever', () => {
    const eyes = look('still');
    sent = 1;
    air(5);
    expect(eyes.bytes).toHaveLength(0);
    nowMs += 30_000;
    air(1);
    expect(eyes.state).toBe('closed');
  });
});

describe('a tap', () => {
  it('says when nobody has looked for half a minute', () => {
    const eyes = look();
    expect(air(20)).toBe(true);
    eyes.write = () => {
      throw new Error('gone');
    };
    expect(air(700)).toBe(true);
    expect(air(100)).toBe(false);
  });

  it('takes eight, and no more', () => {
    for (let i = 0; i < 8; i++) look();
    const viewer = new FlvViewer({ look: 'live', wire: new Eyes(), now: () => nowMs });
    expect(tap.add(viewer, nowMs)).toBe(false);
  });

  it('that is closed lets everybody go', () => {
    const eyes = look();
    air(3);
    tap.close();
    expect(eyes.state).toBe('closed');
  });
});
