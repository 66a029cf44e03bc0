import { type Batch, isHeader, type Packet, type PacketKind } from './packet.ts';

/** The codec headers and metadata in force. */
export interface InForce {
  readonly metadata: Buffer | undefined;
  readonly videoHeader: Buffer | undefined;
  readonly audioHeader: Buffer | undefined;
}

/** What a sink begins with: the headers in force, then the media. */
export function fillOpening(into: Batch, inForce: InForce, media: Batch): void {
  into.clear();
  addHeader(into, 'metadata', inForce.metadata);
  addHeader(into, 'videoHeader', inForce.videoHeader);
  addHeader(into, 'audioHeader', inForce.audioHeader);
  showMedia(media, into);
  setHeaderTimes(into);
}

function addHeader(batch: Batch, kind: PacketKind, bytes: Buffer | undefined): void {
  if (bytes === undefined) return;
  const packet = batch.next();
  packet.reset(kind, 0);
  packet.addSpan(bytes, 0, bytes.length);
}

function showMedia(from: Batch, into: Batch): void {
  for (let i = 0; i < from.count; i++) {
    const packet = from.packets[i] as Packet;
    if (!isHeader(packet.kind)) into.next().show(packet, packet.dtsMs);
  }
}

/** Whether the first frame of the batch is one a decoder can start at. */
export function beginsWithKey(batch: Batch): boolean {
  for (let i = 0; i < batch.count; i++) {
    const { kind } = batch.packets[i] as Packet;
    if (!isHeader(kind)) return kind === 'key';
  }
  return false;
}

/** Codec headers carry the time of the first frame behind them. */
function setHeaderTimes(batch: Batch): void {
  let firstMs = 0;
  for (let i = 0; i < batch.count; i++) {
    const packet = batch.packets[i] as Packet;
    if (isHeader(packet.kind)) continue;
    firstMs = packet.dtsMs;
    break;
  }
  for (let i = 0; i < batch.count; i++) {
    const packet = batch.packets[i] as Packet;
    if (!isHeader(packet.kind)) return;
    packet.dtsMs = firstMs;
  }
}
