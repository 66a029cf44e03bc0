import { Fault } from './fault.ts';
import { describeHeader } from './flv/describe.ts';
import type { Item } from './item.ts';
import { Batch, isHeader, type Packet } from './packet.ts';

const POLL_MS = 20;
/** An item whose first frame lies deeper in its own time than this is none that a viewer would wait for. */
const LATEST_START_MS = 60_000;

/** An item that has shown that it can be played: its codec headers and first frames are here. */
export interface ReadyItem {
  readonly item: Item;
  /** What was read of it so far; owns its bytes. */
  readonly head: Batch;
}

/** What a destination has to be told before an item's frames. */
export interface ItemHeaders {
  readonly video: Buffer | undefined;
  readonly audio: Buffer | undefined;
}

export interface ReadyOptions {
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** How much media is wanted in the head, at the least. */
  readonly headMs: number;
}

/** Waits for the first frames. Rejects with a Fault where the item holds none; closing it is up to the caller. */
export async function readyItem(item: Item, { sleep, signal, headMs }: ReadyOptions): Promise<ReadyItem> {
  const head = new Batch();
  for (let aheadMs = headMs; ; ) {
    const from = head.count;
    const state = item.read(head, item.startMs + aheadMs);
    for (let i = from; i < head.count; i++) (head.packets[i] as Packet).own();
    const shown = head.packets.slice(0, head.count).some(packet => !isHeader(packet.kind));
    if (shown && state !== 'starved') return { item, head };
    if (state === 'end') throw new Fault('pull', 'garbage', 'the file holds no frame');
    if (state === 'starved') await sleep(POLL_MS, signal);
    else if (aheadMs > LATEST_START_MS) throw new Fault('pull', 'garbage', 'the file begins with a long hole');
    else aheadMs *= 2;
  }
}

export function headersOf({ head }: ReadyItem): ItemHeaders {
  let video: Buffer | undefined;
  let audio: Buffer | undefined;
  for (const packet of head.packets.slice(0, head.count)) {
    if (packet.kind === 'videoHeader') video = packet.copyPayload();
    else if (packet.kind === 'audioHeader') audio = packet.copyPayload();
  }
  return { video, audio };
}

export const hasAudio = ({ head }: ReadyItem): boolean =>
  head.packets.slice(0, head.count).some(({ kind }) => kind === 'audio' || kind === 'audioHeader');

/** What a decoder would have to change between two items, in words; undefined where it is nothing. */
export function differenceOf(before: ItemHeaders, after: ItemHeaders): string | undefined {
  const differences = [change(before.video, after.video, 'no video'), change(before.audio, after.audio, 'no audio')];
  const said = differences.filter(words => words !== undefined);
  return said.length === 0 ? undefined : said.join(', ');
}

function change(before: Buffer | undefined, after: Buffer | undefined, none: string): string | undefined {
  const was = before === undefined ? none : describeHeader(before);
  const is = after === undefined ? none : describeHeader(after);
  return was === is ? undefined : `${is} after ${was}`;
}
