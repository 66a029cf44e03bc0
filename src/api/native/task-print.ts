import type { Health } from '../../control/health.ts';
import type { OnAir, OnAirItem } from '../../control/on-air.ts';
import type { ListItem } from '../../task/playlist.ts';
import {
  type CallbackSpec,
  type Destination,
  destinationUrl,
  type ListSource,
  NO_END,
  type TaskSpec,
} from '../../task/spec.ts';
import type { Task } from '../../task/task.ts';
import type { Trust } from '../../task/trust.ts';
import { EVENT_TYPES, printTime, printTimeOrNull, type Redact } from './event.ts';
import type { PrintedDestination, PrintedOnAir, PrintedSource, PrintedStatus, PrintedTask } from './task-schema.ts';

/** How a task fares on this node, as far as a run has told. */
export interface Fare {
  readonly health: Health | undefined;
  readonly onAir: OnAir | null;
}

export interface PrintOptions {
  readonly fare: Fare;
  /** What becomes of each address. */
  readonly redact: Redact;
  readonly node: string;
}

const REFRESH = { newSource: 'new_source', fileStart: 'file_start', breakpoint: 'breakpoint' } as const;
export const SIDES = { pull: 'source', push: 'destination' } as const;

export function printTask(task: Task, { fare, redact, node }: PrintOptions): PrintedTask {
  const { spec } = task;
  return {
    id: task.id,
    project_id: task.projectId,
    dialect: spec.dialect,
    name: spec.name,
    tags: [...(spec.tags ?? [])],
    region: spec.region,
    source: printSource(spec.source, redact),
    standby: spec.standby.map(redact),
    destination: printDestination(spec.destination, redact),
    ...printTimes(spec),
    enabled: spec.enabled,
    callback: printCallback(spec.callback, redact),
    retry: spec.retry && { count: spec.retry.count, interval_s: spec.retry.intervalMs / 1_000 },
    delay_s: inSeconds(spec.delayMs ?? null),
    slate: spec.slate ?? null,
    version: task.version,
    created_at: printTime(task.createdAt),
    status: printStatus(task, fare.health),
    on_air: fare.onAir && printOnAir(fare.onAir, redact, task.node || node),
  };
}

const inSeconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000);

const printTimes = ({ startAt, endAt }: TaskSpec): Pick<PrintedTask, 'start_at' | 'end_at'> => ({
  start_at: printTime(startAt),
  end_at: endAt >= NO_END ? null : printTime(endAt),
});

function printSource(source: TaskSpec['source'], redact: Redact): PrintedSource {
  if (source.kind === 'live') return { kind: 'live', url: redact(source.url), ...printTrust(source.tls) };
  return {
    kind: 'list',
    items: source.items.map(item => printItem(item, redact)),
    rounds: source.rounds,
    start_index: source.startIndex,
    start_s: source.startSeconds,
    ...printRules(source),
  };
}

const printRules = ({ boundary = 'inline', silence = false, refresh }: ListSource) => ({
  boundary,
  silence,
  on_change: REFRESH[refresh],
});

const printItem = ({ url, inMs, outMs, repeats, videoTrack, audioTrack }: ListItem, redact: Redact) => ({
  url: redact(url),
  ...(inMs === undefined ? {} : { in_s: inMs / 1_000 }),
  ...(outMs === undefined ? {} : { out_s: outMs / 1_000 }),
  ...(repeats === undefined ? {} : { repeats }),
  ...(videoTrack === undefined ? {} : { video_track: videoTrack }),
  ...(audioTrack === undefined ? {} : { audio_track: audioTrack }),
});

function printDestination(destination: Destination, redact: Redact): PrintedDestination {
  const { kind, tls } = destination;
  if (kind === 'url') return { kind, url: redact(destinationUrl(destination, undefined)), ...printTrust(tls) };
  const { domain, app, stream, args } = destination;
  // Masked as the address would be that they are the end of.
  const whole = redact(destinationUrl(destination, undefined));
  const isOpen = whole === destinationUrl(destination, undefined);
  const shown = isOpen ? stream : (whole.split('?', 1)[0]?.split('/').at(-1) ?? '');
  const given = args === '' ? {} : { args: isOpen ? args : '***' };
  return { kind, domain, app, stream: shown, ...given, ...printTrust(tls) };
}

function printTrust(tls: Trust | undefined) {
  if (tls === undefined) return {};
  const { ca, pins, serverName } = tls;
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(pins === undefined ? {} : { pins: [...pins] }),
      ...(serverName === undefined ? {} : { server_name: serverName }),
    },
  };
}

/** The events in the words of the task's own dialect. */
const printCallback = (callback: CallbackSpec | null, redact: Redact): PrintedTask['callback'] =>
  callback && { url: callback.url === '' ? '' : redact(callback.url), events: [...callback.events] };

export const isEventWord = (word: string): boolean => EVENT_TYPES.has(word);

function printStatus(task: Task, health: Health | undefined): PrintedStatus {
  const { status: word, cause, reason } = task;
  const isWrong = word === 'recovering' || word === 'stopped';
  const error = health?.lastError ?? null;
  return {
    word,
    since: printTime(task.movedAt),
    reason: reasonOf(task, health) || reason,
    side: isWrong && (cause === 'source' || cause === 'destination') ? cause : null,
    attempt: health?.attempt ?? 0,
    next_retry_at: printTimeOrNull(health?.nextRetryAt ?? null),
    last_error: error && {
      at: printTime(error.at),
      side: SIDES[error.side],
      kind: error.kind,
      message: error.message,
    },
    alarms: task.alarms.map(({ alarm }) => alarm),
  };
}

/** Newer than the stored one, which says how it began. */
const reasonOf = ({ status }: Task, health: Health | undefined): string =>
  status === 'recovering' && health !== undefined ? health.reason : '';

function printOnAir(onAir: OnAir, redact: Redact, node: string): PrintedOnAir {
  const { source, item, next, rates } = onAir;
  return {
    source: source && { ...source, url: redact(source.url) },
    on_slate: onAir.onSlate,
    item: item && printPosition(item, redact),
    next: next && { index: next.index, url: redact(next.url) },
    in: { kbit: rates?.inKbit ?? null, fps: rates?.inFps ?? null },
    out: { kbit: rates?.outKbit ?? null, fps: rates?.outFps ?? null },
    queue_s: onAir.queueS,
    held_s: onAir.heldS,
    drops: { ...onAir.drops },
    reconnects: { ...onAir.reconnects },
    push_epoch: onAir.pushEpoch,
    since: printTime(onAir.since),
    media_s: onAir.mediaS,
    node,
  };
}

const printPosition = (item: OnAirItem, redact: Redact) => ({
  index: item.index,
  round: item.round,
  rounds: item.rounds,
  url: redact(item.url),
  position_s: item.positionS,
  duration_s: item.durationS,
});
