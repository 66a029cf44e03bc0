import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import type { Key, Place, Segment } from './playlist.ts';
import { SegmentBytes } from './segment-bytes.ts';

export type OpenFile = (url: string, signal: AbortSignal) => Promise<FileBytes>;

export const KEY_BYTES = 16;
export const LARGEST_MAP = 4 * 1024 * 1024;
const MOST_KEYS = 64;

interface SharedFile {
  readonly url: string;
  readonly opening: Promise<FileBytes>;
  users: number;
}

/** Opens segments with what they need: their keys, each fetched once, and the file that neighbours are pieces of. */
export class SegmentLoader {
  readonly #openFile: OpenFile;
  readonly #keys = new Map<string, Promise<Buffer>>();
  #shared: SharedFile | undefined;

  constructor(openFile: OpenFile) {
    this.#openFile = openFile;
  }

  async open(segment: Segment, signal: AbortSignal): Promise<SegmentBytes> {
    const key = segment.key === undefined ? undefined : await this.#unlock(segment.key, segment.sequence, signal);
    const shared = this.#share(segment, signal);
    try {
      const file = await shared.opening;
      return new SegmentBytes({ file, range: segment.range, key, release: () => this.#release(shared) });
    } catch (error) {
      this.#release(shared);
      throw error;
    }
  }

  /** The whole of an initialization section. */
  async read({ url, range }: Place, signal: AbortSignal): Promise<Buffer> {
    const file = await this.#openFile(url, signal);
    try {
      const length = range?.length ?? LARGEST_MAP;
      if (length > LARGEST_MAP) throw new Fault('pull', 'garbage', 'the playlist names a map of more than 4 MB');
      return Buffer.from(await file.read(range?.offset ?? 0, length, signal));
    } finally {
      file.close();
    }
  }

  #share(segment: Segment, signal: AbortSignal): SharedFile {
    const known = this.#shared;
    if (known?.url === segment.url && known.users > 0) {
      known.users++;
      return known;
    }
    const shared = { url: segment.url, opening: this.#openFile(segment.url, signal), users: 1 };
    this.#shared = shared;
    return shared;
  }

  #release(shared: SharedFile): void {
    if (--shared.users > 0) return;
    shared.opening.then(
      file => file.close(),
      () => undefined,
    );
  }

  async #unlock(key: Key, sequence: number, signal: AbortSignal): Promise<{ secret: Buffer; iv: Buffer }> {
    const fetching = this.#keys.get(key.url) ?? this.#fetchKey(key.url, signal);
    this.#keys.set(key.url, fetching);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > MOST_KEYS && oldest !== undefined) this.#keys.delete(oldest);
    try {
      return { secret: await fetching, iv: key.iv ?? ivOf(sequence) };
    } catch (error) {
      this.#keys.delete(key.url);
      throw error;
    }
  }

  async #fetchKey(url: string, signal: AbortSignal): Promise<Buffer> {
    const file = await this.#openFile(url, signal);
    try {
      const secret = Buffer.from(await file.read(0, KEY_BYTES + 1, signal));
      if (secret.length === KEY_BYTES) return secret;
      throw new Fault('pull', 'garbage', 'the key of the segments is not 16 bytes long');
    } finally {
      file.close();
    }
  }
}

/** RFC 8216, section 5.2: without an IV, the segment's number is it. */
export function ivOf(sequence: number): Buffer {
  const iv = Buffer.alloc(KEY_BYTES);
  iv.writeBigUInt64BE(BigInt(sequence), 8);
  return iv;
}
