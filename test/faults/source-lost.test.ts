import { describe, expect, it } from 'vitest';
import { fallen, firstAfter, longestGapMs } from '../lab/continuity.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { FaultProxy } from '../lab/fault-proxy.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { framesMore, type OnAir, onAir, times } from './on-air.ts';

const SILENT_MS = 5_000;
const GOP_MS = 1_000;
const CAP_MS = 10_000;

/** How long after the time the loss was told. */
async function toldAfter({ relay }: Pick<OnAir, 'relay'>, atMs: number): Promise<number> {
  const loss = await until('the loss is told', () => relay.lossAfter(atMs));
  expect(loss.side).toBe('pull');
  return loss.atMs - atMs;
}

function heldPush({ seen }: OnAir): void {
  expect(seen.pushes).toHaveLength(1);
  expect(fallen(seen)).toBe(0);
}

describe.concurrent('the source is lost', () => {
  it('S1: a source that dies is tried again at once, and the push outlives it', async () => {
    await using place = new Place();
    const results = await times(8, async i => {
      const all = await onAir(place);
      const { pull, seen } = all;
      const killedMs = performance.now();
      if (i % 2 === 0) pull.reset();
      else pull.cut();
      pull.welcome = 'reset';
      const told = await toldAfter(all, killedMs);
      const retriedMs = await until('it is tried again', () => pull.connectsAtMs.find(at => at > killedMs));
      await pass(1_000);
      pull.welcome = 'pass';
      const backMs = performance.now();
      const onAirMs = await until('it is on air again', () => firstAfter(seen.video, backMs));
      await framesMore(seen, 10);
      heldPush(all);
      return { told, retry: retriedMs - killedMs, back: onAirMs - backMs };
    });
    figure('S1', 'loss told', Math.max(...results.map(it => it.told)), { unit: 'ms', atMost: 300, busyAtMost: 1_000 });
    figure('S1', 'first retry', Math.max(...results.map(it => it.retry)), {
      unit: 'ms',
      atMost: 500,
      busyAtMost: 1_000,
    });
    const back = Math.max(...results.map(it => it.back));
    figure('S1', 'on air after the return of the source', back, { unit: 'ms', atMost: CAP_MS + GOP_MS });
  });

  it('S2: a source that falls silent is noticed within 5 s', async () => {
    await using place = new Place();
    const told = await times(4, async () => {
      const all = await onAir(place);
      all.source.behave({ silent: true });
      const lastMs = await until('the last frame is through', () => quietSince(all));
      const took = await toldAfter(all, lastMs);
      all.source.behave({ silent: false });
      await framesMore(all.seen, 30);
      heldPush(all);
      return took;
    });
    figure('S2', 'silence told', Math.max(...told), { unit: 'ms', atMost: SILENT_MS, busyAtMost: SILENT_MS + 1_000 });
  });

  it('S3: a link that is cut without a word is noticed as a silence', async () => {
    await using place = new Place();
    const told = await times(4, async () => {
      const all = await onAir(place);
      const cutMs = performance.now();
      for (const way of ['up', 'down'] as const) all.pull.set(way, { stalled: true });
      const took = await toldAfter(all, cutMs);
      for (const way of ['up', 'down'] as const) all.pull.set(way, { stalled: false });
      await framesMore(all.seen, 30);
      heldPush(all);
      return took;
    });
    figure('S3', 'half-open link told', Math.max(...told), {
      unit: 'ms',
      atMost: SILENT_MS,
      busyAtMost: SILENT_MS + 1_000,
    });
  });

  it('S4: a source that trickles counts as silent', async () => {
    await using place = new Place();
    const told = await times(4, async i => {
      const all = await onAir(place);
      all.pull.set('down', { bytesPerSecond: [1, 2, 5, 8][i] ?? 1 });
      const tookMs = await toldAfter(all, performance.now());
      expect(all.seen.pushes).toHaveLength(1);
      return tookMs;
    });
    // The last whole frame may take its time to come through.
    figure('S4', 'trickle told', Math.max(...told), { unit: 'ms', atMost: 2 * SILENT_MS });
  });

  it('S4: a source that trickles from the beginning is given up within 10 s', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const oracle = await Oracle.start(place);
    const told = await times(4, async i => {
      const pull = await FaultProxy.start(place, { to: source.port });
      pull.set('down', { bytesPerSecond: [1, 100, 300, 500][i] ?? 1 });
      const beganMs = performance.now();
      const relay = OneRelay.start(place, { from: pull.url('live/in'), to: oracle.url(`out${i}`) });
      return toldAfter({ relay }, beganMs);
    });
    figure('S4', 'trickling negotiation given up', Math.max(...told), { unit: 'ms', atMost: 10_100 });
  });

  it('S1: an outage at the sink is as long as the outage of the source, and one group of pictures', async () => {
    await using place = new Place();
    const all = await onAir(place);
    const goneMs = performance.now();
    await all.source.vanish('reset');
    await pass(300);
    await all.source.appear();
    const backMs = performance.now();
    await until('it is on air again', () => firstAfter(all.seen.video, backMs));
    const gapMs = longestGapMs(all.seen.video, { fromMs: goneMs - 500 });
    figure('S1', 'outage at the sink beyond that of the source', gapMs - (backMs - goneMs), {
      unit: 'ms',
      atMost: 1_500,
    });
    heldPush(all);
  });
});

/** When the newest frame came, once none has come for a while. */
function quietSince({ seen }: OnAir): number | undefined {
  const newest = Math.max(seen.video.atMs.at(-1) ?? 0, seen.audio.atMs.at(-1) ?? 0);
  return performance.now() - newest > 500 ? newest : undefined;
}
