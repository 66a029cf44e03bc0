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

/** Errors of rooms that the command line does not know, so it cannot ask for their class. */
const BY_NAME: Readonly<Record<string, number>> = {
  InvalidAccount: Exit.usage,
  InvalidAsset: Exit.usage,
  DataDirectoryInUse: Exit.dataInUse,
};

/** What the shell is told about an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
  if (error instanceof BadConfig || error instanceof Misused) return Exit.usage;
  if (!(error instanceof Error)) return Exit.failed;
  return BY_NAME[error.name] ?? ('code' in error && error.code === 'EADDRINUSE' ? Exit.portInUse : Exit.failed);
}
