/** All the chance of a simulation, from one seed: the same seed gives the same numbers for ever. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ x < 1 (mulberry32). */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };

  /** Chance of its own, so that one part's questions do not change another part's answers. */
  fork(): Chance {
    return new Chance(this.whole(0, 2 ** 32 - 1));
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** A wait whose mean is the given one: short ones often, long ones seldom. */
  around(meanMs: number): number {
    return Math.max(1, Math.round(-Math.log(1 - this.next()) * meanMs));
  }

  pick<const T>(from: readonly [T, ...T[]]): T {
    return from[this.whole(0, from.length - 1)] ?? from[0];
  }

  /** One of them, or undefined where there is none. */
  one<T>(from: readonly T[]): T | undefined {
    return from[this.whole(0, from.length - 1)];
  }
}
