import type { Status, TaskEvent } from './model.ts';

/** A stretch of time that something lasted. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** What it is, for its shape and colour. */
  readonly kind: Status | 'file' | 'alarm';
  readonly label: string;
  readonly why: string;
}

export interface TimelineLane {
  readonly name: 'status' | 'files' | 'alarms';
  readonly stretches: readonly Stretch[];
}

/** The log of one task as stretches on one time axis; `until` is where what still lasts is cut. */
export function lanesOf(events: readonly TaskEvent[], until: number): readonly TimelineLane[] {
  const inOrder = [...events].sort((one, other) => one.seq - other.seq);
  const lanes: readonly TimelineLane[] = [
    { name: 'status', stretches: statusStretches(inOrder, until) },
    { name: 'files', stretches: fileStretches(inOrder, until) },
    { name: 'alarms', stretches: alarmStretches(inOrder, until) },
  ];
  return lanes.filter(({ stretches }) => stretches.length > 0);
}

const at = ({ time }: TaskEvent): number => Date.parse(time);

function statusStretches(events: readonly TaskEvent[], until: number): readonly Stretch[] {
  const moves = events.filter(event => event.from !== event.to || event.type === 'created');
  return moves.map((event, index) => {
    const next = moves[index + 1];
    return {
      from: at(event),
      to: next === undefined ? until : at(next),
      kind: event.to,
      label: event.to,
      why: event.reason,
    };
  });
}

function fileStretches(events: readonly TaskEvent[], until: number): readonly Stretch[] {
  const starts = events.filter(({ type }) => type === 'item_started');
  return starts.map(start => {
    const end = events.find(
      ({ seq, type, to }) => seq > start.seq && (type.startsWith('item_') || to === 'stopped' || to === 'exited'),
    );
    const label = String(start.detail.url ?? start.detail.index ?? '');
    return {
      from: at(start),
      to: end === undefined ? until : at(end),
      kind: 'file',
      label,
      why: end?.reason ?? start.reason,
    };
  });
}

function alarmStretches(events: readonly TaskEvent[], until: number): readonly Stretch[] {
  const raised = events.filter(({ type, detail }) => type === 'alarm' && detail.set === true);
  return raised.map(start => {
    const end = events.find(
      ({ seq, detail }) => seq > start.seq && detail.alarm_id === start.detail.alarm_id && detail.set === false,
    );
    return {
      from: at(start),
      to: end === undefined ? until : at(end),
      kind: 'alarm',
      label: String(start.detail.alarm ?? ''),
      why: start.reason,
    };
  });
}
