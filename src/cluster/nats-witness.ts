import { type Beat, markOf, parseBeat, printBeat } from './beat.ts';
import type { Bucket } from './bucket.ts';
import { token } from './names.ts';
import { takeoverOf } from './timing.ts';
import type { Sighting, Witness } from './witness.ts';

/** NATS as a witness: an entry for each node, which ends by itself long after it was renewed last. */
export class NatsWitness implements Witness {
  readonly #bucket: Bucket;
  readonly #sinceBoot: () => number;
  #revision: number | undefined;
  /** Another incarnation that stands under our name, and since when we see this beat of it. */
  #other: { readonly mark: string; readonly since: number } | undefined;

  constructor(bucket: Bucket, sinceBoot: () => number) {
    this.#bucket = bucket;
    this.#sinceBoot = sinceBoot;
  }

  async renew(node: string, beat: Beat): Promise<'held' | 'refused'> {
    const key = token(node);
    const text = printBeat(beat);
    if (this.#revision !== undefined && (await this.#put(key, text, this.#revision))) return 'held';
    const entry = await this.#bucket.get(key);
    const found = entry && parseBeat(entry.text);
    if (found && !this.#mayReplace(found, beat)) return 'refused';
    if (await this.#put(key, text, entry?.revision)) return 'held';
    throw new Error('somebody else wrote at the same time');
  }

  async look(): Promise<Sighting> {
    const beats = new Map<string, Beat>();
    const { entries, era } = await this.#bucket.entries();
    for (const [node, text] of entries) {
      const beat = parseBeat(text);
      if (beat) beats.set(node, beat);
    }
    return { beats, era };
  }

  async #put(key: string, text: string, revision: number | undefined): Promise<boolean> {
    this.#revision = await this.#bucket.put(key, text, revision);
    return this.#revision !== undefined;
  }

  /** Our own, unless it is our farewell and we are late; another's when it has left, or is not renewed any more. */
  #mayReplace(found: Beat, beat: Beat): boolean {
    if (found.incarnation === beat.incarnation) return !(found.hasLeft && found.lease === beat.lease);
    if (found.hasLeft) return true;
    const mark = markOf(found);
    const now = this.#sinceBoot();
    if (this.#other?.mark !== mark) this.#other = { mark, since: now };
    return now - this.#other.since >= takeoverOf(Math.max(found.ttlMs, beat.ttlMs));
  }
}
