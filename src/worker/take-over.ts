import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Monotonic } from '../media/clock.ts';
import { DataDirectoryInUse, lockName, pidFile } from './control-socket.ts';

export interface TakeOverParts {
  readonly now: Monotonic;
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/** To a control process: let go of the workers, which another one adopts, and end. */
export const HAND_OVER = 'SIGUSR2';
/** A control process that closes takes less than 10 s. */
const LEAVE_MS = 15_000;
const LOOK_MS = 20;

/**
 * Has the control process that serves the data directory hand it over, and resolves when it is gone; answers its pid.
 * Where nobody is there it answers undefined at once. One that does not know the signal dies of it, which its workers
 * outlive as well. Ends early when the signal aborts.
 */
export async function takeOver(path: string, parts: TakeOverParts): Promise<number | undefined> {
  let asked: number | undefined;
  // What it has left to do behind the lock, to its store and its ready file, is not to meet with what is done here.
  const isThere = (): boolean => {
    const owner = ownerOf(path);
    if (typeof owner === 'number' && owner !== asked) asked = ask(owner);
    return owner !== 'nobody' || (asked !== undefined && isAlive(asked));
  };
  if (!(await isOver(isThere, parts))) throw new DataDirectoryInUse(tooLate(path, asked));
  return asked;
}

/** Answers false when the time is over and it still is so. */
async function isOver(isSo: () => boolean, { now, sleep, signal }: TakeOverParts): Promise<boolean> {
  const endMs = now() + LEAVE_MS;
  while (!signal.aborted && isSo()) {
    if (now() >= endMs) return false;
    await sleep(LOOK_MS, signal).catch(() => {});
  }
  return true;
}

const tooLate = (path: string, pid: number | undefined): string =>
  pid === undefined
    ? `the process that serves this data directory was not found: is it another user's? ${pidFile(path)} names it`
    : `the control process ${pid} was asked to hand over and has not ended within ${LEAVE_MS / 1000} s`;

function ask(pid: number): number {
  try {
    process.kill(pid, HAND_OVER);
    return pid;
  } catch (cause) {
    throw new DataDirectoryInUse(`the control process ${pid} could not be asked to hand over`, { cause });
  }
}

/** Whether a control process serves the data directory whose channel is at `path`. */
export const isServed = (path: string): boolean => ownerOf(path) !== 'nobody';

/** Whose lock it is. A pid in a file may be anybody's by now: the process that holds the socket is the one. */
function ownerOf(path: string): number | 'nobody' | 'unknown' {
  const socket = lockSocket(path);
  if (socket === undefined) return 'nobody';
  const pid = notedPid(path);
  return pid !== undefined && holds(pid, socket) ? pid : 'unknown';
}

/** The lock as it shows among the open files of its owner, after proc_net_unix; undefined where nobody has it. */
function lockSocket(path: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined) return undefined;
  const name = lockName(folder).replace('\0', '@');
  const rows = readFileSync('/proc/net/unix', 'utf8').split('\n');
  const fields = rows.map(row => row.trim().split(/\s+/)).find(row => row[7]?.replace(/(?<=.)@+$/, '') === name);
  return fields && `socket:[${fields[6]}]`;
}

function notedPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile(path), 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function holds(pid: number, socket: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some(fd => linkOf(`${folder}/${fd}`) === socket);
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed between two looks.
    return '';
  }
}

/** Nobody may have reaped it yet: proc_pid_stat(5), field 3. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
