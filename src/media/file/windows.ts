/** How much of a file is held, in blocks, over all its windows. */
export const HELD_BLOCKS = 16;
/** Read ahead of a player from its first demand on; twice as much once it has used up all of that. */
const START_BLOCKS = 8;
/** A stretch asked of the server at once. */
const FETCH_BLOCKS = 4;
/** A window that so many demands have passed by belongs to nobody any more. */
const STALE_DEMANDS = 64;

/** One place that a file is read from, and the blocks wanted there. */
export interface Window {
  /** The first block still needed. */
  first: number;
  /** How many blocks from there on may be held, if the share allows it. */
  ahead: number;
  lastDemand: number;
  /** Refilling goes on until the window is full, then rests until it is half empty. */
  filling: boolean;
  /** All that it reads ahead has been here. */
  filled: boolean;
}

export interface Stretch {
  readonly first: number;
  readonly count: number;
}

/**
 * Where a file is being read, and so which of its blocks should be here. A player of a badly interleaved file reads it
 * at two places at once; they share what may be held.
 */
export class Windows {
  readonly #most: number;
  readonly #windows: Window[] = [];
  #demands = 0;

  /** `most`: how many places at once. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Blocks first..last are needed now: moves the window that they continue, or opens one there. */
  demand(first: number, last: number, playing: boolean): Window {
    this.#demands++;
    const window = this.#continued(first) ?? this.#open(first);
    // Who looks up an index jumps about; only who has gone on over a block's end is read ahead for.
    if (playing) widen(window, START_BLOCKS);
    else if (first === window.first + 1) widen(window, Math.min(window.ahead * 2, START_BLOCKS));
    // Two tracks of a file are often read on both sides of a block's end in turn.
    if (first !== window.first - 1) window.first = first;
    widen(window, last - window.first + 1);
    window.lastDemand = this.#demands;
    this.#dropStale();
    return window;
  }

  /** The demand for this block was not met: a window that was full once and is empty now is too small. */
  starved(window: Window, block: number): void {
    window.filling = true;
    const back = Math.max(0, window.first - block);
    window.first -= back;
    window.ahead += back;
    if (window.filled && window.ahead >= START_BLOCKS) widen(window, HELD_BLOCKS);
    window.filled = false;
  }

  /** Whether a block is to be kept: one that lies before a window too, for a reader that is a little behind the other. */
  covers(block: number): boolean {
    for (const window of this.#windows) {
      if (block >= window.first - 1 && block < window.first + this.#blocksOf(window)) return true;
    }
    return false;
  }

  /** What to fetch next: the hole that its reader will come to first. `end`: the file's own number of blocks. */
  next(complete: (block: number) => boolean, end: number): Stretch | undefined {
    let best: Stretch | undefined;
    let bestDistance = Number.POSITIVE_INFINITY;
    for (const window of this.#windows) {
      const stretch = this.#hole(window, complete, end);
      if (stretch === undefined || stretch.first - window.first >= bestDistance) continue;
      bestDistance = stretch.first - window.first;
      best = stretch;
    }
    return best;
  }

  #hole(window: Window, complete: (block: number) => boolean, end: number): Stretch | undefined {
    const blocks = this.#blocksOf(window);
    const stop = Math.min(end, window.first + blocks);
    let first = window.first;
    while (first < stop && complete(first)) first++;
    if (first >= stop) {
      window.filling = false;
      window.filled = true;
      return undefined;
    }
    if (!window.filling && (first - window.first) * 2 >= blocks) return undefined;
    window.filling = true;
    let count = 1;
    while (count < FETCH_BLOCKS && first + count < stop && !complete(first + count)) count++;
    return { first, count };
  }

  #blocksOf(window: Window): number {
    return Math.min(window.ahead, Math.floor(HELD_BLOCKS / this.#windows.length) - 1);
  }

  /** The nearest window that the block lies in or just behind; a step back of one block belongs to it too. */
  #continued(block: number): Window | undefined {
    let nearest: Window | undefined;
    for (const window of this.#windows) {
      if (block < window.first - 1 || block > window.first + this.#blocksOf(window)) continue;
      if (nearest === undefined || Math.abs(block - window.first) < Math.abs(block - nearest.first)) nearest = window;
    }
    return nearest;
  }

  #open(first: number): Window {
    if (this.#windows.length === this.#most) this.#drop(this.#leastDemanded());
    const window = { first, ahead: 1, lastDemand: this.#demands, filling: true, filled: false };
    this.#windows.push(window);
    return window;
  }

  #dropStale(): void {
    if (this.#windows.length === 1) return;
    const oldest = this.#leastDemanded();
    if (this.#demands - oldest.lastDemand > STALE_DEMANDS) this.#drop(oldest);
  }

  #leastDemanded(): Window {
    return this.#windows.reduce((least, window) => (window.lastDemand < least.lastDemand ? window : least));
  }

  #drop(window: Window): void {
    this.#windows.splice(this.#windows.indexOf(window), 1);
  }
}

function widen(window: Window, blocks: number): void {
  if (blocks <= window.ahead) return;
  window.ahead = blocks;
  window.filled = false;
}
