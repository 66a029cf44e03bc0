import { CommanderError } from 'commander';
import { BadConfig } from '../config.ts';

export const Exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  dataInUse: 5,
  portInUse: 6,
} as const;

/** The caller's mistake on the command line. */
export class Misused extends Error {
  override readonly name = 'Misused';
}

/** What the shell is told about an error. One that carries an `exitCode` of its own says so itself. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
  if (error instanceof BadConfig || error instanceof Misused) return Exit.usage;
  if (!(error instanceof Error)) return Exit.failed;
  // By name, since the command line does not know the room it comes from.
  if (error.name === 'InvalidAccount') return Exit.usage;
  if ('exitCode' in error && typeof error.exitCode === 'number') return error.exitCode;
  return 'code' in error && error.code === 'EADDRINUSE' ? Exit.portInUse : Exit.failed;
}
