import type { Probe } from './api/native/probe.ts';
import type { Eyes, Looked } from './control/plan.ts';
import { Fault } from './media/fault.ts';
import { jointOf, previewFile } from './media/preview.ts';
import { type ProbeUrlOptions, probeLiveUrl, probePush, probeUrl } from './media/probe-url.ts';

/** A failure of the world is an answer, too. */
async function looked<Found>(look: Promise<Found>): Promise<Looked<Found>> {
  try {
    return { ok: true, found: await look };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ok: false, kind: error.kind, error: error.message };
  }
}

/** For callers of the API: within the node's network policy, and until the node ends. */
export const proberOf =
  (options: ProbeUrlOptions): Probe =>
  (url, as) =>
    looked<object>(as === 'source' ? probeUrl(url, options) : probePush(url, options).then(tookMs => ({ tookMs })));

/** For plans. */
export const eyesOf = (options: Omit<ProbeUrlOptions, 'signal'>): Eyes => ({
  file: (url, offsetsMs, signal) => looked(previewFile(url, { ...options, offsetsMs, signal })),
  live: (url, tls, signal) => looked(probeLiveUrl(url, { ...options, dialler: options.dialler.trusting(tls), signal })),
  joint: jointOf,
});
