import { isAssetUrl } from '../task/asset.ts';
import { startCursor } from '../task/playlist.ts';
import type { Destination, LiveSource, TaskSpec } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import type { LiveOrder, RunCover, RunOrder } from '../worker/channel.ts';
import type { Addresses } from './assets.ts';
import type { Breakpoints } from './breakpoints.ts';

export interface OrdersOptions {
  readonly breakpoints: Pick<Breakpoints, 'unsaved'>;
  /** Whether a task with counted tries is tried between them too. */
  readonly eager: boolean;
  /** The installation's: when a source has failed, and what stands by. */
  readonly cover?: RunCover;
}

/** What an order says beside the task. */
export interface OrderFacts {
  readonly epoch: number;
  readonly destination: string;
  /** Where the assets lead to that the task names; undefined where it names none. */
  readonly addresses: Addresses | undefined;
}

/** Writes what a worker is told to carry: the task as it stands, in the words of the channel. */
export class Orders {
  readonly #options: OrdersOptions;

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  orderOf(task: Task, { epoch, destination, addresses }: OrderFacts): RunOrder {
    return {
      taskId: task.id,
      epoch,
      source: this.#sourceOf(task, addresses),
      destination,
      ...tlsOf(task.spec.destination),
      ...this.#retryOf(task),
      ...this.#coverOf(task, addresses),
    };
  }

  /** Of its list, and the slate. */
  assetsOf(task: Task): readonly string[] {
    const { source } = task.spec;
    const { slate = '' } = this.#coverWished(task) ?? {};
    const named = source.kind === 'list' ? source.items.map(({ url }) => url) : [];
    return [...named, slate].filter(isAssetUrl);
  }

  #sourceOf({ id, spec, listVersion: version, jump, breakpoint }: Task, addresses?: Addresses): RunOrder['source'] {
    if (spec.source.kind === 'live') {
      return { kind: 'live', url: spec.source.url, ...tlsOf(spec.source), ...standbyOf(spec), ...pinOf(spec) };
    }
    const { kind, ...list } = spec.source;
    const at = this.#options.breakpoints.unsaved(id) ?? breakpoint ?? undefined;
    const from = startCursor(list, version, at, jump);
    const assets = addresses === undefined ? {} : { assets: addresses };
    return { kind, version, list, from, ...(jump === null ? {} : { jump }), ...standbyOf(spec), ...assets };
  }

  /** What a lost run had counted went with its worker: the one that follows has all its tries before it. */
  #retryOf({ spec: { retry } }: Task): Pick<RunOrder, 'retry'> {
    return retry === null ? {} : { retry: { ...retry, eager: this.#options.eager } };
  }

  #coverOf(task: Task, addresses?: Addresses): Pick<RunOrder, 'cover'> {
    const cover = this.#coverWished(task);
    if (cover?.slate === undefined || !isAssetUrl(cover.slate)) return cover === undefined ? {} : { cover };
    // The pictures that were there are better than none.
    return { cover: { ...cover, slate: addresses?.[cover.slate] ?? 'hold' } };
  }

  /** The installation's, but for what the task has of its own. */
  #coverWished({ spec: { delayMs = null, slate = null } }: Task): RunCover | undefined {
    const { cover } = this.#options;
    if (delayMs === null && slate === null) return cover;
    return { ...cover, ...(delayMs === null ? {} : { delayMs }), ...(slate === null ? {} : { slate }) };
  }
}

const pinOf = ({ pin = null }: TaskSpec): Pick<LiveOrder, 'pin'> => (pin === null ? {} : { pin });

const standbyOf = ({ standby }: TaskSpec): Pick<LiveOrder, 'standby'> => (standby.length === 0 ? {} : { standby });

const tlsOf = ({ tls }: LiveSource | Destination): Pick<RunOrder, 'tls'> => (tls === undefined ? {} : { tls });
