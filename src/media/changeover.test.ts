import { describe, expect, it } from 'vitest';
import { Changeover } from './changeover.ts';
import { Batch, type PacketKind } from './packet.ts';

type Given = readonly [kind: PacketKind, dtsMs: number];

function batchOf(...given: readonly Given[]): Batch {
  const batch = new Batch();
  for (const [kind, dtsMs] of given) batch.next().reset(kind, dtsMs);
  return batch;
}

/** A spare that has shown these key frames. */
const shown = (keysMs: readonly number[], newestMs: number) => ({
  newestMs,
  hasKey: (keyMs: number) => keysMs.includes(keyMs),
});

describe('a changeover', () => {
  it('is in front of a key frame that the spare has shown too', () => {
    const changeover = new Changeover(shown([2_000], 2_080), 0);
    expect(changeover.cutIn(batchOf(['inter', 1_960], ['audio', 1_970], ['key', 2_000], ['inter', 2_040]))).toEqual({
      index: 2,
      keyMs: 2_000,
    });
  });

  it('is in front of one that the spare will show, because it has shown one before it', () => {
    const changeover = new Changeover(shown([0], 1_700), 0);
    expect(changeover.cutIn(batchOf(['inter', 1_960]))).toBeUndefined();
    expect(changeover.cutIn(batchOf(['key', 2_000]))?.keyMs).toBe(2_000);
  });

  it('does not come with a spare whose same times are seconds away', () => {
    const changeover = new Changeover(shown([0, 2_000], 2_100), 0);
    expect(changeover.cutIn(batchOf(['key', 4_000]))).toBeUndefined();
  });

  it('knows a stranger after two key frames', () => {
    const changeover = new Changeover(shown([17, 1_017], 1_500), 0);
    changeover.cutIn(batchOf(['key', 1_000]));
    expect(changeover.isForeign).toBe(false);
    changeover.cutIn(batchOf(['key', 2_000]));
    expect(changeover.isForeign).toBe(true);
  });
});
