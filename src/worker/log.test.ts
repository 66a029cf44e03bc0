import { beforeEach, expect, it } from 'vitest';
import { Sparing } from './log.ts';

let nowMs: number;
let said: string[];
let sparing: Sparing;
beforeEach(() => {
  [nowMs, said] = [0, []];
  sparing = new Sparing({ perSecond: 2, now: () => nowMs, say: words => said.push(words) });
});

it('says everything as long as it is little', () => {
  for (const words of ['a', 'b', 'c']) {
    sparing.say(words);
    nowMs += 600;
  }
  expect(said).toEqual(['a', 'b', 'c']);
});

it('says of a flood how much it has left out', () => {
  for (let i = 0; i < 100; i++) sparing.say(`flood ${i}`);
  nowMs += 1_000;
  sparing.say('later');
  expect(said).toEqual(['flood 0', 'flood 1', '98 more of the same kind', 'later']);
});

it('says it although nothing follows', () => {
  for (let i = 0; i < 3; i++) sparing.say('flood');
  sparing.flush();
  nowMs += 1_000;
  sparing.flush();
  sparing.flush();
  expect(said).toEqual(['flood', 'flood', '1 more of the same kind']);
});
