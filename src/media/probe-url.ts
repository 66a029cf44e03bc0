import { asFault, Fault } from './fault.ts';
import type { Dialler } from './net.ts';
import { openSink, openSource, SOURCE_SCHEMES } from './open.ts';
import { type Findings, kindOf, probeFile } from './probe.ts';
import { type LiveFindings, probeLive } from './probe-live.ts';
import { type DestinationKind, type Verdict, verdicts } from './verdict.ts';

export interface ProbeUrlOptions {
  readonly dialler: Dialler;
  /** Where `media://` files lie. */
  readonly mediaDir?: string | undefined;
  readonly signal: AbortSignal;
  /** Monotonic. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export type Probed =
  | (LiveFindings & { readonly kind: 'live' })
  | (Findings & { readonly kind: 'file'; readonly verdicts: Readonly<Record<DestinationKind, Verdict>> });

/** Somebody waits for the answer. */
const MOST_FILE_MS = 4_500;

const schemeOf = (url: string): string => url.slice(0, Math.max(0, url.indexOf(':'))).toLowerCase();

/** What an address gives, a live stream or a file: over HTTP the answer decides. What cannot be pulled is a Fault. */
export async function probeUrl(url: string, options: ProbeUrlOptions): Promise<Probed> {
  return (await isLive(url, options)) ? { kind: 'live', ...(await probeLiveUrl(url, options)) } : file(url, options);
}

/** What an address gives that is known to be a live stream's. */
export const probeLiveUrl = (url: string, { dialler, ...options }: ProbeUrlOptions): Promise<LiveFindings> =>
  probeLive(url, { ...options, open: (address, signal) => openSource(address, { dialler, signal }) });

async function file(url: string, options: ProbeUrlOptions): Promise<Probed> {
  const findings = await probeFile(url, { ...options, mostMs: MOST_FILE_MS });
  const { video, audio } = findings;
  return { kind: 'file', ...findings, verdicts: verdicts({ video: video?.codec, audio: audio?.codec }) };
}

async function isLive(url: string, options: ProbeUrlOptions): Promise<boolean> {
  const scheme = schemeOf(url);
  if (scheme !== 'http' && scheme !== 'https') return SOURCE_SCHEMES.includes(scheme);
  const { container, size, isOver } = await kindOf(url, options.signal, options);
  if (container === 'hls') return !isOver;
  return container === 'flv' && size === undefined;
}

/** Has a destination accept a publish, and leaves again without a frame. Answers how long it took. */
export async function probePush(url: string, { dialler, signal, now }: ProbeUrlOptions): Promise<number> {
  const startedAtMs = now();
  try {
    const sink = await openSink(url, { dialler, signal, now });
    const tookMs = Math.round(now() - startedAtMs);
    await sink.close();
    return tookMs;
  } catch (error) {
    if (signal.aborted) throw new Fault('push', 'closed', 'the attempt was given up', { cause: error });
    throw asFault('push', error);
  }
}
