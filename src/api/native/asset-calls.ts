import type { Assets } from '../../control/assets.ts';
import type { Asset } from '../../task/asset.ts';
import { saying, wholeAccount } from './access-calls.ts';
import type { AssetWish } from './access-schema.ts';
import { AtOnce } from './at-once.ts';
import { NativeError, notFound } from './error.ts';
import { printTime, type Redact, snake } from './event.ts';
import { forbidden } from './refused.ts';
import type { Call } from './route.ts';

export interface AssetOptions {
  readonly assets: Assets;
  readonly redact: Redact;
}

interface Reveal {
  readonly reveal?: 'true' | 'false' | undefined;
}

const WRITE = 'millrace:assets:write';
/** Each is a connection, and up to half a minute of reading. */
const LOOKS = { most: 4, retryMs: 2_000 };

/** Media assets: names that lists give to files. */
export class AssetCalls {
  readonly #options: AssetOptions;
  readonly #looks = new AtOnce(LOOKS);

  constructor(options: AssetOptions) {
    this.#options = options;
  }

  async list({ caller, query }: Call<Reveal>) {
    const isOpen = query.reveal === 'true';
    if (isOpen && !caller.may(WRITE)) throw forbidden(`To see whole addresses the caller has to be allowed ${WRITE}.`);
    const assets = await this.#options.assets.list(caller.accountId);
    return { assets: assets.map(asset => printAsset(asset, isOpen ? url => url : this.#options.redact)) };
  }

  /** Looked through first, unless its owner does not want that: what cannot be played is refused. */
  async add({ caller, body }: Call<unknown, AssetWish>) {
    const { url, id, probe = true, replace = false } = body;
    const accountId = wholeAccount(caller);
    if (id !== undefined && !replace && (await this.#options.assets.get(id, accountId)) !== undefined) {
      const errors = [{ field: 'id', rule: 'is taken' }];
      throw new NativeError('CONFLICT', 'The asset stands already: replace leads it elsewhere.', { errors });
    }
    const wish = { url, accountId, probe, replace, ...(id === undefined ? {} : { id }) };
    const add = () => saying('url', () => this.#options.assets.by(caller.by).add(wish));
    const asset = await (probe ? this.#looks.take(add) : add());
    return printAsset(asset, this.#options.redact);
  }

  async remove({ caller, id }: Call): Promise<{ done: true }> {
    const removed = await this.#options.assets.by(caller.by).remove(id, wholeAccount(caller));
    if (!removed) throw notFound('asset');
    return { done: true };
  }
}

const printAsset = ({ id, url, createdAt, probe }: Asset, redact: Redact) => ({
  ...{ id, url: redact(url), created_at: printTime(createdAt) },
  probe: probe === null ? null : printed(probe),
});

/** What was found, in this dialect's spelling. */
const printed = (found: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(found).map(([name, value]) => [snake(name), isObject(value) ? printed(value) : value]),
  );

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
