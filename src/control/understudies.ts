import { isLiveOrder, type RunOrder, type RunReport } from '../worker/channel.ts';
import type { Slot } from './slot.ts';

/** Which workers make runs ready that are to come to them, so that each is off the air for a moment only. */
export class Understudies {
  readonly #slots = new Map<string, Slot>();
  readonly #ready = new Set<string>();

  /** Of lists, and of what has no media anyway, there is nothing to be made ready. */
  static canBeFor(order: RunOrder | undefined, report: RunReport | undefined): order is RunOrder {
    return order !== undefined && isLiveOrder(order) && report?.state === 'flowing';
  }

  ask(slot: Slot, order: RunOrder): void {
    this.#ready.delete(order.taskId);
    this.#slots.set(order.taskId, slot);
    slot.send({ t: 'prepare', order });
  }

  /** Where the run is being made ready, or is. */
  slotOf(taskId: string): Slot | undefined {
    return this.#slots.get(taskId);
  }

  noteReady(taskId: string): void {
    if (this.#slots.has(taskId)) this.#ready.add(taskId);
  }

  /** It waits for its cue. */
  isReady(taskId: string): boolean {
    return this.#slots.has(taskId) && this.#ready.has(taskId);
  }

  /** How many a worker makes ready. */
  countAt(slot: Slot): number {
    return [...this.#slots.values()].filter(other => other === slot).length;
  }

  /** There is none any more, or it has become the run. */
  forget(taskId: string): void {
    this.#ready.delete(taskId);
    this.#slots.delete(taskId);
  }

  /** A worker that went away has none, whether it comes back or not. */
  forgetAt(slot: Slot): void {
    for (const [taskId, other] of this.#slots) if (other === slot) this.forget(taskId);
  }
}
