import { isDeepStrictEqual } from 'node:util';
import type { Addresses, Assets } from './assets.ts';
import type { Claim } from './claim.ts';
import type { Orders } from './orders.ts';
import { inParallel } from './parallel.ts';

const LISTS_AT_ONCE = 32;

export interface ClaimAssetsOptions {
  readonly assets: Pick<Assets, 'resolve' | 'revision'>;
  readonly orders: Pick<Orders, 'assetsOf'>;
  /** Whether the run of the claim is to be there. */
  readonly stands: (claim: Claim) => boolean;
  readonly place: (claim: Claim) => void;
  readonly postpone: (claim: Claim, cause: unknown) => Promise<void>;
}

/** Where the assets lead to that the lists of claims name: asked before their orders, and again where assets change. */
export class ClaimAssets {
  readonly #options: ClaimAssetsOptions;
  #revision: number | undefined;

  constructor(options: ClaimAssetsOptions) {
    this.#options = options;
  }

  /** True while it is being asked where the assets of the present list lead to; the order follows by itself then. */
  areLacking(claim: Claim): boolean {
    const named = this.#options.orders.assetsOf(claim.task);
    const isKnown = claim.assets?.version === claim.task.listVersion && isDeepStrictEqual(claim.assets.named, named);
    const isNamed = named.length > 0;
    if (!isNamed) claim.assets = undefined;
    if (isNamed && !isKnown) void this.#lookUp(claim);
    return isNamed && !isKnown;
  }

  /** Assets may be led elsewhere, come and go while lists that name them are on air. */
  async follow(claims: Iterable<Claim>): Promise<void> {
    const concerned = [...claims].filter(({ state, assets }) => state === 'placed' && assets);
    if (concerned.length === 0) return;
    const revision = await this.#options.assets.revision();
    if (revision === this.#revision) return;
    this.#revision = revision;
    await inParallel(concerned, LISTS_AT_ONCE, claim => this.#lookUp(claim, claim.assets?.addresses));
  }

  /** Gives the run its order with what the list's assets lead to now, unless that is what it has. */
  async #lookUp(claim: Claim, known?: Addresses): Promise<void> {
    const { accountId, listVersion: version } = claim.task;
    const { assets, orders, stands, place, postpone } = this.#options;
    const named = orders.assetsOf(claim.task);
    try {
      const addresses = await assets.resolve(accountId, named);
      if (!stands(claim) || isDeepStrictEqual(addresses, known)) return;
      claim.assets = { version, named, addresses };
      place(claim);
    } catch (cause) {
      claim.assets = undefined;
      if (claim.state === 'placed') claim.state = 'adopted';
      await postpone(claim, cause);
    }
  }
}
