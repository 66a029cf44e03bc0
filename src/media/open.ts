import { type Address, parseAddress, redactUrl } from './address.ts';
import { within } from './deadline.ts';
import { asFault, Fault, type Side } from './fault.ts';
import { openHttpSource, openWsSource } from './http-source.ts';
import type { Sink, Source } from './packet.ts';
import type { RtmpOptions } from './rtmp/client.ts';
import { openRtmpSink, type RtmpSinkOptions } from './rtmp/sink.ts';
import { openRtmpSource } from './rtmp/source.ts';
import { openRtspSource } from './rtsp/source.ts';
import { openSrtSink } from './srt/sink.ts';
import { openSrtSource } from './srt/source.ts';

export type SourceOptions = RtmpOptions;
export type SinkOptions = RtmpSinkOptions;

/** What can be pulled, by scheme. */
const SOURCES = new Map<string, (address: Address, options: SourceOptions) => Promise<Source>>([
  ['rtmp', openRtmpSource],
  ['rtmps', openRtmpSource],
  ['http', openHttpSource],
  ['https', openHttpSource],
  ['ws', openWsSource],
  ['wss', openWsSource],
  ['rtsp', openRtspSource],
  ['rtsps', openRtspSource],
  ['srt', openSrtSource],
]);

type SinkOpener = (address: Address, options: SinkOptions) => Promise<Sink>;

/** Nobody is held for longer. */
const MAX_HELD_MS = 60_000;

/** Of a protocol in which a dial is a publish: all of it is held. */
const dialledLast =
  (opener: SinkOpener): SinkOpener =>
  async (address, { held, ...options }) => {
    const deadline = {
      side: 'push',
      signal: options.signal,
      late: 'the publish was not due',
      waitMs: MAX_HELD_MS,
    } as const;
    if (held !== undefined) await within(deadline, held);
    return opener(address, options);
  };

/** Where can be pushed to, by scheme. */
const SINKS = new Map<string, SinkOpener>([
  ['rtmp', openRtmpSink],
  ['rtmps', openRtmpSink],
  ['srt', dialledLast(openSrtSink)],
]);

export const SOURCE_SCHEMES: readonly string[] = [...SOURCES.keys()];
export const SINK_SCHEMES: readonly string[] = [...SINKS.keys()];

/** Opens a source. Everything that fails is a Fault of side `pull`. */
export function openSource(url: string, options: SourceOptions): Promise<Source> {
  return open({ url, side: 'pull', openers: SOURCES, options });
}

/** Opens a sink. Everything that fails is a Fault of side `push`. */
export function openSink(url: string, options: SinkOptions): Promise<Sink> {
  return open({ url, side: 'push', openers: SINKS, options });
}

async function open<Options, Opened>(given: {
  url: string;
  side: Side;
  openers: Map<string, (address: Address, options: Options) => Promise<Opened>>;
  options: Options;
}): Promise<Opened> {
  const { url, side, openers, options } = given;
  const address = parse(url, side, [...openers.keys()]);
  const opener = openers.get(address.scheme);
  if (opener === undefined) throw new Fault(side, 'unsupported', `nothing here speaks ${address.scheme}`);
  try {
    return await opener(address, options);
  } catch (error) {
    throw asFault(side, error);
  }
}

function parse(url: string, side: Side, schemes: readonly string[]): Address {
  try {
    return parseAddress(url, schemes);
  } catch (cause) {
    throw new Fault(side, 'unsupported', `${redactUrl(url)}: ${(cause as Error).message}`, { cause });
  }
}
