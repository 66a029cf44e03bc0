import { expect, it } from 'vitest';
import { backwards, duplicates, longestGapMs, missing, resumesAtKeys } from './continuity.ts';
import { CountedSource } from './counted-source.ts';
import { OneRelay } from './one-relay.ts';
import { Oracle } from './oracle.ts';
import { Place } from './place.ts';
import { pass, until } from './wait.ts';

/** A source, a relay of ours, and the oracle behind it. */
async function onAir(place: Place) {
  const source = await CountedSource.start(place);
  const oracle = await Oracle.start(place);
  const relay = OneRelay.start(place, { from: source.url(), to: oracle.url('out') });
  const seen = oracle.stream('out');
  await until('frames arrive', () => seen.video.length > 30);
  return { source, oracle, relay, seen };
}

it('finds nothing wrong with a stream that is whole', async () => {
  await using place = new Place();
  const { seen } = await onAir(place);
  await pass(1_000);
  for (const track of [seen.video, seen.audio]) {
    expect([missing(track), duplicates(track), backwards(track)]).toEqual([[], 0, 0]);
  }
  expect(seen.pushes).toMatchObject([{ startedAtKey: true, endedAtMs: undefined }]);
  expect(seen.headers.map(({ kind }) => kind)).toEqual(['videoHeader', 'audioHeader']);
  expect(seen.overlaps).toBe(0);
});

it('counts what a source has not sent, and when', async () => {
  await using place = new Place();
  const { source, seen } = await onAir(place);
  const at = performance.now();
  source.behave({ silent: true });
  await pass(1_000);
  source.behave({ silent: false });
  await until('it goes on', () => seen.video.atMs.some(time => time > at + 1_000));
  await until('sound goes on', () => seen.audio.atMs.some(time => time > at + 1_000));
  expect(missing(seen.video).length).toBeGreaterThanOrEqual(24);
  expect(missing(seen.video).length).toBeLessThan(30);
  expect(longestGapMs(seen.video, { fromMs: at })).toBeGreaterThan(950);
  expect(resumesAtKeys(seen.video, () => false)).toBe(false);
});

it('tells the pushes of one name apart, and sees when they overlap', async () => {
  await using place = new Place();
  const { source, oracle, relay, seen } = await onAir(place);
  const other = OneRelay.start(place, { from: source.url(), to: oracle.url('out') });
  await until('both publish', () => seen.publishers === 2);
  expect(seen.overlaps).toBe(1);
  await relay.stop();
  await until('one is left', () => seen.publishers === 1);
  expect(seen.pushes[0]?.saidGoodbye).toBe(true);
  await other.stop();
  await until('none is left', () => seen.publishers === 0);
});

it('shows a source that vanished, and its return with the camera still running', async () => {
  await using place = new Place();
  const { source, seen } = await onAir(place);
  const at = performance.now();
  await source.vanish('reset');
  await source.appear();
  await until('frames come again', () => seen.video.atMs.some(time => time > at + 300));
  expect(source.visits).toBeGreaterThanOrEqual(2);
  expect(seen.pushes).toHaveLength(1);
});

it('shows another shape behind headers of its own', async () => {
  await using place = new Place();
  const { source, seen } = await onAir(place);
  source.change({ tag: 'b', width: 640, height: 352 });
  await until('the other one is here', () => seen.tags.at(-1)?.tag === 'b');
  expect(seen.headers.filter(({ kind }) => kind === 'videoHeader')).toHaveLength(2);
  expect(missing(seen.video)).toEqual([]);
});
