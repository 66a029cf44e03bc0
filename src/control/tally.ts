import type { RunReport } from '../worker/channel.ts';

/** What all runs of a node have carried, lost and met since it was started. */
export interface Totals {
  readonly bytes: { readonly in: number; readonly out: number };
  readonly pictures: { readonly in: number; readonly out: number };
  readonly reconnects: { readonly pull: number; readonly push: number };
  readonly dropped: Readonly<Record<string, number>>;
  /** By side and kind: `push.refused`. */
  readonly faults: Readonly<Record<string, number>>;
}

/** Flat, so that two of them can be told apart field by field. */
type Counts = Readonly<Record<string, number>>;

const NONE: Counts = {};

/** Reports count from the beginning of their run; this goes on counting when a run ends and another begins. */
export class Tally {
  readonly #sums: Record<string, number> = {};
  readonly #runs = new Map<string, { readonly epoch: number; readonly counts: Counts }>();

  /** A run begins here and now: all that it will have counted is to be added. */
  begins(taskId: string, epoch: number): void {
    this.#runs.set(taskId, { epoch, counts: NONE });
  }

  ends(taskId: string): void {
    this.#runs.delete(taskId);
  }

  note(report: RunReport): void {
    const { taskId, epoch } = report;
    const counts = countsOf(report);
    const run = this.#runs.get(taskId);
    if (run?.epoch === epoch) this.#add(run.counts, counts);
    // Otherwise it was adopted: what it counted before was counted by the control process before.
    this.#runs.set(taskId, { epoch, counts });
  }

  get totals(): Totals {
    const sum = (name: string): number => this.#sums[name] ?? 0;
    return {
      bytes: { in: sum('bytesIn'), out: sum('bytesOut') },
      pictures: { in: sum('picturesIn'), out: sum('picturesOut') },
      reconnects: { pull: sum('pulls'), push: sum('pushes') },
      dropped: this.#under('dropped '),
      faults: this.#under('fault '),
    };
  }

  #add(former: Counts, counts: Counts): void {
    for (const [name, count] of Object.entries(counts)) {
      this.#sums[name] = (this.#sums[name] ?? 0) + Math.max(0, count - (former[name] ?? 0));
    }
  }

  #under(prefix: string): Readonly<Record<string, number>> {
    const entries = Object.entries(this.#sums).filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(entries.map(([name, sum]) => [name.slice(prefix.length), sum]));
  }
}

const countsOf = ({ bytesIn, bytesOut, pullEpoch, pushEpoch, dropped, flow, health }: RunReport): Counts => ({
  ...{ bytesIn, bytesOut },
  ...{ picturesIn: flow?.picturesIn ?? 0, picturesOut: flow?.picturesOut ?? 0 },
  ...{ pulls: Math.max(0, pullEpoch - 1), pushes: Math.max(0, pushEpoch - 1) },
  ...under('dropped ', dropped),
  ...under('fault ', health?.faults ?? {}),
});

const under = (prefix: string, counts: Counts): Counts =>
  Object.fromEntries(Object.entries(counts).map(([name, count]) => [prefix + name, count]));
