import { type Beat, parseBeat, printBeat } from './beat.ts';
import { takeoverOf } from './timing.ts';
import type { Sighting, Witness } from './witness.ts';

/** What the witness needs of a database. */
export interface NodeRows {
  /** False where another incarnation stands that was renewed less than `staleMs` ago. */
  renewNode(row: {
    readonly name: string;
    readonly incarnation: string;
    readonly region: string;
    readonly version: string;
    readonly facts: string;
    readonly staleMs: number;
  }): Promise<boolean>;
  nodes(): Promise<readonly { readonly name: string; readonly facts: string }[]>;
}

/** The database as a witness: a row for each node. */
export class RowWitness implements Witness {
  readonly #rows: NodeRows;

  constructor(rows: NodeRows) {
    this.#rows = rows;
  }

  async renew(name: string, beat: Beat): Promise<'held' | 'refused'> {
    const { incarnation, facts, ttlMs } = beat;
    const { region, version } = facts;
    const row = { name, incarnation, region, version, facts: printBeat(beat), staleMs: takeoverOf(ttlMs) };
    return (await this.#rows.renewNode(row)) ? 'held' : 'refused';
  }

  /** A database that forgets is another one: with its tasks it would have lost all there is to act for. */
  async look(): Promise<Sighting> {
    const beats = new Map<string, Beat>();
    for (const { name, facts } of await this.#rows.nodes()) {
      const beat = parseBeat(facts);
      if (beat) beats.set(name, beat);
    }
    return { beats, era: '' };
  }
}
