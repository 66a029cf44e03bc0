import { isDeepStrictEqual } from 'node:util';
import type { Monotonic } from '../media/clock.ts';
import type { FlvViewer } from '../media/flv/viewer.ts';
import type { Heartbeat } from '../media/heartbeat.ts';
import type { Sink, Source } from '../media/packet.ts';
import type { Referral } from '../media/referral.ts';
import { Relay } from '../media/relay.ts';
import { backoffMs } from '../task/retry.ts';
import type { Trust } from '../task/trust.ts';
import { Bugs, under, whenOver } from './attempts.ts';
import { bank, type Carried, flowOf, NOTHING_CARRIED } from './carried.ts';
import type { LiveOrder, RunNews, RunOrder, RunReport } from './channel.ts';
import { coverOf } from './cover.ts';
import { PullSide } from './pull-side.ts';
import { PushSide } from './push-side.ts';
import type { Slates } from './slates.ts';
import { Standing } from './standing.ts';

/** How a push is to be opened. */
export interface SinkWish {
  /** The destination is dialled, and asked to take a publish when this resolves. */
  readonly held?: () => Promise<void>;
  /** What of enhanced RTMP is in the stream. */
  readonly fourCcs?: readonly string[];
  /** Told each time the destination asks for another connection in the place of this one. */
  readonly referred?: (to: Referral) => void;
  /** Whom to believe of the destination. */
  readonly tls?: Trust | undefined;
}

/** How a source is to be opened. */
export interface SourceWish {
  /** Told each time its server asks for another connection in the place of this one. */
  readonly referred?: (to: Referral) => void;
  /** The source whose server has sent us there. */
  readonly sentFrom?: string;
  /** Whom to believe of it. */
  readonly tls?: Trust | undefined;
}

export interface RunParts {
  readonly order: RunOrder<LiveOrder>;
  readonly heartbeat: Pick<Heartbeat, 'add' | 'remove'>;
  readonly openSource: (url: string, signal: AbortSignal, wish?: SourceWish) => Promise<Source>;
  readonly openSink: (url: string, signal: AbortSignal, wish?: SinkWish) => Promise<Sink>;
  readonly now: Monotonic;
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly tell: (news: RunNews) => void;
  /** The files shown while there is no source; undefined where there are none. */
  readonly slates?: Pick<Slates, 'load'> | undefined;
  /** Of our own mistakes only; what the world does is told as news. */
  readonly log: (message: string, error: unknown) => void;
}

const STOP_MS = 5_000;

interface CarriedLive extends Carried {
  beforeKey: number;
}

/**
 * One stretch of fulfilling a task: pulls, pushes, and owns every retry of both sides. The push outlives its sources;
 * it is closed when none has come back for a while, and opened again with the first media after that.
 */
export class Run {
  readonly ended: Promise<void>;
  readonly #parts: RunParts;
  readonly #life = new AbortController();
  readonly #carried: CarriedLive = { ...NOTHING_CARRIED, beforeKey: 0 };
  readonly #standing: Standing;
  readonly #push: PushSide;
  readonly #pull: PullSide;
  #order: RunOrder<LiveOrder>;
  #relay: Relay;
  #bugged: (error: unknown) => void = () => {};
  readonly #bugs = new Bugs();

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#order = parts.order;
    this.#standing = new Standing({ ...parts, gaveUp: () => this.#life.abort() });
    const { destination, tls } = parts.order;
    this.#push = new PushSide({ ...parts, destination, tls, standing: this.#standing });
    this.#pull = this.#makePull();
    if (parts.order.source.pin !== undefined) this.#pull.switchTo(parts.order.source.pin);
    this.#relay = this.#makeRelay();
    this.ended = this.#live();
  }

  /** The same claim's new wish: another source follows without a break of the push. */
  change(order: RunOrder<LiveOrder>): void {
    const former = this.#order;
    this.#order = order;
    const urls = urlsOf(order);
    const isNew = !isDeepStrictEqual([urls, order.source.tls], [urlsOf(former), former.source.tls]);
    this.#standing.change(order, { isNew });
    this.#push.change(order.destination, order.tls);
    const isOther = isNew || !isDeepStrictEqual(order.cover, former.cover);
    if (isOther) this.#pull.change(urls, order.cover);
    const { pin } = order.source;
    // Other addresses have undone it.
    if (pin !== former.source.pin || (isOther && pin !== undefined)) this.switchTo(pin ?? 'auto');
  }

  /** Goes to one of the sources, 0 being the primary, and stays with it while it is well; `auto` undoes that. */
  switchTo(source: number | 'auto'): void {
    this.#pull.switchTo(source);
  }

  /** Shows what it carries to who looks; false where too many do. */
  show(viewer: FlvViewer): boolean {
    return this.#relay.show(viewer);
  }

  /** To be called once a second. */
  look(): void {
    this.#standing.look(this.#relay.vitals(), this.#push.vitals);
  }

  report(): RunReport {
    const { taskId, epoch } = this.#order;
    const relay = this.#relay;
    const carried = this.#carried;
    const push = this.#push;
    return {
      taskId,
      epoch,
      ...this.#standing.report(),
      pushEpoch: push.epoch,
      pullEpoch: this.#pull.epoch,
      bytesIn: carried.bytesIn + relay.bytesIn,
      bytesOut: carried.bytesOut + relay.bytesOut,
      mediaMs: carried.mediaMs + Math.round(relay.mediaMs),
      dropped: {
        ...push.drops,
        beforeKey: carried.beforeKey + relay.splicer.counts.beforeKey,
      },
      queuedMs: push.queuedMs,
      ...(relay.heldMs > 0 ? { heldMs: Math.round(relay.heldMs) } : {}),
      ...this.#pull.report,
      flow: flowOf(relay, carried, { nowMs: this.#parts.now(), drops: push.drops }),
    };
  }

  /** Ends the run, the push cleanly; resolves when it is closed, or soon anyway. */
  async stop(): Promise<void> {
    this.#life.abort();
    await under(undefined, late => Promise.race([this.ended, this.#parts.sleep(STOP_MS, late.signal)]));
  }

  /** Takes a bug that showed in a tick; answers whether the relay is this run's. */
  takeBug(relay: Relay, error: unknown): boolean {
    if (relay !== this.#relay) return false;
    this.#parts.heartbeat.remove(relay);
    this.#bugged(error);
    return true;
  }

  /** Relay after relay: a bug costs this run its relay, never the worker its life. */
  async #live(): Promise<void> {
    for (;;) {
      const bug = await this.#carry(this.#relay);
      if (this.#life.signal.aborted) return;
      this.#parts.log(`run of task ${this.#order.taskId} hit a bug`, bug);
      const bugs = this.#bugs.count(this.#parts.now());
      if (this.#bugs.tooMany) {
        this.#standing.giveUp('run', 'the relay failed over and over by an internal error');
        return;
      }
      this.#standing.tell('broke', 'run', 'internal error; the relay starts anew');
      await whenOver(this.#parts.sleep(backoffMs(bugs, this.#parts.random()), this.#life.signal));
    }
  }

  /** Runs both sides until told to stop, until they are given up, or until a bug, which it answers with. */
  async #carry(relay: Relay): Promise<unknown> {
    const { heartbeat } = this.#parts;
    return under(this.#life.signal, async turn => {
      const bugged = new Promise((_, reject) => {
        this.#bugged = reject;
      });
      heartbeat.add(relay);
      const ready = (signal: AbortSignal): Promise<void> => relay.due(signal);
      const flowing = (): void => this.#tellFlowing(relay);
      const sides = [this.#pull.run(relay, turn.signal), this.#push.run({ relay, ready, flowing }, turn.signal)];
      const bug = await Promise.race([bugged, ...sides]).catch((error: unknown) => error);
      turn.abort();
      this.#push.endHold();
      await Promise.allSettled(sides);
      heartbeat.remove(relay);
      relay.hide();
      this.#bank(relay);
      return bug;
    });
  }

  #makeRelay(): Relay {
    const { delayMs, slate } = coverOf(this.#order.cover);
    return new Relay({ now: this.#parts.now, delayMs, keepsGroup: slate !== 'off' });
  }

  #makePull(): PullSide {
    const parts = this.#parts;
    const { order } = parts;
    return new PullSide({
      ...{ ...parts, urls: urlsOf(order), cover: order.cover, standing: this.#standing, push: this.#push },
      openSource: (url, signal, { sentFrom = url, ...wish } = {}) =>
        parts.openSource(url, signal, { ...wish, tls: this.#trusted(sentFrom) }),
      flowing: () => this.#tellFlowing(this.#relay),
      strayed: (isAway, reason) => this.#standing.hold('SwitchedToStandby', isAway ? reason : undefined),
    });
  }

  /** By the newest order, at each dial: what is open stays so. */
  #trusted(url: string): Trust | undefined {
    const { source } = this.#order;
    return url === source.url ? source.tls : undefined;
  }

  #tellFlowing(relay: Relay): void {
    if (relay.onAir && !this.#pull.isOnSlate) this.#standing.flows();
  }

  #bank(relay: Relay): void {
    bank(this.#carried, relay);
    this.#carried.beforeKey += relay.splicer.counts.beforeKey;
    this.#relay = this.#makeRelay();
  }
}

const urlsOf = ({ source: { url, standby = [] } }: RunOrder<LiveOrder>): readonly string[] => [url, ...standby];
