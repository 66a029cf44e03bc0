import type { ProbeOptions, TryOptions } from './cli/doors.ts';
import { checkUrl, redactUrl } from './media/address.ts';
import { monotonic } from './media/clock.ts';
import { Heartbeat } from './media/heartbeat.ts';
import { Dialler } from './media/net.ts';
import { openSink, openSource, SINK_SCHEMES, SOURCE_SCHEMES } from './media/open.ts';
import {
  probePush as askDestination,
  probeUrl as lookAt,
  type Probed,
  type ProbeUrlOptions,
} from './media/probe-url.ts';
import { whenAborted } from './worker/attempts.ts';
import { Run } from './worker/run.ts';
import { sleep } from './worker/sleep.ts';

/*
 * What a person does at a terminal with neither a node nor a store: with the means of a worker, and free to dial whatever
 * the person may.
 */
const inForeground = (): Pick<ProbeUrlOptions, 'dialler' | 'now' | 'sleep'> => ({
  dialler: new Dialler({ preset: 'lab' }),
  now: monotonic,
  sleep,
});

/** Looks at a live stream or a file. */
export const probeUrl = (url: string, options: ProbeOptions): Promise<Probed> =>
  lookAt(url, { ...inForeground(), ...options });

/** Asks a destination whether it takes a publish. */
export const probePush = (url: string, options: ProbeOptions): Promise<number> =>
  askDestination(url, { ...inForeground(), ...options });

/** One relay: the same run as a worker's. */
export async function tryRelay(source: string, destination: string, options: TryOptions): Promise<void> {
  for (const [url, schemes] of [
    [source, SOURCE_SCHEMES],
    [destination, SINK_SCHEMES],
  ] as const) {
    const problem = checkUrl(url, { schemes, policy: 'lab' });
    if (problem !== undefined) throw new Error(`${redactUrl(url)}: ${problem}`);
  }
  const dialler = new Dialler({ preset: 'lab' });
  const heartbeat = new Heartbeat({ tickMs: 50, onBug: (relay, error) => run.takeBug(relay, error) });
  const startedAt = monotonic();
  const run = new Run({
    order: { taskId: 'try', epoch: 1, source: { kind: 'live', url: source }, destination },
    heartbeat,
    openSource: (url, signal, wish) => openSource(url, { ...wish, dialler, signal }),
    openSink: (url, signal, wish) => openSink(url, { ...wish, dialler, signal, now: monotonic }),
    now: monotonic,
    sleep,
    random: Math.random,
    tell: () => show(),
    log: () => {},
  });
  const show = (): void => {
    const { state, reason, bytesIn, bytesOut, dropped } = run.report();
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    const note = state === 'flowing' ? '' : reason;
    options.onProgress({ elapsedMs: monotonic() - startedAt, bytesIn, bytesOut, dropped: lost, note });
  };
  const timer = setInterval(show, 1_000);
  try {
    await Promise.race([whenAborted(options.signal), run.ended]);
    await run.stop();
  } finally {
    clearInterval(timer);
    heartbeat.close();
  }
}
