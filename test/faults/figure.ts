import { expect } from 'vitest';

export interface Goal {
  readonly unit: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly exactly?: number;
}

/** Prints what a row of the fault matrix came to, for `npm run bench -- faults` to collect, and holds it to its goal. */
export function figure(row: string, name: string, value: number, goal: Goal): void {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
  console.log(`FIGURE ${row} ${name}: ${rounded} ${goal.unit} (goal ${sayGoal(goal)})`);
  const { atMost, atLeast, exactly } = goal;
  if (atMost !== undefined) expect(value, `${row}: ${name}`).toBeLessThanOrEqual(atMost);
  if (atLeast !== undefined) expect(value, `${row}: ${name}`).toBeGreaterThanOrEqual(atLeast);
  if (exactly !== undefined) expect(value, `${row}: ${name}`).toBe(exactly);
}

function sayGoal({ atMost, atLeast, exactly }: Goal): string {
  if (exactly !== undefined) return `${exactly}`;
  return [atLeast === undefined ? '' : `>= ${atLeast}`, atMost === undefined ? '' : `<= ${atMost}`]
    .filter(Boolean)
    .join(', ');
}
