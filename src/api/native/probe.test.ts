import { describe, expect, it } from 'vitest';
import { NativeError } from './error.ts';
import { Prober } from './probe.ts';

describe('a probe', () => {
  it('prints what was found in the words of this dialect, at every depth', async () => {
    const found = { kind: 'live', video: { bFrames: true, keyFrames: { longestGapMs: 1 } }, notes: ['A note.'] };
    const prober = new Prober(async () => ({ ok: true, found }));
    expect(await prober.look('rtmp://h/a/b', 'source')).toEqual({
      ok: true,
      kind: 'live',
      video: { b_frames: true, key_frames: { longest_gap_ms: 1 } },
      notes: ['A note.'],
    });
  });

  it('tells a failure as an answer', async () => {
    const prober = new Prober(async () => ({ ok: false, kind: 'refused', error: 'no such stream' }));
    expect(await prober.look('rtmp://h/a/b', 'destination')).toEqual({
      ok: false,
      kind: 'refused',
      error: 'no such stream',
    });
  });

  it('is one of four at the most; those beyond are sent away, and let in later', async () => {
    const ends: (() => void)[] = [];
    const prober = new Prober(() => new Promise(resolve => ends.push(() => resolve({ ok: true, found: {} }))));
    const running = Array.from({ length: 4 }, () => prober.look('rtmp://h/a/b', 'source'));
    const refused = await prober.look('rtmp://h/a/b', 'source').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NativeError);
    expect(refused).toMatchObject({ code: 'THROTTLED' });
    for (const end of ends.splice(0)) end();
    await Promise.all(running);
    const again = prober.look('rtmp://h/a/b', 'source');
    for (const end of ends.splice(0)) end();
    expect(await again).toEqual({ ok: true });
  });
});
