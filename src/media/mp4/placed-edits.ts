import type { Edit, EditList } from './edits.ts';
import { EDGE_MS, type FoundEdit, findEdit, MOST_REORDERED, PRIMING_MS } from './found-edits.ts';
import { Marks } from './marks.ts';
import { endUnitsOf, TableSamples } from './samples.ts';
import type { Track } from './track.ts';

/**
 * An edit with the samples it needs and the times at which they go out.
 *
 * An edit may begin between two key frames, and a relay that copies cannot begin there. Beginning at the next key frame
 * would lose up to a whole group of pictures, and beginning at the one before would show what was cut out and push sound
 * and picture apart. So the frames from the key frame before on go out as well, a millisecond apart and just in front of
 * the cut: a decoder needs them, a viewer sees at most a flicker within the length of a frame, and what is shown from the
 * cut on is exact. Where they take longer than that, the last frames of the edit before give way. Pictures behind the
 * end of an edit that others in front of it need go out a millisecond before what follows.
 */
export interface PlacedEdit extends FoundEdit {
  /** Where it lies in the presentation. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Where decoding of its first sample begins; each later one follows at least STEP_MS behind the one before. */
  readonly beginMs: number;
  /** Decode time of its last sample. */
  readonly lastDtsMs: number;
  /** When those of its last samples are shown, by their number, that would be shown behind its end. */
  readonly pressed: ReadonlyMap<number, number>;
}

const STEP_MS = 1;

/** What of a track its edit list presents; undefined where that is all of it, moved by one distance. */
export function placeEdits(
  track: Track,
  { edits, notes }: EditList,
): { readonly placed: readonly PlacedEdit[]; readonly notes: readonly string[] } | undefined {
  const [only] = edits;
  if (only !== undefined && edits.length === 1 && isWhole(track, only)) return undefined;
  const marks = new Marks(track);
  const placed: PlacedEdit[] = [];
  for (const edit of edits) {
    const found = findEdit(track, edit, { marks, former: placed.at(-1) });
    if (found !== undefined) addEdit(placed, { edit, found, marks });
  }
  const missing = edits.length - placed.length;
  const note = `${missing} of the film's ${edits.length} edits have no ${track.kind} that can be played.`;
  return { placed, notes: missing === 0 || track.kind === 'audio' ? notes : [...notes, note] };
}

/** Whether the edit cuts off neither a picture nor more sound than a decoder's warming up. */
function isWhole(track: Track, { mediaMs, mediaEndMs }: Edit): boolean {
  const first = new TableSamples(track);
  const { tables, timescale, leadUnits } = track;
  const endMs = ((endUnitsOf(tables) - leadUnits) * 1000) / timescale;
  if (track.kind === 'audio') return mediaMs <= PRIMING_MS && mediaEndMs >= endMs - EDGE_MS;
  return mediaMs <= first.ptsMs + EDGE_MS && mediaEndMs >= endMs + first.ptsMs - first.dtsMs - 2 * EDGE_MS;
}

interface NewEdit {
  readonly edit: Edit;
  readonly found: FoundEdit;
  readonly marks: Marks;
}

/** Those before give way to what is decoded in front of it, the whole of them if need be. */
function addEdit(placed: PlacedEdit[], { edit, found, marks }: NewEdit): void {
  const { leadIn } = found;
  const decodedMs = edit.fromMs - leadIn.leastMs - STEP_MS;
  const shownMs = edit.fromMs - leadIn.pictures * STEP_MS;
  let before: PlacedEdit | undefined;
  for (let last = placed.pop(); last !== undefined && before === undefined; last = before ?? placed.pop()) {
    before = ended(last, { decodedMs, shownMs, marks });
  }
  if (before !== undefined) placed.push(before);
  placed.push(place({ edit, found, marks }, before?.lastDtsMs));
}

function place({ edit, found, marks }: NewEdit, afterMs = Number.NEGATIVE_INFINITY): PlacedEdit {
  const beginMs = Math.max(edit.fromMs - found.leadIn.usualMs, afterMs + STEP_MS);
  const { fromMs, untilMs } = edit;
  const whole = { ...found, fromMs, untilMs, beginMs, lastDtsMs: beginMs, pressed: new Map() };
  return ended(whole, { decodedMs: Number.POSITIVE_INFINITY, shownMs: untilMs, marks }) ?? whole;
}

interface Ends {
  /** The last sample is decoded there at the latest, and the last picture shown before that. */
  readonly decodedMs: number;
  readonly shownMs: number;
  readonly marks: Marks;
}

/** The edit with an end that leaves room for what follows; undefined where nothing of it is left. */
function ended(edit: PlacedEdit, ends: Ends): PlacedEdit | undefined {
  let { lastIndex } = edit;
  const surplus = Math.max(0, Math.ceil((edit.lastDtsMs - ends.decodedMs) / STEP_MS));
  const tail: Timed[] = [];
  const from = Math.max(edit.first.index, lastIndex - surplus - MOST_REORDERED);
  for (const at = ends.marks.at(from); at?.state === 'sample' && at.index <= lastIndex; at.next()) {
    if (dtsIn(edit, at) > ends.decodedMs) break;
    tail.push({ index: at.index, dtsMs: at.dtsMs, ptsMs: at.ptsMs });
  }
  for (let last = tail.at(-1); last !== undefined; last = tail.at(-1)) {
    const pressed = press(edit, tail.slice(-MOST_REORDERED), Math.min(edit.untilMs, ends.shownMs));
    lastIndex = last.index;
    if (pressed !== undefined) return { ...edit, lastIndex, lastDtsMs: dtsIn(edit, last), pressed };
    tail.pop();
  }
  return undefined;
}

/** Shows the last pictures before the time, in their order; undefined where one would be shown before it is decoded. */
function press(edit: PlacedEdit, tail: readonly Timed[], shownMs: number): Map<number, number> | undefined {
  const pressed = new Map<number, number>();
  let limitMs = shownMs - STEP_MS;
  for (const sample of tail.toSorted((a, b) => b.ptsMs - a.ptsMs)) {
    const nominalMs = shownIn(edit, sample);
    if (nominalMs > limitMs) {
      if (limitMs < dtsIn(edit, sample)) return undefined;
      pressed.set(sample.index, limitMs);
    }
    limitMs = Math.min(nominalMs, limitMs) - STEP_MS;
  }
  return pressed;
}

type Timed = Pick<TableSamples, 'index' | 'dtsMs' | 'ptsMs'>;

/** When a sample of the edit's media is decoded in the presentation. */
export function dtsIn({ first, shiftMs, beginMs }: PlacedEdit, { index, dtsMs }: Timed): number {
  return Math.max(dtsMs + shiftMs, beginMs + (index - first.index) * STEP_MS);
}

/** When it is shown there. */
export const ptsIn = (edit: PlacedEdit, sample: Timed): number =>
  edit.pressed.get(sample.index) ?? shownIn(edit, sample);

function shownIn(edit: PlacedEdit, sample: Timed): number {
  const frontMs = edit.leadIn.frontMs[sample.index - edit.first.index] ?? 0;
  const shownMs = frontMs === 0 ? sample.ptsMs + edit.shiftMs : edit.fromMs - frontMs * STEP_MS;
  return Math.max(shownMs, dtsIn(edit, sample));
}
