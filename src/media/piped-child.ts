import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { Fault, type Side } from './fault.ts';

/** A program whose three ends are our pipes. */
export type PipedChild = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts it. Throws a Fault where this process has no room for its pipes. */
export function startPiped(side: Side, file: string, flags: readonly string[]): PipedChild {
  const child = spawn(file, [...flags], { stdio: ['pipe', 'pipe', 'pipe'] });
  // Whatever their types say, there are none when file descriptors have run out; that is told once more, by an event.
  const pipes: readonly unknown[] = [child.stdin, child.stdout, child.stderr];
  if (!pipes.includes(undefined)) return child;
  child.on('error', () => undefined);
  throw new Fault(side, 'lost', 'no program can be started: this process has too many files open');
}
