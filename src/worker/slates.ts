import { redactUrl } from '../media/address.ts';
import { loadStrip, type Strip } from '../media/strip.ts';
import type { OpenItem } from './asset-item.ts';

export interface SlatesOptions {
  readonly openItem: OpenItem;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly now: () => number;
}

/** A file that was changed is shown as it is now after so long. */
const FRESH_MS = 600_000;
const MOST = 8;

/** The files that runs of this worker show while they have no source, each in memory once. */
export class Slates {
  readonly #options: SlatesOptions;
  readonly #strips = new Map<string, { readonly atMs: number; readonly strip: Promise<Strip> }>();

  constructor(options: SlatesOptions) {
    this.#options = options;
  }

  /** Rejects with a Fault where the file cannot be had. */
  async load(url: string): Promise<Strip> {
    const { now } = this.#options;
    const known = this.#strips.get(url);
    if (known !== undefined && now() - known.atMs < FRESH_MS) return known.strip;
    const strip = this.#read(url);
    this.#strips.delete(url);
    this.#strips.set(url, { atMs: now(), strip });
    const [oldest] = this.#strips.keys();
    if (this.#strips.size > MOST && oldest !== undefined) this.#strips.delete(oldest);
    try {
      return await strip;
    } catch (error) {
      if (this.#strips.get(url)?.strip === strip) this.#strips.delete(url);
      throw error;
    }
  }

  /** Not for one run: whoever asked first may have found its source again, and the next one will want it. */
  async #read(url: string): Promise<Strip> {
    const { openItem, sleep } = this.#options;
    const { signal } = new AbortController();
    const item = await openItem({ url }, 0, signal);
    try {
      return await loadStrip(item, { sleep, signal, name: redactUrl(url) });
    } finally {
      item.close();
    }
  }
}
