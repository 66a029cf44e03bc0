import { describe, expect, it } from 'vitest';
import type { Fault } from './fault.ts';
import { Dialler } from './net.ts';
import { openSink, openSource, SINK_SCHEMES, SOURCE_SCHEMES } from './open.ts';

const signal = new AbortController().signal;
const options = { dialler: new Dialler({ preset: 'public' }), signal, now: () => 0 };

const failing = (opening: Promise<unknown>): Promise<Fault> =>
  opening.then(
    () => {
      throw new Error('it succeeded');
    },
    (fault: Fault) => fault,
  );

describe('opening', () => {
  it('knows its schemes', () => {
    expect(SOURCE_SCHEMES).toEqual(expect.arrayContaining(['rtmp', 'rtmps']));
    expect(SINK_SCHEMES).toEqual(expect.arrayContaining(['rtmp', 'rtmps']));
  });

  it.each([
    'file:///etc/SECRETKEY',
    'srtp://h/a/SECRETKEY',
    'rtmp://h:0/live/SECRETKEY',
    'rtmp://h/SECRETKEY',
    'SECRETKEY',
  ])('refuses %s for good, and keeps the key to itself', async url => {
    for (const [side, opening] of [
      ['pull', openSource(url, options)] as const,
      ['push', openSink(url, options)] as const,
    ]) {
      const fault = await failing(opening);
      expect(fault).toMatchObject({ name: 'Fault', side, kind: 'unsupported', retryable: false });
      expect(fault.message).not.toContain('SECRETKEY');
    }
  });

  it('does not even dial by SRT, which publishes with that, while it is held', async () => {
    const held = Promise.withResolvers<void>();
    let fault: Fault | undefined;
    const opening = failing(openSink('srt://127.0.0.1:9', { ...options, held: () => held.promise }));
    const noted = opening.then(failed => {
      fault = failed;
    });
    await new Promise(setImmediate);
    expect(fault).toBeUndefined();
    held.resolve();
    await noted;
    expect(fault?.kind).toBe('policy');
  });

  it('keeps to the policy of its dialler', async () => {
    expect((await failing(openSink('rtmp://127.0.0.1/live/SECRETKEY', options))).kind).toBe('policy');
  });
});
