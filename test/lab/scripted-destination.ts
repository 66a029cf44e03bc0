import { randomBytes } from 'node:crypto';
import { ChunkWriter } from '../../src/media/rtmp/chunk-writer.ts';
import { HANDSHAKE_SIZE, serverAnswer } from '../../src/media/rtmp/handshake.ts';
import {
  acknowledgement,
  MessageType,
  setChunkSize,
  setPeerBandwidth,
  windowAckSize,
} from '../../src/media/rtmp/message.ts';
import {
  type Asked,
  at,
  type ScriptedOptions,
  ScriptedServer,
  type Visit,
} from '../../src/media/rtmp/scripted-server.ts';
import type { Place } from './place.ts';

/** Everything that stands between a dial and media, in order. */
export const STEPS = [
  'accept',
  'C0C1',
  'S0S1S2',
  'connect',
  'releaseStream',
  'createStream',
  'publish',
  'first data',
  'mid-media',
] as const;
export type Step = (typeof STEPS)[number];

/** How servers say no: at which question, with which answer. */
const REFUSALS = {
  badName: { at: 'publish', code: 'NetStream.Publish.BadName', words: 'Stream already publishing' },
  denied: { at: 'publish', code: 'NetStream.Publish.Denied', words: 'Stream not allowed' },
  publishFailed: { at: 'publish', code: 'NetStream.Publish.Failed', words: 'quota exceeded' },
  streamFailed: { at: 'createStream', code: 'NetStream.Failed', words: 'no more streams' },
  rejected: {
    at: 'connect',
    code: 'NetConnection.Connect.Rejected',
    words: '[ AccessManager.Reject ] : not authorised',
  },
  adobeAuth: {
    at: 'connect',
    code: 'NetConnection.Connect.Rejected',
    words: '[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ]',
  },
  limelightAuth: {
    at: 'connect',
    code: 'NetConnection.Connect.Rejected',
    words: '[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=needauth',
  },
  invalidApp: { at: 'connect', code: 'NetConnection.Connect.InvalidApp', words: 'no such application' },
  connectFailed: { at: 'connect', code: 'NetConnection.Connect.Failed', words: 'license limit' },
  shutDown: { at: 'connect', code: 'NetConnection.Connect.AppShutdown', words: 'the application is being shut down' },
} as const;
export type RefusalName = keyof typeof REFUSALS;
export const REFUSAL_NAMES = Object.keys(REFUSALS) as readonly RefusalName[];

/** Bytes of media behind which `mid-media` stops. */
const MID_MEDIA_BYTES = 30_000;

/** Goes along up to a step and does nothing from there on; the connection stays open. */
export function stopsAt(step: Step): ScriptedOptions {
  if (step === 'accept') return { greets: false, onVisit: visit => visit.socket.pause() };
  if (step === 'C0C1') return { greets: false };
  if (step === 'S0S1S2') return { greets: false, onVisit: greetByHalf };
  if (step === 'first data') return { onMedia: visit => visit.socket.pause() };
  if (step === 'mid-media') return stopsBehind(MID_MEDIA_BYTES);
  const stopped = new Set<Visit>();
  return {
    script: (visit, { name }) => {
      if (name === step) stopped.add(visit);
      return stopped.has(visit);
    },
  };
}

/** S0 and S1, and S2 never. */
function greetByHalf({ socket }: Visit): void {
  socket.once('data', hello => {
    socket.write(serverAnswer(hello, randomBytes(HANDSHAKE_SIZE - 8), 'pull').subarray(0, 1 + HANDSHAKE_SIZE));
  });
}

/** Reads so much media and nothing more: its window is full, or its process hangs. */
export function stopsBehind(bytes: number): ScriptedOptions {
  return { onMedia: visit => (visit.socket.bytesRead > bytes ? visit.socket.pause() : undefined) };
}

/** Says no, in the words of the kind; `quoting` goes behind them. `times`: how often, before it says yes. */
export function refuses(
  kind: RefusalName,
  { quoting = '', times = Number.POSITIVE_INFINITY }: { quoting?: string; times?: number } = {},
): ScriptedOptions {
  const { at: step, code, words } = REFUSALS[kind];
  const description = `${words}${quoting}`;
  let left = times;
  const say = (visit: Visit, { transaction }: Asked): void => {
    if (step === 'publish') visit.status(code, { level: 'error', description });
    else visit.command(['_error', transaction, null, { level: 'error', code, description }]);
  };
  return {
    script: (visit, asked) => {
      if (asked.name !== step || left <= 0) return false;
      left--;
      say(visit, asked);
      return true;
    },
    onMedia: ignoreMedia,
  };
}

/** Sends to another address at `connect`, as a 302 does. */
export function redirectsTo(url: string): ScriptedOptions {
  return {
    script: at('connect', (visit, { transaction }) => {
      const info = { level: 'error', code: 'NetConnection.Connect.Rejected', description: 'go there' };
      visit.command(['_error', transaction, null, { ...info, ex: { code: 302, redirect: url } }]);
    }),
  };
}

export interface Sizes {
  readonly windowBytes?: number;
  readonly bandwidthBytes?: number;
  readonly chunkBytes?: number;
}

/** Names its sizes when it is asked to publish. */
export function asksFor({ windowBytes, bandwidthBytes, chunkBytes }: Sizes): ScriptedOptions {
  return {
    script: (visit, { name }) => {
      if (name !== 'publish') return false;
      if (windowBytes !== undefined) visit.control(MessageType.windowAckSize, windowAckSize(windowBytes));
      if (bandwidthBytes !== undefined) visit.control(MessageType.setPeerBandwidth, setPeerBandwidth(bandwidthBytes));
      if (chunkBytes !== undefined) visit.control(MessageType.setChunkSize, setChunkSize(chunkBytes));
      if (chunkBytes !== undefined) visit.writer = new ChunkWriter({ chunkSize: chunkBytes, setDataFrame: false });
      return false;
    },
    onMedia: ignoreMedia,
  };
}

/** Acknowledges every so many bytes, and never again behind `untilBytes`, while it goes on reading. */
export function acknowledges({ everyBytes, untilBytes }: { everyBytes: number; untilBytes: number }): ScriptedOptions {
  const acknowledged = new Map<Visit, number>();
  return {
    onMedia: visit => {
      const { bytesRead } = visit.socket;
      if (bytesRead > untilBytes || bytesRead - (acknowledged.get(visit) ?? 0) < everyBytes) return;
      acknowledged.set(visit, bytesRead);
      visit.control(MessageType.acknowledgement, acknowledgement(bytesRead));
    },
  };
}

const ignoreMedia = (): void => undefined;

/** A destination that behaves as one of these. */
export async function startDestination(place: Place, conduct: ScriptedOptions): Promise<ScriptedServer> {
  return place.own(await ScriptedServer.listen(conduct), it => it.close());
}
