import type { Task } from '../../../src/task/task.ts';
import type { RunOrder, RunReport } from '../../../src/worker/channel.ts';
import { printDestination } from './whose.ts';
import type { World } from './world.ts';

/** Nobody asks for this address but in an order that is not in force any more. */
export const PAST = 'past.sim';
/** Why, in the words of a run that is over. */
export const SAID = 'said of the past';

/**
 * Repeats to each room what was said of an earlier claim, as if whoever stands in front of that room let it through: each
 * has to refuse it for itself.
 */
export class Past {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  speak(): void {
    const { chance, disk, node } = this.#world;
    const task = chance.one([...disk.tasks.values()]);
    const deed = chance.pick(['report', 'loss', 'introduction', 'order', 'stop', 'worker']);
    if (node?.isOpen !== true || task === undefined || task.status !== 'running' || task.epoch < 2) return;
    // Who has nothing to do with the task any more cannot know what is of the past.
    if (node.supervisor.report(task.id)?.epoch !== task.epoch) return;
    this.#world.trace(`the past speaks of ${task.id}: ${deed}`);
    if (deed === 'report') this.#report(task);
    else if (deed === 'loss') node.claims.lost(task.id, task.epoch - 1, SAID);
    else if (deed === 'introduction') void this.#introduce(task).catch(() => {});
    else if (deed === 'order') node.supervisor.place(orderOf(task));
    else if (deed === 'stop') node.supervisor.stop(task.id, task.epoch - 1);
    else this.#tellWorker(task);
  }

  #report(task: Task): void {
    const { claims } = this.#world.node ?? {};
    const before = claims?.runOf(task.id);
    claims?.reported(reportOf(task));
    if (claims?.runOf(task.id) !== before) this.#world.broken(`a report of an older run of ${task.id} was heard`);
  }

  async #introduce(task: Task): Promise<void> {
    const wanted = await this.#world.node?.claims.adopt([reportOf(task)]);
    if (wanted?.includes(task.id)) this.#world.broken(`an older run of ${task.id} was adopted`);
  }

  /** Who carries the run is given an older order, or told to end an older run. */
  #tellWorker(task: Task): void {
    const { field, road, chance, timeline } = this.#world;
    const sink = [...field.sinks].find(({ url }) => url === printDestination(task));
    const life = sink?.flowing === true ? sink.visitor?.life : undefined;
    if (life === undefined || life.frozenUntilMs > timeline.elapsed()) return;
    if (chance.happens(0.5)) road.tell(life, { t: 'start', order: orderOf(task) });
    else road.tell(life, { t: 'stop', taskId: task.id, epoch: task.epoch - 1 });
  }
}

const orderOf = ({ id, epoch, ...task }: Task): RunOrder => ({
  taskId: id,
  epoch: epoch - 1,
  source: { kind: 'live', url: `rtmp://${PAST}/live` },
  destination: printDestination(task),
});

const reportOf = ({ id, epoch }: Task): RunReport => ({
  ...{ taskId: id, epoch: epoch - 1, state: 'flowing', reason: SAID, pushEpoch: 1, pullEpoch: 1 },
  ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
});
