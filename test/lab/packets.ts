import type { Item } from '../../src/media/item.ts';
import { Dialler } from '../../src/media/net.ts';
import { openSource } from '../../src/media/open.ts';
import { Batch, isHeader, isVideo, type Packet, type PacketKind } from '../../src/media/packet.ts';
import { pass } from './wait.ts';

/** A packet that outlives its batch. */
export interface Kept {
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly body: Buffer;
}

/** Plays the item as fast as its bytes come, in steps of `stepMs`, and keeps everything it gives. */
export async function playAll(item: Item, options: { stepMs?: number; mostMs?: number } = {}): Promise<Kept[]> {
  const { stepMs = 50, mostMs = 120_000 } = options;
  const batch = new Batch();
  const kept: Kept[] = [];
  for (let untilMs = item.startMs; untilMs < item.startMs + mostMs; ) {
    batch.clear();
    const state = item.read(batch, untilMs);
    for (const packet of batch.packets.slice(0, batch.count)) {
      // Times are rounded on their way out.
      if (!isHeader(packet.kind) && packet.dtsMs > untilMs) throw new Error(`${packet.dtsMs} came before ${untilMs}`);
      kept.push(keep(packet));
    }
    if (state === 'end') return kept;
    if (state === 'starved') await pass(2);
    else untilMs += stepMs;
  }
  throw new Error(`the item does not end within ${mostMs} ms`);
}

/** What a live source gives in so long. */
export async function listen(url: string, ms: number): Promise<Kept[]> {
  const dialler = new Dialler({ preset: 'lab' });
  const source = await openSource(url, { dialler, signal: new AbortController().signal });
  const [batch, kept] = [new Batch(), [] as Kept[]];
  try {
    for (const endMs = performance.now() + ms; performance.now() < endMs; await pass(20)) {
      batch.clear();
      source.read(batch);
      kept.push(...batch.packets.slice(0, batch.count).map(keep));
    }
  } finally {
    source.close();
  }
  return kept;
}

export const keep = (packet: Packet): Kept => ({
  kind: packet.kind,
  dtsMs: packet.dtsMs,
  body: packet.copyPayload(),
});

export const videoIn = (kept: readonly Kept[]): Kept[] => kept.filter(({ kind }) => isVideo(kind));
export const audioIn = (kept: readonly Kept[]): Kept[] => kept.filter(({ kind }) => kind === 'audio');

/** Composition time of an H.264 or H.265 body. */
export function ctsOf({ body }: Kept): number {
  const first = body.readUInt8(0);
  if ((first & 0x80) === 0) return body.readIntBE(2, 3);
  return (first & 15) === 1 ? body.readIntBE(5, 3) : 0;
}

/** The packets as an FLV file. */
export function flvOf(kept: readonly Kept[]): Buffer {
  const parts: Buffer[] = [Buffer.from('464c56010500000009', 'hex'), Buffer.alloc(4)];
  for (const { kind, dtsMs, body } of kept) {
    const head = Buffer.alloc(11);
    head[0] = kind === 'metadata' ? 18 : isVideo(kind) || kind === 'videoHeader' ? 9 : 8;
    head.writeUIntBE(body.length, 1, 3);
    head.writeUIntBE(dtsMs & 0xff_ff_ff, 4, 3);
    head[7] = Math.floor(dtsMs / 2 ** 24);
    const back = Buffer.alloc(4);
    back.writeUInt32BE(11 + body.length);
    parts.push(head, body, back);
  }
  return Buffer.concat(parts);
}

/** The video as a byte stream of NAL units with start codes, the parameter sets of its headers in front. */
export function byteStreamOf(kept: readonly Kept[]): Buffer {
  const parts: Buffer[] = [];
  for (const { kind, body } of kept) {
    if (kind === 'videoHeader') parts.push(...setsOfHevc(body.subarray(5)));
    else if (isVideo(kind)) parts.push(...unitsOf(body.subarray((body.readUInt8(0) & 15) === 1 ? 8 : 5)));
  }
  return Buffer.concat(parts.flatMap(unit => [START_CODE, unit]));
}

const START_CODE = Buffer.of(0, 0, 0, 1);

function unitsOf(body: Buffer): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 4 + body.readUInt32BE(at);
    if (end > body.length) throw new Error('a NAL unit is longer than its frame');
    units.push(body.subarray(at + 4, end));
    at = end;
  }
  return units;
}

function setsOfHevc(record: Buffer): Buffer[] {
  const sets: Buffer[] = [];
  let at = 23;
  for (let arrays = record.readUInt8(22); arrays > 0; arrays--) {
    let count = record.readUInt16BE(at + 1);
    at += 3;
    for (; count > 0; count--) {
      const end = at + 2 + record.readUInt16BE(at);
      sets.push(record.subarray(at + 2, end));
      at = end;
    }
  }
  return sets;
}
