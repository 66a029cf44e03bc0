import { expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import { Circles, follow, Referrals } from './referrals.ts';

const to = (host: string) => ({ url: `rtmp://${host}/live/KEY`, isSameServer: false, words: '' });

it('of two referrals one of which has to wait for its turn the newer is followed', async () => {
  const [referrals, circles] = [new Referrals(), new Circles()];
  for (let i = 0; i < 5; i++) circles.note(0);
  const asleep = Promise.withResolvers<void>();
  const awake = Promise.withResolvers<void>();
  const sleep = () => {
    asleep.resolve();
    return awake.promise;
  };
  const went: string[] = [];
  const go = async ({ url }: { url: string }) => {
    went.push(url);
    return undefined;
  };
  const faultOf = (sentence: string) => new Fault('push', 'refused', sentence);
  const over = follow(
    { referrals, circles, now: () => 0, sleep, go, faultOf, stays: () => {} },
    new AbortController().signal,
  );
  referrals.take(to('former'));
  await asleep.promise;
  referrals.take(to('newer'));
  awake.resolve();
  await over;
  expect(went).toEqual([to('newer').url]);
});
