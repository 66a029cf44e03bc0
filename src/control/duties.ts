import type { Store } from '../store/store.ts';
import { type Sleep, within } from './deadline.ts';
import type { Log } from './record.ts';

/** What one node at a time does for all of them. */
export interface Duty {
  readonly name: string;
  /** Nobody is the worse for it where it is taken up late. */
  readonly canWait?: boolean;
  begin(): void;
  /** Settles when nothing is done any more. */
  end(): Promise<void>;
}

export interface DutiesOptions {
  /** Absent where there are no other nodes: everything is done here then, from the start on. */
  readonly store?: Pick<Store, 'takeDuty' | 'leaveDuty'> | undefined;
  /** The name of this node. */
  readonly node: string;
  /** Of this life of its control process. */
  readonly incarnation: string;
  readonly duties: readonly Duty[];
  /** As the leases of the nodes. */
  readonly leaseMs: number;
  /** Since the machine was booted: a node that was frozen has been away. */
  readonly sinceBoot: () => number;
  readonly sleep: Sleep;
  readonly log: Log;
}

const LOOK_MS = 250;
/** Shares of a lease: how often it is renewed, until when that holds, and when another may take it. */
const RENEW = 0.2;
const HOLD = 0.5;
const STALE = 0.6;
/** Who does not have it asks twice as often, so that little time is lost behind one that died. */
const ASK = 0.1;
const ASK_LATE = 1;

const askOf = ({ canWait = false }: Duty): number => (canWait ? ASK_LATE : ASK);

/** A duty as it stands here. */
interface Post {
  readonly duty: Duty;
  /** Until when it is ours by the last renewal that was acknowledged. */
  untilMs: number;
  nextMs: number;
  state: 'away' | 'here' | 'ending';
  asking: Promise<void> | undefined;
  ending: Promise<void> | undefined;
  isFailing: boolean;
}

/**
 * Keeps the duties of this node. A duty is given up before another node may take it, also where the store has not been
 * reached for a while; what a node was at when it was cut is done again by the next.
 */
export class Duties {
  readonly #options: DutiesOptions;
  readonly #posts: readonly Post[];
  readonly #closed = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: DutiesOptions) {
    this.#options = options;
    this.#posts = options.duties.map(duty => ({
      ...{ duty, untilMs: 0, nextMs: 0, state: 'away', asking: undefined, ending: undefined, isFailing: false },
    }));
  }

  /** The names of those that are done here. */
  get held(): readonly string[] {
    return this.#posts.filter(({ state }) => state === 'here').map(({ duty }) => duty.name);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends them, and leaves them to the others at once. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#loop;
    await Promise.all(this.#posts.map(post => this.#leave(post)));
  }

  async #run(): Promise<void> {
    const { store, sinceBoot, sleep } = this.#options;
    if (store === undefined) {
      for (const post of this.#posts) this.#begin(post);
      return;
    }
    const { signal } = this.#closed;
    while (!signal.aborted) {
      for (const post of this.#posts) this.#look(post, sinceBoot());
      await sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  #look(post: Post, now: number): void {
    if (post.state === 'here' && now >= post.untilMs) this.#end(post);
    if (post.asking !== undefined || now < post.nextMs) return;
    post.asking = this.#ask(post).finally(() => {
      post.asking = undefined;
    });
  }

  async #ask(post: Post): Promise<void> {
    const { leaseMs, sinceBoot, log } = this.#options;
    const sentMs = sinceBoot();
    try {
      const isOurs = await this.#take(post.duty.name);
      post.isFailing = false;
      post.nextMs = sentMs + leaseMs * (isOurs ? RENEW : askOf(post.duty));
      if (isOurs) this.#hold(post, sentMs + leaseMs * HOLD);
      else this.#end(post);
    } catch (cause) {
      post.nextMs = sinceBoot() + leaseMs * ASK;
      if (!post.isFailing) log('a duty could not be renewed', { duty: post.duty.name, cause });
      post.isFailing = true;
    }
  }

  #take(name: string): Promise<boolean> {
    const { store, node, incarnation, leaseMs, sleep } = this.#options;
    if (store === undefined) return Promise.resolve(true);
    const taking = store.takeDuty({ name, node, incarnation, staleMs: leaseMs * STALE });
    // What answers after that is of no use.
    taking.catch(() => undefined);
    return within(taking, { ms: leaseMs * RENEW, sleep, what: 'the store', signal: this.#closed.signal });
  }

  /** An answer that comes too late proves nothing: another may have it by now. */
  #hold(post: Post, untilMs: number): void {
    const now = this.#options.sinceBoot();
    const isLate = now >= untilMs || (post.state === 'here' && now >= post.untilMs);
    if (isLate) this.#end(post);
    else post.untilMs = untilMs;
    if (!isLate && !this.#closed.signal.aborted) this.#begin(post);
  }

  #begin(post: Post): void {
    if (post.state !== 'away') return;
    post.state = 'here';
    if (this.#options.store !== undefined) this.#options.log('this node is on duty', { duty: post.duty.name });
    post.duty.begin();
  }

  /** It is not begun anew before it has ended. */
  #end(post: Post): void {
    if (post.state !== 'here') return;
    this.#options.log('another node is on duty from here on', { duty: post.duty.name });
    post.ending = this.#settle(post);
  }

  async #settle(post: Post): Promise<void> {
    const { duty } = post;
    post.state = 'ending';
    await duty.end().catch(cause => this.#options.log('a duty did not end well', { duty: duty.name, cause }));
    post.state = 'away';
  }

  async #leave(post: Post): Promise<void> {
    const { store, incarnation, log } = this.#options;
    await Promise.all([post.asking, post.ending]);
    const { name } = post.duty;
    if (post.state === 'here') await this.#settle(post);
    await store?.leaveDuty(name, incarnation).catch(cause => log('a duty was not left', { duty: name, cause }));
  }
}
