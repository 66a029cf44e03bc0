import { CommanderError } from 'commander';
import { ApiError, TooSlow, Unreachable } from '../client/refusal.ts';
import { BadConfig } from '../config.ts';

export const Exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  /** What is asked for does not go with what there is. */
  conflict: 5,
  dataInUse: 5,
  unreachable: 6,
  portInUse: 6,
  timeout: 7,
  /** As shells have it of a command that Ctrl-C has ended. */
  interrupted: 130,
} as const;

/** The caller's mistake on the command line. */
export class Misused extends Error {
  override readonly name = 'Misused';
}

/** What the command names is not there. */
export class Missing extends Error {
  override readonly name = 'Missing';
}

/** Errors of rooms that the command line does not know, so it cannot ask for their class. */
const BY_NAME: Readonly<Record<string, number>> = {
  InvalidAccount: Exit.usage,
  InvalidAsset: Exit.usage,
  NoData: Exit.usage,
  BadBackup: Exit.failed,
  BadMove: Exit.conflict,
  DataThere: Exit.conflict,
  VoidSetupLink: Exit.conflict,
  DataDirectoryInUse: Exit.dataInUse,
  UnusableDatabase: Exit.unreachable,
  ClusterFault: Exit.unreachable,
  NodeNameTaken: Exit.unreachable,
};

const BY_STATUS: Readonly<Record<number, number>> = {
  400: Exit.usage,
  401: Exit.notAllowed,
  403: Exit.notAllowed,
  404: Exit.notFound,
  409: Exit.conflict,
  410: Exit.conflict,
  412: Exit.conflict,
};

/** What the shell is told about an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
  if (error instanceof BadConfig || error instanceof Misused) return Exit.usage;
  if (error instanceof Missing) return Exit.notFound;
  if (error instanceof Unreachable) return Exit.unreachable;
  if (error instanceof TooSlow) return Exit.timeout;
  if (error instanceof ApiError) return BY_STATUS[error.status] ?? Exit.failed;
  if (!(error instanceof Error)) return Exit.failed;
  return BY_NAME[error.name] ?? ('code' in error && error.code === 'EADDRINUSE' ? Exit.portInUse : Exit.failed);
}
