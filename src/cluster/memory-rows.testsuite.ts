import type { NodeRows } from './row-witness.ts';

interface Row {
  readonly name: string;
  readonly incarnation: string;
  readonly facts: string;
  readonly seenAt: number;
}

/** The rows of nodes as a database has them, which can be away. */
export class MemoryRows implements NodeRows {
  readonly #rows = new Map<string, Row>();
  isAway = false;

  async renewNode({ name, incarnation, facts, staleMs }: Parameters<NodeRows['renewNode']>[0]): Promise<boolean> {
    this.#demand();
    const found = this.#rows.get(name);
    const now = performance.now();
    if (found && found.incarnation !== incarnation && now - found.seenAt < staleMs) return false;
    this.#rows.set(name, { name, incarnation, facts, seenAt: now });
    return true;
  }

  async nodes(): Promise<readonly Row[]> {
    this.#demand();
    return [...this.#rows.values()];
  }

  /** The same rows by a road of their own. */
  over(road: { readonly isAway: boolean }): NodeRows {
    const demand = () => {
      if (road.isAway) throw new Error('the database is away');
    };
    return {
      renewNode: async row => {
        demand();
        return this.renewNode(row);
      },
      nodes: async () => {
        demand();
        return this.nodes();
      },
    };
  }

  #demand(): void {
    if (this.isAway) throw new Error('the database is away');
  }
}
