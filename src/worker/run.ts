import type { Monotonic } from '../media/clock.ts';
import { asFault } from '../media/fault.ts';
import type { Sink, Source } from '../media/packet.ts';
import { type Heartbeat, Relay } from '../media/relay.ts';
import { backoffMs } from '../task/retry.ts';
import { Bugs, type Outcome, onceReached, Retry, under, whenOver } from './attempts.ts';
import type { LiveOrder, RunNews, RunOrder, RunReport } from './channel.ts';
import { PushSide } from './push-side.ts';
import { Standing } from './standing.ts';

export interface RunParts {
  readonly order: RunOrder<LiveOrder>;
  readonly heartbeat: Pick<Heartbeat, 'add' | 'remove'>;
  readonly openSource: (url: string, signal: AbortSignal) => Promise<Source>;
  readonly openSink: (url: string, signal: AbortSignal) => Promise<Sink>;
  readonly now: Monotonic;
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly tell: (news: RunNews) => void;
  /** Of our own mistakes only; what the world does is told as news. */
  readonly log: (message: string, error: unknown) => void;
}

/** How long the old source goes on while the new one is opened. */
const MAKE_MS = 5_000;
const STOP_MS = 5_000;

/** What former relays of this run carried. */
interface Carried {
  bytesIn: number;
  bytesOut: number;
  mediaMs: number;
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
  readonly #carried: Carried = { bytesIn: 0, bytesOut: 0, mediaMs: 0, beforeKey: 0 };
  readonly #standing: Standing;
  readonly #push: PushSide;
  #order: RunOrder<LiveOrder>;
  #pullEpoch = 0;
  #relay: Relay;
  /** Ends the present turn of the pull, which goes on at once with what is then ordered. */
  #pullCut = new AbortController();
  #pulling = false;
  #next: { readonly url: string; readonly source: Source } | undefined;
  #making = new AbortController();
  #bugged: (error: unknown) => void = () => {};
  readonly #bugs = new Bugs();

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#order = parts.order;
    this.#standing = new Standing({ ...parts, gaveUp: () => this.#life.abort() });
    this.#push = new PushSide({ ...parts, destination: parts.order.destination, standing: this.#standing });
    this.#relay = new Relay({ now: parts.now });
    this.ended = this.#live();
  }

  /** The same claim's new wish: another source follows without a break of the push. */
  change(order: RunOrder<LiveOrder>): void {
    const former = this.#order;
    this.#order = order;
    const isNew = order.source.url !== former.source.url;
    this.#standing.change(order, { isNew });
    this.#push.change(order.destination);
    if (isNew) this.#changeSource(order.source.url);
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
      pullEpoch: this.#pullEpoch,
      bytesIn: carried.bytesIn + relay.bytesIn,
      bytesOut: carried.bytesOut + relay.bytesOut,
      mediaMs: carried.mediaMs + Math.round(relay.mediaMs),
      dropped: {
        ...push.drops,
        beforeKey: carried.beforeKey + relay.splicer.counts.beforeKey,
      },
      queuedMs: push.queuedMs,
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
      const ready = (signal: AbortSignal): Promise<void> => relay.ready(signal);
      const flowing = (): void => this.#tellFlowing(relay);
      const sides = [this.#pulls(relay, turn.signal), this.#push.run({ relay, ready, flowing }, turn.signal)];
      const bug = await Promise.race([bugged, ...sides]).catch((error: unknown) => error);
      turn.abort();
      this.#push.endHold();
      this.#pulling = false;
      await Promise.allSettled(sides);
      heartbeat.remove(relay);
      this.#bank(relay);
      return bug;
    });
  }

  async #pulls(relay: Relay, signal: AbortSignal): Promise<void> {
    const retry = new Retry();
    while (!signal.aborted) {
      await under(signal, async cut => {
        this.#pullCut = cut;
        const outcome = await this.#pullOnce(relay, cut.signal);
        if (cut.signal.aborted) {
          retry.reset();
          return;
        }
        this.#push.startHold();
        const waitMs = this.#standing.lost(outcome.fault, retry.waitMs(outcome, this.#parts.random()));
        await whenOver(this.#parts.sleep(waitMs, cut.signal));
      });
    }
  }

  async #pullOnce(relay: Relay, signal: AbortSignal): Promise<Outcome> {
    const { now, openSource } = this.#parts;
    let source: Source;
    try {
      source = this.#takeNext() ?? (await openSource(this.#order.source.url, signal));
    } catch (error) {
      return { fault: asFault('pull', error), healthyMs: 0 };
    }
    let readyAtMs: number | undefined;
    this.#pullEpoch++;
    this.#pulling = true;
    const fault = await under(signal, over => {
      const pulled = relay.pull(source, signal);
      onceReached(relay.ready(over.signal), () => {
        readyAtMs = now();
        this.#push.endHold();
        this.#tellFlowing(relay);
      });
      return pulled;
    });
    this.#pulling = false;
    return { fault, healthyMs: readyAtMs === undefined ? 0 : now() - readyAtMs };
  }

  #changeSource(url: string): void {
    this.#making.abort();
    if (this.#pulling) void this.#make(url, this.#pullCut);
    else this.#pullCut.abort();
  }

  /** Make before break: the source on air goes on until the new one is open, or until it has had its time. */
  async #make(url: string, onAir: AbortController): Promise<void> {
    const { openSource, sleep } = this.#parts;
    await under(this.#life.signal, async making => {
      this.#making = making;
      const opened = openSource(url, making.signal).then(source => this.#keepNext(url, source, making.signal));
      await Promise.race([opened, sleep(MAKE_MS, making.signal)]).catch(() => {});
      if (making.signal.aborted) return;
      // The one on air may have failed meanwhile, and the loop may have got to the new one by itself.
      if (this.#pulling && this.#pullCut !== onAir) this.#takeNext()?.close();
      else this.#pullCut.abort();
    });
  }

  #keepNext(url: string, source: Source, signal: AbortSignal): void {
    if (signal.aborted) source.close();
    else this.#next = { url, source };
  }

  /** The source opened ahead, if it is the one that is wanted now. */
  #takeNext(): Source | undefined {
    const next = this.#next;
    this.#next = undefined;
    if (next === undefined || next.url === this.#order.source.url) return next?.source;
    next.source.close();
    return undefined;
  }

  #tellFlowing(relay: Relay): void {
    if (relay.onAir) this.#standing.flows();
  }

  #bank(relay: Relay): void {
    this.#takeNext()?.close();
    this.#carried.bytesIn += relay.bytesIn;
    this.#carried.bytesOut += relay.bytesOut;
    this.#carried.mediaMs += Math.round(relay.mediaMs);
    this.#carried.beforeKey += relay.splicer.counts.beforeKey;
    this.#relay = new Relay({ now: this.#parts.now });
  }
}
