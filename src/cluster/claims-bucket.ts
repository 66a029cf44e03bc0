import { isAmount, isObject, isText, parseJson } from './beat.ts';
import type { Bucket, Entry } from './bucket.ts';
import { token } from './names.ts';

interface KeptClaim {
  readonly epoch: number;
  readonly revision: number;
  readonly writtenAt: number;
}

interface WrittenClaim {
  readonly node: string;
  readonly epoch: number;
}

/** So long after it was written a claim that nobody keeps is no more. */
export const CLAIM_MS = 3_600_000;
const RENEW_MS = CLAIM_MS / 3;
const UPKEEP_MS = 10_000;
const MOST_TRIES = 3;

export interface ClaimsBucketOptions {
  readonly bucket: Bucket;
  readonly node: string;
  readonly sinceBoot: () => number;
}

/** Which node has which task, by compare-and-set. The database has the last word; this says no sooner. */
export class ClaimsBucket {
  readonly #options: ClaimsBucketOptions;
  readonly #kept = new Map<string, KeptClaim>();
  readonly #timer: NodeJS.Timeout;
  #isBusy = false;
  #era = '';

  constructor(options: ClaimsBucketOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#keepUp(), UPKEEP_MS);
    this.#timer.unref();
  }

  /** A newer epoch takes it, from whomever; the same one is good for its node alone. */
  async claim(taskId: string, epoch: number): Promise<boolean> {
    const kept = this.#kept.get(taskId);
    if (kept && kept.epoch <= epoch && (await this.#write(taskId, epoch, kept.revision))) return true;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const entry = tries === 0 && !kept ? undefined : await this.#options.bucket.get(token(taskId));
      if (entry && !this.#mayFollow(entry, epoch)) return false;
      if (await this.#write(taskId, epoch, entry?.revision)) return true;
    }
    return false;
  }

  #mayFollow(entry: Entry, epoch: number): boolean {
    const standing = parseClaim(entry.text);
    if (!standing || standing.epoch < epoch) return true;
    return standing.epoch === epoch && standing.node === this.#options.node;
  }

  async #write(taskId: string, epoch: number, revision: number | undefined): Promise<boolean> {
    const { bucket, node, sinceBoot } = this.#options;
    const written = await bucket.put(token(taskId), JSON.stringify({ node, epoch }), revision);
    if (written === undefined) return false;
    this.#kept.set(taskId, { epoch, revision: written, writtenAt: sinceBoot() });
    return true;
  }

  /** What another node, or a newer epoch, has by now stays. */
  async release(taskId: string, epoch: number): Promise<void> {
    const { bucket, node } = this.#options;
    if (this.#kept.get(taskId)?.epoch === epoch) this.#kept.delete(taskId);
    const entry = await bucket.get(token(taskId));
    const standing = entry && parseClaim(entry.text);
    if (entry && standing?.epoch === epoch && standing.node === node)
      await bucket.remove(token(taskId), entry.revision);
  }

  /** The claims of a lease that is lost are nobody's. */
  forget(): void {
    this.#kept.clear();
  }

  async #writeAnew(taskId: string, kept: KeptClaim): Promise<void> {
    const isOurs = await this.claim(taskId, kept.epoch);
    if (!isOurs && this.#kept.get(taskId) === kept) this.#kept.delete(taskId);
  }

  /** Writes anew what is old, or what is no longer there since the data of NATS were lost. */
  async #keepUp(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      const era = await this.#options.bucket.era();
      for (const [taskId, kept] of this.#kept) {
        const isOld = this.#options.sinceBoot() - kept.writtenAt > RENEW_MS;
        if (isOld || era !== this.#era) await this.#writeAnew(taskId, kept);
      }
      this.#era = era;
    } catch {
      // NATS is away: the next round comes.
    } finally {
      this.#isBusy = false;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#kept.clear();
  }
}

function parseClaim(text: string): WrittenClaim | undefined {
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const { node, epoch } = value;
  return isText(node) && isAmount(epoch) ? { node, epoch } : undefined;
}
