import { isAmount, isObject, isText } from './beat.ts';
import type { Member } from './cluster.ts';

/** How full a node is. */
export interface Fill {
  readonly region: string;
  readonly runs: number;
  readonly capacity: number;
  /** How much of its cores is used, 0 to 1. */
  readonly load: number;
}

export interface ShareOptions {
  readonly node: string;
  readonly sinceBoot: () => number;
  tell(fill: Fill): void;
}

/** At once pulled by all nodes of a region together. */
const BATCH = 96;
/** A node that is fuller than another by no more than that goes on pulling. */
const MARGIN = 0.03;
/** Below, it does not matter how busy the cores are. */
const BUSY = 0.8;
const TELL_MS = 50;
/** What was heard longer ago says less than what the members tell with their renewals. */
const HEARD_MS = 3_000;

/** Says how many offers are this node's share, so that nodes fill evenly by what they can carry. */
export class Share {
  readonly #options: ShareOptions;
  readonly #heard = new Map<string, { readonly fill: Fill; readonly at: number }>();
  #toldAt = Number.NEGATIVE_INFINITY;
  #told: Fill | undefined;

  constructor(options: ShareOptions) {
    this.#options = options;
  }

  /** What another tells of itself, between two renewals. */
  hear(node: string, message: unknown): void {
    const fill = parseFill(message);
    if (fill && this.#heard.size < 10_000) this.#heard.set(node, { fill, at: this.#options.sinceBoot() });
  }

  /** Tells the others, no more often than they need. */
  tell(fill: Fill): void {
    const now = this.#options.sinceBoot();
    const isNews = fill.runs !== this.#told?.runs || fill.capacity !== this.#told.capacity;
    if (!isNews || now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#told = fill;
    this.#options.tell(fill);
  }

  /** None while another has clearly more room; else by the part that is ours of what all can carry. */
  wanted(mine: Fill, members: readonly Member[]): number {
    const others = members.flatMap(member => this.#rival(member, mine.region) ?? []);
    const least = Math.min(...others.map(fullness));
    const step = 1 / Math.max(1, mine.capacity);
    if (fullness(mine) > least + Math.max(MARGIN, step)) return 0;
    const all = others.reduce((sum, { capacity }) => sum + capacity, mine.capacity);
    return Math.max(1, Math.round((BATCH * mine.capacity) / Math.max(1, all)));
  }

  #rival(member: Member, region: string): Fill | undefined {
    const { name, presence, isOpen } = member;
    if (name === this.#options.node || presence !== 'present' || !isOpen || member.region !== region) return undefined;
    const heard = this.#heard.get(name);
    return heard && this.#options.sinceBoot() - heard.at < HEARD_MS ? heard.fill : member;
  }
}

const fullness = ({ runs, capacity, load }: Fill): number =>
  Math.max(capacity <= 0 ? 1 : runs / capacity, load > BUSY ? load : 0);

function parseFill(value: unknown): Fill | undefined {
  if (!isObject(value)) return undefined;
  const { region, runs, capacity, load } = value;
  if (!isText(region) || !isAmount(runs) || !isAmount(capacity) || !isAmount(load)) return undefined;
  return { region, runs, capacity, load };
}
