import { createConnection, createServer } from 'node:net';
import type { Readable } from 'node:stream';
import type { Breakpoint, Cursor, Playlist } from '../task/playlist.ts';
import type { RetryPolicy } from '../task/retry.ts';
import type { Trust } from '../task/trust.ts';
import { knownAddress, listenAt } from './control-socket.ts';
import { Line } from './line.ts';

/**
 * The messages between the control process and its worker processes: one JSON object a line over a local socket in the
 * data directory, which the workers dial. Few and small: what changed at once, figures once a second.
 */

/** What a run is to do. Sent again with the same epoch, it replaces the former order without breaking the push. */
export interface RunOrder<Source extends LiveOrder | ListOrder = LiveOrder | ListOrder> {
  readonly taskId: string;
  readonly epoch: number;
  readonly source: Source;
  readonly destination: string;
  /** Whom to believe of the destination, where that is not whoever bears a good certificate. */
  readonly tls?: Trust;
  /** Absent: a lost side is tried for as long as the run lasts. */
  readonly retry?: RunRetry;
  readonly cover?: RunCover;
}

/** What is done so that the destination does not go without media. What is absent is as usual. */
export interface RunCover {
  /** A source without media for so long has failed. */
  readonly silentMs?: number;
  /** The same while a standby could take over at once. */
  readonly warmSilentMs?: number;
  /** Whether a standby is kept connected, ready to take over. */
  readonly warm?: boolean;
  /** A source that sends less, in kbit/s, has failed; 0: however little. */
  readonly floorKbit?: number;
  /** How much media of a live run is held back, so that a source may be away unseen. Settled when the run begins. */
  readonly delayMs?: number;
  /** What is shown while there is no source: `off`, `hold` for the last pictures, or where a file lies. */
  readonly slate?: string;
}

/** The counted tries of a run that is without media; behind the last of them it gives up. */
export interface RunRetry extends RetryPolicy {
  /** Whether it is tried between them too, which is not counted: who is back sooner is on air at once. */
  readonly eager: boolean;
}

export interface LiveOrder {
  readonly kind: 'live';
  readonly url: string;
  /** Whom to believe of it; its standbys are others. */
  readonly tls?: Trust;
  /** Taken in order when the source fails. */
  readonly standby?: readonly string[];
  /** Which of them to be at whenever it is well, 0 being the source; absent: as usual. */
  readonly pin?: number;
}

/**
 * A list to be played. Under the same epoch and version it may say other rounds, which touches nothing on air; with
 * another version it is an edit: the run goes on at `editCursor` of its own break point, for only it knows the frame,
 * at `jump` where its owner has moved it, or at `from` where it has none yet. Other addresses of assets touch nothing
 * that has been opened.
 */
export interface ListOrder {
  readonly kind: 'list';
  /** `task.listVersion`, to be copied into the break points. */
  readonly version: number;
  readonly list: Playlist;
  readonly from: Cursor;
  /** Where its owner has moved this version of the list. */
  readonly jump?: Cursor;
  /** Live streams that stand in, in order, while nothing of the list can be played. */
  readonly standby?: readonly string[];
  /** Where the assets that the list names lead to, by their URLs; one that is not here does not exist. */
  readonly assets?: Readonly<Record<string, string>>;
}

export const isLiveOrder = (order: RunOrder): order is RunOrder<LiveOrder> => order.source.kind === 'live';
export const isListOrder = (order: RunOrder): order is RunOrder<ListOrder> => order.source.kind === 'list';

/** Where a run stands, whole: sent in `hello` for every run and once a second for those on air. */
export interface RunReport {
  readonly taskId: string;
  readonly epoch: number;
  readonly state: 'opening' | 'flowing' | 'broken';
  readonly reason: string;
  /** Push sessions opened by this run so far. */
  readonly pushEpoch: number;
  /** Source connections opened by this run so far. */
  readonly pullEpoch: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Media time on the output timeline of the last packet handed to the destination. */
  readonly mediaMs: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly queuedMs: number;
  /** Media of a live run that is held back on purpose. */
  readonly heldMs?: number;
  /** The source on air: 0 is the primary, the others are standbys; its address is fit for a log. */
  readonly source?: { readonly index: number; readonly url: string };
  /** It is on air by somebody's wish. */
  readonly pinned?: true;
  /** The slate is on air. */
  readonly onSlate?: true;
  /** Of a list, once the destination has accepted a frame. */
  readonly breakpoint?: Breakpoint;
  /** Where the file on air ends, in the file's own time, where that is known. */
  readonly itemEndMs?: number;
  /** Absent in the reports of workers that an earlier version has left behind. */
  readonly health?: RunHealth;
  /** The same. */
  readonly flow?: RunFlow;
}

/** What a run has carried so far, from which rates are told. */
export interface RunFlow {
  /** When this was counted, by the worker's monotonic clock. */
  readonly atMs: number;
  readonly picturesIn: number;
  readonly picturesOut: number;
  /** Between the last two key frames, or since the last where that is longer; 0 where there are none. */
  readonly keyFrameMs: number;
}

/** What went wrong in a run so far. Times are durations: workers have no clock on the wall. */
export interface RunHealth {
  /** How long the run has stood in the report's `state`. */
  readonly stateForMs: number;
  /** Failures in a row since media flowed last. */
  readonly attempt: number;
  /** Until the next try, where one is waited for. */
  readonly retryInMs?: number;
  /** Failures so far, by side and kind: `push.refused`. */
  readonly faults: Readonly<Record<string, number>>;
  readonly lastError?: RunError;
  /** What is wrong with the media as it is seen now. Absent in the reports of those who do not look. */
  readonly alarms?: readonly RunAlarm[];
}

export interface RunAlarm {
  readonly alarm: string;
  readonly side: 'pull' | 'push' | 'run';
  readonly reason: string;
}

export interface RunError {
  readonly side: 'pull' | 'push';
  readonly kind: string;
  readonly message: string;
  readonly agoMs: number;
}

/**
 * What a run saw, told at once and once, in the order in which a viewer sees it: `itemStarted` never before the
 * `flowing` of the push that carries it, `finished` behind the last `itemFinished`.
 */
export interface RunNews {
  readonly taskId: string;
  readonly epoch: number;
  readonly type:
    | 'flowing'
    | 'broke'
    | 'gaveUp'
    | 'finished'
    | 'alarm'
    /** `reason` says what of the file is left out. */
    | 'itemStarted'
    | 'itemFinished'
    /** A file that could not be played, or not to its end: `reason` says why. No `itemFinished` follows. */
    | 'itemFailed';
  readonly side: 'pull' | 'push' | 'run';
  readonly reason: string;
  /** Push sessions opened by the run up to then. Absent in the news of workers that an earlier version has left behind. */
  readonly pushEpoch?: number;
  readonly alarm?: string;
  /** Of an alarm: whether what it says has begun, or is over. Absent: it is told once. */
  readonly set?: boolean;
  /** Of a file that failed: some of it was seen. */
  readonly wasOnAir?: boolean;
  /** Of a side that broke: the failure as the report has it. */
  readonly failure?: RunFailure;
  /** The file that item news are about. */
  readonly item?: RunItem;
}

export interface RunFailure {
  readonly kind: string;
  /** Why the peer said no, where its words tell. */
  readonly refusal?: string;
  /** To be expected for a while: the destination still holds the push before. */
  readonly calm?: boolean;
  /** Failures in a row, this one included. */
  readonly attempt: number;
  readonly retryInMs: number;
}

export interface RunItem {
  readonly url: string;
  readonly index: number;
  readonly round: number;
  /** Length of the file, where it is known. */
  readonly durationMs?: number;
}

export type ToWorker =
  | { readonly t: 'start'; readonly order: RunOrder }
  /** Makes the run ready to follow the one under that epoch, which goes on elsewhere; the `start` behind its end is its cue. */
  | { readonly t: 'prepare'; readonly order: RunOrder }
  | { readonly t: 'stop'; readonly taskId: string; readonly epoch: number }
  /**
   * Shows what the run carries to who looks: the worker dials the channel once more, says `tap` with that id in a line, and
   * FLV follows on that connection. `still`: one key frame.
   */
  | {
      readonly t: 'tap';
      readonly taskId: string;
      readonly epoch: number;
      readonly id: string;
      readonly look: 'live' | 'still';
    }
  /**
   * How long the node may push, by the clock that all its processes share; null: for ever, for it is alone. What comes late
   * does no harm, for it names a moment. One that is past already has every run cut.
   */
  | {
      readonly t: 'lease';
      readonly untilMs: number | null;
      /** This worker's share of the dials to a host that does not answer; absent: as before. */
      readonly dialsPerSecond?: number;
    }
  /** Ends every run cleanly, then the process. */
  | { readonly t: 'exit' };

export type FromWorker =
  | {
      readonly t: 'hello';
      /** `worker` carries runs; `origin` is the built-in RTMP server. */
      readonly role: 'worker' | 'origin';
      readonly slot: number;
      readonly pid: number;
      /** The origin's real listening address, e.g. rtmp://127.0.0.1:1935. */
      readonly address?: string;
      readonly runs: readonly RunReport[];
    }
  | { readonly t: 'news'; readonly news: RunNews }
  /** The run is over and its push closed, after `stop` or by its own end. */
  | {
      readonly t: 'ended';
      readonly taskId: string;
      readonly epoch: number;
      readonly breakpoint?: Breakpoint;
      /** Its worker ends, and has ended it: if nobody has stopped it, it is wanted elsewhere. */
      readonly leaving?: true;
      /** The node's lease was over: its push was broken off without a word, or never begun. */
      readonly cut?: true;
    }
  /** What was to be shown under that id will not be. */
  | { readonly t: 'untapped'; readonly id: string }
  /** What was to be made ready under that epoch is, or will not be. */
  | { readonly t: 'prepared'; readonly taskId: string; readonly epoch: number; readonly isReady: boolean }
  | { readonly t: 'reports'; readonly reports: readonly RunReport[]; readonly process?: ProcessVitals }
  /** Lists whose destination has just taken a key frame: with the reports alone a crash would repeat too much. */
  | { readonly t: 'places'; readonly places: readonly RunPlace[] };

/** What a process costs, so far and now. */
export interface ProcessVitals {
  /** When this was read, by its monotonic clock. */
  readonly atMs: number;
  /** Of all cores, since it began. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  /** How much later than it was to be this was read: so long nobody else had a turn either. */
  readonly lagMs: number;
}

export interface RunPlace {
  readonly taskId: string;
  readonly epoch: number;
  readonly breakpoint: Breakpoint;
}

/** How a process ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A process that this one has started, to dial the channel. It outlives its starter unless it is told to end. */
export interface Child {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  readonly exited: Promise<ChildEnd>;
  kill(signal: NodeJS.Signals): void;
}

/** The other end of a channel. Sending never waits; a peer that does not read is closed. */
export interface Peer<Out> {
  send(message: Out): void;
  /** Sends what is queued and hears what is on its way, then closes. Idempotent. */
  close(): void;
}

export interface ChannelListener {
  close(): Promise<void>;
}

export interface Conversation {
  message(message: FromWorker): void;
  /** The connection carries the bytes of one viewer from here on, and is the listener's. */
  tapped?(id: string, bytes: Readable): void;
  closed(): void;
}

export interface DialListener {
  /** The introduction, made anew at each connect: it carries the state of every run whole. */
  hello(): FromWorker;
  message(message: ToWorker): void;
  connected?(): void;
  closed?(): void;
}

/** Serves the channel at `path`. Throws DataDirectoryInUse where another control process does. */
export async function listenChannel(
  path: string,
  accept: (peer: Peer<ToWorker>) => Conversation,
): Promise<ChannelListener> {
  const lines = new Set<Line>();
  const server = createServer(socket => {
    const line = new Line(socket, {
      // What comes over the socket was written by our own worker, version and all: the parsed edge.
      message: message => {
        if (isTap(message)) talk.tapped?.(message.id, line.release());
        else talk.message(message as FromWorker);
      },
      closed: () => {
        lines.delete(line);
        talk.closed();
      },
    });
    lines.add(line);
    const talk = accept(line);
  });
  const door = await listenAt(server, path);
  let closing: Promise<void> | undefined;
  return {
    close: () => {
      for (const line of lines) line.close();
      closing ??= door.close();
      return closing;
    },
  };
}

/** Dials the channel for ever, until the signal aborts or the peer is closed; says hello at each connect. */
export function dialChannel(
  path: string,
  listener: DialListener,
  { signal, retryMs }: { readonly signal: AbortSignal; readonly retryMs: number },
): Peer<FromWorker> {
  let line: Line | undefined;
  let retry: NodeJS.Timeout | undefined;
  let over = false;

  const dial = (): void => {
    const socket = createConnection(knownAddress(path));
    const next = new Line(socket, {
      message: message => listener.message(message as ToWorker),
      closed: () => {
        const wasConnected = line === next;
        line = undefined;
        if (!over) retry = setTimeout(dial, retryMs);
        if (wasConnected) listener.closed?.();
      },
    });
    socket.once('connect', () => {
      if (over) return next.close();
      line = next;
      next.send(listener.hello());
      listener.connected?.();
    });
  };
  const close = (): void => {
    over = true;
    clearTimeout(retry);
    line?.close();
  };
  signal.addEventListener('abort', close, { once: true });
  if (!signal.aborted) dial();
  // What is sent while away is dropped: the next hello carries the state it would have told.
  return { send: message => line?.send(message), close };
}

const isTap = (message: object): message is { readonly id: string } =>
  't' in message && message.t === 'tap' && 'id' in message && typeof message.id === 'string';
