import type { Store } from '../store/store.ts';
import type { Event } from '../task/event.ts';
import { type DialectName, destinationUrl, type TaskSpec } from '../task/spec.ts';
import type { Status } from '../task/status.ts';
import type { Task } from '../task/task.ts';
import type { Owner } from './tasks.ts';

/** What a task is found by. */
interface Listing {
  readonly id: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly region: string;
  /** Who acts for it; "" where nobody does. */
  readonly node: string;
  readonly dialect: DialectName;
  readonly status: Status;
  readonly tags: readonly string[];
  readonly createdAt: number;
  readonly exitedAt: number | null;
  /** Its id, name and tags, and its addresses as everybody may read them; in small letters. */
  readonly open: string;
  /** The whole addresses. */
  readonly secret: string;
}

interface Entry {
  listing: Listing;
  /** Of the newest event that the listing knows of. */
  seq: number;
}

export interface Search {
  readonly statuses?: readonly Status[] | undefined;
  readonly dialects?: readonly DialectName[] | undefined;
  readonly region?: string | undefined;
  readonly projectId?: string | undefined;
  readonly tag?: string | undefined;
  /** Those that this node acts for. */
  readonly node?: string | undefined;
  readonly text?: string | undefined;
  /** Whether the text is looked for in what addresses hide, too. */
  readonly inSecrets: boolean;
}

/** A place in the list, which goes from the newest task to the oldest. */
export type Place = Pick<Listing, 'createdAt' | 'id'>;

export interface DirectoryPart {
  readonly tasks: readonly Task[];
  /** Behind it there is more; null where there is none. */
  readonly next: Place | null;
  /** Of all parts together. */
  readonly total: number;
}

export interface DirectoryPage {
  readonly after?: Place | undefined;
  readonly limit: number;
}

type Redact = (url: string) => string;

export interface DirectoryOptions {
  readonly store: Pick<Store, 'withStatus' | 'some'>;
  /** The address without anything secret. */
  readonly redact: Redact;
  /** Wall clock. */
  readonly now: () => number;
}

const EVERY_STATUS = ['scheduled', 'running', 'recovering', 'stopped', 'exited'] as const;
/** How long an exited task is listed. */
const SHOWN_MS = 7 * 86_400_000;
/** How often those that are not any more are looked for. */
const SWEEP_MS = 3_600_000;

/**
 * Finds tasks by words that lie sealed in the store. It follows the record, and holds of each task what it is found by;
 * the tasks that are answered are read from the store.
 */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #entries = new Map<string, Entry>();
  /** Deleted while the directory is being filled; undefined once it is. */
  #gone: Set<string> | undefined = new Set();
  /** From the newest to the oldest; undefined where it has to be sorted anew. */
  #sorted: readonly Entry[] | undefined;
  #filling: Promise<void> | undefined;
  #sweptAt = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** Follows the record: every event of every task comes by here after its commit. */
  follow(_event: Event, task: Task): void {
    if (this.#filling === undefined) return;
    if (task.status === 'exited' && task.movedBy === 'deleted') this.#remove(task.id);
    else this.#put(task);
  }

  async find(owner: Owner, search: Search, { after, limit }: DirectoryPage): Promise<DirectoryPart> {
    await this.#fill();
    const shownFrom = this.#options.now() - SHOWN_MS;
    const wanted = { ...search, text: search.text?.toLowerCase() };
    const all = this.#inOrder().filter(({ listing }) => isShown(listing, owner, shownFrom) && meets(listing, wanted));
    const from = after === undefined ? 0 : all.findIndex(({ listing }) => byAge(after, listing) < 0);
    const part = from < 0 ? [] : all.slice(from, from + limit);
    const last = from >= 0 && from + limit < all.length ? part.at(-1)?.listing : undefined;
    const next = last === undefined ? null : { createdAt: last.createdAt, id: last.id };
    return { tasks: await this.#read(part.map(({ listing }) => listing.id)), next, total: all.length };
  }

  async #read(ids: readonly string[]): Promise<readonly Task[]> {
    const tasks = await this.#options.store.some(ids);
    const byId = new Map(tasks.map(task => [task.id, task]));
    // The store removes what has exited long ago without a word.
    for (const id of ids) if (!byId.has(id)) this.#remove(id);
    return ids.flatMap(id => byId.get(id) ?? []);
  }

  /** Once, when somebody asks first: a node that is never asked holds nothing. */
  #fill(): Promise<void> {
    this.#filling ??= this.#fillFromStore().catch((error: unknown) => {
      this.#filling = undefined;
      // Until it is tried again nothing is followed.
      this.#entries.clear();
      this.#sorted = undefined;
      throw error;
    });
    return this.#filling;
  }

  async #fillFromStore(): Promise<void> {
    for (const task of await this.#options.store.withStatus(EVERY_STATUS)) {
      // What has been told meanwhile is newer.
      const isNewer = (this.#entries.get(task.id)?.seq ?? 0) >= task.seq;
      if (task.movedBy !== 'deleted' && !isNewer && !this.#gone?.has(task.id)) this.#put(task);
    }
    this.#gone = undefined;
  }

  #put(task: Task): void {
    const known = this.#entries.get(task.id);
    // What another node has made of it may have been heard before our own telling of what came earlier.
    if (known !== undefined && known.seq > task.seq) return;
    const listing = listingOf(task, this.#options.redact);
    if (known !== undefined) {
      known.listing = listing;
      known.seq = task.seq;
      return;
    }
    this.#entries.set(task.id, { listing, seq: task.seq });
    this.#sorted = undefined;
    this.#sweep();
  }

  /** Nobody asks for what is not listed any more, so nobody would find that the store has removed it. */
  #sweep(): void {
    const at = this.#options.now();
    if (Math.abs(at - this.#sweptAt) < SWEEP_MS) return;
    this.#sweptAt = at;
    for (const [id, { listing }] of this.#entries) if (!isListed(listing, at - SHOWN_MS)) this.#entries.delete(id);
  }

  #remove(id: string): void {
    this.#gone?.add(id);
    if (this.#entries.delete(id)) this.#sorted = undefined;
  }

  #inOrder(): readonly Entry[] {
    this.#sorted ??= [...this.#entries.values()].sort((one, other) => byAge(one.listing, other.listing));
    return this.#sorted;
  }
}

/** The newest first, as the store lists them. */
const byAge = (one: Place, other: Place): number =>
  other.createdAt - one.createdAt || (one.id < other.id ? 1 : one.id > other.id ? -1 : 0);

const isShown = (listing: Listing, { accountId, projectId }: Owner, exitedFrom: number): boolean =>
  listing.accountId === accountId &&
  (projectId === '' || listing.projectId === projectId) &&
  isListed(listing, exitedFrom);

const isListed = ({ exitedAt }: Listing, exitedFrom: number): boolean => exitedAt === null || exitedAt >= exitedFrom;

const meets = (
  listing: Listing,
  { statuses, dialects, region, projectId, tag, node, text, inSecrets }: Search,
): boolean =>
  (statuses?.includes(listing.status) ?? true) &&
  (dialects?.includes(listing.dialect) ?? true) &&
  (region === undefined || listing.region === region) &&
  (projectId === undefined || listing.projectId === projectId) &&
  (tag === undefined || listing.tags.includes(tag)) &&
  (node === undefined || listing.node === node) &&
  (text === undefined || listing.open.includes(text) || (inSecrets && listing.secret.includes(text)));

function listingOf(
  { id, accountId, projectId, spec, status, node, createdAt, exitedAt }: Task,
  redact: Redact,
): Listing {
  const { region, dialect, tags = [] } = spec;
  const addresses = [...addressesOf(spec)];
  const open = [id, spec.name, ...tags, ...addresses.map(redact)].join('\n').toLowerCase();
  const secret = addresses.join('\n').toLowerCase();
  return { id, accountId, projectId, region, node, dialect, status, tags, createdAt, exitedAt, open, secret };
}

/** Each once: a list may play the same file over and over. */
const addressesOf = ({ source, standby, destination }: TaskSpec): ReadonlySet<string> =>
  new Set([
    ...(source.kind === 'live' ? [source.url] : source.items.map(({ url }) => url)),
    ...standby,
    destinationUrl(destination, undefined),
  ]);
