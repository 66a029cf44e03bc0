import { percentile } from '../../test/lab/films.ts';
import { figure, type Measured, type Run } from '../events/measure.ts';
import type { Caller } from './caller.ts';

const ASKED = 200;
const LEAST_ASKED = 50;

/** Each path asked for so many times, one after the other, and how long the slowest hundredth took. */
export async function figuresOfReads(
  caller: Caller,
  paths: Readonly<Record<string, string>>,
  { scale, tell }: Run,
): Promise<readonly Measured[]> {
  const count = Math.max(LEAST_ASKED, Math.round(ASKED * scale));
  const figures: Measured[] = [];
  for (const [name, path] of Object.entries(paths)) {
    const took = await caller.times(path, count);
    tell(`GET ${name}: p50 ${percentile(took, 0.5).toFixed(1)} ms, longest ${Math.max(...took).toFixed(1)} ms`);
    figures.push(figure(`GET ${name}, p99`, percentile(took, 0.99), 'ms', '<= 50'));
  }
  return figures;
}
