import { GopCache, type GopLimits } from './gop.ts';
import type { Batch, Packet, PacketKind } from './packet.ts';
import type { ItemHeaders } from './ready-item.ts';
import { lengthOf, mediaOf, type Strip } from './strip.ts';

/** A group that has just begun is of less use than the one before it. */
const SHORTEST_MS = 500;

/** The pictures since the last key frame but one, so that there is something to show when no more come. */
export class LastGroup {
  #present: GopCache;
  #former: GopCache;

  constructor(limits: GopLimits) {
    this.#present = new GopCache(limits);
    this.#former = new GopCache(limits);
  }

  append({ packets, count }: Batch): void {
    for (let i = 0; i < count; i++) {
      const packet = packets[i] as Packet;
      if (!PICTURES.has(packet.kind)) continue;
      if (packet.kind === 'key') [this.#present, this.#former] = [this.#former, this.#present];
      this.#present.append(packet);
    }
  }

  /** The present group, or the one before it where that is longer than the little there is; undefined where none is. */
  strip(headers: ItemHeaders): Strip | undefined {
    const [present, former] = [this.#present, this.#former].map(({ batch }) => mediaOf(batch));
    if (present === undefined || former === undefined) return undefined;
    const isShort = lengthOf(present) < SHORTEST_MS && lengthOf(former) > lengthOf(present);
    const packets = isShort ? former : present;
    return packets.length === 0 ? undefined : { packets, lengthMs: lengthOf(packets), headers };
  }
}

const PICTURES: ReadonlySet<PacketKind> = new Set(['key', 'inter', 'disposable']);
