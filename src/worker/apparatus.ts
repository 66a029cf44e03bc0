import type { ListSource } from '../media/list-source.ts';
import type { Relay } from '../media/relay.ts';
import { type Breakpoint, type Cursor, editCursor, isSameExcerpt, nextCursor, startCursor } from '../task/playlist.ts';
import type { ListOrder } from './channel.ts';
import type { ListFeed, Place } from './list-feed.ts';

export interface ApparatusParts {
  readonly relay: Relay;
  readonly source: ListSource<Place>;
  readonly feed: ListFeed;
  /** As far as the apparatus before it has come. */
  readonly breakpoint: Breakpoint | undefined;
}

/**
 * A relay with the list it plays, and what keeps the list supplied. It moves to where its destination, an edit or the
 * clock wants it. A bug ends all three together.
 */
export class Apparatus {
  readonly relay: Relay;
  readonly source: ListSource<Place>;
  readonly feed: ListFeed;
  #breakpoint: Breakpoint | undefined;

  constructor({ relay, source, feed, breakpoint }: ApparatusParts) {
    this.relay = relay;
    this.source = source;
    this.feed = feed;
    this.#breakpoint = breakpoint;
  }

  /** Where the newest frame stands that the destination has taken. */
  whereTaken(): Breakpoint | undefined {
    const taken = this.relay.accepted;
    const found = taken && this.source.locate(taken.segment, taken.mediaMs);
    if (found === undefined) return this.#breakpoint;
    const { cursor, version, item } = found.place;
    this.#breakpoint = { ...cursor, offsetMs: Math.round(found.fileMs), version, url: item.url };
    return this.#breakpoint;
  }

  /** Where the file ends in which the break point lies; the destination may be given the next one already. */
  itemEndMs(at: Breakpoint | undefined): number | undefined {
    const { playing, durationMs } = this.source;
    const isSame = at !== undefined && samePlace(playing?.cursor, at);
    return isSame && durationMs !== undefined ? Math.round(durationMs) : undefined;
  }

  /** Behind a lost push: back to what the destination has taken last. */
  rewind(order: ListOrder): void {
    const { relay, source, feed } = this;
    if (source.parted) return;
    relay.forget();
    feed.forgetHeaders();
    const playing = source.playing;
    if (playing === undefined) return;
    const at = this.whereTaken();
    source.clear();
    if (!feed.jumping) feed.jump(placeIn(order, at, playing));
  }

  /** A standby takes the list's place: a file whose bytes do not come is opened anew, where it stands, as any other. */
  leave(order: ListOrder): void {
    const { source, feed } = this;
    const playing = source.playing;
    const at = this.whereTaken();
    if (playing === undefined || feed.jumping) return;
    source.clear();
    feed.jump(placeIn(order, at, playing));
  }

  /** Goes on with another list. */
  edit({ list, version, from, jump }: ListOrder, at: Breakpoint | undefined): void {
    const { source, feed } = this;
    const cursor = jump ?? (at === undefined ? from : editCursor(list, at));
    const playing = source.playing;
    const stays =
      jump === undefined &&
      list.refresh === 'breakpoint' &&
      !feed.jumping &&
      isSameExcerpt(playing?.item, list.items[cursor.index]) &&
      samePlace(playing?.cursor, at);
    if (!stays) {
      feed.edit(list, version);
      feed.jump(cursor);
      return;
    }
    feed.edit(list, version, cursor);
    source.move(feed.placeOf(cursor));
  }

  /** What is too late is left out: on to where the list would be by now. */
  passOver({ list }: ListOrder, { cursor }: Place, { at, lateMs }: { at: FilePosition; lateMs: number }): void {
    const offsetMs = at.fileMs + lateMs;
    const within = at.durationMs === undefined || offsetMs < at.durationMs;
    const next = within ? { ...cursor, offsetMs } : nextCursor(list, cursor);
    if (next !== undefined && !this.feed.jumping) this.feed.jump(next);
  }
}

interface FilePosition {
  readonly fileMs: number;
  readonly durationMs: number | undefined;
}

const placeIn = ({ list, version, jump }: ListOrder, at: Breakpoint | undefined, playing: Place): Cursor =>
  at === undefined ? playing.cursor : startCursor(list, version, at, jump);

const samePlace = (one: Cursor | undefined, other: Cursor | undefined): boolean =>
  one?.round === other?.round && one?.index === other?.index && (one?.repeat ?? 0) === (other?.repeat ?? 0);
