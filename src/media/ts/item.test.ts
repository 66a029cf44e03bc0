import { describe, expect, it } from 'vitest';
import { audioIn, playAll, videoIn } from '../../../test/lab/packets.ts';
import { ScriptedBytes } from '../file/scripted-bytes.ts';
import { Batch } from '../packet.ts';
import { openTs } from './item.ts';
import { scriptedMedia } from './scripted-stream.ts';

const signal = AbortSignal.timeout(60_000);

describe('a file of a transport stream', () => {
  it('is played whole from 0, with metadata and codec headers in front, though its bytes come late', async () => {
    const item = await openTs(new ScriptedBytes(scriptedMedia({ seconds: 3 }).bytes), { startMs: 0, signal });
    const kept = await playAll(item);
    expect([item.startMs, item.durationMs]).toEqual([0, 3008]);
    expect(kept.slice(0, 4).map(({ kind, dtsMs }) => `${kind}@${dtsMs}`)).toEqual([
      'metadata@0',
      'videoHeader@0',
      'audioHeader@0',
      'key@0',
    ]);
    expect(videoIn(kept).map(({ dtsMs }) => dtsMs)).toEqual(Array.from({ length: 75 }, (_, i) => i * 40));
    expect(audioIn(kept)).toHaveLength(141);
  });

  it.each([[2_500], [10_020], [33_333], [59_999]])('started at %i ms begins at the key frame before', async startMs => {
    // The clock wraps on the way.
    const { bytes } = scriptedMedia({
      seconds: 60,
      startMs: Math.round(2 ** 33 / 90) - 20_000,
      gop: 50,
      frameBytes: 3000,
    });
    const file = new ScriptedBytes(bytes);
    const item = await openTs(file, { startMs, signal });
    const keyMs = Math.floor(startMs / 2000) * 2000;
    expect(item.startMs).toBe(keyMs);
    expect(item.durationMs).toBeGreaterThanOrEqual(60_000);
    const kept = await playAll(item, { stepMs: 500 });
    expect(videoIn(kept)[0]).toMatchObject({ kind: 'key', dtsMs: keyMs });
    expect(videoIn(kept)).toHaveLength((60_000 - keyMs) / 40);
    expect(Math.min(...audioIn(kept).map(({ dtsMs }) => dtsMs))).toBeGreaterThanOrEqual(keyMs);
  });

  it('started behind its end begins at its last key frame', async () => {
    const item = await openTs(new ScriptedBytes(scriptedMedia({ seconds: 8 }).bytes), { startMs: 99_000, signal });
    expect(item.startMs).toBe(7000);
  });

  it('that cannot be sought is read through up to the position', async () => {
    const file = new ScriptedBytes(scriptedMedia({ seconds: 10 }).bytes, { seekable: false });
    const item = await openTs(file, { startMs: 5_500, signal });
    expect([item.startMs, item.durationMs]).toEqual([5000, undefined]);
    expect(videoIn(await playAll(item))).toHaveLength(125);
  });

  it('finds a position in a file that says nothing of times where it is looked into', async () => {
    // Two clocks: the second half counts from 0 again.
    const bytes = Buffer.concat([
      scriptedMedia({ seconds: 10, startMs: 50_000 }).bytes,
      scriptedMedia({ seconds: 10 }).bytes,
    ]);
    const item = await openTs(new ScriptedBytes(bytes), { startMs: 15_500, signal });
    const kept = await playAll(item);
    expect(item.startMs).toBeGreaterThanOrEqual(15_000);
    expect(item.startMs).toBeLessThanOrEqual(15_500);
    expect(videoIn(kept).length).toBeGreaterThan(110);
  });

  it('reads no further ahead than the player has come', async () => {
    const { bytes } = scriptedMedia({ seconds: 120, frameBytes: 3000 });
    const file = new ScriptedBytes(bytes);
    const item = await openTs(file, { startMs: 0, signal });
    file.readTo = 0;
    for (let untilMs = 0; untilMs < 10_000; untilMs += 50) item.read(new Batch(), untilMs);
    expect(file.readTo).toBeLessThan(bytes.length / 8);
  });

  it('gives up when it is called off', async () => {
    const abort = new AbortController();
    const opening = openTs(new ScriptedBytes(scriptedMedia({ seconds: 10 }).bytes), {
      startMs: 9_000,
      signal: abort.signal,
    });
    abort.abort();
    await expect(opening).rejects.toThrow();
  });
});
