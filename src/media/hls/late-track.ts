import { boxesIn, childrenOf, readHead } from '../mp4/boxes.ts';
import { MOST_SAMPLES, readTfhd, readTrun } from '../mp4/fragments.ts';
import type { Movie } from '../mp4/movie.ts';
import type { ByteRange } from './playlist.ts';

/** What is held anyway until the other track has come. */
const NEAR_BYTES = 256 * 1024;
/** Of more it is cheaper to wait. The sound of ten seconds has 400 KB at the most. */
const MOST_BYTES = 1024 * 1024;

/** Where the samples of one track lie, from the first to the last. */
interface Extent {
  from: number;
  to: number;
  bytes: number;
}

/**
 * Where in a segment the samples lie that its first fragment has behind all of the other track, far from those that are
 * due with them: `head` is how it begins. 'unknown' while its tables are not all in it.
 */
export function lateTrackIn(head: Buffer, movie: Movie): ByteRange | 'none' | 'unknown' {
  let at = 0;
  for (;;) {
    const box = readHead(head, at, head.length);
    if (box === undefined) return 'unknown';
    if (box.size === undefined || box.type === 'mdat') return 'none';
    const end = at + box.size;
    if (box.type === 'moof') return end > head.length ? 'unknown' : lateIn(head.subarray(0, end), at, movie);
    at = end;
  }
}

function lateIn(head: Buffer, at: number, movie: Movie): ByteRange | 'none' {
  const extents = extentsIn(head, at, movie).sort((a, b) => a.from - b.from);
  const [first, late] = extents;
  if (first === undefined || late === undefined) return 'none';
  const length = late.to - late.from;
  // What is mixed with the other track would be fetched with it.
  const isApart = late.from >= first.to && length === late.bytes;
  const isFar = late.from - first.from > NEAR_BYTES && length <= MOST_BYTES;
  return isApart && isFar ? { offset: late.from, length } : 'none';
}

function extentsIn(head: Buffer, at: number, movie: Movie): Extent[] {
  const extents = new Map<number, Extent>();
  const played = new Set([movie.video?.id, movie.audio?.id]);
  const [moof] = boxesIn(head, at, head.length);
  let most = MOST_SAMPLES;
  for (const traf of moof === undefined ? [] : childrenOf(moof)) {
    const boxes = traf.type === 'traf' ? childrenOf(traf) : [];
    const tfhd = boxes.find(it => it.type === 'tfhd');
    if (tfhd === undefined) continue;
    const told = { ...readTfhd(tfhd, movie.fragments?.defaults ?? new Map(), at), baseOffset: at };
    let offset = at;
    for (const trun of played.has(told.trackId) ? boxes.filter(it => it.type === 'trun') : []) {
      const read = readTrun(trun, { head: told, offset, units: 0, most });
      offset = read.offset;
      most -= read.samples.length;
      for (const sample of read.samples) extend(extents, told.trackId, sample);
    }
  }
  return [...extents.values()];
}

function extend(extents: Map<number, Extent>, track: number, { offset, size }: { offset: number; size: number }): void {
  const known = extents.get(track) ?? { from: offset, to: offset, bytes: 0 };
  known.from = Math.min(known.from, offset);
  known.to = Math.max(known.to, offset + size);
  known.bytes += size;
  extents.set(track, known);
}
