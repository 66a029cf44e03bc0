import { spareBuffers } from '../bytes.ts';

let turn = 0;
let begun = false;
/** Buffers that nobody needs any more when the present turn is over. */
const leaving: Buffer[] = [];

/**
 * The number of the present turn of the event loop, as far as it can be told without a timer: it rises once all code
 * that runs now has returned. What was shown to somebody in an earlier turn is not looked at any more.
 */
export function currentTurn(): number {
  if (!begun) {
    begun = true;
    queueMicrotask(endTurn);
  }
  return turn;
}

/** Gives a spare buffer back, at once or, where it was shown in the present turn, behind that. */
export function giveBackBehind(shownIn: number, buffer: Buffer): void {
  if (shownIn === currentTurn()) leaving.push(buffer);
  else spareBuffers.giveBack(buffer);
}

function endTurn(): void {
  begun = false;
  turn++;
  for (const buffer of leaving) spareBuffers.giveBack(buffer);
  leaving.length = 0;
}
