import { CountedSource, type SourceOptions } from '../lab/counted-source.ts';
import { FaultProxy } from '../lab/fault-proxy.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Oracle, type SeenStream } from '../lab/oracle.ts';
import type { Place } from '../lab/place.ts';
import { until } from '../lab/wait.ts';

/** One relay with a proxy on either side of it. */
export interface OnAir {
  readonly source: CountedSource;
  readonly pull: FaultProxy;
  readonly relay: OneRelay;
  readonly push: FaultProxy;
  readonly oracle: Oracle;
  readonly seen: SeenStream;
}

/** Arranges it and begins; frames may not have come yet. */
export async function relayed(place: Place, options: SourceOptions = {}): Promise<OnAir> {
  const source = await CountedSource.start(place, options);
  const oracle = await Oracle.start(place);
  const pull = await FaultProxy.start(place, { to: source.port });
  const push = await FaultProxy.start(place, { to: oracle.port });
  const relay = OneRelay.start(place, { from: pull.url('live/in'), to: push.url('live/out') });
  return { source, pull, relay, push, oracle, seen: oracle.stream('out') };
}

/** The same, once frames of both tracks arrive. */
export async function onAir(place: Place, options: SourceOptions = {}): Promise<OnAir> {
  const all = await relayed(place, options);
  await framesMore(all.seen, 30);
  return all;
}

/** Resolves when so many more pictures and sounds have come. */
export async function framesMore({ video, audio }: SeenStream, count: number): Promise<void> {
  const [pictures, sounds] = [video.length + count, audio.length + count];
  await until(`${count} frames more`, () => video.length >= pictures && audio.length >= sounds);
}

/** Does it so many times at once, each in a place of its own making, and answers what each came to. */
export function times<T>(count: number, act: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => act(i)));
}
