import { describe, expect, it } from 'vitest';
import { backwards, duplicates, longestGapMs, missing } from './lab/continuity.ts';
import { CountedHls, type HlsOptions } from './lab/counted-hls.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

interface OnAir {
  readonly hls: CountedHls;
  readonly relay: OneRelay;
  readonly seen: SeenStream;
}

/** One relay from a list, once frames arrive. */
async function onAir(place: Place, options: HlsOptions = {}): Promise<OnAir> {
  const hls = await CountedHls.start(place, options);
  const oracle = await Oracle.start(place);
  const relay = OneRelay.start(place, { from: hls.url, to: oracle.url('out') });
  const seen = oracle.stream('out');
  await until('frames of both tracks arrive', () => seen.video.length > 20 && seen.audio.length > 20);
  return { hls, relay, seen };
}

describe.concurrent('a live HLS source', () => {
  it('is relayed whole and at the pace of its own clock', async () => {
    await using place = new Place();
    const { seen } = await onAir(place);
    const [fromMs, fromFrames] = [performance.now(), seen.video.length];
    await pass(8_000);
    const rate = (seen.video.length - fromFrames) / 25 / ((performance.now() - fromMs) / 1000);
    expect(rate).toBeCloseTo(1, 1);
    expect(longestGapMs(seen.video)).toBeLessThan(1_000);
    expect(harm(seen)).toBe(0);
  });
});

/** Frames that were lost, came twice, or bear a time that does not rise. */
const harm = ({ video, audio }: SeenStream): number =>
  [video, audio].reduce((sum, track) => sum + missing(track).length + duplicates(track) + backwards(track), 0);
