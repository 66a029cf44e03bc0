import type http from 'node:http';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { type Address, redactUrl, urlOf } from '../address.ts';
import { type Monotonic, monotonic } from '../clock.ts';
import { within } from '../deadline.ts';
import { asFault, Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import { BLOCK_BYTES, Blocks } from './blocks.ts';
import {
  checkVersion,
  conditionOf,
  type Part,
  partOf,
  rangeHeader,
  type Version,
  validatorOf,
  versionOf,
} from './http-answer.ts';
import { Body } from './http-body.ts';
import { follow } from './http-follow.ts';
import type { HttpLimits } from './http-limits.ts';
import type { HttpLine } from './http-line.ts';
import { checkedRange, EMPTY } from './range.ts';
import { Resumption } from './resumption.ts';
import { HELD_BLOCKS, type Stretch, Windows } from './windows.ts';

/** How often a server without ranges is asked for the whole file anew, because something in front was needed again. */
const MAX_REOPENS = 8;
/** Places a file is read at: video, audio, and an index between them. */
const MOST_WINDOWS = 3;
/** Blocks a read asks for together. */
const MOST_AT_ONCE = 4;
/** Larger takes are put together in a buffer of their own. */
const LARGE_BYTES = 4 * BLOCK_BYTES;
const READ_MS = 30_000;
/** No one waits longer for a read than for a connection of this speed. */
const READ_BYTES_PER_MS = 16;

/** The first answer of a server, redirects behind it. */
export interface Opened {
  readonly address: Address;
  readonly line: HttpLine;
  readonly answer: http.IncomingMessage;
  readonly part: Part;
}

export interface HttpFileOptions {
  readonly limits: HttpLimits;
  readonly now?: Monotonic;
  /** Rejects when the signal aborts. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A demand for [from, to) that may not be met yet. */
interface Unmet {
  from: number;
  to: number;
}

/**
 * A file on an HTTP server, in memory only around the places it is read at. From a server that knows ranges come those
 * stretches that are wanted, one request at a time over one kept connection; from any other the whole file in order,
 * slowed down by not reading on.
 */
export class HttpFile implements FileBytes {
  readonly validator: string;
  /** Where its bytes were found last: a server may send us elsewhere at any request. */
  #address: Address;
  readonly #where: string;
  readonly #line: HttpLine;
  readonly #limits: HttpLimits;
  readonly #resumption: Resumption;
  readonly #ranges: boolean;
  readonly #version: Version;
  /** A file without ranges that is small enough is held whole, and so can be read anywhere. */
  readonly #whole: boolean;
  readonly #blocks = new Blocks();
  readonly #windows: Windows;
  readonly #end = new AbortController();
  readonly #wakers = new Set<() => void>();
  readonly #unmet = new Set<Unmet>();
  readonly #starved: Unmet = { from: 0, to: 0 };
  #size: number | undefined;
  #fault: Fault | undefined;
  #body: Body | undefined;
  #pumping = false;
  #shownBlock = -1;
  #large: { readonly offset: number; readonly length: number; bytes: Buffer | undefined } | undefined;
  #reopens = 0;

  constructor({ address, line, answer, part }: Opened, options: HttpFileOptions) {
    this.#address = address;
    this.#where = redactUrl(urlOf(address));
    this.#line = line;
    const { limits, now = monotonic, sleep = (ms, signal) => sleepFor(ms, undefined, { signal }) } = options;
    this.#limits = limits;
    this.#resumption = new Resumption({ limits, now, sleep });
    this.#ranges = part.partial;
    this.#size = part.total;
    this.#version = versionOf(answer, part);
    this.validator = validatorOf(this.#version);
    this.#whole = !part.partial && part.total !== undefined && part.total <= HELD_BLOCKS * BLOCK_BYTES;
    this.#windows = new Windows(part.partial ? MOST_WINDOWS : 1);
    this.#windows.demand(0, 0, false);
    void this.#pump(() => this.#receive(answer, part));
  }

  get size(): number | undefined {
    return this.#size;
  }

  get seekable(): boolean {
    return this.#ranges || this.#whole;
  }

  get connections(): number {
    return this.#line.connections;
  }

  get requests(): number {
    return this.#line.requests;
  }

  /** How often the file was begun anew because the server knows no ranges. */
  get reopens(): number {
    return this.#reopens;
  }

  get heldBytes(): number {
    return this.#blocks.count * BLOCK_BYTES;
  }

  get url(): string {
    return urlOf(this.#address);
  }

  read(offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    const late = `${this.#where} did not deliver ${length} bytes at ${offset}`;
    const waitMs = READ_MS + length / READ_BYTES_PER_MS;
    return within({ side: 'pull', signal, late, waitMs }, inner => this.#gather(offset, length, inner));
  }

  take(offset: number, length: number): Buffer | undefined {
    if (this.#end.signal.aborted) throw closed(this.#where);
    const bytes = checkedRange({ where: this.#where, offset, length, size: this.#size });
    if (bytes === 0) return EMPTY;
    if (bytes > LARGE_BYTES) return this.#takeLarge(offset, bytes);
    this.#large = undefined;
    const first = Math.floor(offset / BLOCK_BYTES);
    const window = this.#windows.demand(first, Math.floor((offset + bytes - 1) / BLOCK_BYTES), true);
    const view = this.#blocks.view(offset, bytes);
    if (view !== undefined) {
      this.#unmet.delete(this.#starved);
      if (first !== this.#shownBlock) this.#steer();
      this.#shownBlock = first;
      return view;
    }
    if (this.#fault !== undefined) throw this.#fault;
    this.#windows.starved(window, first);
    this.#starved.from = offset;
    this.#starved.to = offset + bytes;
    this.#unmet.add(this.#starved);
    this.#steer();
    return undefined;
  }

  close(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#body?.stop(closed(this.#where));
    this.#line.close();
    this.#blocks.clear();
    this.#large = undefined;
    this.#wake();
  }

  /** Copies the range out as it comes, so that a long one needs no more blocks than a short one. */
  async #gather(offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    const out = Buffer.allocUnsafeSlow(checkedRange({ where: this.#where, offset, length, size: this.#size }));
    const unmet: Unmet = { from: offset, to: offset + out.length };
    // A player that waits asks again at its next tick; one that has gone elsewhere must not turn the stream back.
    this.#unmet.delete(this.#starved);
    this.#unmet.add(unmet);
    try {
      while (!signal.aborted && !this.#end.signal.aborted) {
        this.#copyOut(out, unmet);
        if (unmet.from >= Math.min(unmet.to, this.#size ?? unmet.to)) return out.subarray(0, unmet.from - offset);
        if (this.#fault !== undefined) throw this.#fault;
        this.#steer();
        await this.#arrival(signal);
      }
      throw closed(this.#where);
    } finally {
      this.#unmet.delete(unmet);
    }
  }

  /** Moves what is here of the unmet rest to the end of `out`, and the window to the first byte that is missing. */
  #copyOut(out: Buffer, unmet: Unmet): void {
    while (unmet.from < unmet.to) {
      const at = out.length - (unmet.to - unmet.from);
      const first = Math.floor(unmet.from / BLOCK_BYTES);
      const last = Math.floor((unmet.to - 1) / BLOCK_BYTES);
      const window = this.#windows.demand(first, Math.min(last, first + MOST_AT_ONCE - 1), false);
      const copied = this.#blocks.copy(unmet.from, out, at, unmet.to - unmet.from);
      unmet.from += copied;
      if (copied > 0) continue;
      this.#windows.starved(window, first);
      return;
    }
  }

  #takeLarge(offset: number, length: number): Buffer | undefined {
    const known = this.#large;
    if (known?.offset === offset && known.length === length) {
      if (known.bytes === undefined && this.#fault !== undefined) throw this.#fault;
      return known.bytes;
    }
    const large = { offset, length, bytes: undefined as Buffer | undefined };
    this.#large = large;
    const gathered = this.#gather(offset, length, this.#end.signal);
    gathered.then(
      bytes => {
        large.bytes = bytes;
      },
      // The file keeps the fault, and the next take throws it.
      () => undefined,
    );
    return undefined;
  }

  /** After every demand and every arrival: frees what nobody needs and sees to it that what is wanted comes. */
  #steer(): void {
    if (this.#fault !== undefined || this.#end.signal.aborted) return;
    if (!this.#whole) this.#blocks.evict(this.#covers, this.#ranges ? 0 : HELD_BLOCKS - 1);
    if (this.#body === undefined || this.#ranges) {
      if (!this.#pumping && this.#wanted() !== undefined) void this.#pump();
      return;
    }
    if (this.#isBehind(this.#body.position)) this.#body.stop(new Rewind());
    else if (this.#whole || this.#windowsWant() !== undefined) this.#body.resume();
    else this.#body.pause();
  }

  /** Fetches until nothing more is wanted. */
  async #pump(first?: () => Promise<void>): Promise<void> {
    this.#pumping = true;
    // What broke while nobody wanted anything has cost nobody any time.
    this.#resumption.healed();
    try {
      if (first !== undefined) await first().catch(error => this.#goOn(error));
      for (let stretch = this.#wanted(); stretch !== undefined; stretch = this.#wanted()) {
        await this.#fetch(stretch).catch(error => this.#goOn(error));
      }
    } catch (error) {
      this.#fault = asFault('pull', error);
      this.#line.close();
    } finally {
      this.#pumping = false;
      this.#wake();
    }
  }

  #wanted(): Stretch | undefined {
    if (this.#end.signal.aborted) return undefined;
    const stretch = this.#windowsWant();
    // Without ranges all begins at the start again: only for one who waits.
    return this.#ranges || this.#isBehind(Number.POSITIVE_INFINITY) ? stretch : undefined;
  }

  #windowsWant(): Stretch | undefined {
    const end = this.#size === undefined ? Number.POSITIVE_INFINITY : Math.ceil(this.#size / BLOCK_BYTES);
    return this.#windows.next(this.#isComplete, end);
  }

  /** A stream cannot be stopped at the very end of a block: what comes behind it then must not be lost. */
  readonly #covers = (block: number): boolean =>
    this.#whole || this.#windows.covers(block) || (!this.#ranges && this.#windows.covers(block - 1));

  readonly #isComplete = (block: number): boolean => {
    const filled = this.#blocks.filledOf(block);
    return filled === BLOCK_BYTES || (filled > 0 && block * BLOCK_BYTES + filled === this.#size);
  };

  /** Whether somebody waits for bytes in front of the position. */
  #isBehind(position: number): boolean {
    for (const { from, to } of this.#unmet) {
      const end = Math.min(to, this.#size ?? to);
      const missing = end <= from ? end : this.#blocks.reach(from, end - from);
      if (missing < end && missing < position) return true;
    }
    return false;
  }

  #fetch(stretch: Stretch): Promise<void> {
    if (this.#ranges) return this.#fetchPart(stretch);
    if (++this.#reopens > MAX_REOPENS) {
      const sentence = `${this.#where} cannot be read out of order, because the server knows no ranges`;
      return Promise.reject(new Fault('pull', 'unsupported', sentence));
    }
    return this.#request({ from: 0, to: Number.POSITIVE_INFINITY }, {});
  }

  #fetchPart({ first, count }: Stretch): Promise<void> {
    const from = first * BLOCK_BYTES + this.#blocks.filledOf(first);
    const to = Math.min((first + count) * BLOCK_BYTES, this.#size ?? Number.POSITIVE_INFINITY);
    return this.#request({ from, to }, { ...rangeHeader({ from, to }), ...conditionOf(this.#version) });
  }

  async #request(asked: { from: number; to: number }, headers: http.OutgoingHttpHeaders): Promise<void> {
    const { headersMs } = this.#limits;
    const { leftMs } = this.#resumption;
    const signal = this.#end.signal;
    const late = `${this.#where} did not go on`;
    const found = await within({ side: 'pull', signal, late, waitMs: Math.max(leftMs, 1) + headersMs }, inner =>
      follow(this.#address, this.#line, { headers, signal: inner, firstByteMs: Math.max(leftMs, 1), headersMs }),
    );
    const { answer } = found;
    this.#address = found.address;
    const part = partOf(this.#address, answer, asked);
    checkVersion(this.#address, this.#version, versionOf(answer, part));
    if (part.partial !== this.#ranges) throw new Fault('pull', 'garbage', `${this.#where} ${FICKLE}`);
    this.#size ??= part.total;
    await this.#receive(answer, part);
  }

  async #receive(answer: http.IncomingMessage, part: Part): Promise<void> {
    if (part.to === part.from && part.partial) {
      answer.resume();
      return;
    }
    const { from, to } = part;
    const onBytes = (at: number, chunk: Buffer) => this.#arrived(at, chunk);
    const body = new Body(answer, { address: this.#address, from, to, silentMs: this.#limits.silentMs, onBytes });
    this.#body = body;
    try {
      await body.received;
      this.#resumption.healed();
      if (!part.partial) this.#size ??= body.position;
    } finally {
      this.#body = undefined;
    }
  }

  #arrived(at: number, chunk: Buffer): void {
    this.#resumption.flowed(chunk.length, BLOCK_BYTES);
    this.#blocks.put(at, chunk, this.#covers);
    if (!this.#ranges) this.#steer();
    this.#wake();
  }

  async #goOn(error: unknown): Promise<void> {
    if (!(error instanceof Rewind)) await this.#resumption.goOn(error, this.#end.signal);
  }

  #arrival(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      this.#wakers.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    this.#wakers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    return promise;
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}

const FICKLE = 'sends parts of the file at one time and the whole at another';

const closed = (where: string): Fault => new Fault('pull', 'closed', `${where} was closed`);

/** The stream goes past what somebody waits for and is begun anew. No failure. */
class Rewind extends Fault {
  constructor() {
    super('pull', 'closed', 'begun anew');
  }
}
