import fs from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { spareBuffers } from '../bytes.ts';
import { within } from '../deadline.ts';
import { asFault, Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import { mediaPath, nameOfMedia, reasonOf } from './media-path.ts';
import { checkedRange, EMPTY } from './range.ts';
import { currentTurn, giveBackBehind } from './turn.ts';

/** Read at least this much at once: a player of 2.5 Mbit/s takes half of it per tick. */
const WINDOW_BYTES = 64 * 1024;
/** Badly interleaved files are played at two places at once. */
const MOST_WINDOWS = 2;
const OPEN_MS = 5_000;
const READ_MS = 10_000;

interface Window {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly length: number;
  /** The turn in which it was last shown to somebody. */
  shownIn: number;
}

export interface LocalFileOptions {
  readonly mediaDir: string | undefined;
  readonly signal: AbortSignal;
}

/** Opens `media://NAME`. */
export async function openLocalFile(url: string, { mediaDir, signal }: LocalFileOptions): Promise<FileBytes> {
  const where = nameOfMedia(url);
  // A media directory on a network may not answer at all.
  const late = `${where} was not opened`;
  const opening = (async () => openChecked(await mediaPath(url, mediaDir), where))();
  try {
    return await within({ side: 'pull', signal, late, waitMs: OPEN_MS }, () => opening);
  } catch (error) {
    opening.then(
      file => file.close(),
      () => undefined,
    );
    throw asFault('pull', error);
  }
}

async function openChecked(path: string, where: string): Promise<LocalFile> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  let handle: FileHandle;
  try {
    // A pipe must not hold the opening up, and a link put in place since the check must not be followed.
    handle = await open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch (cause) {
    throw new Fault('pull', 'refused', `${where}: ${reasonOf(cause)}`, { cause });
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Fault('pull', 'policy', `${where}: it is not a regular file`, { retryable: false });
    return new LocalFile(handle, where, stat);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What tells whether a file is still the one that was opened. */
type Stamp = Pick<fs.Stats, 'size' | 'mtimeMs' | 'ino'>;

/** A file on this machine. `take` reads at once: what comes from the page cache takes microseconds. */
class LocalFile implements FileBytes {
  readonly size: number;
  readonly seekable = true;
  readonly validator: string;
  readonly #handle: FileHandle;
  readonly #where: string;
  readonly #stamp: Stamp;
  /** Most recently used first. */
  readonly #windows: Window[] = [];
  #closed = false;

  constructor(handle: FileHandle, where: string, stamp: Stamp) {
    this.#handle = handle;
    this.#where = where;
    this.#stamp = stamp;
    this.size = stamp.size;
    this.validator = `${stamp.ino}-${stamp.size}-${stamp.mtimeMs}`;
  }

  async read(offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    this.#checkOpen();
    const bytes = checkedRange({ where: this.#where, offset, length, size: this.size });
    const late = `${this.#where} was not read`;
    return within({ side: 'pull', signal, late, waitMs: READ_MS }, inner => this.#fill(offset, bytes, inner));
  }

  take(offset: number, length: number): Buffer | undefined {
    this.#checkOpen();
    const bytes = checkedRange({ where: this.#where, offset, length, size: this.size });
    if (bytes === 0) return EMPTY;
    const window = this.#windowAt(offset, bytes) ?? this.#load(offset, bytes);
    window.shownIn = currentTurn();
    const at = offset - window.offset;
    return window.buffer.subarray(at, at + bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { shownIn, buffer } of this.#windows.splice(0)) giveBackBehind(shownIn, buffer);
    this.#handle.close().catch(() => undefined);
  }

  async #fill(offset: number, bytes: number, signal: AbortSignal): Promise<Buffer> {
    const out = Buffer.allocUnsafeSlow(bytes);
    let done = 0;
    try {
      while (done < bytes && !signal.aborted) {
        const { bytesRead } = await this.#handle.read(out, done, bytes - done, offset + done);
        if (bytesRead === 0) throw this.#changed();
        done += bytesRead;
      }
      this.#checkStamp(await this.#handle.stat());
      return out;
    } catch (error) {
      throw this.#faultOf(error);
    }
  }

  #windowAt(offset: number, bytes: number): Window | undefined {
    const index = this.#windows.findIndex(
      window => offset >= window.offset && offset + bytes <= window.offset + window.length,
    );
    const window = this.#windows[index];
    if (window === undefined || index === 0) return window;
    this.#windows.splice(index, 1);
    this.#windows.unshift(window);
    return window;
  }

  #load(offset: number, bytes: number): Window {
    const wanted = Math.min(Math.max(bytes, WINDOW_BYTES), this.size - offset);
    // The window that this one goes on from, or else the one that was not used for longest.
    const ahead = this.#windows.findIndex(w => offset >= w.offset && offset <= w.offset + w.length);
    const replaced = ahead >= 0 ? ahead : this.#windows.length < MOST_WINDOWS ? -1 : this.#windows.length - 1;
    if (replaced >= 0) {
      for (const { shownIn, buffer } of this.#windows.splice(replaced, 1)) giveBackBehind(shownIn, buffer);
    }
    const window = { buffer: spareBuffers.take(wanted), offset, length: wanted, shownIn: -1 };
    this.#readInto(window.buffer, offset, wanted);
    this.#windows.unshift(window);
    return window;
  }

  #readInto(buffer: Buffer, offset: number, bytes: number): void {
    const { fd } = this.#handle;
    try {
      for (let done = 0; done < bytes; ) {
        const got = fs.readSync(fd, buffer, done, bytes - done, offset + done);
        if (got === 0) throw this.#changed();
        done += got;
      }
      this.#checkStamp(fs.fstatSync(fd));
    } catch (error) {
      spareBuffers.giveBack(buffer);
      throw this.#faultOf(error);
    }
  }

  #checkStamp({ size, mtimeMs }: Stamp): void {
    if (size !== this.#stamp.size || mtimeMs !== this.#stamp.mtimeMs) throw this.#changed();
  }

  #checkOpen(): void {
    if (this.#closed) throw new Fault('pull', 'closed', `${this.#where} was closed`);
  }

  #changed(): Fault {
    return new Fault('pull', 'lost', `${this.#where}: the file has changed while it was played`);
  }

  #faultOf(cause: unknown): Fault {
    if (cause instanceof Fault) return cause;
    if (this.#closed) return new Fault('pull', 'closed', `${this.#where} was closed`, { cause });
    return new Fault('pull', 'lost', `${this.#where}: ${reasonOf(cause)}`, { cause });
  }
}
