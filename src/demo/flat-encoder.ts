import { BitWriter } from './bits.ts';

/** One colour of a macroblock: luma, blue and red. */
export interface Colour {
  readonly y: number;
  readonly cb: number;
  readonly cr: number;
}

/** Macroblocks in reading order, each of one colour. */
export type Mosaic = readonly Colour[];

/**
 * H.264 for pictures made of squares of one colour: Baseline, every macroblock either left as it was or predicted from a
 * neighbour and moved to its colour by its DC coefficients alone. A test card needs no more, and no encoder of the machine.
 */
export const COLUMNS = 40;
export const ROWS = 23;
/** The last row is cut in half. */
export const WIDTH = COLUMNS * 16;
export const HEIGHT = ROWS * 16 - 8;
export const FPS = 25;

/** Fine enough that every colour is met exactly: a luma step is 10/64 of a level, a chroma step 20/64. */
const QP = 12;
const LUMA_STEP = 10 / 64;
const CHROMA_STEP = 20 / 64;
const GREY: Colour = { y: 128, cb: 128, cr: 128 };

const Unit = { sps: 0x67, pps: 0x68, key: 0x65, inter: 0x41 } as const;

export function parameterSets(): { readonly sps: Buffer; readonly pps: Buffer } {
  const sps = new BitWriter()
    .bits(66, 8)
    .bits(0xc0, 8)
    .bits(30, 8)
    // Its id; 4 bits for frame_num; pictures come out in the order in which they are; one is referred to.
    .ue(0)
    .ue(0)
    .ue(2)
    .ue(1)
    .code('0')
    .ue(COLUMNS - 1)
    .ue(ROWS - 1)
    // Whole frames; the bottom is cropped by four pairs of lines.
    .code('111')
    .ue(0)
    .ue(0)
    .ue(0)
    .ue(4);
  withTiming(sps);
  const pps = new BitWriter()
    .ue(0)
    .ue(0)
    // CAVLC, one slice group.
    .code('00')
    .ue(0)
    .ue(0)
    .ue(0)
    .code('000')
    .se(QP - 26)
    .se(0)
    .se(0)
    // A slice may turn the filter off, which would blur the squares.
    .code('100');
  return { sps: sps.unit(Unit.sps), pps: pps.unit(Unit.pps) };
}

/** Annex E: the frame rate, and that nothing has to be held back. */
function withTiming(sps: BitWriter): void {
  sps
    .code('1')
    .code('00001')
    .bits(1, 32)
    .bits(2 * FPS, 32)
    .code('1');
  sps.code('0001').code('1');
  for (const value of [0, 0, 0, 0, 0, 1]) sps.ue(value);
}

/** Encodes one mosaic after the other. */
export class FlatEncoder {
  #shown: Mosaic = [];
  #frame = 0;
  #group = 0;

  /** A picture that needs none before it. */
  key(mosaic: Mosaic): Buffer {
    this.#frame = 0;
    this.#group = (this.#group + 1) % 2;
    // I slice, its first macroblock being 0; an IDR picture's own number; nothing about references.
    const slice = new BitWriter().ue(0).ue(7).ue(0).bits(0, 4).ue(this.#group).code('00');
    slice.se(0).ue(1);
    for (const [at, colour] of mosaic.entries()) putSquare(slice, colour, neighbourOf(mosaic, at), 0);
    this.#shown = mosaic;
    return slice.unit(Unit.key);
  }

  /** A picture of what has changed. */
  inter(mosaic: Mosaic): Buffer {
    this.#frame = (this.#frame + 1) % 16;
    const slice = new BitWriter().ue(0).ue(5).ue(0).bits(this.#frame, 4).code('000');
    slice.se(0).ue(1);
    let skipped = 0;
    for (const [at, colour] of mosaic.entries()) {
      if (isSame(colour, this.#shown[at])) {
        skipped++;
        continue;
      }
      slice.ue(skipped);
      skipped = 0;
      putSquare(slice, colour, neighbourOf(mosaic, at), 5);
    }
    if (skipped > 0) slice.ue(skipped);
    this.#shown = mosaic;
    return slice.unit(Unit.inter);
  }
}

interface Neighbour {
  readonly colour: Colour;
  /** Intra_16x16 and chroma, tables 8-4 and 8-5: each counts its modes in an order of its own. */
  readonly luma: number;
  readonly chroma: number;
}

/** What the macroblock is predicted from: the one at its left, else the one above, else middle grey. */
function neighbourOf(mosaic: Mosaic, at: number): Neighbour {
  if (at % COLUMNS > 0) return { colour: mosaic[at - 1] ?? GREY, luma: 1, chroma: 1 };
  if (at >= COLUMNS) return { colour: mosaic[at - COLUMNS] ?? GREY, luma: 0, chroma: 2 };
  return { colour: GREY, luma: 2, chroma: 0 };
}

const isSame = (one: Colour, other: Colour | undefined): boolean =>
  one.y === other?.y && one.cb === other.cb && one.cr === other.cr;

/** Section 7.3.5: an Intra_16x16 macroblock. In a P slice its types come behind five others. */
function putSquare(
  slice: BitWriter,
  { y, cb, cr }: Colour,
  { colour, luma, chroma }: Neighbour,
  typesBefore: number,
): void {
  const steps = [cb - colour.cb, cr - colour.cr].map(by => Math.round(by / CHROMA_STEP));
  const hasChroma = steps.some(step => step !== 0);
  slice
    .ue(typesBefore + 1 + luma + (hasChroma ? 4 : 0))
    .ue(chroma)
    .se(0);
  putLevel(slice, Math.round((y - colour.y) / LUMA_STEP), { none: '1', one: '01', more: '000101' });
  if (!hasChroma) return;
  for (const step of steps) putLevel(slice, step, { none: '01', one: '1', more: '000111' });
}

/** Table 9-5, for no neighbour with coefficients, and for chroma DC: none, one of size 1, one of another size. */
interface Tokens {
  readonly none: string;
  readonly one: string;
  readonly more: string;
}

/** Section 9.2: at most one coefficient, the first. */
function putLevel(slice: BitWriter, level: number, { none, one, more }: Tokens): void {
  if (level === 0) {
    slice.code(none);
    return;
  }
  if (Math.abs(level) === 1) slice.code(one).code(level < 0 ? '1' : '0');
  else putMagnitude(slice.code(more), level);
  // No zeros before it.
  slice.code('1');
}

/** Section 9.2.2.1, the first level that is no trailing one: a unary part, and behind 14 of it a binary one. */
function putMagnitude(slice: BitWriter, level: number): void {
  const code = (level > 0 ? 2 * level - 2 : -2 * level - 1) - 2;
  if (code < 14) slice.bits(1, code + 1);
  else if (code < 30) slice.bits(1, 15).bits(code - 14, 4);
  else slice.bits(1, 16).bits(code - 30, 12);
}
