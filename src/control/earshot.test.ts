import { expect, it } from 'vitest';
import { Earshot } from './earshot.ts';

it('says once that the others are away, and once that they are back', () => {
  const lines: string[] = [];
  let look = () => {};
  const follow = (heard: () => void) => {
    look = heard;
    return () => {};
  };
  const cluster = { isReachable: true, follow };
  const earshot = new Earshot({ cluster, log: message => void lines.push(message) });
  look();
  expect([lines, earshot.word]).toEqual([[], 'reached']);
  cluster.isReachable = false;
  look();
  look();
  expect([lines, earshot.word]).toEqual([
    ['NATS is away: runs go on and tasks start, but what a lost node leaves has to wait'],
    'away',
  ]);
  cluster.isReachable = true;
  look();
  expect(lines.slice(1)).toEqual(['NATS is back: the other nodes are heard again']);
  earshot.close();
});
