import { expect } from 'vitest';

export interface Goal {
  readonly unit: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly exactly?: number;
  /** What a machine that is busy with something else may make of it: the goal stays, the test fails beyond this. */
  readonly busyAtMost?: number;
}

/** A time may be so many times its goal before the test fails: it is the bench that says whether the goal was met. */
const BUSY = 2.5;
const TIMES: readonly string[] = ['ms', 's'];

/** Prints what a row of the fault matrix came to, for `npm run bench -- faults` to collect, and holds it to its goal. */
export function figure(row: string, name: string, value: number, goal: Goal): void {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
  console.log(`FIGURE ${row} ${name}: ${rounded} ${goal.unit} (goal ${sayGoal(goal)})`);
  const { unit, atMost, atLeast, exactly } = goal;
  const busyAtMost = goal.busyAtMost ?? (atMost === undefined ? undefined : atMost * (TIMES.includes(unit) ? BUSY : 1));
  if (busyAtMost !== undefined) expect(value, `${row}: ${name}`).toBeLessThanOrEqual(busyAtMost);
  if (atLeast !== undefined) expect(value, `${row}: ${name}`).toBeGreaterThanOrEqual(atLeast);
  if (exactly !== undefined) expect(value, `${row}: ${name}`).toBe(exactly);
}

function sayGoal({ atMost, atLeast, exactly }: Goal): string {
  if (exactly !== undefined) return `${exactly}`;
  return [atLeast === undefined ? '' : `>= ${atLeast}`, atMost === undefined ? '' : `<= ${atMost}`]
    .filter(Boolean)
    .join(', ');
}
