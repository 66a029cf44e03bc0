import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openLocalFile } from '../src/media/file/local-file.ts';
import type { Item } from '../src/media/item.ts';
import { openMp4 } from '../src/media/mp4/item.ts';
import { Batch, isHeader, isVideo } from '../src/media/packet.ts';
import { run } from './lab/child.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

interface Seen {
  readonly track: 'video' | 'audio';
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly size: number;
  readonly key: boolean;
}

async function open(place: Place, name: string, startMs = 0): Promise<Item> {
  const { signal } = new AbortController();
  const url = `media://${name}`;
  const bytes = await openLocalFile(url, { mediaDir: place.dir, signal });
  return place.own(await openMp4(bytes, { url: `${place.dir}/${name}`, startMs, signal }), it => it.close());
}

/** Everything the item gives, as a sink would get it. */
async function packetsOf(item: Item, untilMs = Number.POSITIVE_INFINITY): Promise<Seen[]> {
  const seen: Seen[] = [];
  const batch = new Batch();
  for (;;) {
    batch.clear();
    const state = item.read(batch, untilMs);
    for (const packet of batch.packets.slice(0, batch.count)) {
      if (isHeader(packet.kind)) continue;
      const body = packet.copyPayload();
      const video = isVideo(packet.kind);
      const first = body[0] ?? 0;
      const legacy = video && (first & 0x80) === 0;
      const cts = legacy
        ? body.readIntBE(2, 3)
        : video && (first & 15) === 1 && body.toString('latin1', 1, 5) === 'hvc1'
          ? body.readIntBE(5, 3)
          : 0;
      const head = !video
        ? first >> 4 === 10
          ? 2
          : first >> 4 === 9
            ? 5
            : 1
        : legacy
          ? 5
          : (first & 15) === 1 && body.toString('latin1', 1, 5) === 'hvc1'
            ? 8
            : 5;
      seen.push({
        track: video ? 'video' : 'audio',
        dtsMs: packet.dtsMs,
        ptsMs: packet.dtsMs + cts,
        size: body.length - head,
        key: !video || packet.kind === 'key',
      });
    }
    if (state === 'end' || (state === 'ok' && batch.count === 0)) return seen;
    if (state === 'starved') await setImmediate();
  }
}

interface Probed {
  readonly codec_type: string;
  readonly dts_time?: string;
  readonly pts_time?: string;
  readonly size: string;
  readonly flags: string;
}

/** What ffprobe says of the same file, on the clock of its first decode time. */
async function probed(file: string): Promise<Seen[]> {
  const text = await run('ffprobe', ['-v', 'error', '-show_packets', '-of', 'json', file]);
  const packets = (JSON.parse(text) as { packets: Probed[] }).packets.filter(it => it.dts_time !== undefined);
  const first = Math.min(...packets.map(it => Number(it.dts_time)));
  return packets.map(it => ({
    track: it.codec_type === 'video' ? 'video' : 'audio',
    dtsMs: (Number(it.dts_time) - first) * 1000,
    ptsMs: (Number(it.pts_time) - first) * 1000,
    size: Number(it.size),
    key: it.flags.startsWith('K'),
  }));
}

function expectSame(got: readonly Seen[], wanted: readonly Seen[]): void {
  for (const track of ['video', 'audio'] as const) {
    const mine = got.filter(it => it.track === track);
    const theirs = wanted.filter(it => it.track === track);
    expect(mine.length, `${track} packets`).toBe(theirs.length);
    mine.forEach((packet, i) => {
      const other = theirs[i];
      if (other === undefined) return;
      expect(packet.size, `${track} ${i} size`).toBe(other.size);
      expect(packet.key, `${track} ${i} key`).toBe(other.key);
      expect(
        Math.abs(packet.dtsMs - other.dtsMs),
        `${track} ${i} dts ${packet.dtsMs} ${other.dtsMs}`,
      ).toBeLessThanOrEqual(1.01);
      expect(
        Math.abs(packet.ptsMs - other.ptsMs),
        `${track} ${i} pts ${packet.ptsMs} ${other.ptsMs}`,
      ).toBeLessThanOrEqual(1.51);
    });
  }
  const times = got.map(it => it.dtsMs);
  expect(times.every((ms, i) => i === 0 || ms >= (times[i - 1] ?? 0))).toBe(true);
}

const SOURCES = [
  '-f',
  'lavfi',
  '-i',
  'testsrc2=size=320x180:rate=25',
  '-f',
  'lavfi',
  '-i',
  'sine=frequency=440:sample_rate=48000',
];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];
const WITH_B = [...H264, '-bf', '3', '-b_strategy', '0'];
const AAC = ['-c:a', 'aac', '-b:a', '64k'];

const MADE: Readonly<Record<string, readonly string[]>> = {
  'the index in front': [...H264, ...AAC, '-movflags', '+faststart'],
  'the index behind, with B-frames': [...WITH_B, ...AAC],
  'negative composition offsets': [...WITH_B, ...AAC, '-movflags', '+negative_cts_offsets'],
  fragments: [...WITH_B, ...AAC, '-movflags', '+frag_keyframe+empty_moov'],
  'fragments with their own base': [...WITH_B, ...AAC, '-movflags', '+frag_keyframe+empty_moov+default_base_moof'],
  'an index that fragments follow': [...WITH_B, ...AAC, '-movflags', '+frag_keyframe'],
  'fragments of half a second': [...H264, ...AAC, '-movflags', '+empty_moov', '-frag_duration', '500000'],
  QuickTime: [...WITH_B, ...AAC, '-f', 'mov'],
  'a variable frame rate': [...WITH_B, ...AAC, '-vf', "select='mod(n,7)'", '-fps_mode', 'vfr'],
  'sound only': ['-vn', ...AAC],
  'picture only': [...WITH_B, '-an'],
  'MP3 sound': [...H264, '-c:a', 'libmp3lame', '-b:a', '64k'],
  'Opus sound': [...H264, '-c:a', 'libopus', '-b:a', '64k', '-strict', '-2'],
  'H.265': [
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-x265-params',
    'log-level=error:bframes=2',
    '-tag:v',
    'hvc1',
    ...AAC,
  ],
};

describe('an MP4 file', () => {
  it.each(Object.entries(MADE))('with %s gives the packets that ffprobe sees', async (name, args) => {
    await using place = new Place();
    const file = place.path('a.mp4');
    const format = args.includes('-f') ? [] : ['-f', 'mp4'];
    await run('ffmpeg', ['-v', 'error', ...SOURCES, '-t', '4', ...args, ...format, '-y', file]);
    expectSame(await packetsOf(await open(place, 'a.mp4')), await probed(file));
    expect(name).not.toBe('');
  });

  it('with an edit that cuts its start and a delay keeps sound and picture together', async () => {
    await using place = new Place();
    const file = place.path('a.mp4');
    const whole = place.path('whole.mp4');
    await run('ffmpeg', ['-v', 'error', ...SOURCES, '-t', '4', ...WITH_B, ...AAC, '-y', whole]);
    await run('ffmpeg', [
      '-v',
      'error',
      '-i',
      whole,
      '-itsoffset',
      '0.7',
      '-i',
      whole,
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-c',
      'copy',
      '-y',
      file,
    ]);
    const got = await packetsOf(await open(place, 'a.mp4'));
    expectSame(got, await probed(file));
    const firstAudio = got.find(it => it.track === 'audio')?.dtsMs ?? 0;
    const firstPicture = got.find(it => it.track === 'video')?.ptsMs ?? 0;
    expect(firstAudio - firstPicture).toBeGreaterThan(650);
    expect(firstAudio - firstPicture).toBeLessThan(750);
  });

  it.each([
    ['an index', [] as string[]],
    ['fragments', ['-movflags', '+frag_keyframe+empty_moov']],
  ])('with %s starts at the last key frame before the asked second', async (_, flags) => {
    await using place = new Place();
    await run('ffmpeg', ['-v', 'error', ...SOURCES, '-t', '4', ...WITH_B, ...AAC, ...flags, '-y', place.path('a.mp4')]);
    const whole = await packetsOf(await open(place, 'a.mp4'));
    for (const startMs of [500, 1000, 1500, 2100, 3999]) {
      const item = await open(place, 'a.mp4', startMs);
      const got = await packetsOf(item);
      const [first] = got.filter(it => it.track === 'video');
      const keys = whole.filter(it => it.track === 'video' && it.key && it.dtsMs <= startMs);
      expect(first, `${startMs}`).toEqual(keys.at(-1));
      expect(item.startMs).toBe(first?.dtsMs);
      expect((await open(place, 'a.mp4', item.startMs)).startMs).toBe(item.startMs);
      expect(got.every(it => it.dtsMs >= (first?.dtsMs ?? 0))).toBe(true);
      expect(got.filter(it => it.track === 'video')).toEqual(
        whole.filter(it => it.track === 'video' && it.dtsMs >= (first?.dtsMs ?? 0)),
      );
    }
  });

  it('gives no more than is due', async () => {
    await using place = new Place();
    await run('ffmpeg', ['-v', 'error', ...SOURCES, '-t', '2', ...H264, ...AAC, '-y', place.path('a.mp4')]);
    const item = await open(place, 'a.mp4');
    const first = await packetsOf(item, 1000);
    expect(Math.max(...first.map(it => it.dtsMs))).toBeLessThan(1000);
    expect(first.filter(it => it.track === 'video')).toHaveLength(25);
    const rest = await packetsOf(item);
    expect(Math.min(...rest.map(it => it.dtsMs))).toBeGreaterThanOrEqual(1000);
    await until('its length is known', () => Math.abs((item.durationMs ?? 0) - 2000) < 60);
  });
});
