import { StoreFault } from '../../../src/store/store-fault.ts';
import type { Chance } from './chance.ts';
import type { Life } from './timeline.ts';

/** How the disk is: what a call to the store meets. */
export type DiskMood = 'fine' | 'slow' | 'busy' | 'full';

/** What the world does to those in it, at the moment. A storm does all of it, a lull nothing. */
export class Weather {
  readonly #chance: Chance;
  disk: DiskMood = 'fine';
  /** Whether timers are late, messages slow and goodbyes long. */
  rough = false;
  /** Nothing is unsettled: who looks whether there is something to do may look less often. */
  calm = false;
  /** The control process that is to end in the middle of what it does, and how many steps from now. */
  #doomed: { readonly life: Life; stepsLeft: number } | undefined;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** A timer is late by a little, and on a loaded computer by more; now and then one is early. */
  readonly lateMs = (): number => {
    if (!this.rough) return 1;
    return this.#chance.happens(0.02) ? this.#chance.whole(20, 400) : this.#chance.whole(-1, 6);
  };

  readonly latencyMs = (): number => {
    if (!this.rough) return 1;
    return this.#chance.happens(0.03) ? this.#chance.around(300) : this.#chance.whole(0, 5);
  };

  /** How long a call to the store waits before it is done, and after. */
  readonly diskMs = (): number => {
    if (this.disk === 'slow') return this.#chance.around(400);
    return this.rough && this.#chance.happens(0.2) ? this.#chance.whole(1, 30) : 0;
  };

  /** The failure that a call to the store meets. Only writes can find the disk full. */
  diskFault(isWrite: boolean): StoreFault | undefined {
    if (this.disk === 'full' && isWrite) return new StoreFault('full', 'the disk is full');
    if (this.disk === 'busy' && this.#chance.happens(0.4)) return new StoreFault('busy', 'somebody else writes');
    return undefined;
  }

  /** Ends the process in the middle of what it does. */
  doom(life: Life, steps: number): void {
    this.#doomed = { life, stepsLeft: steps };
  }

  /** Passed before and after whatever reaches beyond the process. */
  readonly step = (life: Life): void => {
    if (this.#doomed?.life !== life || this.#doomed.stepsLeft-- > 0) return;
    this.#doomed = undefined;
    life.end();
  };

  clear(): void {
    this.disk = 'fine';
    this.rough = false;
    this.#doomed = undefined;
  }
}
