/** How much is remembered, and how finely. */
export interface SeriesShape {
  readonly columns: number;
  readonly stepMs: number;
  /** Steps that are kept together, and let go together. */
  readonly stepsAPiece: number;
  readonly pieces: number;
}

/**
 * Rows of figures on an even grid of times, the newest of them. What was not told is a gap, which costs no memory where it
 * is long: rows lie in pieces, made when they are needed. Figures are kept to three digits, up to 65504: for a chart.
 */
export class Series {
  readonly #shape: SeriesShape;
  /** By number, oldest first. */
  readonly #pieces = new Map<number, Float16Array>();
  #newest = Number.NEGATIVE_INFINITY;

  constructor(shape: SeriesShape) {
    this.#shape = shape;
  }

  get bytes(): number {
    return this.#pieces.size * this.#pieceBytes;
  }

  /** When the oldest row was that is kept; undefined where there is none. */
  get oldestMs(): number | undefined {
    const [oldest] = this.#pieces.keys();
    return oldest === undefined ? undefined : oldest * this.#shape.stepsAPiece * this.#shape.stepMs;
  }

  get #pieceBytes(): number {
    return this.#shape.stepsAPiece * this.#shape.columns * 2;
  }

  /** Notes the row of that step, in place of what was noted for it. Steps behind which it has gone on are past. */
  put(step: number, row: readonly number[]): void {
    const { stepsAPiece, columns } = this.#shape;
    if (step < this.#newest) return;
    this.#newest = step;
    const piece = this.#pieceOf(Math.floor(step / stepsAPiece));
    const at = (step % stepsAPiece) * columns;
    for (let column = 0; column < columns; column++) piece[at + column] = row[column] ?? Number.NaN;
  }

  /** Reads the row of that step into `row`; false where nothing is known. */
  read(step: number, row: number[]): boolean {
    const { stepsAPiece, columns } = this.#shape;
    const piece = this.#pieces.get(Math.floor(step / stepsAPiece));
    if (piece === undefined) return false;
    const at = (step % stepsAPiece) * columns;
    let isKnown = false;
    for (let column = 0; column < columns; column++) {
      const figure = piece[at + column] as number;
      row[column] = figure;
      isKnown ||= !Number.isNaN(figure);
    }
    return isKnown;
  }

  /** Lets the oldest piece go, but never the only one; answers how many bytes that was. */
  shed(): number {
    const [oldest] = this.#pieces.keys();
    if (oldest === undefined || this.#pieces.size === 1) return 0;
    this.#pieces.delete(oldest);
    return this.#pieceBytes;
  }

  #pieceOf(number: number): Float16Array {
    const known = this.#pieces.get(number);
    if (known !== undefined) return known;
    const { stepsAPiece, columns, pieces } = this.#shape;
    const piece = new Float16Array(stepsAPiece * columns).fill(Number.NaN);
    this.#pieces.set(number, piece);
    for (const old of this.#pieces.keys()) if (old <= number - pieces) this.#pieces.delete(old);
    return piece;
  }
}
