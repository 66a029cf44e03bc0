import { within } from './deadline.ts';
import type { Item } from './item.ts';
import { Batch, isHeader, Packet } from './packet.ts';
import { headersOf, type ItemHeaders, readyItem } from './ready-item.ts';

/** A short stretch of media in memory, the first of its video a key frame: to be shown over and over. */
export interface Strip {
  /** In order, codec headers not among them; their bytes are their own. */
  readonly packets: readonly Packet[];
  readonly lengthMs: number;
  readonly headers: ItemHeaders;
}

export interface StripOptions {
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** For the operator, of a file that does not come. */
  readonly name: string;
}

const MOST_MS = 60_000;
const MOST_BYTES = 32 * 1024 * 1024;
const LOAD_MS = 20_000;
/** Read at a time, so that runs on air are not kept waiting. */
const STEP_MS = 1_000;
const POLL_MS = 20;

/** Reads the beginning of a file, or all of it where that is short. The caller closes the item. */
export function loadStrip(item: Item, { sleep, signal, name }: StripOptions): Promise<Strip> {
  const late = `${name} was not read`;
  return within({ side: 'pull', late, waitMs: LOAD_MS, signal }, async own => {
    const ready = await readyItem(item, { sleep, signal: own, headMs: STEP_MS });
    const packets = mediaOf(ready.head);
    const batch = new Batch();
    for (let untilMs = item.startMs + 2 * STEP_MS; untilMs - item.startMs <= MOST_MS && !isBig(packets); ) {
      batch.clear();
      const state = item.read(batch, untilMs);
      packets.push(...mediaOf(batch));
      if (state === 'end') break;
      if (state === 'ok') untilMs += STEP_MS;
      await sleep(POLL_MS, own);
    }
    return { packets, lengthMs: lengthOf(packets), headers: headersOf(ready) };
  });
}

const isBig = (packets: readonly Packet[]): boolean => packets.reduce((sum, { size }) => sum + size, 0) >= MOST_BYTES;

/** Of the batch's media, copies. */
export function mediaOf({ packets, count }: Batch): Packet[] {
  return packets
    .slice(0, count)
    .filter(({ kind }) => !isHeader(kind))
    .map(packet => {
      const own = new Packet();
      own.show(packet, packet.dtsMs);
      own.own();
      return own;
    });
}

/** The last frame is as long as the mean of the others. */
export function lengthOf(packets: readonly Packet[]): number {
  const times = packets.filter(({ kind }) => kind !== 'audio').map(({ dtsMs }) => dtsMs);
  const all = times.length > 0 ? times : packets.map(({ dtsMs }) => dtsMs);
  const spanMs = (all.at(-1) ?? 0) - (all[0] ?? 0);
  return spanMs + (all.length > 1 ? spanMs / (all.length - 1) : 0);
}
