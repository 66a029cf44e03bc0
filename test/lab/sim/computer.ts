import type { Machine } from '../../../src/control/machine.ts';
import type { Survivor } from '../../../src/control/survivors.ts';
import type { Child, ChildEnd } from '../../../src/worker/channel.ts';
import type { Worker } from '../../../src/worker/worker.ts';
import type { Chance } from './chance.ts';
import type { Road } from './road.ts';
import { Life, type ProcessClock, type Timeline } from './timeline.ts';
import type { Weather } from './weather.ts';

export interface ComputerParts {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly weather: Weather;
  readonly road: Road;
  /** What a worker process does once it has started. */
  readonly begin: (process: SimProcess) => Worker;
}

/** A worker process of the simulated computer. */
export class SimProcess {
  readonly pid: number;
  readonly slot: number;
  readonly life: Life;
  worker: Worker | undefined;
  end: ChildEnd | undefined;
  readonly #onEnd: ((end: ChildEnd) => void)[] = [];

  constructor(pid: number, slot: number) {
    this.pid = pid;
    this.slot = slot;
    this.life = new Life(`worker ${slot} (pid ${pid})`);
  }

  onExit(act: (end: ChildEnd) => void): void {
    if (this.end === undefined) this.#onEnd.push(act);
    else act(this.end);
  }

  exit(end: ChildEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.life.end();
    for (const act of this.#onEnd.splice(0)) act(end);
  }
}

const USUAL_START_MS = 300;

/** The computer that the processes run on: it starts and ends them, and keeps what outlives them. */
export class Computer {
  readonly #parts: ComputerParts;
  readonly #processes = new Map<number, SimProcess>();
  /** The kernel, which does not end. */
  readonly #kernel = new Life('kernel');
  #survivors: readonly Survivor[] = [];
  #nextPid = 1;

  constructor(parts: ComputerParts) {
    this.#parts = parts;
  }

  get processes(): readonly SimProcess[] {
    return [...this.#processes.values()];
  }

  /** What the control process of this life has of the computer. */
  machineOf(life: Life, clock: ProcessClock): Machine {
    const { road, weather } = this.#parts;
    return {
      listen: (_, accept) => road.listen(life, accept),
      every: clock.every,
      birthOf: pid => (this.#processes.has(pid) ? `born as ${pid}` : undefined),
      kill: (pid, signal) => {
        weather.step(life);
        if (life.alive) this.kill(pid, signal);
      },
      survivors: () => ({
        read: () => this.#survivors.filter(({ pid }) => this.#processes.has(pid)),
        write: survivors => {
          if (life.alive) this.#survivors = survivors;
        },
        remove: () => {
          if (life.alive) this.#survivors = [];
        },
      }),
    };
  }

  spawn(parent: Life, slot: number): Child {
    const process = this.#start(slot);
    return {
      pid: process.pid,
      exited: new Promise(resolve => {
        process.onExit(end => {
          if (parent.alive) resolve(end);
        });
      }),
      kill: signal => {
        if (parent.alive) this.kill(process.pid, signal);
      },
    };
  }

  kill(pid: number, signal: NodeJS.Signals): void {
    const process = this.#processes.get(pid);
    if (process === undefined) return;
    const { timeline, chance } = this.#parts;
    if (signal === 'SIGKILL') {
      timeline.after(chance.whole(0, 30), this.#kernel, () => process.exit({ code: null, signal }));
    } else if (process.worker === undefined) process.exit({ code: null, signal });
    else void process.worker.end(signal);
  }

  #start(slot: number): SimProcess {
    const { timeline, chance, weather, begin } = this.#parts;
    const process = new SimProcess(this.#nextPid++, slot);
    this.#processes.set(process.pid, process);
    process.onExit(() => this.#processes.delete(process.pid));
    const startMs = weather.rough && chance.happens(0.05) ? chance.whole(1_000, 6_000) : USUAL_START_MS;
    timeline.after(startMs, process.life, () => {
      if (weather.rough && chance.happens(0.05)) process.exit({ code: 1, signal: null });
      else process.worker = begin(process);
    });
    return process;
  }
}
