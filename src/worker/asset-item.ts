import { asFault, Fault, type FaultKind } from '../media/fault.ts';
import type { Item } from '../media/item.ts';
import type { Batch } from '../media/packet.ts';
import { assetId, isAssetUrl } from '../task/asset.ts';
import type { ListItem } from '../task/playlist.ts';

export type OpenItem = (item: ListItem, startMs: number, signal: AbortSignal) => Promise<Item>;

/**
 * Opens what an asset leads to in place of its name; `addresses` is asked anew at each opening. What goes wrong is told
 * under the asset's name: where it leads is not for those who only name it.
 */
export const openingAssets =
  (open: OpenItem, addresses: () => Readonly<Record<string, string>> | undefined): OpenItem =>
  async (item, startMs, signal) => {
    const { url: name } = item;
    if (!isAssetUrl(name)) return open(item, startMs, signal);
    const url = addresses()?.[name];
    if (url === undefined) throw new Fault('pull', 'refused', `there is no media asset ${assetId(name) ?? name}`);
    try {
      return new AssetItem(name, await open({ ...item, url }, startMs, signal));
    } catch (error) {
      throw veiled(error, name);
    }
  };

class AssetItem implements Item {
  readonly #name: string;
  readonly #item: Item;

  constructor(name: string, item: Item) {
    this.#name = name;
    this.#item = item;
  }

  get durationMs(): number | undefined {
    return this.#item.durationMs;
  }

  get startMs(): number {
    return this.#item.startMs;
  }

  get notes(): readonly string[] {
    return this.#item.notes ?? [];
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    try {
      return this.#item.read(into, untilMs);
    } catch (error) {
      if (error instanceof Fault) throw veiled(error, this.#name);
      throw error;
    }
  }

  close(): void {
    this.#item.close();
  }
}

/** In place of sentences of these kinds, which name hosts and ports, redirects' among them. */
const VEILED: Partial<Record<FaultKind, string>> = {
  unreachable: 'its server cannot be connected to',
  timeout: 'it was not reached in time',
  name: 'the name of its server is not known',
  tls: 'TLS with its server failed',
  policy: 'it leads where this server may not read',
};
const ADDRESS_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`\\<>|]*[^\s"'`\\<>|:,.)]/gi;

function veiled(error: unknown, name: string): Fault {
  const { side, kind, message, retryable } = asFault('pull', error);
  const general = VEILED[kind];
  const sentence = general === undefined ? message.replace(ADDRESS_IN_TEXT, () => name) : `${name}: ${general}`;
  return new Fault(side, kind, sentence, { cause: error, retryable });
}
