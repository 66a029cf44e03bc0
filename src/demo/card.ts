import { COLUMNS, type Colour, FPS, type Mosaic, ROWS } from './flat-encoder.ts';

/** What a test card looks like at a frame: bars or a plain ground, a clock that runs, a square that walks, and noise. */
export interface Card {
  /** Its ground, or the bars. */
  readonly ground: Colour | 'bars';
  /** Shown above the clock; a digit. */
  readonly number?: number;
}

const colour = (y: number, cb: number, cr: number): Colour => ({ y, cb, cr });
export const BLUE = colour(50, 170, 110);
export const GREEN = colour(70, 110, 95);
const WHITE = colour(220, 128, 128);
const DARK = colour(28, 132, 126);
/** 75 % bars, Rec. 601. */
const BARS = [
  colour(180, 128, 128),
  colour(162, 44, 142),
  colour(131, 156, 44),
  colour(112, 72, 58),
  colour(84, 184, 198),
  colour(65, 100, 212),
  colour(35, 212, 114),
  colour(16, 128, 128),
];

const BARS_END = 12;
const CLOCK_ROW = 14;
const CLOCK_COLUMN = 11;
const NUMBER_ROW = 4;
const NUMBER_COLUMN = 18;
const WALK_ROW = 12;
const NOISE_ROW = 21;

/** Three columns and five rows each. */
const DIGITS = [
  '111101101101111',
  '010110010010111',
  '111001111100111',
  '111001111001111',
  '101101111001001',
  '111100111001111',
  '111100111101111',
  '111001010010010',
  '111101111101111',
  '111101111001111',
];
const COLON = '000010000010000';

/** All of it that never changes. */
export function groundOf({ ground, number }: Card): Mosaic {
  const picture = Array.from({ length: COLUMNS * ROWS }, (_, at) => groundAt(ground, at));
  if (number !== undefined) put(picture, DIGITS[number] ?? '', { row: NUMBER_ROW, column: NUMBER_COLUMN });
  return picture;
}

export function drawFrame(ground: Mosaic, frame: number): Mosaic {
  const picture = [...ground];
  for (const [nth, glyph] of clockOf(frame).entries()) {
    put(picture, glyph, { row: CLOCK_ROW, column: CLOCK_COLUMN + nth * 4 });
  }
  picture[WALK_ROW * COLUMNS + (frame % COLUMNS)] = WHITE;
  putNoise(picture, frame);
  return picture;
}

function groundAt(ground: Card['ground'], at: number): Colour {
  const row = Math.floor(at / COLUMNS);
  if (row >= BARS_END) return DARK;
  return ground === 'bars' ? (BARS[Math.floor(((at % COLUMNS) * BARS.length) / COLUMNS)] ?? DARK) : ground;
}

/** Minutes and seconds. */
function clockOf(frame: number): readonly string[] {
  const seconds = Math.floor(frame / FPS) % 3_600;
  const pair = (value: number): string[] => [DIGITS[Math.floor(value / 10)] ?? '', DIGITS[value % 10] ?? ''];
  return [...pair(Math.floor(seconds / 60)), COLON, ...pair(seconds % 60)];
}

function put(
  picture: Colour[],
  glyph: string,
  { row, column }: { readonly row: number; readonly column: number },
): void {
  for (const [at, dot] of [...glyph].entries()) {
    if (dot === '1') picture[(row + Math.floor(at / 3)) * COLUMNS + column + (at % 3)] = WHITE;
  }
}

/** The same for the same frame: nothing here is up to chance. */
function putNoise(picture: Colour[], frame: number): void {
  let state = (frame * 2_654_435_761 + 1) >>> 0;
  for (let at = NOISE_ROW * COLUMNS; at < ROWS * COLUMNS; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    picture[at] = colour(40 + ((state >>> 24) % 160), 128, 128);
  }
}
