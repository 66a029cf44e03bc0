import { beforeEach, expect, it } from 'vitest';
import { Acknowledgements } from './acknowledgements.ts';

const WINDOW = 250_000;

let acknowledgements: Acknowledgements;
let sent: number;
beforeEach(() => {
  acknowledgements = new Acknowledgements(WINDOW);
  sent = 0;
});

/** A destination acknowledges every so many bytes, so many times. */
function acknowledges(everyBytes: number, times: number): void {
  for (let i = 0; i < times; i++) {
    sent += everyBytes;
    acknowledgements.note(sent);
  }
}

it('nothing is overdue with a destination that never acknowledges', () => {
  expect(acknowledgements.overdueBytes(1e9)).toBe(0);
});

it.each([1, 2])('nothing is overdue with one that has done so %i times', times => {
  acknowledges(WINDOW, times);
  expect(acknowledgements.overdueBytes(1e9)).toBe(0);
});

it.each([WINDOW, 5_000_000])(
  'with one that acknowledges every %i bytes, what is beyond three times as much is overdue',
  bytes => {
    acknowledges(bytes, 5);
    expect(acknowledgements.overdueBytes(sent + 3 * bytes)).toBe(0);
    expect(acknowledgements.overdueBytes(sent + 3 * bytes + 1)).toBe(1);
  },
);

it('a destination that was late once is given less again by and by', () => {
  acknowledges(WINDOW, 3);
  acknowledges(10 * WINDOW, 1);
  expect(acknowledgements.overdueBytes(sent + 20 * WINDOW)).toBe(0);
  acknowledges(WINDOW, 20);
  expect(acknowledgements.overdueBytes(sent + 20 * WINDOW)).toBeGreaterThan(0);
});

it('it is known for how long something has been overdue', () => {
  acknowledges(WINDOW, 3);
  const later = sent + 4 * WINDOW;
  expect([1_000, 2_000, 4_500].map(nowMs => acknowledgements.overdueMs(later, nowMs))).toEqual([0, 1_000, 3_500]);
  acknowledgements.note(later);
  expect(acknowledgements.overdueMs(later, 5_000)).toBe(0);
});
