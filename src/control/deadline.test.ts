import { describe, expect, it } from 'vitest';
import { within } from './deadline.ts';
import { FakeClock } from './rehearsal.testsuite.ts';

const waiting = (clock: FakeClock, signal = new AbortController().signal) => ({
  ms: 1000,
  sleep: clock.sleep,
  what: 'the oracle',
  signal,
});
const never = new Promise<string>(() => undefined);

describe('within a time', () => {
  it('answers what the promise answers', async () => {
    await expect(within(Promise.resolve('yes'), waiting(new FakeClock()))).resolves.toBe('yes');
  });

  it('fails as the promise fails', async () => {
    await expect(within(Promise.reject(new Error('no')), waiting(new FakeClock()))).rejects.toThrow('no');
  });

  it('says who did not answer, and not before the time is over', async () => {
    const clock = new FakeClock();
    let error: unknown;
    const asked = within(never, waiting(clock)).catch(cause => {
      error = cause;
    });
    await clock.pass(999, 999);
    expect(error).toBeUndefined();
    await clock.pass(1);
    await asked;
    expect(error).toEqual(new Error('the oracle did not answer within 1000 ms'));
  });

  it('is cut by its signal', async () => {
    const cut = new AbortController();
    const asked = within(never, waiting(new FakeClock(), cut.signal));
    cut.abort();
    await expect(asked).rejects.toThrow('the wait for the oracle was cut');
  });
});
