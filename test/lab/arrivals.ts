import { sinceBoot } from '../../src/media/clock.ts';
import type { Place } from './place.ts';

const TURN_MS = 5;

/**
 * When what is read now has come at the earliest, by the clock of leases: a test that had no turn for a while reads late
 * what came in time.
 */
export class Arrivals {
  #turnedAtMs = sinceBoot();

  static start(place: Place): Arrivals {
    const arrivals = new Arrivals();
    const turn = (): void => {
      arrivals.#turnedAtMs = sinceBoot();
    };
    place.own(setInterval(turn, TURN_MS), timer => clearInterval(timer));
    return arrivals;
  }

  get atMs(): number {
    return this.#turnedAtMs;
  }
}
