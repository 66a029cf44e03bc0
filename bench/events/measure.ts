import type { Place } from '../../test/lab/place.ts';
import type { Figure } from '../figures.ts';

/** One part of the bench: measures in a place of its own, and says meanwhile how far it is. */
export interface Subject {
  readonly row: string;
  readonly what: string;
  readonly measure: (place: Place, run: Run) => Promise<readonly Measured[]>;
}

export type Measured = Omit<Figure, 'row'>;

export interface Run {
  /** A share of the full length: below 1 it is a rehearsal. */
  readonly scale: number;
  readonly tell: (progress: string) => void;
  /** Called off: to be looked at wherever it takes long. */
  readonly signal: AbortSignal;
}

export const figure = (name: string, value: number, unit: string, goal: string): Measured => ({
  name,
  value: Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 1000) / 1000,
  unit,
  goal,
});
