let turn = 0;
let begun = false;

/**
 * The number of the present turn of the event loop, as far as it can be told without a timer: it rises once all code
 * that runs now has returned. What was shown to somebody in an earlier turn is not looked at any more.
 */
export function currentTurn(): number {
  if (!begun) {
    begun = true;
    queueMicrotask(() => {
      begun = false;
      turn++;
    });
  }
  return turn;
}
