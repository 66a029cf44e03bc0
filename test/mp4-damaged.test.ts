import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Fault } from '../src/media/fault.ts';
import { openLocalFile } from '../src/media/file/local-file.ts';
import { openMp4 } from '../src/media/mp4/item.ts';
import { Batch } from '../src/media/packet.ts';
import { run } from './lab/child.ts';
import { Place } from './lab/place.ts';

const HOLDERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'edts', 'mvex', 'moof', 'traf', 'dinf']);

interface Found {
  readonly type: string;
  readonly at: number;
  readonly size: number;
}

/** Every box of a sane file, those within others too. */
function boxesOf(bytes: Buffer, from = 0, to = bytes.length): Found[] {
  const found: Found[] = [];
  for (let at = from; at + 8 <= to; ) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    found.push({ type, at, size });
    if (HOLDERS.has(type)) found.push(...boxesOf(bytes, at + 8, at + size));
    at += size;
  }
  return found;
}

/** Ways to damage one box. */
const DAMAGE: Readonly<Record<string, (bytes: Buffer, box: Found) => Buffer>> = {
  'cut at its start': (bytes, { at }) => bytes.subarray(0, at),
  'cut in its head': (bytes, { at }) => bytes.subarray(0, at + 5),
  'cut in its body': (bytes, { at, size }) => bytes.subarray(0, at + Math.ceil(size / 2)),
  'size 0': (bytes, { at }) => withU32(bytes, at, 0),
  'size 1 and 2^63': (bytes, { at }) => withU32(withU32(bytes, at, 1), at + 8, 0x80000000),
  'size 7': (bytes, { at }) => withU32(bytes, at, 7),
  'size 2^31': (bytes, { at }) => withU32(bytes, at, 2 ** 31),
  'a size that ends beyond its parent': (bytes, { at, size }) => withU32(bytes, at, size + 64),
  'a count of 10^9': (bytes, { at }) => withU32(bytes, at + 12, 1_000_000_000),
  'all bits set': (bytes, { at, size }) => filled(bytes, at + 8, at + size, 0xff),
  'all bits clear': (bytes, { at, size }) => filled(bytes, at + 8, at + size, 0),
  'itself within itself': (bytes, { at, type }) => withU32(bytes, at + 12, Buffer.from(type, 'latin1').readUInt32BE(0)),
};

function withU32(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at + 4 <= copy.length) copy.writeUInt32BE(value, at);
  return copy;
}

function filled(bytes: Buffer, from: number, to: number, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.fill(byte, from, Math.min(to, copy.length, from + 4096));
  return copy;
}

/** Opens and plays it all; answers the fault it ended with, or undefined. */
async function play(place: Place, name: string): Promise<unknown> {
  const signal = AbortSignal.timeout(5_000);
  try {
    const bytes = await openLocalFile(`media://${name}`, { mediaDir: place.dir, signal });
    try {
      const item = await openMp4(bytes, { url: `${place.dir}/${name}`, startMs: 500, signal });
      const batch = new Batch();
      for (let state = 'ok'; state !== 'end'; ) {
        batch.clear();
        state = item.read(batch, Number.POSITIVE_INFINITY);
        if (state === 'ok' && batch.count === 0) break;
        await setImmediate();
        signal.throwIfAborted();
      }
    } finally {
      bytes.close();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

it.each([
  ['an index in front', ['-movflags', '+faststart']],
  ['fragments', ['-movflags', '+frag_keyframe+empty_moov']],
])('a damaged file with %s ends in a fault or plays what is sane, soon and without growing', async (_, flags) => {
  await using place = new Place();
  const good = place.path('good.mp4');
  await run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25', '-f', 'lavfi', '-i', 'sine', '-t', '2'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25', '-c:a', 'aac', ...flags, '-y', good],
  ]);
  const bytes = readFileSync(good);
  const boxes = boxesOf(bytes);
  const before = process.memoryUsage.rss();
  let tried = 0;
  let faults = 0;
  let slowestMs = 0;
  for (const box of boxes) {
    for (const [how, damage] of Object.entries(DAMAGE)) {
      const name = `bad${tried++}.mp4`;
      writeFileSync(place.path(name), damage(bytes, box));
      const at = performance.now();
      const end = await play(place, name);
      slowestMs = Math.max(slowestMs, performance.now() - at);
      if (end === undefined) continue;
      faults++;
      expect(end, `"${box.type}" with ${how}: ${end instanceof Error ? end.stack : end}`).toBeInstanceOf(Fault);
    }
  }
  const grownMb = Math.round((process.memoryUsage.rss() - before) / 1024 / 1024);
  console.log(`${tried} damaged files: ${faults} faults, slowest ${Math.round(slowestMs)} ms, ${grownMb} MB`);
  expect(tried).toBeGreaterThan(60);
  expect(faults).toBeGreaterThan(tried / 4);
  expect(slowestMs).toBeLessThan(1_000);
});
