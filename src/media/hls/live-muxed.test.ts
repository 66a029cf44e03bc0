import { describe, expect, it } from 'vitest';
import { Web } from '../../../test/lab/counted-files.ts';
import { Place } from '../../../test/lab/place.ts';
import { until } from '../../../test/lab/wait.ts';
import { fragment, movie } from '../mp4/box-writer.ts';
import { Dialler } from '../net.ts';
import { openSource } from '../open.ts';
import { Batch, isHeader, type Source } from '../packet.ts';

const FRAME_BYTES = 60_000;
const FRAMES = 50;
const MAP = movie({
  tracks: [
    { kind: 'video', sizes: [], each: 40 },
    { kind: 'audio', sizes: [], each: 24 },
  ],
  mvex: true,
});
const of = (count: number, size: number): readonly number[] => Array.from({ length: count }, () => size);
/** Two seconds, 3 MB: all the sound behind all the pictures, as ffmpeg writes it. */
const SEGMENT = fragment(
  { id: 1, kind: 'video', timeUnits: 0, each: 40, sizes: of(FRAMES, FRAME_BYTES) },
  { id: 2, kind: 'audio', timeUnits: 0, each: 24, sizes: of(83, 400) },
);
const LIST = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="map.mp4"\n#EXTINF:2,\n0.m4s\n';

async function open(
  place: Place,
  ranges: 'given' | 'ignored' | 'refused' | 'promised',
): Promise<{ source: Source; web: Web }> {
  const web = await Web.start(place);
  web.put('/map.mp4', MAP);
  web.put('/0.m4s', ({ headers: { range } }, response) => {
    const [, from, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (range !== undefined && ranges === 'refused') response.writeHead(403).end();
    else if (range === undefined || ranges === 'ignored') response.end(SEGMENT);
    else if (ranges === 'promised')
      response.writeHead(206, { 'content-range': `bytes ${from}-${last}/*` }).flushHeaders();
    else {
      const told = `bytes ${from}-${last}/${SEGMENT.length}`;
      response.writeHead(206, { 'content-range': told }).end(SEGMENT.subarray(Number(from), Number(last) + 1));
    }
  });
  const source = await openSource(web.put('/list.m3u8', Buffer.from(LIST)), {
    dialler: new Dialler({ preset: 'lab' }),
    signal: new AbortController().signal,
  });
  return { source: place.own(source, it => it.close()), web };
}

/** Reads a second; answers what came, and how much at the most had been read and not been given. */
async function second(source: Source): Promise<{ given: string[]; mostHeld: number }> {
  const batch = new Batch();
  const given: string[] = [];
  let mostHeld = 0;
  let bytes = 0;
  await until('a second is read', () => {
    batch.clear();
    source.read(batch);
    for (const { kind, dtsMs, size } of batch.packets.slice(0, batch.count)) {
      if (isHeader(kind)) continue;
      given.push(`${kind}@${dtsMs}`);
      bytes += size;
    }
    mostHeld = Math.max(mostHeld, source.bytesIn - bytes);
    return given.includes('inter@1000');
  });
  return { given, mostHeld };
}

describe('a live segment with its sound behind its pictures', () => {
  it('is read as it is due, where the server gives parts of it', async () => {
    await using place = new Place();
    const { source, web } = await open(place, 'given');
    const { mostHeld } = await second(source);
    expect(mostHeld).toBeLessThan(1_000_000);
    expect(web.asked.filter(({ path }) => path === '/0.m4s')).toHaveLength(2);
  });

  it.each(['ignored', 'refused', 'promised'] as const)('is the same where ranges are %s', async ranges => {
    await using place = new Place();
    const [plain, other] = await Promise.all([open(place, 'given'), open(place, ranges)]);
    const [known, seen] = await Promise.all([second(plain.source), second(other.source)]);
    expect(upToASecond(seen.given)).toEqual(upToASecond(known.given));
  });
});

/** How much comes in one go depends on the clock. */
const upToASecond = (given: readonly string[]): readonly string[] => given.filter(it => Number(it.split('@')[1]) < 990);
