import { Fault, type Side } from '../../src/media/fault.ts';
import type { Item } from '../../src/media/item.ts';
import type { Sink, Source } from '../../src/media/packet.ts';
import type { Relay } from '../../src/media/relay.ts';
import type { PlayoutParts } from '../../src/worker/playout.ts';
import type { RunParts } from '../../src/worker/run.ts';
import { Chance } from '../../test/lab/sim/chance.ts';
import { Life, ProcessClock, Timeline } from '../../test/lab/sim/timeline.ts';
import { Camera } from './camera.ts';
import { Destination } from './destination.ts';
import { Judge } from './judge.ts';
import { Shelf } from './shelf.ts';
import { Storm } from './storm.ts';

const TICK_MS = 50;
const MOST_FOUND = 20;
const CAMERAS = [
  { url: 'rtmp://one/live', drift: 1.00003, soundLateMs: 0 },
  { url: 'rtmp://two/live', drift: 0.99998, soundLateMs: 70 },
  { url: 'rtmp://three/live', drift: 1, soundLateMs: 15 },
] as const;

/** Everything around one run, on a clock that is turned by hand. */
export class Stage {
  readonly timeline = new Timeline(0);
  /** What goes on around the run, whatever the run does. */
  readonly nature = new Life('nature');
  /** Of the run and nobody else. */
  readonly clock: ProcessClock;
  readonly chance: Chance;
  readonly cameras: readonly Camera[];
  readonly shelf = new Shelf();
  readonly judge: Judge;
  readonly destination: Destination;
  readonly storm: Storm;
  readonly relays = new Set<Relay>();
  readonly found: string[] = [];
  readonly #lately: string[] = [];
  onBug: (relay: Relay, error: unknown) => void = () => {};

  constructor(seed: number) {
    const { timeline, nature } = this;
    this.chance = new Chance(seed);
    const late = this.chance.fork();
    this.clock = new ProcessClock(timeline, new Life('run'), () =>
      late.happens(0.01) ? late.whole(5, 120) : late.whole(0, 3),
    );
    this.judge = new Judge(what => this.#find(what));
    this.cameras = CAMERAS.map(parts => new Camera({ ...parts, now: timeline.elapsed }));
    this.destination = new Destination({ now: timeline.elapsed, sleep: this.clock.sleep, judge: this.judge });
    const chance = this.chance.fork();
    this.storm = new Storm({ timeline, life: nature, chance, told: what => this.note(what) });
  }

  /** For whoever has to find out how it came to what was found. */
  note(what: string): void {
    this.#lately.push(`${(this.timeline.elapsed() / 1000).toFixed(2)} ${what}`);
    if (this.#lately.length > 6) this.#lately.shift();
  }

  #find(what: string): void {
    const seconds = (this.timeline.elapsed() / 1000).toFixed(2);
    if (this.found.length < MOST_FOUND) this.found.push(`${seconds} ${what} (lately: ${this.#lately.join(', ')})`);
  }

  /** Does it over and over, as long as the day lasts. */
  every(ms: number, act: () => void): void {
    const { timeline, nature } = this;
    timeline.after(ms, nature, () => {
      this.every(ms, act);
      act();
    });
  }

  /** The worker's tick. */
  beat(): void {
    this.every(TICK_MS, () => {
      for (const relay of this.relays) {
        try {
          relay.tick();
        } catch (error) {
          this.onBug(relay, error);
        }
      }
    });
  }

  /** What a run has of it. */
  get parts(): Omit<RunParts & PlayoutParts, 'order' | 'tell'> {
    const { relays, clock, timeline, chance } = this;
    return {
      heartbeat: {
        add: relay => void relays.add(relay),
        remove: relay => void relays.delete(relay),
      },
      openSource: (url, signal) => this.#pull(url, signal),
      openSink: (_, signal) => this.#push(signal),
      openItem: ({ url }, startMs, signal) => this.#open(url, startMs, signal),
      now: timeline.elapsed,
      sleep: clock.sleep,
      random: chance.fork().next,
      log: (message, error) => this.#find(`${message}: ${error instanceof Error ? error.stack : error}`),
    };
  }

  async #pull(url: string, signal: AbortSignal): Promise<Source> {
    await this.clock.sleep(this.chance.whole(20, 300), signal);
    const camera = this.cameras.find(one => one.url === url);
    if (camera === undefined || camera.away) throw unreachable('pull');
    return camera.pull(this.chance.happens(0.5));
  }

  async #push(signal: AbortSignal): Promise<Sink> {
    await this.clock.sleep(this.chance.whole(20, 300), signal);
    return this.destination.accept();
  }

  async #open(url: string, startMs: number, signal: AbortSignal): Promise<Item> {
    await this.clock.sleep(this.chance.around(200), signal);
    return this.shelf.take(url, startMs);
  }

  /** What is open or waited for. */
  get left(): readonly string[] {
    const open = {
      relays: this.relays.size,
      sources: this.cameras.reduce((sum, camera) => sum + camera.open.size, 0),
      files: this.shelf.open.size,
      pushes: this.destination.open.size,
      timers: this.timeline.pending,
    };
    return Object.entries(open).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]));
  }
}

const unreachable = (side: Side): Fault => new Fault(side, 'unreachable', 'nobody answers there');
