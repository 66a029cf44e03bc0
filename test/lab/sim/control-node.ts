import { renderAlibaba, signAlibaba } from '../../../src/api/alibaba/callback.ts';
import { renderHuawei } from '../../../src/api/huawei/callback.ts';
import type { MemberFacts } from '../../../src/cluster/cluster.ts';
import { SingleCluster } from '../../../src/cluster/single.ts';
import { Assets } from '../../../src/control/assets.ts';
import { Breakpoints } from '../../../src/control/breakpoints.ts';
import { Callbacks } from '../../../src/control/callbacks.ts';
import { Claims } from '../../../src/control/claims.ts';
import { Hearsay } from '../../../src/control/hearsay.ts';
import { Offers } from '../../../src/control/offers.ts';
import { Reconciler } from '../../../src/control/reconciler.ts';
import { Record } from '../../../src/control/record.ts';
import { Scheduler } from '../../../src/control/scheduler.ts';
import { Supervisor } from '../../../src/control/supervisor.ts';
import { Taking } from '../../../src/control/taking.ts';
import { Tasks } from '../../../src/control/tasks.ts';
import { Tenure } from '../../../src/control/tenure.ts';
import type { Delivery } from '../../../src/store/store.ts';
import type { Event } from '../../../src/task/event.ts';
import type { Chance } from './chance.ts';
import type { Computer } from './computer.ts';
import { type MemoryDisk, MemoryStore } from './memory-store.ts';
import type { Receivers } from './receivers.ts';
import { shakyStore } from './shaky-store.ts';
import { Life, ProcessClock, type Timeline } from './timeline.ts';
import type { Weather } from './weather.ts';

export interface ControlNodeParts {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly weather: Weather;
  readonly computer: Computer;
  readonly receivers: Receivers;
  readonly disk: MemoryDisk;
  readonly workers: number;
  readonly newId: () => string;
  readonly told: (event: Event) => void;
  readonly log: (message: string, facts: unknown) => void;
}

const NODE = 'node';
const facts = (): MemberFacts => ({
  ...{ region: 'default', version: '1', api: null, isOpen: true, runs: 0, capacity: 1_000, load: 0, wall: 0 },
});
const EVENTS = { running: 'LivePullToPushRunning', exit: 'LivePullToPushExit' } as const;
/** How often the scheduler and the callbacks look whether there is something to do. */
const TURN_MS = 250;
const LONGEST_TURN_MS = 15_000;
/** The supervisor excuses its workers for as long as it was late itself. */
const LATE_WATCH_MS = 60_000;

/** A control process: the rooms that decide, put together as `main.ts` does. */
export class ControlNode {
  readonly life: Life;
  readonly tasks: Tasks;
  readonly claims: Claims;
  readonly supervisor: Supervisor;
  readonly #parts: ControlNodeParts;
  readonly #scheduler: Scheduler;
  readonly #callbacks: Callbacks;
  readonly #breakpoints: Breakpoints;
  readonly #tenure: Tenure;
  readonly #cluster: SingleCluster;
  /** It serves users. */
  isOpen = false;

  constructor(number: number, parts: ControlNodeParts) {
    this.#parts = parts;
    const { timeline, chance, weather, computer, receivers, disk, workers, newId, told, log } = parts;
    const life = new Life(`control ${number}`);
    const clock = new ProcessClock(timeline, life, ms => this.#lateMs(ms));
    const { now } = timeline;
    const store = shakyStore(new MemoryStore(disk), { life, clock, weather });
    const { sleep } = clock;
    this.life = life;
    const cluster = new SingleCluster(NODE);
    this.#cluster = cluster;
    const record = new Record({
      ...{ store, now, newId, log },
      render: { huawei: renderHuawei, alibaba: renderAlibaba(EVENTS) },
      onEvent: [
        told,
        (event, task) => this.claims.follow(event, task),
        event => this.#scheduler.follow(event),
        (event, task, delivery) => this.#callbacks.follow(event, task, delivery),
      ],
    });
    const notAsked = () => Promise.reject(new Error('no asset is added through here'));
    const assets = new Assets({ store, probe: notAsked, checkUrl: () => undefined, now, randomBytes: Buffer.alloc });
    this.#breakpoints = new Breakpoints({ store, now: timeline.elapsed, nextTurn: clock.nextTurn, log });
    this.claims = new Claims({
      ...{ node: NODE, store, record, assets, cluster, now, sleep, log },
      breakpoints: this.#breakpoints,
      place: order => this.supervisor.place(order),
      stop: (taskId, epoch) => this.supervisor.stop(taskId, epoch),
      carries: taskId => this.supervisor.carries(taskId),
      eager: true,
    });
    const { claims } = this;
    const taking = new Taking({ node: NODE, record, cluster, claims, mayAct: () => true, room: () => 1_000, now });
    cluster.serve(taking);
    const offers = new Offers({ node: NODE, cluster, taking, record, isShared: false, now: timeline.elapsed });
    const hearsay = new Hearsay({ node: NODE, store, cluster, claims, followers: [], sleep, log });
    const catchUp = (taskId: string) => hearsay.catchUp(taskId);
    const settling = { node: NODE, store, cluster, claims, offers, taking, catchUp };
    const reconciler = new Reconciler({ ...settling, now: timeline.elapsed });
    this.#scheduler = new Scheduler({
      node: NODE,
      store,
      record,
      cluster,
      claims,
      reconciler,
      offers,
      now,
      sleep,
      log,
    });
    this.#callbacks = new Callbacks({
      ...{ store, now, sleep, log },
      post: receivers.postOf(life, clock),
      isBlocked: () => false,
      secrets: { signersOf: async () => [] },
      tell: (taskId, telling) => record.tell(taskId, telling),
      sign: { huawei: receivers.nameOf, alibaba: signed(receivers.nameOf) },
      redact: url => new URL(url).origin,
      random: chance.next,
    });
    this.supervisor = new Supervisor({
      socketPath: '/control.sock',
      childrenFile: '/children.json',
      ...{ workers, log },
      spawn: slot => computer.spawn(life, slot),
      listener: this.claims,
      now: timeline.elapsed,
      machine: computer.machineOf(life, new ProcessClock(timeline, life, () => this.#lateWatchMs())),
    });
    const { supervisor } = this;
    this.#tenure = new Tenure({ cluster, facts, supervisor, claims, reconciler, sleep, log });
    this.tasks = new Tasks({ store, record, breakpoints: this.#breakpoints, now, newId });
  }

  /** As `serve` does. Ends the process where it cannot start. */
  async start(): Promise<void> {
    try {
      await this.#tenure.start();
      await this.supervisor.start();
      this.#scheduler.start();
      this.#callbacks.start();
      this.isOpen = true;
    } catch (cause) {
      this.#parts.log('the control process could not start', { cause });
      this.life.end();
    }
  }

  /** The clean way, in the order in which `serve` closes. */
  async close(): Promise<void> {
    this.isOpen = false;
    await this.#scheduler.close();
    await this.#tenure.close();
    this.claims.close();
    await this.#callbacks.close();
    await this.supervisor.close({ stopWorkers: true });
    await this.#breakpoints.close();
    await this.#cluster.close();
    this.life.end();
  }

  /** In a calm nobody looks before something falls due, as on a computer that is slow: what would be found is nothing. */
  #lateMs(ms: number): number {
    const { weather, timeline, disk } = this.#parts;
    const lateMs = weather.lateMs();
    if (!weather.calm || ms !== TURN_MS) return lateMs;
    const untilDueMs = disk.soonestAt - timeline.now();
    return Math.max(lateMs, Math.min(LONGEST_TURN_MS, untilDueMs) - TURN_MS);
  }

  #lateWatchMs(): number {
    const { weather } = this.#parts;
    return weather.calm ? LATE_WATCH_MS : weather.lateMs();
  }
}

const signed = (nameOf: (delivery: Delivery) => Readonly<globalThis.Record<string, string>>) => {
  return (delivery: Delivery, nowMs: number) => ({ ...nameOf(delivery), ...signAlibaba(delivery, nowMs) });
};
