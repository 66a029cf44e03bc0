import { Fault } from '../media/fault.ts';
import type { Source } from '../media/packet.ts';
import { under } from './attempts.ts';
import type { RunParts, SourceWish } from './run.ts';

const OPEN_MS = 5_000;

export interface Opening extends Pick<RunParts, 'openSource' | 'sleep'> {
  readonly url: string;
  /** Fit for a log. */
  readonly address: string;
  readonly wish: SourceWish;
}

/** Opens a source where others wait for their turn: nobody keeps them waiting for long. */
export function openSoon({ openSource, sleep, url, address, wish }: Opening, signal: AbortSignal): Promise<Source> {
  return under(signal, async own => {
    const opening = openSource(url, own.signal, wish);
    const late = sleep(OPEN_MS, own.signal).then(() => {
      throw new Fault('pull', 'timeout', `${address} did not answer in time`);
    });
    try {
      return await Promise.race([opening, late]);
    } catch (error) {
      // It may come yet, when nobody wants it any more.
      opening.then(
        source => source.close(),
        () => {},
      );
      throw error;
    }
  });
}
