import type { Store } from '../store/store.ts';
import { DEFAULT_ACCOUNT } from '../task/account.ts';
import { type Asset, assetId, isAssetId, type Probe } from '../task/asset.ts';
import { type Actor, NODE } from '../task/audit.ts';
import { Notes, type NotesOptions } from './notes.ts';
import { type RandomBytes, randomHex } from './secret.ts';

/** A mistake of whoever adds an asset; the message is the sentence to show. */
export class InvalidAsset extends Error {
  override readonly name = 'InvalidAsset';
}

export interface AssetsOptions {
  readonly store: Pick<
    Store,
    'account' | 'asset' | 'assets' | 'addAsset' | 'putAsset' | 'removeAsset' | 'assetsRevision'
  >;
  /** Looks the file through; rejects where it cannot be played, with a sentence that names no secret. */
  readonly probe: (url: string) => Promise<Probe>;
  /** The broken rule of an address as a sentence; undefined where it will do. */
  readonly checkUrl: (url: string) => string | undefined;
  /** Wall clock. */
  readonly now: () => number;
  readonly randomBytes: RandomBytes;
  /** Where changes are noted, and how addresses may be seen there; without it none is. */
  readonly noting?: Omit<NotesOptions, 'by'> & { readonly redact: (url: string) => string };
  /** Who makes the changes; the node itself where it is left out. */
  readonly by?: Actor;
}

export interface AssetWish {
  readonly url: string;
  /** 32 hex digits, as the clouds have them, where absent. */
  readonly id?: string;
  readonly accountId?: string;
  /** Whether the file is looked through first, and refused where it cannot be played. */
  readonly probe: boolean;
  /** Whether an asset that stands is led elsewhere. */
  readonly replace: boolean;
}

/** What the assets of a list lead to, by the URLs that name them; those that there are not are left out. */
export type Addresses = Readonly<Record<string, string>>;

interface AssetChange {
  readonly action: string;
  readonly asset: Asset;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

/** Media assets: names that lists give to files, and where these lie. */
export class Assets {
  readonly #options: AssetsOptions;

  constructor(options: AssetsOptions) {
    this.#options = options;
  }

  /** The same, for what somebody changes. */
  by(actor: Actor): Assets {
    return new Assets({ ...this.#options, by: actor });
  }

  async add({ url, id, accountId = DEFAULT_ACCOUNT, probe, replace }: AssetWish): Promise<Asset> {
    const { store, now, randomBytes } = this.#options;
    await this.#refuse({ url, id, accountId, replace });
    const found = probe ? await this.#options.probe(url) : null;
    const asset: Asset = {
      id: id ?? randomHex(randomBytes, 16),
      accountId,
      url,
      createdAt: now(),
      probe: found,
    };
    const former = await store.asset(accountId, asset.id);
    const action = former === undefined ? 'asset.create' : 'asset.change';
    const noting = this.#on({ action, asset, before: former?.url, after: url });
    if (replace) await noting.putAsset(asset);
    // Another process may have added it while the file was looked through.
    else if (!(await noting.addAsset(asset))) throw stands(asset.id);
    return (await store.asset(accountId, asset.id)) ?? asset;
  }

  get(id: string, accountId = DEFAULT_ACCOUNT): Promise<Asset | undefined> {
    return this.#options.store.asset(accountId, id);
  }

  /** Of one account or of all. */
  list(accountId?: string): Promise<readonly Asset[]> {
    return this.#options.store.assets(accountId);
  }

  async remove(id: string, accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    const asset = await this.#options.store.asset(accountId, id);
    if (asset === undefined) return false;
    return this.#on({ action: 'asset.delete', asset, before: asset.url }).removeAsset(accountId, id);
  }

  /** The store for a change of the asset, which was there and is to be at the given addresses. */
  #on({ action, asset, before, after }: AssetChange): Pick<Store, 'addAsset' | 'putAsset' | 'removeAsset'> {
    const { store, noting, by = NODE } = this.#options;
    if (noting === undefined) return store;
    const sideOf = (url: string | undefined) => (url === undefined ? {} : { url: noting.redact(url) });
    const { accountId, id } = asset;
    const sides = { before: sideOf(before), after: sideOf(after) };
    return new Notes({ ...noting, by }).on({ accountId, action, target: id, ...sides });
  }

  /** Rises with each change of any asset. */
  revision(): Promise<number> {
    return this.#options.store.assetsRevision();
  }

  async resolve(accountId: string, urls: readonly string[]): Promise<Addresses> {
    const found: Record<string, string> = {};
    for (const url of new Set(urls)) {
      const id = assetId(url);
      const asset = id === undefined ? undefined : await this.#options.store.asset(accountId, id);
      if (asset !== undefined) found[url] = asset.url;
    }
    return found;
  }

  /** Before the file is looked through, which takes its time. */
  async #refuse(wish: { url: string; id: string | undefined; accountId: string; replace: boolean }): Promise<void> {
    const { url, id, accountId, replace } = wish;
    const { store, checkUrl } = this.#options;
    if (id !== undefined && !isAssetId(id)) {
      throw new InvalidAsset('an asset id has 1 to 128 characters, none of them white space or invisible');
    }
    const problem = checkUrl(url);
    if (problem !== undefined) throw new InvalidAsset(problem);
    if ((await store.account(accountId)) === undefined) throw new InvalidAsset(`there is no account ${accountId}`);
    if (id !== undefined && !replace && (await store.asset(accountId, id)) !== undefined) throw stands(id);
  }
}

const stands = (id: string): InvalidAsset =>
  new InvalidAsset(`the asset ${id} stands already; --replace leads it elsewhere`);
