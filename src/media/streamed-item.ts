import { setImmediate } from 'node:timers/promises';
import { Fault } from './fault.ts';
import type { Feed } from './feed.ts';
import { metadataOf } from './flv/metadata.ts';
import type { Item } from './item.ts';
import type { Lookahead } from './lookahead.ts';
import { Batch } from './packet.ts';

/** So much media is at hand when an item is said to be open. */
const PRIME_MS = 1_000;
/** Steps of a feed in one call: a file that holds next to no frames must not hold up the others. */
const MOST_STEPS = 64;
const STEPS_A_TURN = 8;

export interface StreamedItemParts {
  readonly feed: Feed;
  readonly lookahead: Lookahead;
  readonly durationMs: number | undefined;
}

/**
 * Reads the feed up to the last key frame at or before `startMs`, and a little beyond it. Afterwards `lookahead` begins
 * with that frame; it is empty where the file has ended before any.
 */
export async function prime(
  { feed, lookahead }: { readonly feed: Feed; readonly lookahead: Lookahead },
  startMs: number,
  signal: AbortSignal,
): Promise<void> {
  const batch = new Batch();
  lookahead.dropBefore(startMs);
  for (let step = 1; !isPrimed(lookahead, startMs); step++) {
    // Relays of the same process want their turn while a long file is passed over.
    if (step % STEPS_A_TURN === 0) await setImmediate();
    signal.throwIfAborted();
    const state = feed.more(batch);
    lookahead.announced = feed.announced;
    lookahead.add(batch);
    if (state === 'starved') await feed.wait(signal);
    else if (state === 'joint') lookahead.joint();
    else if (state === 'end') lookahead.finish();
    lookahead.dropBefore(startMs);
    if (state === 'end') return;
  }
}

function isPrimed(lookahead: Lookahead, startMs: number): boolean {
  const { firstMs } = lookahead;
  if (lookahead.full) return true;
  if (firstMs === undefined || lookahead.wants(Math.max(firstMs, startMs) + PRIME_MS)) return false;
  return lookahead.hasKey || !lookahead.withVideo;
}

/** An item whose packets lie in the file in about the order in which they are played. */
export class StreamedItem implements Item {
  readonly durationMs: number | undefined;
  readonly startMs: number;
  readonly #feed: Feed;
  readonly #lookahead: Lookahead;
  readonly #batch = new Batch();
  #metadata: Buffer | undefined;
  #ended = false;

  /** The parts have been primed. Throws a Fault where there is nothing to play. */
  static begin(parts: StreamedItemParts): StreamedItem {
    if (parts.lookahead.firstMs === undefined) {
      throw new Fault('pull', 'garbage', 'the file holds no frame that can be played');
    }
    return new StreamedItem(parts);
  }

  private constructor({ feed, lookahead, durationMs }: StreamedItemParts) {
    this.#feed = feed;
    this.#lookahead = lookahead;
    this.durationMs = durationMs;
    this.startMs = lookahead.firstMs ?? 0;
    this.#metadata = metadataOf({ ...lookahead.openings, frameMs: lookahead.videoFrameMs });
  }

  get notes(): readonly string[] {
    return this.#feed.notes;
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    const state = this.#fill(untilMs);
    if (this.#metadata !== undefined && !this.#lookahead.empty) this.#begin(into, this.#metadata);
    this.#lookahead.give(into, untilMs);
    return this.#ended && this.#lookahead.empty ? 'end' : state;
  }

  close(): void {
    this.#feed.close();
  }

  #fill(untilMs: number): 'ok' | 'starved' {
    const lookahead = this.#lookahead;
    for (let step = 0; !this.#ended && lookahead.wants(untilMs); step++) {
      if (step === MOST_STEPS) return 'starved';
      const state = this.#feed.more(this.#batch);
      lookahead.announced = this.#feed.announced;
      lookahead.add(this.#batch);
      if (state === 'starved') return 'starved';
      if (state === 'joint') lookahead.joint();
      if (state === 'end') {
        this.#ended = true;
        lookahead.finish();
      }
    }
    return 'ok';
  }

  #begin(into: Batch, metadata: Buffer): void {
    const packet = into.next();
    packet.reset('metadata', this.startMs);
    packet.addSpan(metadata, 0, metadata.length);
    this.#lookahead.giveHeaders(into, this.startMs);
    this.#metadata = undefined;
  }
}
