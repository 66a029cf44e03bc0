import { describe, expect, it } from 'vitest';
import type { EventType } from './event.ts';
import { nextStatus, type Status } from './status.ts';

const MOVES = [
  'claimed',
  'flowing',
  'broke',
  'gaveUp',
  'finished',
  'stopped',
  'restarted',
  'expired',
  'deleted',
] as const;
const STAYS: readonly EventType[] = ['changed', 'itemStarted', 'itemFinished', 'alarm'];

/** The table of ARCHITECTURE.md, written out once more: a slip in one of the two shows. */
const TABLE = `
scheduled  scheduled  running  recovering stopped  -        stopped  -          exited exited
running    recovering -        recovering stopped  stopped  stopped  recovering exited exited
recovering recovering running  -          stopped  stopped  stopped  recovering exited exited
stopped    -          -        -          -        -        -        scheduled  exited exited
exited     -          -        -          -        -        -        -          -      exited
`;

const ROWS = TABLE.trim()
  .split('\n')
  .map(line => line.split(/ +/) as [Status, ...string[]]);

describe('the status table', () => {
  for (const [from, ...cells] of ROWS) {
    MOVES.forEach((type, at) => {
      const to = cells[at];
      it(`${from} + ${type} = ${to}`, () => expect(nextStatus(from, type) ?? '-').toBe(to));
    });
    it(`${from} hears of changes, items and alarms ${from === 'exited' ? 'no more' : 'without moving'}`, () => {
      const wanted = from === 'exited' ? undefined : from;
      expect(STAYS.map(type => nextStatus(from, type))).toEqual(STAYS.map(() => wanted));
    });
    it(`${from} cannot be created again`, () => expect(nextStatus(from, 'created')).toBeUndefined());
  }
});
