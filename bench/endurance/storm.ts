import type { Chance } from '../../test/lab/sim/chance.ts';
import type { Life, Timeline } from '../../test/lab/sim/timeline.ts';
import type { Camera } from './camera.ts';
import type { Destination } from './destination.ts';
import type { Shelf } from './shelf.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const WRAP_MS = 2 ** 32;

export interface StormParts {
  readonly timeline: Timeline;
  readonly life: Life;
  readonly chance: Chance;
  readonly told: (what: string) => void;
}

/** What happens to whom how often, all through the day. */
export class Storm {
  readonly #parts: StormParts;
  readonly #counts = new Map<string, number>();

  constructor(parts: StormParts) {
    this.#parts = parts;
  }

  /** How often each thing has happened. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** One of these things happens so often, on average. */
  often(meanMs: number, deeds: Readonly<Record<string, () => void>>): void {
    const { timeline, life, chance } = this.#parts;
    timeline.after(chance.around(meanMs), life, () => {
      const [name, act] = chance.one(Object.entries(deeds)) ?? [];
      this.often(meanMs, deeds);
      if (name === undefined || act === undefined) return;
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
      this.#parts.told(name);
      act();
    });
  }

  #later(ms: number, act: () => void): void {
    this.#parts.timeline.after(ms, this.#parts.life, act);
  }

  /** What befalls live sources. */
  strikeCamera(camera: Camera): Readonly<Record<string, () => void>> {
    const { chance } = this.#parts;
    return {
      'source killed': () => this.#kill(camera),
      'source killed and restarted': () => {
        this.#kill(camera);
        camera.setClock(0);
      },
      'source silent': () => this.#silence(camera),
      'times back': () => camera.stepClock(-chance.whole(1, 600 * SECOND)),
      'times back to 0': () => camera.setClock(0),
      'times jump': () => camera.stepClock(chance.pick([SECOND, MINUTE, 3 * HOUR]) * chance.whole(1, 9)),
      'times wrap': () => camera.setClock(WRAP_MS - chance.whole(0, 5 * SECOND)),
      'sound lost': () => {
        camera.mute = true;
        this.#later(chance.around(4 * SECOND), () => {
          camera.mute = false;
        });
      },
    };
  }

  #kill(camera: Camera): void {
    const { chance } = this.#parts;
    camera.hangUp();
    if (chance.happens(0.3)) return;
    camera.away = true;
    this.#later(chance.around(8 * SECOND), () => {
      camera.away = false;
    });
  }

  #silence(camera: Camera): void {
    const { chance } = this.#parts;
    camera.silent = true;
    const lost = chance.happens(0.5);
    this.#later(chance.around(4 * SECOND), () => camera.speak({ lost }));
  }

  strikeDestination(destination: Destination, usualRate: number): Readonly<Record<string, () => void>> {
    const { chance } = this.#parts;
    const slow = (share: number): void => {
      destination.rate = usualRate * share;
      this.#later(chance.around(8 * SECOND), () => {
        destination.rate = Number.POSITIVE_INFINITY;
      });
    };
    return {
      'destination lost': () => {
        destination.hangUp();
        if (chance.happens(0.5)) return;
        destination.away = true;
        this.#later(chance.around(8 * SECOND), () => {
          destination.away = false;
        });
      },
      'destination slow': () => slow(chance.whole(3, 9) / 10),
      'destination takes nothing': () => slow(0),
    };
  }

  strikeShelf(shelf: Shelf): Readonly<Record<string, () => void>> {
    const { chance } = this.#parts;
    return {
      'file broken': () => shelf.spoil(),
      'files starved': () => {
        shelf.starved = true;
        this.#later(chance.around(4 * SECOND), () => {
          shelf.starved = false;
        });
      },
      'files away': () => {
        shelf.away = true;
        this.#later(chance.around(15 * SECOND), () => {
          shelf.away = false;
        });
      },
    };
  }
}
