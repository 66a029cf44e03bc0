import type http from 'node:http';
import { type Address, authorityOf, parseAddress, redactUrl, urlOf } from '../address.ts';
import { within } from '../deadline.ts';
import { Fault } from '../fault.ts';
import { type Part, partOf, rangeHeader } from '../file/http-answer.ts';
import { follow } from '../file/http-follow.ts';
import { brokenOff, HttpLine } from '../file/http-line.ts';
import type { Dialler } from '../net.ts';
import { onAbort } from '../waiting.ts';
import type { ByteRange } from './playlist.ts';

/** How long what may take. Tests shorten them. */
export interface LineLimits {
  /** From a request to the first byte of its answer. */
  readonly firstByteMs: number;
  readonly headersMs: number;
  /** The whole of a small answer. */
  readonly documentMs: number;
  /** Of a segment's bytes, while they are wanted. */
  readonly silentMs: number;
}

export const LINE_LIMITS: LineLimits = { firstByteMs: 3_000, headersMs: 5_000, documentMs: 5_000, silentMs: 3_000 };

/** An answer that has begun. Whoever has read it to its end or destroyed it gives its line back. */
export interface Begun {
  readonly address: Address;
  readonly answer: http.IncomingMessage;
  readonly part: Part;
  readonly giveBack: () => void;
}

interface Line {
  readonly http: HttpLine;
  /** Whom it was connected to last. */
  origin: string;
}

const MOST_IDLE = 3;

/** Where the pieces of one live stream are fetched: over connections that stay open from one piece to the next. */
export class LiveLines {
  /** Of bodies. */
  bytesIn = 0;
  readonly limits: LineLimits;
  readonly #dialler: Dialler;
  readonly #open = new Set<Line>();
  #idle: Line[] = [];
  #closed = false;

  constructor(dialler: Dialler, limits: Partial<LineLimits> = {}) {
    this.#dialler = dialler;
    this.limits = { ...LINE_LIMITS, ...limits };
  }

  get connections(): number {
    return [...this.#open].reduce((sum, line) => sum + line.http.connections, 0);
  }

  /** The whole of a small thing, of `most` bytes at the most, and where it was found. */
  async document(
    url: string,
    { most, range, signal }: { most: number; range?: ByteRange | undefined; signal: AbortSignal },
  ): Promise<{ readonly bytes: Buffer; readonly url: string }> {
    const late = `${redactUrl(url)} was not received`;
    return within({ side: 'pull', signal, late, waitMs: this.limits.documentMs }, async own => {
      const begun = await this.begin(url, { range, signal: own });
      const forget = onAbort(own, () => begun.answer.destroy());
      try {
        return { bytes: await this.#collect(begun, { most, range }), url: urlOf(begun.address) };
      } finally {
        forget();
        begun.giveBack();
      }
    });
  }

  /** Asks for it, or for some bytes of it, which an old server answers with all of them. */
  async begin(url: string, { range, signal }: { range: ByteRange | undefined; signal: AbortSignal }): Promise<Begun> {
    const line = this.#take(originOf(parsed(url)));
    const giveBack = (): void => this.#giveBack(line);
    try {
      const from = range?.offset ?? 0;
      const asked = { from, to: range === undefined ? Number.POSITIVE_INFINITY : from + range.length };
      const headers = range === undefined ? {} : rangeHeader(asked);
      const { address, answer } = await follow(parsed(url), line.http, { ...this.limits, headers, signal });
      line.origin = originOf(address);
      try {
        return { address, answer, part: partOf(address, answer, asked), giveBack };
      } catch (error) {
        answer.destroy();
        throw error;
      }
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const line of this.#open) line.http.close();
    this.#open.clear();
    this.#idle = [];
  }

  async #collect(
    { address, answer, part }: Begun,
    { most, range }: { most: number; range: ByteRange | undefined },
  ): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        length += chunk.length;
        this.bytesIn += chunk.length;
        if (length > most)
          throw new Fault('pull', 'garbage', `${redactUrl(urlOf(address))} has more than ${most} bytes`);
      }
    } catch (error) {
      throw error instanceof Fault ? error : brokenOff(address, error);
    }
    const bytes = Buffer.concat(chunks);
    const skipped = range === undefined ? 0 : range.offset - part.from;
    return bytes.subarray(skipped, range === undefined ? undefined : skipped + range.length);
  }

  #take(origin: string): Line {
    const known = this.#idle.find(line => line.origin === origin);
    const line = known ?? { http: new HttpLine(this.#dialler), origin };
    this.#idle = this.#idle.filter(other => other !== line);
    this.#open.add(line);
    return line;
  }

  #giveBack(line: Line): void {
    if (this.#closed || this.#idle.includes(line)) return;
    this.#idle.push(line);
    const oldest = this.#idle.length > MOST_IDLE ? this.#idle.shift() : undefined;
    if (oldest === undefined) return;
    oldest.http.close();
    this.#open.delete(oldest);
  }
}

function parsed(url: string): Address {
  try {
    return parseAddress(url, ['http', 'https']);
  } catch (cause) {
    throw new Fault('pull', 'garbage', `${redactUrl(url)}: ${(cause as Error).message}`, { cause });
  }
}

const originOf = (address: Address): string => `${address.scheme}://${authorityOf(address)}`;
