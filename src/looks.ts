import { Fault } from './media/fault.ts';
import { type Joint, jointOf, type Preview, previewFile } from './media/preview.ts';
import type { LiveFindings } from './media/probe-live.ts';
import { type ProbeUrlOptions, probeLiveUrl, probePush, probeUrl } from './media/probe-url.ts';
import type { Trust } from './media/trust.ts';

/** What came of a look: a failure of the world is an answer, too. */
export type Looked<Found> =
  | { readonly ok: true; readonly found: Found }
  | { readonly ok: false; readonly kind: string; readonly error: string };

async function looked<Found>(look: Promise<Found>): Promise<Looked<Found>> {
  try {
    return { ok: true, found: await look };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ok: false, kind: error.kind, error: error.message };
  }
}

export type Prober = (url: string, as: 'source' | 'destination') => Promise<Looked<object>>;

/** For callers of the API: within the node's network policy, and until the node ends. */
export const proberOf =
  (options: ProbeUrlOptions): Prober =>
  (url, as) =>
    looked<object>(as === 'source' ? probeUrl(url, options) : probePush(url, options).then(tookMs => ({ tookMs })));

export interface Eyes {
  file(url: string, offsetsMs: readonly number[], signal: AbortSignal): Promise<Looked<Preview>>;
  live(url: string, tls: Trust | undefined, signal: AbortSignal): Promise<Looked<LiveFindings>>;
  joint(
    before: Pick<Preview, 'headers' | 'video' | 'audio'>,
    after: Pick<Preview, 'headers' | 'video' | 'audio'>,
  ): Joint;
}

/** For plans. */
export const eyesOf = (options: Omit<ProbeUrlOptions, 'signal'>): Eyes => ({
  file: (url, offsetsMs, signal) => looked(previewFile(url, { ...options, offsetsMs, signal })),
  live: (url, tls, signal) => looked(probeLiveUrl(url, { ...options, dialler: options.dialler.trusting(tls), signal })),
  joint: jointOf,
});
