import { Customer, wishOf } from './sim/customer.ts';
import { findDisorder } from './sim/inspection.ts';
import { Storm } from './sim/storm.ts';
import { printDestination } from './sim/whose.ts';
import { World } from './sim/world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** How many tasks there are at a time. */
  readonly tasks: number;
  readonly days: number;
}

/** What a simulation went through. */
export interface Figures {
  readonly taskDays: number;
  readonly onAirDays: number;
  readonly moments: number;
  readonly events: number;
  readonly exits: number;
  readonly callbacks: number;
  readonly controlProcesses: number;
  /** The same for the same seed, whatever happens beside it. */
  readonly hash: number;
  /** Of the processor. */
  readonly tookMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STORM_MS = 15 * MINUTE;
/** Once nothing fails any more, everything is as its owner wants it within this time. */
const SETTLED_MS = 3 * MINUTE;
const LULL_MS = 12.5 * HOUR;
/** Every customer does something so often. */
const DEED_MS = { storm: 4 * MINUTE, lull: 4 * HOUR } as const;
const CENSUS_MS = 10 * MINUTE;
/** As long as tasks stay listed behind their exit, and a little more. */
const KEPT_MS = 8 * DAY;
/** Every minute's worth of ticks what is old is removed; in a calm a tick takes up to a quarter of a minute. */
const PURGED_MS = 70 * MINUTE;

/** Days in the life of a node: storms in which everything fails, and lulls in which everything has to be well again. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #world: World;
  #customers: Customer[] = [];
  #keys = 0;
  #taskMs = 0;
  #onAirMs = 0;
  #deedMs: number | undefined;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#world = new World(options.seed);
  }

  /** The last things that happened. */
  get trace(): readonly string[] {
    return this.#world.traced;
  }

  /** Throws where a law of the house does not hold, with the one line that shows it again. */
  async run(): Promise<Figures> {
    const startedAt = process.cpuUsage();
    const { timeline } = this.#world;
    // Failures are made by the million, and nobody reads where.
    Error.stackTraceLimit = 0;
    this.#world.healDisk();
    this.#world.startNode();
    this.#count();
    for (const endMs = this.#options.days * DAY; timeline.elapsed() < endMs; ) {
      await this.#storm();
      await this.#lull();
    }
    await this.#leave();
    return this.#figures(process.cpuUsage(startedAt).user / 1_000);
  }

  async #storm(): Promise<void> {
    const storm = new Storm(this.#world, () => this.#anyAddress());
    this.#world.setCalm(false);
    this.#live(DEED_MS.storm);
    storm.begin();
    await this.#pass(STORM_MS);
    storm.end();
    this.#deedMs = undefined;
    await this.#settle();
  }

  async #lull(): Promise<void> {
    this.#world.setCalm(true);
    this.#live(DEED_MS.lull);
    await this.#pass(LULL_MS);
    this.#deedMs = undefined;
    await this.#settle();
    const { disk, timeline } = this.#world;
    // What has failed often is tried once a day: it may still wait, but not behind its time.
    for (const [taskId, [first]] of disk.waiting) {
      if (first === undefined || first.nextAt > timeline.now() - MINUTE) continue;
      this.#world.broken(`callback ${first.seq} of ${taskId} is due and was not told`);
    }
  }

  /** Everybody leaves, and the wall clock goes on by a week: nothing may stay behind. */
  async #leave(): Promise<void> {
    const { disk, timeline } = this.#world;
    for (const customer of this.#customers) void customer.delete();
    await this.#pass(MINUTE);
    this.#customers = this.#customers.filter(({ gone }) => gone !== 'yes');
    await this.#settle();
    const lastAt = Math.max(timeline.now(), ...[...disk.tasks.values()].map(({ spec }) => spec.endAt));
    timeline.setWall(lastAt - timeline.now());
    await this.#pass(MINUTE);
    await this.#settle();
    timeline.setWall(KEPT_MS);
    await this.#pass(PURGED_MS);
    this.#inspectRemains();
    this.#refuse();
  }

  #inspectRemains(): void {
    const { disk, field, timeline, node, broken } = {
      ...this.#world,
      broken: (law: string) => this.#world.broken(law),
    };
    if (disk.tasks.size > 0) broken(`${disk.tasks.size} tasks were never removed`);
    if (disk.waiting.size > 0) broken(`the callbacks of ${disk.waiting.size} tasks were never told`);
    const open = field.sources.size + field.sinks.size + field.items.size;
    if (open > 0) broken(`${open} streams stay open`);
    if (node?.supervisor.totals.runs !== 0) broken('runs stay behind');
    if (timeline.pending > 30) broken(`${timeline.pending} timers stay behind`);
  }

  /** Looks until everything is in order, or has had its time. */
  async #settle(): Promise<void> {
    const { timeline } = this.#world;
    const endMs = timeline.elapsed() + SETTLED_MS;
    for (;;) {
      const [first] = findDisorder(this.#world, this.#customers);
      if (first === undefined) return;
      if (timeline.elapsed() >= endMs) this.#world.broken(first);
      await this.#pass(SECOND);
    }
  }

  async #pass(ms: number): Promise<void> {
    await this.#world.pass(ms);
    this.#refuse();
  }

  #refuse(): void {
    const { breach } = this.#world;
    if (breach === undefined) return;
    const { seed, tasks, days } = this.#options;
    const how = `SIM_SEED=${seed} SIM_TASKS=${tasks} SIM_DAYS=${days}`;
    const when = `day ${(breach.atMs / DAY).toFixed(3)}`;
    throw new Error(`${how} npx vitest run --project product test/simulation.test.ts # ${when}: ${breach.law}`);
  }

  /** New customers come in the place of those who have left, and all of them do something now and then. */
  #live(deedMs: number): void {
    this.#deedMs = deedMs;
    const next = (): void => {
      const { timeline, chance, nature } = this.#world;
      timeline.after(chance.around(deedMs / this.#options.tasks), nature, () => {
        if (this.#deedMs !== deedMs) return;
        next();
        if (this.#customers.length < this.#options.tasks) this.#welcome();
        else void chance.one(this.#customers)?.act();
      });
    };
    next();
  }

  #welcome(): void {
    const { chance, timeline } = this.#world;
    const customer = new Customer(`t${++this.#keys}`, {
      chance,
      now: timeline.now,
      node: () => this.#world.node,
      broken: law => this.#world.broken(law),
    });
    this.#customers.push(customer);
    for (const id of customer.assets) this.#world.addAsset(id);
    void customer.create(wishOf(customer, { chance, now: timeline.now() }));
  }

  /** Those whose task is over leave; some of them clear up behind them. */
  #retire(): void {
    const { disk, chance, ledger, assets } = this.#world;
    for (const customer of this.#customers) customer.taskId ??= this.#findTask(customer);
    const staying = this.#customers.filter(({ taskId = '', isBusy }) => {
      const task = disk.tasks.get(taskId);
      return isBusy || (task !== undefined && task.status !== 'exited');
    });
    for (const customer of this.#customers) {
      if (staying.includes(customer)) continue;
      for (const id of customer.assets) assets.delete(id);
      if (chance.happens(0.5)) void customer.delete();
    }
    this.#customers = staying;
    for (const taskId of ledger.known) if (!disk.tasks.has(taskId)) ledger.forget(taskId);
  }

  /** Its creation was not answered, and may have been done all the same. */
  #findTask({ key }: Customer): string | undefined {
    return this.#world.disk.byKey.get(key);
  }

  /** An address that some task pulls from or pushes to. */
  #anyAddress(): string | undefined {
    const { disk, chance } = this.#world;
    const task = disk.tasks.get(chance.one(this.#customers)?.taskId ?? '');
    if (task === undefined) return undefined;
    const { source, standby } = task.spec;
    const sources = source.kind === 'live' ? [source.url] : source.items.map(({ url }) => url);
    return chance.happens(0.6) ? chance.one([...sources, ...standby]) : printDestination(task);
  }

  /** Counts the days of tasks that have not exited, and of those on air. */
  #count(): void {
    const { timeline, nature, disk } = this.#world;
    timeline.after(CENSUS_MS, nature, () => {
      this.#count();
      if (this.#world.weather.calm) this.#retire();
      for (const { status } of disk.tasks.values()) {
        if (status !== 'exited') this.#taskMs += CENSUS_MS;
        if (status === 'running') this.#onAirMs += CENSUS_MS;
      }
    });
  }

  #figures(tookMs: number): Figures {
    const { ledger, nodes, hash, timeline } = this.#world;
    return {
      taskDays: Math.round(this.#taskMs / DAY),
      onAirDays: Math.round(this.#onAirMs / DAY),
      moments: timeline.moments,
      events: ledger.events,
      exits: ledger.exits,
      callbacks: ledger.deliveries,
      controlProcesses: nodes,
      hash,
      tookMs: Math.round(tookMs),
    };
  }
}
