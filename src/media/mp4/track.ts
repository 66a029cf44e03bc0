import { type Box, broken, childrenOf, descend, Fields } from './boxes.ts';
import { type Codec, readCodec } from './codecs.ts';
import { readSampleTables, type SampleTables, type Table } from './tables.ts';

/** One track of a movie, as its "trak" tells it. */
export interface Track {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  readonly codec: Codec;
  /** Units of a second. */
  readonly timescale: number;
  readonly tables: SampleTables;
  /** From the track's composition time, in units, to the movie's, in ms: what the edit list makes of it. */
  readonly editMs: number;
  /** Added to decode times, so that no composition time lies before its decode time (version 1 offsets). */
  readonly leadUnits: number;
  /** Composition time in units at which the last edit ends; frames behind it are not shown. */
  readonly endUnits: number;
}

/** Undefined for a track that is neither sound nor picture. Throws where its codec cannot be relayed. */
export function readTrack(trak: Box, movieTimescale: number): Track | undefined {
  const kind = kindOf(trak);
  if (kind === undefined) return undefined;
  const mdia = need(trak, 'mdia');
  const stbl = need(need(mdia, 'minf'), 'stbl');
  const timescale = timescaleOf(need(mdia, 'mdhd'));
  const tables = readSampleTables(stbl);
  return {
    id: idOf(need(trak, 'tkhd')),
    kind,
    codec: readCodec(need(stbl, 'stsd')),
    timescale,
    tables,
    leadUnits: leadOf(tables.offsets, tables.count),
    ...readEdits(descend(trak, 'edts', 'elst'), movieTimescale, timescale),
  };
}

export function kindOf(trak: Box): 'video' | 'audio' | undefined {
  const hdlr = descend(trak, 'mdia', 'hdlr');
  if (hdlr === undefined) return undefined;
  const type = new Fields(hdlr).bytes(8, 4).toString('latin1');
  return type === 'vide' ? 'video' : type === 'soun' ? 'audio' : undefined;
}

function need(box: Box, type: string): Box {
  const found = childrenOf(box).find(it => it.type === type);
  if (found === undefined) throw broken(box.type, `has no "${type}"`);
  return found;
}

const idOf = (tkhd: Box): number => new Fields(tkhd).u32(new Fields(tkhd).version === 1 ? 20 : 12);

/** Of "mdhd" and "mvhd", whose heads are alike. */
export function timescaleOf(box: Box): number {
  const fields = new Fields(box);
  const timescale = fields.u32(fields.version === 1 ? 20 : 12);
  if (timescale === 0) throw broken(box.type, 'has a timescale of 0');
  return timescale;
}

/** The most negative composition offset, as a positive number. */
function leadOf(offsets: Table | undefined, count: number): number {
  if (offsets === undefined || count === 0) return 0;
  let least = 0;
  for (let i = 0; i < offsets.length; i++) least = Math.min(least, offsets.u32(i, 1) | 0);
  // Some writers put unsigned numbers of half a range into version 0: nothing shown lies hours before its decoding.
  return -Math.max(least, -(2 ** 30));
}

interface Edits {
  readonly editMs: number;
  readonly endUnits: number;
}

interface Edit {
  readonly durationMs: number;
  /** In the track's units; -1 is an empty edit. */
  readonly mediaTime: number;
}

/**
 * What the edit list (section 8.6.6) does to times: empty edits in front delay the track, the first media time is taken
 * off (priming, reordering). Edits that go on where the one before ended are one edit; those that jump are played up to
 * the first jump only.
 */
function readEdits(elst: Box | undefined, movieTimescale: number, timescale: number): Edits {
  if (elst === undefined) return { editMs: 0, endUnits: Number.POSITIVE_INFINITY };
  let delayMs = 0;
  let begin: number | undefined;
  let endUnits = Number.POSITIVE_INFINITY;
  for (const { durationMs, mediaTime } of editsOf(elst, movieTimescale)) {
    if (mediaTime < 0) {
      if (begin !== undefined) break;
      delayMs += durationMs;
      continue;
    }
    // A neighbour within a millisecond is no jump: durations are rounded to the movie's timescale.
    const jumps = begin !== undefined && Math.abs(mediaTime - endUnits) > timescale / 500;
    if (jumps) break;
    begin ??= mediaTime;
    endUnits = durationMs === 0 ? Number.POSITIVE_INFINITY : mediaTime + (durationMs * timescale) / 1000;
  }
  return { editMs: delayMs - ((begin ?? 0) * 1000) / timescale, endUnits };
}

function editsOf(elst: Box, movieTimescale: number): Edit[] {
  const fields = new Fields(elst);
  const wide = fields.version === 1;
  const width = wide ? 20 : 12;
  const count = fields.u32(4);
  const room = Math.floor((fields.length - 8) / width);
  if (count > room) throw broken('elst', `claims ${count} entries and has room for ${room}`);
  return Array.from({ length: count }, (_, i) => {
    const at = 8 + i * width;
    const duration = wide ? fields.u64(at) : fields.u32(at);
    const mediaTime = wide ? fields.i64(at + 8) : fields.i32(at + 4);
    return { durationMs: (duration * 1000) / movieTimescale, mediaTime };
  });
}
