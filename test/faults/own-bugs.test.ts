import { expect, it } from 'vitest';
import type { Batch, Source } from '../../src/media/packet.ts';
import { lost } from '../lab/continuity.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { onAir } from './on-air.ts';

/** Hands over a packet that no source may make, which nothing of ours is prepared for. */
class Poison implements Source {
  readonly bytesIn = 0;

  read(into: Batch): void {
    const packet = into.next();
    packet.reset('videoHeader', 0);
    packet.buffers.length = 0;
    packet.size = 10;
    packet.spanCount = 1;
  }

  close(): void {}
}

it('P8: a run that hits our own bug over and over is given up, and its neighbour notices nothing', async () => {
  await using place = new Place();
  const neighbour = await onAir(place);
  const oracle = await Oracle.start(place);
  const openSource = (): Promise<Source> => Promise.resolve(new Poison());
  const relay = OneRelay.start(place, { from: 'rtmp://poison/a/b', to: oracle.url('out'), openSource });
  await until('it is given up', () => relay.news.some(({ type }) => type === 'gaveUp'), { timeoutMs: 60_000 });
  expect(relay.bugs.length).toBeGreaterThan(1);
  const { seen } = neighbour;
  // Each is seen twice: where the tick failed, and where the run tells of it.
  figure('P8', 'bugs until the run is given up', relay.bugs.length / 2, { unit: 'bugs', atMost: 6 });
  figure('P8', 'frames of a neighbour lost', lost(seen), {
    unit: 'frames',
    exactly: 0,
  });
});
