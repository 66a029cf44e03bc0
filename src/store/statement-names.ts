/** How often a statement has come before it is kept ready: most of those that differ in length come once. */
const OFTEN = 3;
const MOST = 200;
const MOST_SEEN = 1_000;
const LONGEST = 2_000;

/**
 * Names for statements that come again and again: under a name the server keeps one ready on each connection, and planning it
 * takes longer than running it. It keeps as many as there are names, so there are few.
 */
export class StatementNames {
  readonly #names = new Map<string, string>();
  #seen = new Map<string, number>();

  /** Undefined for one that is not kept. */
  nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || text.length > LONGEST || this.#names.size >= MOST) return known;
    const times = (this.#seen.get(text) ?? 0) + 1;
    if (this.#seen.size >= MOST_SEEN) this.#seen = new Map();
    this.#seen.set(text, times);
    if (times < OFTEN) return undefined;
    const name = `millrace-${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}
