/** A node's right to act. `signal` aborts when it is lost, for good; another `join` gives another lease. */
export interface Lease {
  /** The name of the node. */
  readonly node: string;
  readonly signal: AbortSignal;
  /** Until when it holds, by the machine's clock since it was booted, which all its processes share. */
  deadline(): number;
  /** Heard whenever the deadline has moved on. A lease without an end has nothing to tell. */
  onRenewal(heard: (deadline: number) => void): () => void;
}

/** What a node tells the others of itself, with each renewal of its lease. */
export interface MemberFacts {
  readonly region: string;
  readonly version: string;
  /** Where the others reach its API; null where it has none. */
  readonly api: string | null;
  /** Whether it takes tasks: it has workers, and nobody has cordoned or drains it. */
  readonly isOpen: boolean;
  readonly runs: number;
  /** How many runs it means to carry at most. */
  readonly capacity: number;
  /** How much of its cores its processes use, 0 to 1. */
  readonly load: number;
  /** Its clock on the wall when it told this. */
  readonly wall: number;
}

export interface Member extends MemberFacts {
  readonly name: string;
  /** `silent`: it has not been heard of for a while, which is no proof of anything. */
  readonly presence: 'present' | 'silent' | 'gone';
  /** How far its clock on the wall is ahead of ours, where that is more than it should be. */
  readonly skewMs?: number;
}

/** A task that wants a node. It is no claim: whoever takes it asks the store first. */
export interface Offer {
  readonly taskId: string;
  /** The task's epoch when it was offered; a claim since then has made the offer void. */
  readonly epoch: number;
  readonly region: string;
  /** The node that is to have it if it can. */
  readonly prefers?: string;
}

/** Who takes offers. */
export interface Taker {
  /** How many more it would take now. */
  room(): number;
  /** Settles when the offer is taken or will not be. What is not taken is offered again by whoever finds it. */
  take(offer: Offer): Promise<void>;
}

export type Hearing = (message: unknown, from: string) => void;
export type Answering = (question: unknown, from: string) => Promise<unknown>;

/** Agrees who does what. A single node agrees with itself. */
export interface Cluster {
  /** Joins and holds the node's lease until `close`, or until it is lost. */
  join(facts: () => MemberFacts): Promise<Lease>;
  /** Everybody who has been heard of lately, this node among them. */
  readonly members: readonly Member[];
  /** Whether the node can no longer be acting, for certain: never true of this node, nor of one that is merely silent. */
  isGone(node: string): boolean;
  /** Whether the others can be talked to now. */
  readonly isReachable: boolean;
  /** Heard whenever a member has come, falls silent, or is gone, and when the others can be talked to no more, or again. */
  follow(heard: () => void): () => void;
  /** Puts tasks up for whoever has room for them in their region. Rejects where that cannot be done now. */
  offer(offers: readonly Offer[]): Promise<void>;
  /** Takes offers until the answered function is called. */
  serve(taker: Taker): () => void;
  /**
   * Tries to make this node the one that runs the task under the given epoch. False: another holds it.
   * Epochs only rise; a claim with an older epoch than the one that stands is refused.
   */
  claim(taskId: string, epoch: number): Promise<boolean>;
  release(taskId: string, epoch: number): Promise<void>;
  /** Tells all other nodes, without a promise that they hear it. */
  say(topic: string, message: unknown): void;
  hear(topic: string, hearing: Hearing): () => void;
  /** Rejects where the node does not answer soon. */
  ask(node: string, question: unknown): Promise<unknown>;
  answer(answering: Answering): () => void;
  /** The lease ends, and the others are told; not so where somebody follows who goes on under the same lease. */
  close(parting?: { readonly isFollowed: boolean }): Promise<void>;
}
