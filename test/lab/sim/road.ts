import type {
  ChannelListener,
  Conversation,
  DialListener,
  FromWorker,
  Peer,
  ToWorker,
} from '../../../src/worker/channel.ts';
import type { Chance } from './chance.ts';
import type { Life, Timeline } from './timeline.ts';
import type { Weather } from './weather.ts';

const REDIAL_MS = 250;

export interface RoadParts {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly weather: Weather;
  /** What a worker says, as it crosses the road. */
  readonly marked: (message: FromWorker) => FromWorker;
  /** Whatever control orders. */
  readonly ordered: (message: ToWorker) => void;
}

/** One direction of a connection: in order, each message with its own delay, and none behind the cut. */
class Lane {
  readonly #parts: RoadParts;
  readonly #receiver: Life;
  #lastAtMs = 0;
  #cutAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: RoadParts, receiver: Life) {
    this.#parts = parts;
    this.#receiver = receiver;
  }

  carry(act: () => void): void {
    const { timeline, weather } = this.#parts;
    if (this.#cutAtMs < Number.POSITIVE_INFINITY) return;
    this.#lastAtMs = Math.max(this.#lastAtMs, timeline.elapsed() + weather.latencyMs());
    const atMs = this.#lastAtMs;
    timeline.after(atMs - timeline.elapsed(), this.#receiver, () => {
      if (atMs <= this.#cutAtMs) act();
    });
  }

  /** Nothing more is taken; what is on its way arrives, or the first part of it. */
  end(act: () => void, { whole }: { readonly whole: boolean }): void {
    const { timeline, weather } = this.#parts;
    if (this.#cutAtMs < Number.POSITIVE_INFINITY) return;
    const nowMs = timeline.elapsed();
    this.#cutAtMs = whole ? Math.max(this.#lastAtMs, nowMs) : nowMs + weather.latencyMs();
    timeline.after(this.#cutAtMs - nowMs, this.#receiver, act);
  }
}

/** A connection between a worker and the control process. */
class Link {
  readonly control: Life;
  readonly worker: Life;
  readonly #toControl: Lane;
  readonly #toWorker: Lane;
  readonly #closedAtWorker: () => void;
  readonly heard: (message: ToWorker) => void;
  #talk: Conversation | undefined;

  constructor(
    parts: RoadParts,
    ends: { control: Life; worker: Life; closedAtWorker: () => void; heard: (message: ToWorker) => void },
  ) {
    this.control = ends.control;
    this.worker = ends.worker;
    this.#closedAtWorker = ends.closedAtWorker;
    this.heard = ends.heard;
    this.#toControl = new Lane(parts, ends.control);
    this.#toWorker = new Lane(parts, ends.worker);
  }

  open(accept: () => Conversation): void {
    this.#toControl.carry(() => {
      this.#talk = accept();
    });
  }

  tellControl(message: FromWorker): void {
    this.#toControl.carry(() => this.#talk?.message(message));
  }

  tellWorker(act: () => void): void {
    this.#toWorker.carry(act);
  }

  end(options: { readonly whole: boolean }): void {
    this.#toControl.end(() => this.#talk?.closed(), options);
    this.#toWorker.end(this.#closedAtWorker, options);
  }
}

/** The local socket: one listener at most, any number of connections, each of which may break at any time. */
export class Road {
  readonly #parts: RoadParts;
  readonly #links = new Set<Link>();
  #door: { readonly life: Life; readonly accept: (peer: Peer<ToWorker>) => Conversation } | undefined;

  constructor(parts: RoadParts) {
    this.#parts = parts;
  }

  listen(life: Life, accept: (peer: Peer<ToWorker>) => Conversation): Promise<ChannelListener> {
    const door = { life, accept };
    this.#door = door;
    const leave = (): void => {
      if (this.#door === door) this.#door = undefined;
      this.#endLinks(({ control }) => control === life, { whole: true });
    };
    life.onEnd(leave);
    return Promise.resolve({ close: async () => leave() });
  }

  /** As `dialChannel` does: over and over, with an introduction at each connect. */
  dial(life: Life, listener: DialListener): Peer<FromWorker> {
    const { timeline, chance, weather } = this.#parts;
    let link: Link | undefined;
    let over = false;
    const redial = (): void => {
      if (!over) timeline.after(REDIAL_MS, life, dial);
    };
    const send = (message: FromWorker): void => link?.tellControl(this.#parts.marked(copyOf(message)));
    const connect = (): void => {
      const door = this.#door;
      if (door?.life.alive !== true) redial();
      if (over || door?.life.alive !== true) return;
      const next = this.#connect(door, life, {
        message: message => listener.message(message),
        closed: () => {
          link = undefined;
          redial();
          listener.closed?.();
        },
      });
      link = next;
      const hello = listener.hello();
      send(hello);
      if (weather.rough && chance.happens(0.05)) send(hello);
      listener.connected?.();
    };
    const dial = (): void => void timeline.after(weather.latencyMs(), life, connect);
    const close = (): void => {
      over = true;
      link?.end({ whole: true });
    };
    life.onEnd(() => this.#endLinks(other => other === link, { whole: true }));
    dial();
    return { send, close };
  }

  /** Has the worker hear this at once, whoever has said it. */
  tell(worker: Life, message: ToWorker): void {
    [...this.#links].find(link => link.worker === worker)?.heard(message);
  }

  /** Cuts some connection, and loses what is on its way. */
  cutOne(): void {
    const link = this.#parts.chance.one([...this.#links]);
    if (link !== undefined) this.#endLinks(other => other === link, { whole: false });
  }

  #connect(
    door: { readonly life: Life; readonly accept: (peer: Peer<ToWorker>) => Conversation },
    worker: Life,
    on: { readonly message: (message: ToWorker) => void; readonly closed: () => void },
  ): Link {
    const link = new Link(this.#parts, {
      control: door.life,
      worker,
      heard: on.message,
      closedAtWorker: () => {
        this.#links.delete(link);
        on.closed();
      },
    });
    this.#links.add(link);
    link.open(() =>
      door.accept({
        send: message => {
          if (!door.life.alive) return;
          this.#parts.weather.step(door.life);
          if (!door.life.alive) return;
          this.#parts.ordered(message);
          const copy = copyOf(message);
          link.tellWorker(() => on.message(copy));
        },
        close: () => link.end({ whole: true }),
      }),
    );
    return link;
  }

  #endLinks(wanted: (link: Link) => boolean, options: { readonly whole: boolean }): void {
    for (const link of this.#links) {
      if (!wanted(link)) continue;
      this.#links.delete(link);
      link.end(options);
    }
  }
}

/** What crosses is written and read again. Reports and places are many, and read by nobody who changes them. */
const copyOf = <T extends FromWorker | ToWorker>(message: T): T =>
  message.t === 'reports' || message.t === 'places' ? message : (JSON.parse(JSON.stringify(message)) as T);
