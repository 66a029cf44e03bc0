import type { EventType } from '../task/event.ts';
import type { Status } from '../task/status.ts';

/** What is known of a task without opening it, for whoever looks after all that are acted for. */
export interface Holding {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
  readonly status: Status;
  readonly movedBy: EventType;
  readonly region: string;
  /** "" where nobody acts for it. */
  readonly node: string;
  readonly dueAt: number | null;
}

/** `cordoned`: takes nothing more. `draining`: also gives away what it has. Kept until its operator says otherwise. */
export type NodeState = 'active' | 'cordoned' | 'draining';

/** What a node says of itself each time. */
export interface NodeRenewal {
  readonly name: string;
  /** Which life of the node: two processes of one name are told apart by it. */
  readonly incarnation: string;
  readonly region: string;
  readonly version: string;
  /** JSON. */
  readonly facts: string;
  /** For how long another incarnation's renewal keeps this one out. */
  readonly staleMs: number;
}

export interface KeptNode extends Omit<NodeRenewal, 'staleMs'> {
  readonly state: NodeState;
  /** Rises with each renewal. */
  readonly renewals: number;
  /** When it was renewed last, by the database's clock. */
  readonly seenAt: number;
}

/** What one node at a time does for all. */
export interface Duty {
  readonly name: string;
  readonly node: string;
  readonly incarnation: string;
  readonly staleMs: number;
}

/** A number that whoever signed a call used once. */
export interface Nonce {
  readonly accessKey: string;
  readonly value: string;
  /** When the call is too old to be taken anyhow. */
  readonly until: number;
  readonly now: number;
}

/** What the nodes of a cluster agree on through their database, beside the tasks themselves. */
export interface NodeStore {
  /** All tasks that a node acts for, or that are on air by their status; cheap enough to be asked every second. */
  holdings(): Promise<readonly Holding[]>;
  /** Nobody acts for the task any more, unless another has taken it over meanwhile. */
  release(taskId: string, node: string, epoch: number): Promise<void>;

  /** Renews the node's row. False while another incarnation of that name was seen less than `staleMs` ago, by the database's clock. */
  renewNode(renewal: NodeRenewal): Promise<boolean>;
  nodes(): Promise<readonly KeptNode[]>;
  /** False where there is no such node. */
  setNodeState(name: string, state: NodeState): Promise<boolean>;
  /** With an incarnation given, only where it is that one's row. */
  removeNode(name: string, incarnation?: string): Promise<boolean>;
  /** Takes or renews it. False while another has it and has renewed it within `staleMs`, by the database's clock. */
  takeDuty(duty: Duty): Promise<boolean>;
  leaveDuty(name: string, incarnation: string): Promise<void>;
  /**
   * Takes the push address for the task. Answers which other task has it, which acts or whose run may be on air; undefined
   * where this one has it now, and no other.
   */
  takeDestination(address: string, taskId: string): Promise<string | undefined>;
  /** Gives up every address that the task has, if it has ended and no run of it may be on air. */
  leaveDestination(taskId: string): Promise<void>;
  /** False where it has been used, at whichever node, and its time has not passed. */
  useNonce(nonce: Nonce): Promise<boolean>;
  /** Removes those whose time passed so long ago, by the database's clock. Answers how many. */
  purgeNonces(agoMs: number): Promise<number>;
  /** A random id, always the same of one database: tells installations apart that share what lies beside it. */
  installation(): Promise<string>;
  /** The same for the same text, and nobody can make it who has not the key of the store. */
  mark(purpose: string, text: string): string;
}
