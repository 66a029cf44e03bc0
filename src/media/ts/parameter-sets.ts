import type { Batch } from '../packet.ts';
import type { UnitRules } from './units.ts';

/** Sets of one sort that are kept; more only a broken stream has. */
const MOST = 64;
const LONGEST = 0xffff;

/** The parameter sets of a stream, as its codec header lists them. */
export class ParameterSets {
  readonly #rules: UnitRules;
  #sets: readonly (readonly Buffer[])[];
  #header: Buffer | undefined;
  #changed = false;

  constructor(rules: UnitRules) {
    this.#rules = rules;
    this.#sets = Array.from({ length: rules.sorts }, () => []);
  }

  /** Whether the very same set is known. */
  has(set: Buffer): boolean {
    return this.#sets[this.#rules.sortOf(set)]?.some(known => known.equals(set)) === true;
  }

  /**
   * The sets of one access unit. Of a sort that it carries, its own replace those known: then only what pictures refer to
   * is listed. Picture sets that come alone join the others, for streams that send them one by one.
   */
  learn(units: readonly Buffer[]): void {
    if (units.every(unit => this.has(unit))) return;
    const pictureSort = this.#rules.sorts - 1;
    const fresh = this.#sets.map((_, sort) => units.filter(unit => this.#rules.sortOf(unit) === sort).map(copyOf));
    const whole = fresh.some((own, sort) => sort !== pictureSort && own.length > 0);
    this.#sets = this.#sets.map((known, sort) => {
      const own = (fresh[sort] ?? []).filter(unit => unit.length <= LONGEST);
      if (own.length === 0) return known;
      return (whole ? own : this.#merge(known, own)).slice(-MOST);
    });
    this.#changed = true;
  }

  /** Puts the codec header in force, where it is another than at the last call. False where none is known yet. */
  putHeader(dtsMs: number, into: Batch): boolean {
    const before = this.#header;
    if (this.#changed) {
      this.#changed = false;
      this.#header = this.#rules.header(this.#sets) ?? before;
    }
    const header = this.#header;
    if (header === undefined) return false;
    if (before?.equals(header) !== true) {
      const packet = into.next();
      packet.reset('videoHeader', dtsMs);
      packet.addSpan(header, 0, header.length);
    }
    return true;
  }

  /** A set takes the place of the one with its number. Of two that only seem to differ in it, decoders take the later. */
  #merge(known: readonly Buffer[], own: readonly Buffer[]): readonly Buffer[] {
    const at = this.#rules.numberAt;
    return [...known.filter(set => !own.some(other => other[at] === set[at])), ...own];
  }
}

const copyOf = (unit: Buffer): Buffer => Buffer.from(unit);
