import { setTimeout as sleepFor } from 'node:timers/promises';
import { type Address, authorityOf, parseAddress, redactUrl, urlOf } from '../address.ts';
import { within } from '../deadline.ts';
import { Fault } from '../fault.ts';
import { isRedirect, type Part, partOf, rangeHeader, redirectTarget } from '../file/http-answer.ts';
import { type PolledBody, PolledLine } from '../http-poll.ts';
import type { Dialler } from '../net.ts';
import { onAbort } from '../waiting.ts';
import type { ByteRange } from './playlist.ts';

/** How long what may take. Tests shorten them. */
export interface LineLimits {
  /** The whole of a small answer. */
  readonly documentMs: number;
  /** Without bytes of a segment, while they are wanted. */
  readonly silentMs: number;
}

export const LINE_LIMITS: LineLimits = { documentMs: 5_000, silentMs: 3_000 };

/** An answer that has begun. Whoever has read it gives its line back, which ends what has not been read. */
export interface Begun {
  readonly address: Address;
  readonly body: PolledBody;
  readonly part: Part;
  readonly giveBack: () => void;
}

interface Line {
  readonly polled: PolledLine;
  /** Whom it was connected to last. */
  origin: string;
}

const MOST_IDLE = 3;
const MAX_REDIRECTS = 5;
/** Of all lines: what is read is copied before anybody waits. */
const collectBuffer = Buffer.allocUnsafeSlow(64 * 1024);
/** Between two reads of a small answer. */
const POLL_MS = 10;

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
    return [...this.#open].reduce((sum, { polled }) => sum + polled.connections, 0);
  }

  /** The whole of a small thing, of `most` bytes at the most, and where it was found. */
  async document(
    url: string,
    { most, range, signal }: { most: number; range?: ByteRange | undefined; signal: AbortSignal },
  ): Promise<{ readonly bytes: Buffer; readonly url: string }> {
    const late = (): string => `${redactUrl(url)} was not received`;
    return within({ side: 'pull', signal, late, waitMs: this.limits.documentMs }, async own => {
      const begun = await this.begin(url, { range, signal: own });
      const forget = onAbort(own, () => begun.body.close());
      try {
        return { bytes: await this.#collect(begun, { most, range, signal: own }), url: urlOf(begun.address) };
      } finally {
        forget();
        begun.giveBack();
      }
    });
  }

  /** Asks for it, or for some bytes of it, which an old server answers with all of them. */
  async begin(url: string, { range, signal }: { range: ByteRange | undefined; signal: AbortSignal }): Promise<Begun> {
    const start = parsed(url);
    const line = this.#take(originOf(start));
    const from = range?.offset ?? 0;
    const asked = { from, to: range === undefined ? Number.POSITIVE_INFINITY : from + range.length };
    try {
      const headers = range === undefined ? {} : { Range: rangeHeader(asked).range };
      const { address, body } = await follow(start, line, { headers, signal });
      const giveBack = (): void => {
        body.close();
        this.#giveBack(line);
      };
      try {
        return { address, body, part: partOf(address, body.head, asked), giveBack };
      } catch (error) {
        body.close();
        throw error;
      }
    } catch (error) {
      this.#giveBack(line);
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const { polled } of this.#open) polled.close();
    this.#open.clear();
    this.#idle = [];
  }

  async #collect(
    { address, body, part }: Begun,
    { most, range, signal }: { most: number; range: ByteRange | undefined; signal: AbortSignal },
  ): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    while (!body.ended) {
      const got = body.read(collectBuffer);
      if (got > 0) chunks.push(Buffer.from(collectBuffer.subarray(0, got)));
      length += got;
      this.bytesIn += got;
      if (length > most) throw new Fault('pull', 'garbage', `${redactUrl(urlOf(address))} has more than ${most} bytes`);
      if (got === 0 && !body.ended) await pause(signal);
    }
    const bytes = Buffer.concat(chunks);
    const skipped = range === undefined ? 0 : range.offset - part.from;
    return bytes.subarray(skipped, range === undefined ? undefined : skipped + range.length);
  }

  #take(origin: string): Line {
    const known = this.#idle.find(line => line.origin === origin);
    const line = known ?? { polled: new PolledLine(this.#dialler), origin };
    this.#idle = this.#idle.filter(other => other !== line);
    this.#open.add(line);
    return line;
  }

  #giveBack(line: Line): void {
    if (this.#closed) line.polled.close();
    if (this.#closed || this.#idle.includes(line)) return;
    this.#idle.push(line);
    const oldest = this.#idle.length > MOST_IDLE ? this.#idle.shift() : undefined;
    if (oldest === undefined) return;
    oldest.polled.close();
    this.#open.delete(oldest);
  }
}

/** The first answer that is no redirect, and who gave it. Every hop is dialled by the one dialler, which judges it. */
async function follow(
  start: Address,
  line: Line,
  options: { headers: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<{ address: Address; body: PolledBody }> {
  let address = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    line.origin = originOf(address);
    const body = await line.polled.get(address, options);
    if (!isRedirect(body.head)) return { address, body };
    body.close();
    address = redirectTarget(address, body.head);
  }
  throw new Fault('pull', 'refused', `${redactUrl(urlOf(start))} redirects more than ${MAX_REDIRECTS} times`);
}

function parsed(url: string): Address {
  try {
    return parseAddress(url, ['http', 'https']);
  } catch (cause) {
    throw new Fault('pull', 'garbage', `${redactUrl(url)}: ${(cause as Error).message}`, { cause });
  }
}

const originOf = (address: Address): string => `${address.scheme}://${authorityOf(address)}`;

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleepFor(POLL_MS, undefined, { signal });
  } catch (cause) {
    throw new Fault('pull', 'closed', 'the attempt was given up', { cause });
  }
}
