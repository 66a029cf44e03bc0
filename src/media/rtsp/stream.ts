import type { Monotonic } from '../clock.ts';
import type { Dialler } from '../net.ts';
import type { Asking } from './asking.ts';
import type { DatagramPair } from './datagrams.ts';
import type { KeepAliveMethod } from './keep-alive.ts';
import type { Line } from './line.ts';
import type { RtspReader } from './message.ts';
import type { Reporter } from './reception.ts';
import type { Peer } from './refusal.ts';
import type { Channels } from './setup.ts';
import type { ChosenTrack } from './tracks.ts';
import type { Way } from './way.ts';

export interface RtspOptions {
  readonly dialler: Dialler;
  readonly signal: AbortSignal;
  /** How long a server may take over one step of the negotiation, and over all of them. */
  readonly stepMs?: number;
  readonly totalMs?: number;
  readonly random?: (bytes: number) => Buffer;
  readonly now?: Monotonic;
}

/** A frame that came before the connection was handed over. */
export interface EarlyFrame {
  readonly channel: number;
  readonly bytes: Buffer;
}

export interface PlayedTrack {
  readonly chosen: ChosenTrack;
  /** Of a track that comes in datagrams they are ours alone: the server has not heard of them. */
  readonly channels: Channels;
  readonly datagrams: DatagramPair | undefined;
  /** The RTP time at which it begins, where the server tells that. */
  readonly beginning: number | undefined;
}

/** What a server has agreed to play, and what that is said over. It is paused and owned by the caller. */
export interface RtspStream {
  readonly line: Line;
  readonly way: Way;
  readonly reader: RtspReader;
  readonly asking: Asking;
  readonly peer: Peer;
  /** Who tells the sender what has come. */
  readonly reporter: Reporter;
  readonly tracks: readonly PlayedTrack[];
  readonly notes: readonly string[];
  /** What is played as a whole, as an address. */
  readonly aggregate: string;
  readonly keepAlive: { readonly server: string; readonly method: KeepAliveMethod; readonly timeoutSeconds: number };
  readonly early: readonly EarlyFrame[];
}
