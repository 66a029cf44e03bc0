import { type Box, broken, Fields } from './boxes.ts';

/** A stretch of a track's media that is presented (ISO/IEC 14496-12, section 8.6.6). */
export interface Edit {
  /** Where it lies in the presentation. */
  readonly fromMs: number;
  /** Infinity: until its media ends. */
  readonly untilMs: number;
  /** The composition times in the media that it shows. */
  readonly mediaMs: number;
  readonly mediaEndMs: number;
  /** It holds one picture. */
  readonly still: boolean;
}

export interface EditList {
  readonly edits: readonly Edit[];
  /** What is not played as it says; sentences for an operator. */
  readonly notes: readonly string[];
}

interface Row {
  readonly durationMs: number;
  /** Below 0: nothing is shown. */
  readonly mediaMs: number;
  readonly rate: number;
}

/** A film that was cut by hand has a few hundred. */
const MOST_EDITS = 2_000;
/** Durations are rounded to the movie's timescale: what goes on so exactly where an edit ends is the same edit. */
const JOINT_MS = 2;
/** Of the media, in an edit that holds one picture. */
const STILL_MS = 2;

/** The presentation is one edit after the other. Undefined for a track without an edit list. */
export function readEditList(
  elst: Box | undefined,
  { movieTimescale, timescale }: { readonly movieTimescale: number; readonly timescale: number },
): EditList | undefined {
  if (elst === undefined) return undefined;
  const rows = rowsOf(elst, { movieTimescale, timescale });
  if (rows.length === 0) return undefined;
  const edits: Edit[] = [];
  let fromMs = 0;
  for (const [i, row] of rows.entries()) {
    // The last one without a duration shows all there is, which a writer of fragments cannot know.
    const endless = row.durationMs === 0 && i === rows.length - 1;
    const untilMs = endless ? Number.POSITIVE_INFINITY : fromMs + row.durationMs;
    if (row.mediaMs >= 0 && untilMs > fromMs) addEdit(edits, row, { fromMs, untilMs });
    fromMs = untilMs;
  }
  return { edits, notes: notesOf(rows) };
}

function addEdit(edits: Edit[], { mediaMs, rate }: Row, place: { fromMs: number; untilMs: number }): void {
  const last = edits.at(-1);
  const still = rate === 0;
  const mediaEndMs = mediaMs + (still ? STILL_MS : place.untilMs - place.fromMs);
  const shiftMs = place.fromMs - mediaMs;
  const adjoins = last?.untilMs === place.fromMs && Math.abs(last.fromMs - last.mediaMs - shiftMs) <= JOINT_MS;
  if (adjoins && !still && !last.still) edits[edits.length - 1] = { ...last, untilMs: place.untilMs, mediaEndMs };
  else edits.push({ ...place, mediaMs, mediaEndMs, still });
}

function rowsOf(
  elst: Box,
  { movieTimescale, timescale }: { readonly movieTimescale: number; readonly timescale: number },
): Row[] {
  const fields = new Fields(elst);
  const wide = fields.version === 1;
  const width = wide ? 20 : 12;
  const count = fields.u32(4);
  const room = Math.floor((fields.length - 8) / width);
  if (count > room) throw broken('elst', `claims ${count} entries and has room for ${room}`);
  if (count > MOST_EDITS) throw broken('elst', `has ${count} entries, more than ${MOST_EDITS}`);
  return Array.from({ length: count }, (_, i) => {
    const at = 8 + i * width;
    const duration = wide ? fields.u64(at) : fields.u32(at);
    const mediaTime = wide ? fields.i64(at + 8) : fields.i32(at + 4);
    const rate = fields.i32(at + width - 4) / 65_536;
    return { durationMs: (duration * 1000) / movieTimescale, mediaMs: (mediaTime * 1000) / timescale, rate };
  });
}

function notesOf(rows: readonly Row[]): string[] {
  const shown = rows.filter(({ mediaMs }) => mediaMs >= 0);
  const notes: string[] = [];
  if (shown.some(({ rate }) => rate === 0)) notes.push('The film holds pictures still, without sound.');
  if (shown.some(({ rate }) => rate !== 0 && rate !== 1)) {
    notes.push('The film asks for another speed in places, and is played at its usual one.');
  }
  return notes;
}
