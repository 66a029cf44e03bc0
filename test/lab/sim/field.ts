import { Fault, type FaultKind, type Side } from '../../../src/media/fault.ts';
import type { Item } from '../../../src/media/item.ts';
import type { Sink, Source } from '../../../src/media/packet.ts';
import type { ListItem } from '../../../src/task/playlist.ts';
import type { Beats } from './beats.ts';
import type { Chance } from './chance.ts';
import { PAST } from './past.ts';
import { type FrameName, fileOf, lengthOf, SimItem } from './sim-item.ts';
import { SimSink } from './sim-sink.ts';
import { SimSource } from './sim-source.ts';
import type { Life, ProcessClock, Timeline } from './timeline.ts';
import type { Umpire } from './umpire.ts';
import type { Weather } from './weather.ts';
import { keyOf } from './whose.ts';

/** How an address answers. `flaps`: it lets everybody in, and out again soon. */
export type Mood = 'well' | 'refuses' | 'away' | 'flaps' | 'silent' | 'slow';

/** A worker process, as far as it has to do with the field. */
export interface Visitor {
  readonly life: Life;
  readonly clock: ProcessClock;
  readonly beats: Beats;
  /** It ends, and has no more to do. */
  readonly isLeaving: () => boolean;
}

export interface FieldParts {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly weather: Weather;
  /** A law of the house was broken. */
  readonly broken: (law: string) => void;
  readonly umpire: Umpire;
}

const WATCHED_MS = 8_000;
const OPENING_MS = 2_000;
const MOST_REMEMBERED = 30;
/** The next key frame is the first that may be missing where a place is said to be reached. */
const FRAME_MS = 1_000;
const NUMBERS_KEPT = 2_000;

/** Everything that runs pull from and push to. An address's last part says whose it is: each task has its own. */
export class Field {
  readonly #parts: FieldParts;
  readonly #moods = new Map<string, Mood>();
  readonly sources = new Set<SimSource>();
  readonly sinks = new Set<SimSink>();
  readonly items = new Set<SimItem>();
  readonly #numbered = new Map<number, SimSource>();
  readonly #sourcesOf = new Map<string, number>();
  /** By task: the files that its destination has been given, the newest last, and how far it has come in each. */
  readonly #reached = new Map<string, FrameName[]>();

  constructor(parts: FieldParts) {
    this.#parts = parts;
  }

  moodOf(url: string): Mood {
    return this.#moods.get(addressOf(url)) ?? 'well';
  }

  /** From now on it answers so; whoever is with it feels it now. */
  setMood(url: string, mood: Mood): void {
    const address = addressOf(url);
    this.#moods.set(address, mood);
    for (const source of this.sources) if (addressOf(source.url) === address) this.#change(source, mood);
    for (const sink of this.sinks) if (addressOf(sink.url) === address) this.#changeSink(sink, mood);
    for (const item of this.items) if (addressOf(item.url) === address && mood !== 'well') item.fault = lost('pull');
  }

  /** Whether the task's destination has taken everything in front of this time of this file. */
  hasReached(key: string, url: string, fileMs: number): boolean {
    const newest = this.#reached.get(key)?.findLast(({ opening }) => fileOf(opening) === url);
    return newest !== undefined && fileMs <= newest.fileMs + FRAME_MS;
  }

  /** How far the task's destination has come, for a trace. */
  reachedOf(key: string): string {
    return (this.#reached.get(key) ?? [])
      .slice(-4)
      .map(({ opening, fileMs }) => `${opening}:${fileOf(opening)}@${fileMs}`)
      .join(' ');
  }

  #noteReached(key: string, name: FrameName): void {
    const reached = this.#reached.get(key) ?? [];
    const newest = reached.at(-1);
    if (newest?.opening === name.opening) reached.pop();
    else if (newest !== undefined && fileOf(newest.opening) === fileOf(name.opening)) this.#checkResumed(key, name);
    reached.push(name);
    if (reached.length > MOST_REMEMBERED) reached.shift();
    this.#reached.set(key, reached);
  }

  /** Perhaps in an earlier pass of the list: the newest break point may have gone with its process. */
  #checkResumed(key: string, { opening, fileMs }: FrameName): void {
    const file = fileOf(opening);
    const passes = (this.#reached.get(key) ?? []).filter(pass => fileOf(pass.opening) === file);
    const beforeMs = Math.max(...passes.map(pass => pass.fileMs));
    this.#parts.umpire.resumed(key, file, { fromMs: fileMs, beforeMs });
  }

  /** Everybody is well again. */
  heal(): void {
    for (const address of [...this.#moods.keys()]) this.setMood(address, 'well');
    this.#moods.clear();
  }

  /** Whether more than one source is open for the task. */
  hasSpare(key: string): boolean {
    return (this.#sourcesOf.get(key) ?? 0) > 1;
  }

  async openSource(url: string, signal: AbortSignal, visitor: Visitor): Promise<Source> {
    const mood = await this.#reach('pull', url, { signal, visitor });
    const source = new SimSource(url, this.#parts.timeline, () => {
      if (this.sources.delete(source)) this.#countSource(url, -1);
      this.#numbered.delete(source.number - NUMBERS_KEPT);
    });
    this.sources.add(source);
    this.#numbered.set(source.number, source);
    this.#countSource(url, 1);
    source.visitor = visitor;
    visitor.life.onEnd(() => source.close());
    source.onLost = () => this.#lose('pull', url, source);
    this.#change(source, mood);
    visitor.beats.poke(keyOf(url), OPENING_MS);
    return source;
  }

  async openItem(item: ListItem, startMs: number, given: { signal: AbortSignal; visitor: Visitor }): Promise<Item> {
    const { visitor } = given;
    await this.#reach('pull', item.url, given);
    if (lengthOf(item.url) === 0) throw new Fault('pull', 'garbage', 'the file holds no frame');
    const opened = new SimItem(item, startMs, () => this.items.delete(opened));
    this.items.add(opened);
    visitor.life.onEnd(() => opened.close());
    visitor.beats.nudge(keyOf(item.url), OPENING_MS);
    return opened;
  }

  async openSink(url: string, signal: AbortSignal, visitor: Visitor): Promise<Sink> {
    const { timeline, chance, weather, umpire } = this.#parts;
    const mood = await this.#reach('push', url, { signal, visitor });
    const others = [...this.sinks].filter(other => other.url === url);
    if (others.length > 0) this.#parts.broken(`two pushers at once: ${url}`);
    const goodbyeMs = (): number => (weather.rough ? chance.around(200) : 5);
    const sink = new SimSink(url, { timeline, clock: visitor.clock, goodbyeMs, gone: () => this.sinks.delete(sink) });
    this.sinks.add(sink);
    sink.visitor = visitor;
    sink.onReached = name => this.#noteReached(keyOf(url), name);
    visitor.life.onEnd(() => sink.leave());
    sink.onLost = () => this.#lose('push', url, sink);
    sink.onSwitch = (from, to) => umpire.switched(url, this.#numbered.get(from), this.#numbered.get(to));
    this.#changeSink(sink, mood);
    visitor.beats.poke(keyOf(url), OPENING_MS);
    return sink;
  }

  /** Its reader or writer has found out that it is over. */
  #lose(side: Side, url: string, { visitor, startMs }: Pick<SimSource, 'visitor' | 'startMs'>): void {
    const { umpire, timeline } = this.#parts;
    if (visitor === undefined) return;
    const mayGoOn = side === 'pull' ? () => true : () => this.#isPulled(keyOf(url));
    umpire.lost(side, url, { visitor, mayGoOn, healthyMs: timeline.elapsed() - startMs });
  }

  /** For long enough to begin a push with. */
  #isPulled(key: string): boolean {
    const sinceMs = this.#parts.timeline.elapsed() - OPENING_MS;
    const isWell = ({ url, wellSinceMs = Infinity }: SimSource) => keyOf(url) === key && wellSinceMs <= sinceMs;
    return [...this.sources].some(isWell);
  }

  #countSource(url: string, by: 1 | -1): void {
    const key = keyOf(url);
    const count = (this.#sourcesOf.get(key) ?? 0) + by;
    if (count === 0) this.#sourcesOf.delete(key);
    else this.#sourcesOf.set(key, count);
  }

  async #reach(side: Side, url: string, given: { signal: AbortSignal; visitor: Visitor }): Promise<Mood> {
    const { chance, weather, umpire, broken } = this.#parts;
    const { signal, visitor } = given;
    umpire.tried(side, url, visitor);
    if (url.includes(`//${PAST}/`)) broken('an order of an older claim was followed');
    const mood = this.moodOf(url);
    if (mood === 'away') await visitor.clock.sleep(chance.whole(1, 5_000), signal);
    else await visitor.clock.sleep(weather.rough ? chance.whole(1, 200) : 20, signal);
    const now = this.moodOf(url);
    if (now === 'away' || now === 'refuses') umpire.refused(side, url, visitor);
    if (now === 'away') throw new Fault(side, 'unreachable', 'nobody answers there');
    if (now === 'refuses') throw new Fault(side, 'refused', 'it said no');
    return now;
  }

  #change(source: SimSource, mood: Mood): void {
    const { timeline, chance } = this.#parts;
    if (mood === 'refuses' || mood === 'away') source.fault = lost('pull');
    source.silent = mood === 'silent';
    source.wellSinceMs = mood === 'well' || mood === 'slow' ? (source.wellSinceMs ?? timeline.elapsed()) : undefined;
    if (mood === 'flaps') {
      timeline.after(chance.whole(100, 7_000), source.life, () => {
        source.fault = lost('pull');
        source.visitor?.beats.poke(keyOf(source.url), WATCHED_MS);
      });
    }
    if (mood !== 'well') source.visitor?.beats.poke(keyOf(source.url), WATCHED_MS);
  }

  #changeSink(sink: SimSink, mood: Mood): void {
    const { timeline, chance } = this.#parts;
    const breakSoon = (ms: number, kind: FaultKind): void => {
      timeline.after(ms, sink.life, () => {
        sink.fault = new Fault('push', kind, kind === 'stalled' ? 'it takes nothing any more' : 'it hung up');
        sink.visitor?.beats.poke(keyOf(sink.url), WATCHED_MS);
      });
    };
    if (mood === 'refuses' || mood === 'away') breakSoon(0, 'closed');
    if (mood === 'silent') breakSoon(6_000, 'stalled');
    if (mood === 'flaps') breakSoon(chance.whole(100, 7_000), 'closed');
    sink.lagMs = mood === 'slow' ? 2_500 : 0;
    sink.stalled = mood === 'silent';
  }
}

const lost = (side: Side): Fault => new Fault(side, 'closed', 'it hung up');

/** Without what may change from edit to edit. */
const addressOf = (url: string): string => url.replace(/\?.*$/s, '');
