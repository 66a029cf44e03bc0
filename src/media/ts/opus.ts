import { uint16At } from '../bytes.ts';
import { opusHead, opusMicroseconds } from '../codec/opus.ts';
import { Cuttings } from '../cuttings.ts';
import { Fault } from '../fault.ts';
import { OPUS_HEAD, opusHeader } from '../flv/body.ts';
import type { Batch } from '../packet.ts';
import type { Payload, PesTimes } from './pes.ts';

const CONTROL_PREFIX = 0x7fe0;
const START_TRIM = 0x10;
const END_TRIM = 0x08;
const EXTENSION = 0x04;

/** Opus access units, each behind a control header: ETSI TS 103 491, section 5. */
export class OpusPackets implements Payload {
  readonly #channels: number;
  readonly #cuttings = new Cuttings();
  #begun = false;

  constructor(channels: number) {
    if (channels > 2) throw new Fault('pull', 'unsupported', `Opus with ${channels} channels cannot be relayed`);
    this.#channels = channels === 1 ? 1 : 2;
  }

  reset(): void {
    // Units come whole in their packets: nothing is kept between them.
  }

  take(bytes: Buffer, length: number, { pts }: PesTimes, into: Batch): void {
    if (pts === undefined) return;
    let time = pts;
    let at = 0;
    while (at + 2 < length && (uint16At(bytes, at) & 0xffe0) === CONTROL_PREFIX) {
      const unit = unitAt(bytes, at, length);
      if (unit === undefined) return;
      this.#emit(bytes, unit, Math.round(time / 90), into);
      time += (opusMicroseconds(bytes, unit.start, unit.end) * 90) / 1000;
      at = unit.end;
    }
  }

  #emit(bytes: Buffer, unit: { start: number; end: number }, dtsMs: number, into: Batch): void {
    if (!this.#begun) {
      this.#begun = true;
      const header = opusHeader(opusHead(this.#channels));
      const packet = into.next();
      packet.reset('audioHeader', dtsMs);
      packet.addSpan(header, 0, header.length);
    }
    const start = this.#cuttings.reserve(OPUS_HEAD.length + unit.end - unit.start);
    const out = this.#cuttings.buffer;
    let end = start + OPUS_HEAD.copy(out, start);
    end += bytes.copy(out, end, unit.start, unit.end);
    this.#cuttings.cut(end);
    const packet = into.next();
    packet.reset('audio', dtsMs);
    packet.addSpan(out, start, end);
  }
}

/** Where the access unit behind the control header at `at` lies; undefined when it does not end in the packet. */
function unitAt(bytes: Buffer, at: number, length: number): { start: number; end: number } | undefined {
  const flags = bytes[at + 1] as number;
  let start = at + 2;
  let size = 0;
  let part = 255;
  while (part === 255 && start < length) {
    part = bytes[start++] as number;
    size += part;
  }
  if ((flags & START_TRIM) !== 0) start += 2;
  if ((flags & END_TRIM) !== 0) start += 2;
  if ((flags & EXTENSION) !== 0) start += 1 + (bytes[start] ?? 0);
  const end = start + size;
  return size > 0 && end <= length ? { start, end } : undefined;
}
