import { DESTINATION_TAKEN } from '../task/alarm.ts';
import type { Event, Occurrence } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { RunNews } from '../worker/channel.ts';
import type { Addresses } from './assets.ts';
import type { Health } from './health.ts';

/** One task this node acts for, under one epoch. */
export interface Claim {
  readonly epoch: number;
  /** Of the newest event that was followed: what was told elsewhere may be heard late, and twice. */
  seq: number;
  /** The task as last told; its destination never changes, its source may. */
  task: Task;
  /**
   * `placing` until the order is with the supervisor; `waiting` to be tried again; `lost` until it is claimed anew;
   * `adopted` while a worker carries it under an order that may be older than the task; `leaving` while its run ends, for
   * another node is to have it.
   */
  state: 'placing' | 'waiting' | 'placed' | 'lost' | 'adopted' | 'leaving';
  /** Where to push, once resolved. */
  destination: string | undefined;
  /** Where the assets of its list lead to, and of which version of the list; undefined where it names none. */
  assets?: { readonly version: number; readonly named: readonly string[]; readonly addresses: Addresses } | undefined;
  /** Why it waits or was lost; "" otherwise. */
  reason: string;
  /** What its run has last reported, and when. */
  health?: Health | undefined;
  /** Lost because its user wanted it to start over: nothing has failed. */
  readonly restarted?: boolean;
}

/** It waits for another task to leave the address. */
export const waitsForAnother = ({ alarms }: Task): boolean => alarms.some(({ alarm }) => alarm === DESTINATION_TAKEN);

export const pushOf = ({ pushEpoch }: RunNews): Pick<Occurrence, 'pushEpoch'> =>
  pushEpoch === undefined ? {} : { pushEpoch };

/** Whether the run has to be told of it. */
export const concernsRun = ({ type, detail }: Event): boolean =>
  type === 'moved' || (type === 'changed' && (detail.changed?.some(field => CARRIED.test(field)) ?? false));

const CARRIED = /^(source|standby|retry|pin|delayMs|slate)/;
