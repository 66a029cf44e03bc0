import { type Box, broken, childrenOf, descend, Fields } from './boxes.ts';
import { type Codec, readCodec } from './codecs.ts';
import { type EditList, readEditList } from './edits.ts';
import { type PlacedEdit, placeEdits } from './placed-edits.ts';
import { readSampleTables, type SampleTables, type Table } from './tables.ts';

/** One track of a movie, as its "trak" tells it. */
export interface Track {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  readonly codec: Codec;
  /** Units of a second. */
  readonly timescale: number;
  readonly tables: SampleTables;
  /** From the track's composition time, in units, to the movie's, in ms: what an edit list makes of a whole track. */
  readonly editMs: number;
  /** What is presented of a track that an edit list cuts; undefined for a whole one. */
  readonly edits: readonly PlacedEdit[] | undefined;
  /** Where the movie begins to show it, as far as an edit list tells, and where it shows no more of it. */
  readonly beginMs: number;
  readonly endMs: number;
  /** Added to decode times, so that no composition time lies before its decode time (version 1 offsets). */
  readonly leadUnits: number;
  /** What of its edit list is not played as it says; sentences for an operator. */
  readonly notes: readonly string[];
}

/** What the head of a movie says for all its tracks. */
export interface MovieFacts {
  readonly timescale: number;
  /** It goes on in fragments. */
  readonly fragmented: boolean;
}

/** Undefined for a track that is neither sound nor picture. Throws where its codec cannot be relayed. */
export function readTrack(trak: Box, movie: MovieFacts): Track | undefined {
  const kind = kindOf(trak);
  if (kind === undefined) return undefined;
  const mdia = need(trak, 'mdia');
  const stbl = need(need(mdia, 'minf'), 'stbl');
  const timescale = timescaleOf(need(mdia, 'mdhd'));
  const tables = readSampleTables(stbl);
  const whole: Track = {
    id: idOf(need(trak, 'tkhd')),
    kind,
    codec: readCodec(need(stbl, 'stsd')),
    timescale,
    tables,
    leadUnits: leadOf(tables.offsets, tables.count),
    editMs: 0,
    edits: undefined,
    beginMs: Number.NEGATIVE_INFINITY,
    endMs: Number.POSITIVE_INFINITY,
    notes: [],
  };
  const list = readEditList(descend(trak, 'edts', 'elst'), { movieTimescale: movie.timescale, timescale });
  return list === undefined ? whole : edited(whole, list, movie);
}

function edited(whole: Track, list: EditList, { fragmented }: MovieFacts): Track {
  const [first] = list.edits;
  if (first === undefined) return { ...whole, edits: [], endMs: 0, notes: list.notes };
  const moved = { ...whole, editMs: first.fromMs - first.mediaMs, beginMs: first.fromMs };
  // What of fragments is cut, their heads do not tell: they are moved, and end where the first edit does.
  if (fragmented || whole.tables.count === 0) return { ...moved, endMs: first.untilMs, notes: fragmentNotes(list) };
  const placed = placeEdits(whole, list);
  const endMs = list.edits.at(-1)?.untilMs ?? 0;
  return placed === undefined ? { ...moved, endMs } : { ...whole, endMs, edits: placed.placed, notes: placed.notes };
}

const fragmentNotes = ({ edits, notes }: EditList): string[] =>
  edits.length > 1 ? [`Of ${edits.length} edits of a file in fragments, only the first is made.`] : [...notes];

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
