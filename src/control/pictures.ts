import { timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import type { Cluster } from '../cluster/cluster.ts';
import type { Store } from '../store/store.ts';
import { type Look, NotShown, type Unshown } from './taps.ts';

/** The header in which one node shows another that it is one. */
export const NODE_TOKEN_HEADER = 'x-millrace-node';

const LIFE_MS = 30_000;
/** How long the other node may take to answer; it waits for a key frame itself. */
const ANSWER_MS = 20_000;

/** The node that carries the task cannot be asked. */
export class NodeOutOfReach extends Error {
  override readonly name = 'NodeOutOfReach';
  readonly node: string;

  constructor(node: string, cause?: unknown) {
    super(`node ${node} cannot be reached`, { cause });
    this.node = node;
  }
}

export interface PicturesOptions {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'get' | 'mark'>;
  readonly cluster: Pick<Cluster, 'members'>;
  /** What a worker of this node carries. Rejects with NotShown. */
  readonly here: (taskId: string, look: Look) => Promise<Readable>;
  /** Certificates (PEM) that are believed of other nodes. */
  readonly ca?: readonly string[] | undefined;
  /** Wall clock. */
  readonly now: () => number;
}

/** The pictures of all tasks, whichever node carries them: what is carried elsewhere is fetched from there. */
export class Pictures {
  readonly #options: PicturesOptions;

  constructor(options: PicturesOptions) {
    this.#options = options;
  }

  /** Rejects with NotShown, or NodeOutOfReach. */
  async show(taskId: string, look: Look): Promise<Readable> {
    const { store, node, here } = this.#options;
    const task = await store.get(taskId);
    const holder = task?.node ?? '';
    return holder === '' || holder === node ? here(taskId, look) : this.#fetch(holder, taskId, look);
  }

  /** Whether another node of this installation has made it, lately and for that task. */
  vouches(token: string, taskId: string): boolean {
    const [until = '', mark = ''] = token.split('.');
    const leftMs = Number(until) - this.#options.now();
    if (!/^\d{1,16}$/.test(until) || leftMs <= 0 || leftMs > 2 * LIFE_MS) return false;
    const [given, right] = [Buffer.from(mark), Buffer.from(this.#markOf(taskId, until))];
    return given.length === right.length && timingSafeEqual(given, right);
  }

  #tokenFor(taskId: string): string {
    const until = String(this.#options.now() + LIFE_MS);
    return `${until}.${this.#markOf(taskId, until)}`;
  }

  #markOf(taskId: string, until: string): string {
    return this.#options.store.mark('pictures', `${taskId} ${until}`);
  }

  async #fetch(node: string, taskId: string, look: Look): Promise<Readable> {
    const { cluster, ca } = this.#options;
    const api = cluster.members.find(({ name }) => name === node)?.api ?? null;
    if (api === null) throw new NodeOutOfReach(node);
    const url = `${api}/api/v1/tasks/${encodeURIComponent(taskId)}/${look === 'live' ? 'live.flv' : 'still'}`;
    const headers = { [NODE_TOKEN_HEADER]: this.#tokenFor(taskId) };
    const answer = await get(url, { headers, ...(ca === undefined ? {} : { ca: [...ca] }) }).catch((cause: unknown) => {
      throw new NodeOutOfReach(node, cause);
    });
    if (answer.statusCode === 200) return answer;
    answer.destroy();
    const why = REFUSALS[answer.statusCode ?? 0];
    throw why === undefined ? new NodeOutOfReach(node) : new NotShown(why);
  }
}

const REFUSALS: Readonly<Partial<Record<number, Unshown>>> = { 409: 'offAir', 429: 'taken', 503: 'silent' };

/** Resolves with the head of the answer; its body goes on. */
const get = (url: string, options: RequestOptions & { readonly ca?: string[] }): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, options, answer => {
      clearTimeout(late);
      resolve(answer);
    });
    const late = setTimeout(() => request.destroy(new Error('it does not answer')), ANSWER_MS);
    request.once('error', error => {
      clearTimeout(late);
      reject(error);
    });
    request.end();
  });
