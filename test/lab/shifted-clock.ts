/**
 * Loaded into a program with `--import`: its wall clock is ahead by as many milliseconds as the file that
 * LAB_CLOCK_FILE names says, looked at over and over. The monotonic clock goes on as it is.
 */
import { readFileSync } from 'node:fs';

const file = process.env.LAB_CLOCK_FILE;
const RealDate = Date;
const LOOK_MS = 50;
let shiftMs = 0;

function look(): void {
  try {
    shiftMs = Number(readFileSync(file ?? '', 'utf8'));
  } catch {
    // It is not written yet: the clock is right.
  }
}

class ShiftedDate extends RealDate {
  constructor(...parts: readonly unknown[]) {
    if (parts.length === 0) super(RealDate.now() + shiftMs);
    else super(...(parts as [number]));
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
}

if (file !== undefined) {
  look();
  setInterval(look, LOOK_MS).unref();
  globalThis.Date = ShiftedDate as DateConstructor;
}
