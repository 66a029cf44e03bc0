import type { Kysely } from 'kysely';
import type { Entries } from './base.ts';
import type { Tables } from './tables.ts';

/** Rows in one statement: far below what a statement may have of values. */
const TOGETHER = 500;

export const newEntries = (): Entries => ({ events: [], deliveries: [], audit: [] });

export const isEmpty = ({ events, deliveries, audit }: Entries): boolean =>
  events.length + deliveries.length + audit.length === 0;

/** In the order in which they were left: their numbers rise in it. */
export async function writeEntries(trx: Kysely<Tables>, all: readonly Entries[]): Promise<void> {
  for (const rows of portions(all.flatMap(({ events }) => events))) {
    await trx.insertInto('events').values(rows).execute();
  }
  for (const rows of portions(all.flatMap(({ deliveries }) => deliveries))) {
    await trx.insertInto('deliveries').values(rows).execute();
  }
  for (const rows of portions(all.flatMap(({ audit }) => audit))) {
    await trx.insertInto('audit').values(rows).execute();
  }
}

const portions = <T>(rows: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(rows.length / TOGETHER) }, (_, at) => rows.slice(at * TOGETHER, (at + 1) * TOGETHER));
