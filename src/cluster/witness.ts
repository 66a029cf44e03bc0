import type { Beat } from './beat.ts';

export interface Sighting {
  /** The newest beat of every node that has one. */
  readonly beats: ReadonlyMap<string, Beat>;
  /** Another one once the witness has forgotten what it had been told. */
  readonly era: string;
}

/** A place where every node writes that it is there, and sees who else is. A node's lease is proven by any of them. */
export interface Witness {
  /** Refused: another incarnation of the name is there. Rejects where the witness cannot be reached. */
  renew(node: string, beat: Beat): Promise<'held' | 'refused'>;
  look(): Promise<Sighting>;
}
