import { describe, expect, it } from 'vitest';
import { fallen, harm, longestStepMs, lost, skewMs } from '../lab/continuity.ts';
import { PLAIN } from '../lab/counted-stream.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { framesMore, onAir, times } from './on-air.ts';

const FRAME_MS = 1000 / PLAIN.fps;
const longest = (values: readonly number[]): number => Math.max(...values);

describe.concurrent("the source's clock is wrong", () => {
  it('S10: times that fall or jump ahead are taken out, and sound stays with the picture', async () => {
    await using place = new Place();
    const jumps = [-10_000, -1_500, 4_000, 20_000, 3_600_000, -3_600_000];
    const seen = await times(jumps.length, async i => {
      const { source, seen } = await onAir(place, { manner: { shiftMs: 7_200_000 } });
      source.behave({ shiftMs: 7_200_000 + (jumps[i] ?? 0) });
      await framesMore(seen, 60);
      expect(seen.pushes).toHaveLength(1);
      return seen;
    });
    figure('S10', 'times that did not rise', longest(seen.map(fallen)), { unit: 'frames', exactly: 0 });
    figure('S10', 'frames lost', longest(seen.map(lost)), { unit: 'frames', exactly: 0 });
    const step = longest(seen.map(({ video }) => longestStepMs(video)));
    figure('S10', 'longest step of the output', step, { unit: 'ms', atMost: 2 * FRAME_MS });
    figure('S10', 'sound away from the picture', longest(seen.map(it => skewMs(it))), {
      unit: 'ms',
      atMost: 40,
    });
  });

  it('S10: a clock that stands still counts as silence', async () => {
    await using place = new Place();
    const { source, relay, seen } = await onAir(place);
    const frozenMs = performance.now();
    source.behave({ frozen: true });
    const loss = await until('the loss is told', () => relay.lossAfter(frozenMs));
    source.behave({ frozen: false });
    await framesMore(seen, 30);
    expect([seen.pushes.length, fallen(seen)]).toEqual([1, 0]);
    figure('S10', 'frozen times told', loss.atMs - frozenMs, { unit: 'ms', atMost: 5_000, busyAtMost: 6_000 });
  });

  it('S11: a clock that passes 24, 31 or 32 bits is not seen at the sink', async () => {
    await using place = new Place();
    const boundaries = [0xff_ff_ff, 2 ** 31, 2 ** 32];
    const seen = await times(boundaries.length, async i => {
      const { seen, source } = await onAir(place, { manner: { shiftMs: (boundaries[i] ?? 0) - 4_000 } });
      await until('the boundary is passed', () => source.headMs > 6_000);
      expect(seen.pushes).toHaveLength(1);
      return seen;
    });
    figure('S11', 'frames lost, doubled or out of time', longest(seen.map(harm)), { unit: 'frames', exactly: 0 });
    figure('S11', 'longest step', longest(seen.map(it => longestStepMs(it.video))), { unit: 'ms', atMost: FRAME_MS });
  });

  it('S12: ten seconds that come at once are passed on whole', async () => {
    await using place = new Place();
    const { source, seen, relay } = await onAir(place);
    source.behave({ speed: 50 });
    await until('ten seconds are filmed', () => source.headMs > 11_500, { everyMs: 5 });
    source.behave({ speed: 1 });
    await framesMore(seen, 300);
    await pass(500);
    figure('S12', 'frames of a burst lost', lost(seen), { unit: 'frames', exactly: 0 });
    figure('S12', 'queued behind the burst', relay.report.queuedMs, { unit: 'ms', atMost: 2_000 });
  });

  it('S12: a source that runs ahead for long is held to the pace of life', async () => {
    await using place = new Place();
    const { source, seen } = await onAir(place, { shape: { videoKbit: 4_000 } });
    source.behave({ speed: 10 });
    const outMs = (): number => seen.video.dtsMs.at(-1) ?? 0;
    const pace = async (ms: number): Promise<number> => {
      const [fromOutMs, fromMs] = [outMs(), performance.now()];
      await pass(ms);
      return (outMs() - fromOutMs) / (performance.now() - fromMs);
    };
    await until('it is held', async () => (await pace(1_000)) < 1.5 && outMs() > 20_000);
    const rate = await pace(10_000);
    figure('S12', 'pace of a source that runs at ten times life', rate, { unit: 'x', atMost: 1.1, busyAtMost: 1.3 });
  });

  it('S13: a source that is too slow for a while is caught up with, whole', async () => {
    await using place = new Place();
    const { pull, seen, relay } = await onAir(place);
    const before = pull.passedBytes('down');
    await pass(1_000);
    pull.set('down', { bytesPerSecond: (pull.passedBytes('down') - before) * 0.6 });
    await pass(8_000);
    pull.set('down', { bytesPerSecond: Number.POSITIVE_INFINITY });
    await framesMore(seen, 100);
    expect(relay.report).toMatchObject({ pullEpoch: 1, pushEpoch: 1, state: 'flowing' });
    figure('S13', 'frames lost', lost(seen) + fallen(seen), { unit: 'frames', exactly: 0 });
  });
});
