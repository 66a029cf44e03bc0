import type { Drops } from '../media/packet.ts';
import type { Relay } from '../media/relay.ts';
import type { RunFlow } from './channel.ts';

/** What former relays of a run carried: each bug costs one. */
export interface Carried {
  bytesIn: number;
  bytesOut: number;
  mediaMs: number;
  picturesIn: number;
  picturesOut: number;
}

export const NOTHING_CARRIED: Readonly<Carried> = {
  bytesIn: 0,
  bytesOut: 0,
  mediaMs: 0,
  picturesIn: 0,
  picturesOut: 0,
};

/** Adds what the relay has carried, whose end this is. */
export function bank(carried: Carried, relay: Relay): void {
  carried.bytesIn += relay.bytesIn;
  carried.bytesOut += relay.bytesOut;
  carried.mediaMs += Math.round(relay.mediaMs);
  carried.picturesIn += relay.pictures.in;
  carried.picturesOut += relay.pictures.out;
}

/** Only pictures are ever dropped: what was handed to a destination and not dropped went out, or is about to. */
export function flowOf(
  relay: Relay,
  carried: Carried,
  seen: { readonly nowMs: number; readonly drops: Drops },
): RunFlow {
  const { disposable, untilKey } = seen.drops;
  return {
    atMs: Math.round(seen.nowMs),
    picturesIn: carried.picturesIn + relay.pictures.in,
    picturesOut: Math.max(0, carried.picturesOut + relay.pictures.out - disposable - untilKey),
    keyFrameMs: Math.round(relay.keyFrameMs),
  };
}
