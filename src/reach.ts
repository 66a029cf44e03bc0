import { readFileSync } from 'node:fs';
import { type Config, printListen } from './config.ts';
import { checkUrl } from './media/address.ts';
import { monotonic } from './media/clock.ts';
import { isMediaUrl, mediaUrlProblem } from './media/file/media-path.ts';
import { Dialler } from './media/net.ts';
import { SINK_SCHEMES, SOURCE_SCHEMES } from './media/open.ts';
import type { ProbeUrlOptions } from './media/probe-url.ts';
import { assetUrlProblem, isAssetUrl } from './task/asset.ts';
import { sleep } from './worker/sleep.ts';

/* What this node may dial, by its configuration. */

const SCHEMES = {
  live: SOURCE_SCHEMES,
  file: [...SOURCE_SCHEMES, 'media', 'asset'],
  asset: ['http', 'https', 'media'],
  destination: SINK_SCHEMES,
  callback: ['http', 'https'],
} as const;

export type UrlUse = keyof typeof SCHEMES;

/** The broken rule of an address as a sentence; undefined where it will do. */
export const urlProblem = (url: string, use: UrlUse, config: Config): string | undefined =>
  use === 'file' || use === 'asset' ? fileProblem(url, use, config) : schemeProblem(url, use, config);

const schemeProblem = (url: string, use: UrlUse, { network, srtListen }: Config): string | undefined =>
  checkUrl(url, { schemes: SCHEMES[use], policy: network, listens: srtListen ?? undefined });

/** The control process's own way out: to receivers, and to what is looked at before it goes on air. */
export const diallerOf = (config: Config): Dialler =>
  new Dialler({
    preset: config.network,
    forbidden: ownListeners(config),
    ...(config.ca === null ? {} : { ca: readFileSync(config.ca, 'utf8') }),
  });

/** Addresses of files: of this machine, named by an asset, or of a server. */
function fileProblem(url: string, use: 'file' | 'asset', config: Config): string | undefined {
  if (isMediaUrl(url)) return mediaUrlProblem(url, config.media);
  if (use === 'file' && isAssetUrl(url)) return assetUrlProblem(url);
  return schemeProblem(url, use, config);
}

/** What is looked at before it is on air: within the node's network policy. */
export const looking = (config: Config): Omit<ProbeUrlOptions, 'signal'> => ({
  dialler: diallerOf(config),
  mediaDir: config.media ?? undefined,
  sleep,
  now: monotonic,
});

/** The API and the metrics as relays must not reach them. A port chosen by the system is not known when the workers start. */
export const ownListeners = ({ listen, metrics }: Config): string[] =>
  [listen, metrics.listen].flatMap(address => (address === null || address.port === 0 ? [] : [printListen(address)]));
