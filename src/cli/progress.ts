import type { Progress } from './doors.ts';

/** Turns growing counters into lines for a person: one that is rewritten on a screen, one every 5 s elsewhere. */
export class ProgressPrinter {
  readonly #write: (text: string) => void;
  readonly #live: boolean;
  #before: Progress | undefined;
  #printedAt = Number.NEGATIVE_INFINITY;
  #open = false;

  constructor({ write, live }: { readonly write: (text: string) => void; readonly live: boolean }) {
    this.#write = write;
    this.#live = live;
  }

  show(progress: Progress): void {
    const pauseMs = this.#live ? 0 : 5000;
    // A little early is in time: the teller's second is not exactly one.
    if (progress.elapsedMs - this.#printedAt < pauseMs - 500) return;
    const line = progressLine(progress, this.#before);
    this.#write(this.#live ? `\r\u001b[K${line}` : `${line}\n`);
    this.#open = this.#live;
    this.#before = progress;
    this.#printedAt = progress.elapsedMs;
  }

  /** Leaves the cursor on a fresh line. */
  close(): void {
    if (this.#open) this.#write('\n');
    this.#open = false;
  }
}

export function progressLine(now: Progress, before: Progress | undefined): string {
  const spanMs = Math.max(1, now.elapsedMs - (before?.elapsedMs ?? 0));
  const rate = (bytes: number, earlier = 0) => `${((8 * (bytes - earlier)) / spanMs / 1000).toFixed(2)} Mbit/s`;
  const note = now.note === '' ? '' : `  ${now.note}`;
  return `${clock(now.elapsedMs)}  in ${rate(now.bytesIn, before?.bytesIn)}  out ${rate(now.bytesOut, before?.bytesOut)}  dropped ${now.dropped}${note}`;
}

function clock(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map(part => String(part).padStart(2, '0')).join(':');
}
