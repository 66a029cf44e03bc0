import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { NodeOutOfReach } from '../../control/pictures.ts';
import { type Look, NotShown, type Unshown } from '../../control/taps.ts';
import { NativeError, throttled } from './error.ts';

export interface LiveOptions {
  /** FLV of what a task carries, or one key frame of it; of this node alone where another one asks. Rejects with NotShown. */
  readonly show: (taskId: string, look: Look, isNeighbour: boolean) => Promise<Readable>;
  /** Whether the token is of another node, for that task. */
  readonly vouches?: (token: string, taskId: string) => boolean;
  readonly liveLimits?: Partial<LiveLimits>;
}

export interface LiveLimits {
  /** How long the first key frame is waited for. */
  readonly firstMs: number;
  readonly stillBytes: number;
  /** How long a viewer may take nothing of what waits for him. */
  readonly stallMs: number;
  /** How often it is asked whether a viewer may still look. */
  readonly askMs: number;
}

/** A picture that is asked for. */
export interface Wish {
  readonly taskId: string;
  /** It is another node that asks, for a viewer of its own. */
  readonly isNeighbour: boolean;
  /** Whether its caller may still look. */
  readonly stands: () => Promise<boolean>;
}

const LIMITS: LiveLimits = { firstMs: 15_000, stillBytes: 8 * 1024 * 1024, stallMs: 8_000, askMs: 15_000 };
const COME_AGAIN_MS = 2_000;

/** The pictures of tasks on air, as the workers that carry them send them. */
export class LivePictures {
  readonly #show: LiveOptions['show'];
  readonly #limits: LiveLimits;
  readonly #open = new Set<Readable>();

  constructor({ show, liveLimits }: LiveOptions) {
    this.#show = show;
    this.#limits = { ...LIMITS, ...liveLimits };
  }

  /** Refuses, or has taken the answer over when it resolves: it goes on for as long as the viewer and the run do. */
  async live(reply: FastifyReply, { stands, ...wish }: Wish): Promise<void> {
    const { raw } = reply;
    const bytes = await this.#ask(wish, 'live', raw);
    const parts = bytes[Symbol.asyncIterator]();
    const first = await this.#first(bytes, parts);
    reply.hijack();
    raw.writeHead(200, {
      'content-type': 'video/x-flv',
      'cache-control': 'no-store',
      'x-request-id': reply.request.id,
    });
    raw.socket?.setKeepAlive(true, this.#limits.askMs);
    const asking = setInterval(() => void endUnless(stands, bytes), this.#limits.askMs);
    void handOn(first, parts, { viewer: raw, stallMs: this.#limits.stallMs })
      // The run has ended, or the viewer has.
      .catch(() => raw.destroy())
      .finally(() => {
        clearInterval(asking);
        bytes.destroy();
        raw.end();
      });
  }

  /** The last key frame behind its codec header. */
  async still(reply: FastifyReply, wish: Omit<Wish, 'stands'>): Promise<Buffer> {
    const bytes = await this.#ask(wish, 'still', reply.raw);
    const parts = bytes[Symbol.asyncIterator]();
    const taken: Buffer[] = [];
    let length = 0;
    for (let part = await this.#first(bytes, parts); !part.done; part = await parts.next()) {
      taken.push(part.value);
      length += part.value.length;
      if (length > this.#limits.stillBytes) throw unshown('silent');
    }
    return Buffer.concat(taken);
  }

  close(): void {
    for (const bytes of this.#open) bytes.destroy();
  }

  async #ask({ taskId, isNeighbour }: Omit<Wish, 'stands'>, look: Look, viewer: ServerResponse): Promise<Readable> {
    const bytes = await this.#show(taskId, look, isNeighbour).catch((error: unknown) => {
      if (error instanceof NodeOutOfReach) throw outOfReach(error);
      throw error instanceof NotShown ? unshown(error.why) : error;
    });
    this.#open.add(bytes);
    bytes.once('close', () => this.#open.delete(bytes));
    bytes.on('error', () => {});
    viewer.once('close', () => bytes.destroy());
    if (viewer.destroyed) bytes.destroy();
    return bytes;
  }

  async #first(bytes: Readable, parts: Parts): Promise<IteratorResult<Buffer>> {
    const late = setTimeout(() => bytes.destroy(), this.#limits.firstMs);
    const first = await parts.next().catch(() => NOTHING);
    clearTimeout(late);
    if (first.done) throw unshown('silent');
    return first;
  }
}

type Parts = AsyncIterator<Buffer>;

const NOTHING: IteratorResult<Buffer> = { done: true, value: undefined };

/** No faster than the viewer takes it: what waits for a slow one is dropped by the worker. */
async function handOn(
  first: IteratorResult<Buffer>,
  parts: Parts,
  { viewer, stallMs }: { readonly viewer: ServerResponse; readonly stallMs: number },
): Promise<void> {
  for (let part = first; !part.done && !viewer.destroyed; part = await parts.next()) {
    if (!viewer.write(part.value)) await drained(viewer, stallMs);
  }
}

/** Or gone. Rejects where nothing is taken. */
const drained = (viewer: ServerResponse, stallMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the viewer takes nothing')), stallMs);
    const settle = (): void => {
      clearTimeout(late);
      viewer.off('drain', settle).off('close', settle);
      resolve();
    };
    viewer.on('drain', settle).on('close', settle);
  });

async function endUnless(stands: () => Promise<boolean>, bytes: Readable): Promise<void> {
  if (!(await stands().catch(() => false))) bytes.destroy();
}

const outOfReach = ({ node }: NodeOutOfReach): NativeError =>
  new NativeError('UNAVAILABLE', `The task is on node ${node}, which cannot be asked for its picture.`, {
    retryAfterMs: COME_AGAIN_MS,
  });

function unshown(why: Unshown): NativeError {
  if (why === 'offAir') return new NativeError('WRONG_STATUS', 'The task is not on air.');
  if (why === 'taken') return throttled('As many as may look at the task already do.', COME_AGAIN_MS);
  if (why === 'full') return throttled('As many as may look at tasks of this node already do.', COME_AGAIN_MS);
  return new NativeError('UNAVAILABLE', 'No picture has come yet.', { retryAfterMs: COME_AGAIN_MS });
}
