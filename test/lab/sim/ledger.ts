import { readFileSync } from 'node:fs';
import type { Change, Delivery, Fate, Progress } from '../../../src/store/store.ts';
import type { Event, EventType } from '../../../src/task/event.ts';
import type { Breakpoint } from '../../../src/task/playlist.ts';
import type { Task } from '../../../src/task/task.ts';
import type { RunPlace } from '../../../src/worker/channel.ts';
import type { DiskWatch } from './memory-store.ts';

export interface LedgerParts {
  readonly broken: (law: string) => void;
  /** Whether the receiver of this delivery has taken it, and how often it was tried. */
  readonly receiptOf: (deliveryId: string) => { readonly tries: number; readonly taken: number };
  readonly trace: (line: string) => void;
}

/** What a run says carries its epoch, so that it can be told in the stored event whose news it was. */
const MARK = /#(\d+)$/;
/** Told by runs and by nobody else. */
const RUNS_ONLY: ReadonlySet<EventType> = new Set(['flowing', 'finished', 'itemStarted', 'itemFinished']);
const BY_RUNS: ReadonlySet<EventType> = new Set([...RUNS_ONLY, 'broke', 'gaveUp', 'alarm']);
const RAISES: ReadonlySet<EventType> = new Set(['claimed', 'restarted']);
/** How often a delivery is tried at the most, by the table of docs and by the code alike. */
const MOST_TRIES = { huawei: 10, native: 10, alibaba: 15 } as const;

/**
 * Reads every write to the store with its own eyes and says which law it breaks. It knows nothing of the code under
 * test: the status table is the one of ARCHITECTURE.md.
 */
export class Ledger implements DiskWatch {
  readonly #parts: LedgerParts;
  readonly #table = readStatusTable();
  readonly #last = new Map<string, Pick<Task, 'seq' | 'epoch' | 'status' | 'movedBy' | 'version'>>();
  readonly #told = new Map<string, number>();
  /** Who has told it. */
  readonly #places = new WeakMap<Breakpoint, string>();
  events = 0;
  exits = 0;
  deliveries = 0;
  readonly counts: Record<string, number> = {};

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  readonly committed = ({ task, events, deliveries }: Change, before: Task | undefined): void => {
    this.#checkContinuity(task, events, before);
    let status = before?.status;
    let epoch = before?.epoch ?? 0;
    for (const event of events) {
      this.#checkStep(event, status);
      if (RAISES.has(event.type)) epoch++;
      this.#law(event.epoch === epoch, event, `its epoch should be ${epoch}, not ${event.epoch}`);
      this.#checkTeller(event);
      if (event.to === 'exited' && event.from !== 'exited') this.exits++;
      status = event.to;
      this.events++;
      this.counts[event.type] = (this.counts[event.type] ?? 0) + 1;
      const { taskId, seq, type, from, to, reason } = event;
      this.#parts.trace(`${taskId} ${seq} ${type} ${from}>${to} e${event.epoch} ${reason}`);
    }
    this.#checkDeliveries(task, events, deliveries);
    const last = events.at(-1);
    if (last !== undefined) this.#law(task.status === status && task.epoch === epoch, last, 'the task is not as told');
    const { seq, movedBy, version } = task;
    this.#last.set(task.id, { seq, epoch: task.epoch, status: task.status, movedBy, version });
  };

  readonly kept = ({ taskId, epoch, breakpoint }: Progress, task: Task): void => {
    if (this.#places.get(breakpoint) !== placeOf({ taskId, epoch })) {
      this.#parts.broken(`a break point of ${taskId} is kept that no run of epoch ${epoch} has told`);
    }
    if (task.epoch !== epoch) this.#parts.broken(`a break point of an old epoch of ${taskId} is kept`);
  };

  readonly settled = (delivery: Delivery, { state, attempts = 0 }: Fate): void => {
    const { id, taskId, seq } = delivery;
    const { tries, taken } = this.#parts.receiptOf(id);
    this.#parts.trace(`${taskId} ${seq} callback ${state} ${attempts}`);
    if (state === 'delivered' && taken === 0) this.#parts.broken(`callback ${seq} of ${taskId} was never taken`);
    if (state === 'waiting' && taken > 0 && attempts > delivery.attempts + 1) {
      this.#parts.broken(`callback ${seq} of ${taskId} was counted twice`);
    }
    if (state === 'dead' && attempts !== MOST_TRIES[delivery.dialect]) {
      this.#parts.broken(`callback ${seq} of ${taskId} was given up after ${attempts} tries (${tries} arrived)`);
    }
  };

  /** A run has told its place. */
  place(place: RunPlace): void {
    this.#places.set(place.breakpoint, placeOf(place));
  }

  /** Those who follow the record have been told: in the order of the commits, and none left out. */
  told(event: Event): void {
    const before = this.#told.get(event.taskId) ?? 0;
    this.#law(event.seq === before + 1, event, `it was told behind ${before}`);
    this.#told.set(event.taskId, event.seq);
  }

  /** Another control process begins: what the former one had not told any more, it need not tell. */
  startOver(tasks: Iterable<Task>): void {
    this.#told.clear();
    for (const { id, seq } of tasks) this.#told.set(id, seq);
  }

  /** The tasks it has read of and not forgotten. */
  get known(): readonly string[] {
    return [...this.#last.keys()];
  }

  forget(taskId: string): void {
    for (const each of [this.#last, this.#told]) each.delete(taskId);
  }

  #checkContinuity(task: Task, events: readonly Event[], before: Task | undefined): void {
    const last = this.#last.get(task.id);
    const [first] = events;
    if (first === undefined) {
      this.#parts.broken(`${task.id} was changed without an event`);
      return;
    }
    if (last !== undefined && before !== undefined) {
      const same = last.seq === before.seq && last.epoch === before.epoch && last.status === before.status;
      this.#law(same, first, 'the task was not as it was left');
      this.#law(task.version >= last.version, first, 'its version went back');
    }
    events.forEach((event, at) => {
      const wanted = (before?.seq ?? 0) + 1 + at;
      this.#law(event.seq === wanted, event, `its number should be ${wanted}`);
      this.#law(event.taskId === task.id, event, 'it is of another task');
    });
    this.#law(task.seq === events.at(-1)?.seq, first, `the task counts ${task.seq} events`);
  }

  #checkStep(event: Event, status: Task['status'] | undefined): void {
    if (event.type === 'created') {
      this.#law(status === undefined, event, 'it was created twice');
      return;
    }
    this.#law(event.from === status, event, `it came from ${status}, not from ${event.from}`);
    const to = status && this.#table.to(status, event.type);
    this.#law(event.to === to, event, `the status table says ${to ?? 'no news'}, not ${event.to}`);
    const wasDeleted = this.#last.get(event.taskId)?.movedBy === 'deleted';
    this.#law(!wasDeleted, event, 'the task was deleted before');
  }

  /** News of a run belong to the claim under which they are stored. */
  #checkTeller(event: Event): void {
    if (!BY_RUNS.has(event.type)) return;
    const mark = MARK.exec(event.reason)?.[1];
    if (mark === undefined) this.#law(!RUNS_ONLY.has(event.type), event, 'no run has told it');
    else
      this.#law(Number(mark) === event.epoch, event, `a run of epoch ${mark} has moved a task of epoch ${event.epoch}`);
  }

  #checkDeliveries(task: Task, events: readonly Event[], deliveries: readonly Delivery[]): void {
    this.deliveries += deliveries.length;
    const seqs = deliveries.map(({ seq }) => seq);
    const isRight =
      new Set(seqs).size === seqs.length &&
      deliveries.every(({ taskId }) => taskId === task.id) &&
      seqs.every(seq => events.some(event => event.seq === seq));
    if (!isRight) this.#parts.broken(`the callbacks ${seqs} of ${task.id} are not those of its events`);
  }

  #law(holds: boolean, { taskId, seq, type }: Event, why: string): void {
    if (!holds) this.#parts.broken(`event ${seq} (${type}) of ${taskId}: ${why}`);
  }
}

/** What is told without moving the status, for as long as the task has not exited. */
const STAYS: ReadonlySet<EventType> = new Set(['changed', 'itemStarted', 'itemFinished', 'alarm']);

const placeOf = ({ taskId, epoch }: Omit<RunPlace, 'breakpoint'>): string => `${taskId} ${epoch}`;

/** The table as people read it. */
function readStatusTable(): { to(from: string, type: EventType): string | undefined } {
  const text = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| *(from|scheduled|running|recovering|stopped|exited) \|(.*)\|$/gm)];
  const cells = rows.map(([, name = '', rest = '']) => [name, ...rest.split('|').map(cell => cell.trim())]);
  const columns = cells[0] ?? [];
  return {
    to: (from, type) => {
      if (STAYS.has(type)) return from === 'exited' ? undefined : from;
      const cell = cells.find(([name]) => name === from)?.[columns.indexOf(type)];
      return cell === undefined || cell === '–' ? undefined : cell;
    },
  };
}
