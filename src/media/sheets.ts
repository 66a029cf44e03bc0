import { spareBuffers } from './bytes.ts';
import { type Batch, isHeader, isVideo, type Packet } from './packet.ts';

/**
 * The buffers under the packets of a demuxer, given back once all that was cut from them has been used: a steady stream
 * then needs no new memory, and leaves none to be collected.
 */
export class Sheets {
  /** How many packets of each are still to be used. */
  readonly #counts = new Map<Buffer, number>();
  /** Those that the demuxer may still be cutting from. */
  readonly #open: { video: Buffer | undefined; audio: Buffer | undefined } = { video: undefined, audio: undefined };
  /** Used up by what was given last, which is still looked at. */
  readonly #leaving: Buffer[] = [];

  /** The packets have been made. */
  made(batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      const packet = batch.packets[i] as Packet;
      const sheet = packet.buffers[0];
      if (isHeader(packet.kind) || sheet === undefined) continue;
      this.#counts.set(sheet, (this.#counts.get(sheet) ?? 0) + 1);
      this.#turnTo(isVideo(packet.kind) ? 'video' : 'audio', sheet);
    }
  }

  /** The packets from `from` on have been given. */
  given(batch: Batch, from: number): void {
    for (let i = from; i < batch.count; i++) {
      const { kind, buffers } = batch.packets[i] as Packet;
      const sheet = buffers[0];
      if (isHeader(kind) || sheet === undefined) continue;
      const left = (this.#counts.get(sheet) ?? 0) - 1;
      this.#counts.set(sheet, left);
      if (left === 0) this.#leaveIfDone(sheet);
    }
  }

  /** What was given before is not looked at any more. */
  release(): void {
    for (const sheet of this.#leaving) spareBuffers.giveBack(sheet);
    this.#leaving.length = 0;
  }

  #turnTo(track: 'video' | 'audio', sheet: Buffer): void {
    const before = this.#open[track];
    if (before === sheet) return;
    this.#open[track] = sheet;
    if (before !== undefined) this.#leaveIfDone(before);
  }

  /** Once both tracks have gone on to others: some demuxers cut both from one. */
  #leaveIfDone(sheet: Buffer): void {
    const { video, audio } = this.#open;
    if (sheet === video || sheet === audio || this.#counts.get(sheet) !== 0) return;
    this.#counts.delete(sheet);
    this.#leaving.push(sheet);
  }
}
