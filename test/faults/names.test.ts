import { expect, it } from 'vitest';
import { firstAfter, lost } from '../lab/continuity.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { framesMore } from './on-air.ts';

it('N1: a resolver that dies touches no run on air, and who has to dial again goes by the last good answer', async () => {
  await using place = new Place();
  const [source, oracle] = [await CountedSource.start(place), await Oracle.start(place)];
  let asked = 0;
  let isDead = false;
  const lookup = (_: string, signal: AbortSignal): Promise<readonly string[]> => {
    asked++;
    if (!isDead) return Promise.resolve(['127.0.0.1']);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const from = `rtmp://source.example:${source.port}/live/in`;
  const relay = OneRelay.start(place, { from, to: `rtmp://sink.example:${oracle.port}/live/out`, lookup });
  const seen = oracle.stream('out');
  await framesMore(seen, 30);
  isDead = true;
  await pass(3_000);
  figure('N1', 'frames lost on air', lost(seen), {
    unit: 'frames',
    exactly: 0,
  });
  expect([asked, relay.report.state]).toEqual([2, 'flowing']);
  const lostMs = performance.now();
  await source.vanish('reset');
  await source.appear();
  const back = await until('it is on air again', () => firstAfter(seen.video, lostMs + 500));
  figure('N1', 'on air again without a resolver', back - lostMs, { unit: 'ms', atMost: 5_500, busyAtMost: 7_000 });
  expect(seen.pushes).toHaveLength(1);
});
