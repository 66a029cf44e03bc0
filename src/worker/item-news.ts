import type { Item } from '../media/item.ts';
import type { RunNews } from './channel.ts';
import type { Place } from './list-feed.ts';

export interface ItemNewsParts {
  readonly taskId: string;
  readonly epoch: number;
  readonly tell: (news: RunNews) => void;
  /** Whether a viewer sees what is played. */
  readonly isSeen: () => boolean;
}

interface ItemFacts {
  readonly reason?: string | undefined;
  readonly durationMs?: number | undefined;
  readonly wasOnAir?: true;
}

/** What a run tells of the files it plays: each beginning and end once, in order, and not before a viewer has seen it. */
export class ItemNews {
  readonly #parts: ItemNewsParts;
  /** What a viewer has not seen yet: told once media flows. */
  #unseen: RunNews[] = [];
  #lastStarted: Place | undefined;
  #lastFinished: Place | undefined;

  /** `resumed`: where the run goes on in the middle of a file, whose beginning an earlier run has told. */
  constructor(parts: ItemNewsParts, resumed: Place | undefined) {
    this.#parts = parts;
    this.#lastStarted = resumed;
  }

  started(place: Place, item: Item): void {
    if (!isBehind(place, this.#lastStarted)) return;
    this.#lastStarted = place;
    this.#tell('itemStarted', place, { durationMs: lengthOf(place, item), reason: item.notes?.join(' ') });
  }

  finished(place: Place, item: Item): void {
    if (!isBehind(place, this.#lastFinished)) return;
    this.#lastFinished = place;
    this.#tell('itemFinished', place, { durationMs: lengthOf(place, item) });
  }

  failed(place: Place, reason: string, { wasOnAir }: { readonly wasOnAir: boolean }): void {
    this.#tell('itemFailed', place, { reason, ...(wasOnAir ? { wasOnAir } : {}) });
  }

  /** A viewer sees what is played, or never will. */
  flush(): void {
    const unseen = this.#unseen;
    this.#unseen = [];
    for (const news of unseen) this.#parts.tell(news);
  }

  #tell(
    type: 'itemStarted' | 'itemFinished' | 'itemFailed',
    { cursor, item: { url } }: Place,
    { reason = '', durationMs, ...how }: ItemFacts,
  ): void {
    const { taskId, epoch, tell, isSeen } = this.#parts;
    const { index, round } = cursor;
    const item = { url, index, round, ...(durationMs === undefined ? {} : { durationMs }) };
    const news: RunNews = { taskId, epoch, type, side: 'pull', reason, item, ...how };
    // Nothing overtakes what waits to be seen, but a failure of which nobody will see anything does not wait itself.
    const waits = this.#unseen.length > 0 || (type !== 'itemFailed' && !isSeen());
    if (waits) this.#unseen.push(news);
    else tell(news);
  }
}

/** Of what the list plays of the file, wherever in it this pass began. */
const lengthOf = ({ item }: Place, { durationMs }: Item): number | undefined =>
  durationMs === undefined ? undefined : durationMs - (item.inMs ?? 0);

/** Whether the place comes later in the playing than the other: in the same list further on, or in a newer one. */
function isBehind({ version, cursor }: Place, other: Place | undefined): boolean {
  if (other === undefined || version !== other.version) return true;
  const { round, index, repeat = 0 } = cursor;
  const before = other.cursor;
  if (round !== before.round) return round > before.round;
  return index === before.index ? repeat > (before.repeat ?? 0) : index > before.index;
}
