import { JetStreamApiCodes, JetStreamApiError, StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { untoken } from './names.ts';
import type { NatsLink } from './nats-link.ts';

export interface BucketOptions {
  readonly name: string;
  /** After that time an entry that nobody has written anew is no more. */
  readonly ttlMs: number;
  readonly callMs: number;
}

export interface Entry {
  readonly text: string;
  readonly revision: number;
}

const MOST_BYTES = 64 * 1024 * 1024;
const MOST_VALUE_BYTES = 16 * 1024;

/** A key-value bucket of NATS that is made anew when it is found to be gone. */
export class Bucket {
  readonly #link: NatsLink;
  readonly #options: BucketOptions;
  #kv: KV | undefined;

  constructor(link: NatsLink, options: BucketOptions) {
    this.#link = link;
    this.#options = options;
  }

  async get(key: string): Promise<Entry | undefined> {
    const entry = await this.#use(kv => kv.get(key));
    if (entry === null || entry.operation !== 'PUT') return undefined;
    return { text: entry.string(), revision: entry.revision };
  }

  /** The new revision; undefined where another one stands than is told, or any at all where none is. */
  async put(key: string, text: string, revision: number | undefined): Promise<number | undefined> {
    const { callMs } = this.#options;
    return this.#guarded(kv =>
      revision === undefined ? kv.create(key, text) : kv.update(key, text, revision, callMs),
    );
  }

  async remove(key: string, revision: number): Promise<void> {
    await this.#guarded(kv => kv.delete(key, { previousSeq: revision }));
  }

  /** When it was made: another one than before has none of what was written. */
  async era(): Promise<string> {
    const info = await this.#use(() => this.#link.jsm.streams.info(this.#stream));
    return String(info.created);
  }

  /** What stands under every key, and when the bucket was made. */
  async entries(): Promise<{ readonly entries: ReadonlyMap<string, string>; readonly era: string }> {
    const { keys, era } = await this.#keys();
    const found = await Promise.all(keys.map(async key => [untoken(key), await this.get(key)] as const));
    return { entries: new Map(found.flatMap(([key, entry]) => (entry ? [[key, entry.text] as const] : []))), era };
  }

  /** Asked of the stream itself: a watch would be one consumer more for each look. */
  async #keys(): Promise<{ readonly keys: readonly string[]; readonly era: string }> {
    const prefix = `$KV.${this.#options.name}.`;
    const filter = { subjects_filter: `${prefix}>` };
    const info = await this.#use(() => this.#link.jsm.streams.info(this.#stream, filter));
    const keys = Object.keys(info.state.subjects ?? {}).map(subject => subject.slice(prefix.length));
    return { keys, era: String(info.created) };
  }

  get #stream(): string {
    return `KV_${this.#options.name}`;
  }

  async #guarded<T>(work: (kv: KV) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#use(work);
    } catch (error) {
      if (isWrongRevision(error)) return undefined;
      throw error;
    }
  }

  async #use<T>(work: (kv: KV) => Promise<T>): Promise<T> {
    this.#link.demand();
    try {
      this.#kv ??= await this.#open();
      return await work(this.#kv);
    } catch (error) {
      // Whatever it was, the bucket may be gone: it is opened, or made, again.
      if (!isWrongRevision(error)) this.#kv = undefined;
      throw error;
    }
  }

  async #open(): Promise<KV> {
    const { name, ttlMs, callMs } = this.#options;
    const wish = {
      history: 1,
      ttl: ttlMs,
      storage: StorageType.File,
      max_bytes: MOST_BYTES,
      maxValueSize: MOST_VALUE_BYTES,
      // An answer that another server than the leader gives may be an old one.
      allow_direct: false,
      timeout: callMs,
    };
    const kvm = new Kvm(this.#link.js);
    const { replicas } = this.#link;
    if (replicas === 1) return kvm.create(name, wish);
    return kvm.create(name, { ...wish, replicas }).catch(() => kvm.create(name, wish));
  }
}

const WRONG: readonly number[] = [
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
];

const isWrongRevision = (error: unknown): boolean => error instanceof JetStreamApiError && WRONG.includes(error.code);
