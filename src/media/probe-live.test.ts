import { describe, expect, it } from 'vitest';
import { avcConfig } from './codec/avc-config.ts';
import { opusHead } from './codec/opus.ts';
import { codecString, soundString } from './codec-string.ts';
import { Fault } from './fault.ts';
import { aacHeader, av1Header, avcHeader, opusHeader, putAvcHead } from './flv/body.ts';
import type { Batch, PacketKind, Source } from './packet.ts';
import { type LiveFindings, probeLive } from './probe-live.ts';
import { PPS, SPS } from './ts/scripted-stream.ts';
import { verdictFor } from './verdict.ts';

interface Frame {
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly body: Buffer;
}

/** A stream that is as far as its clock, behind a group of pictures that comes at once. */
class Stream implements Source {
  readonly bytesIn = 0;
  notes: readonly string[] = [];
  closed = false;
  readonly #frames: Frame[];
  readonly #now: () => number;
  readonly #end: Fault | undefined;

  constructor(frames: readonly Frame[], now: () => number, end?: Fault) {
    this.#frames = [...frames];
    this.#now = now;
    this.#end = end;
  }

  read(into: Batch): void {
    if (this.#frames.length === 0 && this.#end !== undefined) throw this.#end;
    while ((this.#frames[0]?.dtsMs ?? Number.POSITIVE_INFINITY) <= this.#now() + 1_000) {
      const { kind, dtsMs, body } = this.#frames.shift() as Frame;
      const packet = into.next();
      packet.reset(kind, dtsMs);
      packet.addSpan(body, 0, body.length);
    }
  }

  close(): void {
    this.closed = true;
  }
}

const AVC: Frame = { kind: 'videoHeader', dtsMs: 0, body: avcHeader(avcConfig([SPS], [PPS])) };
const AAC: Frame = { kind: 'audioHeader', dtsMs: 0, body: aacHeader(Buffer.of(0x11, 0x90)) };

function picture(kind: 'key' | 'inter', dtsMs: number, ctsMs = 0): Frame {
  const body = Buffer.alloc(kind === 'key' ? 5_000 : 1_000, 1);
  putAvcHead(body, 0, kind === 'key', ctsMs);
  return { kind, dtsMs, body };
}

const pictures = (fps: number, gop: number, cts = 0): Frame[] =>
  Array.from({ length: 10 * fps }, (_, i) => {
    const kind = i % gop === 0 ? 'key' : 'inter';
    return picture(kind, Math.round((i * 1000) / fps), i % 2 === 0 ? cts : 0);
  });
const sounds = (fromMs: number): Frame[] =>
  Array.from({ length: 400 }, (_, i) => {
    const body = Buffer.alloc(343, 2);
    body.set([0xaf, 1]);
    return { kind: 'audio', dtsMs: Math.round(fromMs + (i * 1024) / 48), body };
  });

const byTime = (...tracks: readonly (readonly Frame[])[]): Frame[] =>
  tracks.flat().sort((one, other) => one.dtsMs - other.dtsMs);

async function probe(
  frames: readonly Frame[],
  end?: Fault,
  leftOut: readonly string[] = [],
): Promise<LiveFindings & { readonly tookMs: number }> {
  let nowMs = 0;
  const now = (): number => nowMs;
  const stream = new Stream(frames, now, end);
  stream.notes = leftOut;
  const sleep = async (ms: number): Promise<void> => {
    nowMs += ms;
  };
  const { signal } = new AbortController();
  try {
    const findings = await probeLive('rtmp://h/live/key', { open: async () => stream, signal, now, sleep });
    return { ...findings, tookMs: nowMs };
  } finally {
    expect(stream.closed).toBe(true);
  }
}

describe('a live stream that is probed', () => {
  it('is described by its codecs, sizes, rates and groups of pictures', async () => {
    const { video, audio, ...rest } = await probe([AVC, AAC, ...byTime(pictures(25, 25, 80), sounds(100))]);
    expect(video).toEqual({
      ...{ codec: 'H.264', codecString: 'avc1.64001f', width: 1280, height: 720, fps: 25, bFrames: true },
      ...{ bitrateKbit: Math.round(((5_000 + 24 * 1_000) * 8) / 1_000), keyFrames: { count: 5, longestGapMs: 1_000 } },
    });
    expect(audio).toMatchObject({ codec: 'AAC', codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 2 });
    expect(audio?.bitrateKbit).toBeCloseTo((343 * 8 * 48) / 1024, -1);
    expect(rest).toMatchObject({ protocol: 'rtmp', audioOffsetMs: 100, notes: [], openedInMs: 0 });
    expect(rest.tookMs).toBeLessThan(5_000);
  });

  it('is told in time even where it has long groups or little to show', async () => {
    const long = await probe([AVC, ...pictures(10, 100)]);
    expect(long.tookMs).toBeLessThan(5_000);
    expect(long.video).toMatchObject({ fps: 10, bFrames: false, keyFrames: { count: 1 } });
    expect(long.notes).toEqual([
      'There is no sound.',
      'Key frames are far apart: viewers and switches between sources have to wait for them.',
    ]);
    const still = await probe([AVC, picture('key', 0), AAC, ...sounds(0)]);
    expect(still.video).not.toHaveProperty('fps');
    expect(still.audio).toBeDefined();
  });

  it('is told as far as it went where it ends', async () => {
    const end = new Fault('pull', 'closed', 'h closed the connection');
    const { seenMs, audio } = await probe([AAC, ...sounds(0).slice(0, 40)], end);
    expect(seenMs).toBeLessThan(1_000);
    expect(audio?.codec).toBe('AAC');
  });

  it('is told with what of it is left out', async () => {
    const { notes } = await probe([AVC, ...pictures(25, 25)], undefined, ['The sound is left out: it is G.711.']);
    expect(notes).toEqual(['The sound is left out: it is G.711.', 'There is no sound.']);
  });

  it('that shows nothing, or ends before it does, is a fault that keeps the key', async () => {
    await expect(probe([])).rejects.toThrow('rtmp://h/live/*** showed no frame within 4.8 s');
    await expect(probe([], new Fault('pull', 'refused', 'no such stream'))).rejects.toThrow('no such stream');
  });
});

it('names codecs as players do', () => {
  expect(codecString(av1Header(Buffer.of(0x81, 0x05, 0x0c, 0)))).toBe('av01.0.05M.08');
  expect(codecString(avcHeader(Buffer.alloc(0)))).toBe('');
  expect(soundString(opusHeader(opusHead(2)))).toBe('opus');
  expect(soundString(Buffer.of(0x2f, 0xff, 0xfb))).toBe('mp3');
  expect(soundString(Buffer.of(0xaf, 0))).toBe('');
});

it('says what a destination can be given, and why not', () => {
  expect(verdictFor('rtmp', { video: 'H.265', audio: 'AAC' })).toEqual({
    copies: 'no',
    because: 'plain RTMP cannot carry H.265',
  });
  expect(verdictFor('enhancedRtmp', { video: 'H.265', audio: 'AAC' }).copies).toBe('yes');
  expect(verdictFor('srt', { video: 'H.264', audio: 'G.711 A-law' })).toEqual({
    copies: 'change',
    because: 'SRT cannot carry G.711 A-law: the sound would be left out',
  });
  expect(verdictFor('srt', { video: undefined, audio: 'Speex' }).copies).toBe('no');
  expect(verdictFor('rtmp', { video: undefined, audio: undefined }).copies).toBe('no');
});
