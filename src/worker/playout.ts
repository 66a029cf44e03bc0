import { isDeepStrictEqual } from 'node:util';
import { redactUrl } from '../media/address.ts';
import type { Fault } from '../media/fault.ts';
import type { FlvViewer } from '../media/flv/viewer.ts';
import type { Item } from '../media/item.ts';
import { type ListListener, ListSource } from '../media/list-source.ts';
import { Relay } from '../media/relay.ts';
import { type Breakpoint, type Cursor, isStart, startCursor } from '../task/playlist.ts';
import { backoffMs } from '../task/retry.ts';
import { Apparatus } from './apparatus.ts';
import { type OpenItem, openingAssets } from './asset-item.ts';
import { Bugs, onceReached, under, whenOver } from './attempts.ts';
import { bank, type Carried, flowOf, NOTHING_CARRIED } from './carried.ts';
import type { ListOrder, RunOrder, RunReport } from './channel.ts';
import { coverOf } from './cover.ts';
import { ItemNews } from './item-news.ts';
import { itemAt, ListFeed, type Place } from './list-feed.ts';
import { PullSide } from './pull-side.ts';
import { type Pushed, PushSide } from './push-side.ts';
import type { RunParts } from './run.ts';
import { StandIn } from './stand-in.ts';
import { Standing } from './standing.ts';

export interface PlayoutParts extends Omit<RunParts, 'order'> {
  readonly order: RunOrder<ListOrder>;
  readonly openItem: OpenItem;
}

const STOP_MS = 5_000;
/** The last frame lies before the end that a file names, and some name it roughly. */
const EARLY_MS = 2_000;

interface CarriedFiles extends Carried {
  items: number;
  skips: number;
}

/**
 * One stretch of fulfilling a task that plays files. The file is opened first, then the push; a push that is lost is
 * opened again and goes on at the last key frame in front of the break point; a file that cannot be played is told of
 * and passed over. All retries of both sides are here and in the feed.
 */
export class Playout {
  readonly ended: Promise<void>;
  readonly #parts: PlayoutParts;
  readonly #life = new AbortController();
  readonly #carried: CarriedFiles = { ...NOTHING_CARRIED, items: 0, skips: 0 };
  readonly #standing: Standing;
  readonly #push: PushSide;
  readonly #pull: PullSide;
  readonly #standIn: StandIn;
  readonly #bugs = new Bugs();
  #order: RunOrder<ListOrder>;
  #now: Apparatus;
  #bugged: (error: unknown) => void = () => {};
  #toldKeyMs = Number.NaN;
  readonly #items: ItemNews;
  /** While the last file plays: none could be found to follow it. */
  #isLost = false;

  constructor(parts: PlayoutParts) {
    this.#parts = parts;
    this.#order = parts.order;
    this.#standing = new Standing({ ...parts, gaveUp: () => this.#life.abort() });
    const { destination, tls } = parts.order;
    this.#push = new PushSide({ ...parts, destination, tls, standing: this.#standing });
    this.#pull = this.#makePull();
    this.#standIn = new StandIn({
      ...{ ...parts, pull: this.#pull },
      offMs: () => coverOf(this.#order.cover).silentMs,
      leaves: () => this.#now.leave(this.#order.source),
    });
    const { from, list, version } = parts.order.source;
    const { taskId, epoch } = parts.order;
    this.#items = new ItemNews(
      { taskId, epoch, tell: parts.tell, isSeen: () => this.#standing.state === 'flowing' },
      isStart(list, from) ? undefined : { cursor: from, version, item: itemAt(list, from) },
    );
    this.#now = this.#build(from, undefined);
    this.ended = this.#live();
  }

  /** The same claim's new wish: another list follows without a break of the push. */
  change(order: RunOrder<ListOrder>): void {
    const former = this.#order;
    // Before the order changes: its version belongs to the break point.
    const at = this.#now.whereTaken();
    this.#order = order;
    const isNew = order.source.version !== former.source.version;
    this.#standing.change(order, { isNew });
    if (isNew) this.#now.edit(order.source, at);
    // The same list once more has other addresses of its assets at the most, which the next opening asks for.
    else if (!isDeepStrictEqual(order.source.list, former.source.list)) this.#now.feed.extend(order.source.list);
    this.#push.change(order.destination, order.tls);
    this.#changeStandby(order, former);
  }

  /** Shows what it carries to who looks; false where too many do. */
  show(viewer: FlvViewer): boolean {
    return this.#now.relay.show(viewer);
  }

  /** To be called once a second. */
  look(): void {
    this.#standing.look(this.#now.relay.vitals(), this.#push.vitals);
  }

  report(): RunReport {
    const { taskId, epoch } = this.#order;
    const { relay, feed } = this.#now;
    const carried = this.#carried;
    const push = this.#push;
    const at = this.#now.whereTaken();
    const itemEndMs = this.#now.itemEndMs(at);
    return {
      taskId,
      epoch,
      ...this.#standing.report(),
      pushEpoch: push.epoch,
      pullEpoch: carried.items + feed.opened + this.#pull.epoch,
      bytesIn: carried.bytesIn + relay.bytesIn,
      bytesOut: carried.bytesOut + relay.bytesOut,
      mediaMs: carried.mediaMs + Math.round(relay.mediaMs),
      dropped: {
        ...push.drops,
        skips: carried.skips + relay.skips,
      },
      queuedMs: push.queuedMs,
      ...this.#pull.report,
      flow: flowOf(relay, carried, { nowMs: this.#parts.now(), drops: push.drops }),
      ...(itemEndMs === undefined ? {} : { itemEndMs }),
      ...(at === undefined ? {} : { breakpoint: at }),
    };
  }

  /** The break point, once for each key frame that the destination has taken: a crash goes on from there. */
  newPlace(): Breakpoint | undefined {
    const { relay } = this.#now;
    // Asked on every tick, and nearly always in vain.
    if (relay.newestKeyMs === this.#toldKeyMs) return undefined;
    const keyMs = relay.takenKeyMs;
    if (keyMs === undefined || keyMs === this.#toldKeyMs) return undefined;
    this.#toldKeyMs = keyMs;
    return this.#now.whereTaken();
  }

  /** Ends the run, the push cleanly; resolves when it is closed, or soon anyway. */
  async stop(): Promise<void> {
    this.#life.abort();
    await under(undefined, late => Promise.race([this.ended, this.#parts.sleep(STOP_MS, late.signal)]));
  }

  /** Takes a bug that showed in a tick; answers whether the relay is this run's. */
  takeBug(relay: Relay, error: unknown): boolean {
    if (relay !== this.#now.relay) return false;
    this.#parts.heartbeat.remove(relay);
    this.#bugged(error);
    return true;
  }

  /** Apparatus after apparatus: a bug costs this run its relay, never the worker its life. */
  async #live(): Promise<void> {
    for (;;) {
      const end = await this.#carry(this.#now);
      if (this.#life.signal.aborted) return;
      if (end === 'finished') {
        this.#items.flush();
        this.#standing.tell('finished', 'run', '');
        return;
      }
      this.#parts.log(`run of task ${this.#order.taskId} hit a bug`, end.bug);
      const bugs = this.#bugs.count(this.#parts.now());
      if (this.#bugs.tooMany) {
        this.#standing.giveUp('run', 'the relay failed over and over by an internal error');
        return;
      }
      this.#standing.tell('broke', 'run', 'internal error; the relay starts anew');
      await whenOver(this.#parts.sleep(backoffMs(bugs, this.#parts.random()), this.#life.signal));
    }
  }

  /** Plays until the list is over, until told to stop, until it is given up, or until a bug. */
  async #carry(apparatus: Apparatus): Promise<'finished' | { readonly bug: unknown }> {
    const { heartbeat } = this.#parts;
    const { relay, source, feed } = apparatus;
    return under(this.#life.signal, async turn => {
      const bugged = new Promise<never>((_, reject) => {
        this.#bugged = reject;
      });
      heartbeat.add(relay);
      const sides = [
        feed.run(turn.signal),
        this.#push.run(this.#pushed(apparatus), turn.signal),
        this.#standIn.run(apparatus, turn.signal),
      ];
      const end = await Promise.race([bugged, ...sides]).then(
        () => 'finished' as const,
        (bug: unknown) => ({ bug }),
      );
      turn.abort();
      this.#push.endHold();
      await Promise.allSettled(sides);
      heartbeat.remove(relay);
      relay.hide();
      source.close();
      this.#bank();
      return end;
    });
  }

  #pushed({ relay, source }: Apparatus): Pushed {
    return {
      relay,
      ready: async signal => {
        await under(signal, own => Promise.race([source.ready(own.signal), this.#standIn.ready(own.signal)]));
        source.admit();
      },
      flowing: () => this.#tellFlowing(),
      closed: () => {
        if (!this.#life.signal.aborted) this.#now.rewind(this.#order.source);
      },
    };
  }

  #build(from: Cursor, breakpoint: Breakpoint | undefined): Apparatus {
    const { now, sleep, random } = this.#parts;
    const openItem = openingAssets(this.#parts.openItem, () => this.#order.source.assets);
    const { list, version } = this.#order.source;
    const source = new ListSource<Place>(this.#listen(), { silence: list.silence ?? false });
    const feed = new ListFeed({
      ...{ source, list, version, from, openItem, now, sleep, random },
      failed: (place, fault, how) => this.#itemFailed(place, fault, how),
      allFailed: (fault, backoffMs) => this.#roundFailed(fault, backoffMs),
    });
    const keepsGroup = coverOf(this.#order.cover).slate !== 'off';
    return new Apparatus({ relay: new Relay({ now, keepsGroup }), source, feed, breakpoint });
  }

  #listen(): ListListener<Place> {
    return {
      started: (place, item) => {
        this.#isLost = false;
        this.#push.endHold();
        if (this.#standing.state !== 'flowing') this.#awaitFlowing();
        this.#items.started(place, item);
      },
      finished: (place, item, playedMs) => {
        this.#now.feed.finished();
        this.#compareLength(place, item, playedMs);
        this.#items.finished(place, item);
      },
      failed: (place, fault, playedMs) => {
        if (playedMs > 0)
          this.#standing.hold('FileEndEarly', `file ${place.cursor.index} has broken off: ${fault.message}`);
        this.#now.feed.broke(place, fault, playedMs);
      },
      ranDry: () => {
        if (this.#now.source.parted) {
          this.#push.part();
          return;
        }
        this.#push.startHold();
        if (this.#isLost) this.#standIn.call();
      },
      late: (place, at, lateMs) => this.#now.passOver(this.#order.source, place, { at, lateMs }),
    };
  }

  #awaitFlowing(): void {
    onceReached(this.#now.relay.flowing(this.#life.signal), () => this.#tellFlowing());
  }

  #tellFlowing(): void {
    if (this.#now.relay.onAir && !this.#pull.isOnSlate) this.#standing.flows();
    this.#items.flush();
  }

  #itemFailed(place: Place, fault: Fault, how: { readonly wasOnAir: boolean }): void {
    this.#standing.count(fault);
    this.#items.failed(place, fault.message, how);
  }

  /** A file that is shorter than it says is told of until another one is played to its end. */
  #compareLength({ cursor: { index }, item: { url } }: Place, { durationMs, startMs }: Item, playedMs: number): void {
    const missingMs = durationMs === undefined ? 0 : durationMs - startMs - playedMs;
    const seconds = Math.round(missingMs / 1000);
    const early = `file ${index} (${redactUrl(url)}) has ended ${seconds} s before the end that it names`;
    this.#standing.hold('FileEndEarly', missingMs > EARLY_MS ? early : undefined);
  }

  #makePull(): PullSide {
    const parts = this.#parts;
    const { source, cover } = parts.order;
    return new PullSide({
      ...{
        ...parts,
        urls: source.standby ?? [],
        standInFor: 'list',
        cover,
        standing: this.#standing,
        push: this.#push,
      },
      flowing: () => {
        this.#standIn.entered();
        this.#tellFlowing();
      },
      strayed: (isAway, reason) => this.#standing.hold('SwitchedToStandby', isAway ? reason : undefined),
    });
  }

  #changeStandby({ source: { standby = [] }, cover }: RunOrder<ListOrder>, former: RunOrder<ListOrder>): void {
    if (isDeepStrictEqual([standby, cover], [former.source.standby ?? [], former.cover])) return;
    this.#pull.change(standby, cover);
    this.#standIn.reconsider();
  }

  /** Answers how long to wait before the next round. While a file still plays, it is only an alarm. */
  #roundFailed(fault: Fault, backoffMs: number): number {
    const shown = this.#pull.isOnSlate ? 'the slate is on air; ' : '';
    const message = `${shown}no file of the list could be played; the last one: ${fault.message}`;
    const loss = { side: 'pull', message } as const;
    if (this.#now.source.playing !== undefined) {
      this.#isLost = true;
      this.#tellAlarm(loss.message);
      return backoffMs;
    }
    if (this.#standIn.call()) {
      // Whether anything is lost by it, and for how long that is borne, is for the standbys to say.
      this.#standing.count(loss);
      this.#tellAlarm(loss.message);
      return backoffMs;
    }
    if (this.#standing.state !== 'broken') return this.#standing.lost(loss, backoffMs);
    const waitMs = this.#standing.waitMs(loss, backoffMs);
    if (waitMs !== undefined) this.#tellAlarm(loss.message);
    return waitMs ?? 0;
  }

  #tellAlarm(reason: string): void {
    const { taskId, epoch } = this.#order;
    this.#parts.tell({ taskId, epoch, type: 'alarm', side: 'pull', reason, alarm: 'PullFileFailed', set: true });
  }

  #bank(): void {
    const { relay, feed } = this.#now;
    const carried = this.#carried;
    const { list, version, from, jump } = this.#order.source;
    const at = this.#now.whereTaken();
    bank(carried, relay);
    carried.items += feed.opened;
    carried.skips += relay.skips;
    this.#now = this.#build(at === undefined ? from : startCursor(list, version, at, jump), at);
  }
}
