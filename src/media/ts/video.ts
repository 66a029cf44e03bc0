import { putUint32 } from '../bytes.ts';
import { Cuttings } from '../cuttings.ts';
import { VIDEO_HEAD_BYTES } from '../flv/body.ts';
import type { Batch, PacketKind } from '../packet.ts';
import { ParameterSets } from './parameter-sets.ts';
import type { Payload, PesTimes } from './pes.ts';
import type { UnitKind, UnitRules } from './units.ts';

const START_CODE = Buffer.of(0, 0, 1);
const MOST_UNITS = 4096;
/** A frame shown later than this after its decoding has a broken time. */
const LONGEST_WAIT_90 = 10 * 90_000;
const USUAL_STEP_90 = 3600;

/** A NAL unit by its place. */
interface Unit {
  kind: UnitKind;
  start: number;
  end: number;
}

/** The NAL units [from, to) of one picture. */
interface Picture {
  readonly from: number;
  readonly to: number;
  readonly ctsMs: number;
}

/**
 * Turns the byte stream of H.264 or H.265 (annex B of each) into access units with length-prefixed NAL units: delimiters
 * and parameter sets are taken out, the sets become the codec header.
 */
export class VideoUnits implements Payload {
  readonly #rules: UnitRules;
  readonly #sets: ParameterSets;
  readonly #cuttings = new Cuttings();
  readonly #units: Unit[] = [];
  #count = 0;
  #told: number | undefined;
  #pictures = 1;
  #step = USUAL_STEP_90;
  /** Before the first time that is told nothing can be placed. */
  #next: number | undefined;

  constructor(rules: UnitRules) {
    this.#rules = rules;
    this.#sets = new ParameterSets(rules);
  }

  reset(): void {
    // Access units come whole or not at all: nothing is kept between them.
  }

  take(bytes: Buffer, length: number, times: PesTimes, into: Batch): void {
    this.#split(bytes.subarray(0, length));
    this.#follow(times.dts);
    const wait = times.pts === undefined || times.dts === undefined ? 0 : times.pts - times.dts;
    const shownAfter = wait < 0 || wait > LONGEST_WAIT_90 ? 0 : wait;
    this.#pictures = 0;
    let from = 0;
    for (let to = 1; to <= this.#count; to++) {
      if (to < this.#count && (this.#units[to] as Unit).kind !== 'delimiter') continue;
      if (to < this.#count && !this.#hasSlice(from, to)) continue;
      this.#place(bytes, { from, to }, shownAfter, into);
      from = to;
    }
  }

  /** Learns how far pictures lie apart: several may share a packet and its time. */
  #follow(dts: number | undefined): void {
    if (dts === undefined) return;
    const apart = this.#told === undefined ? 0 : (dts - this.#told) / Math.max(1, this.#pictures);
    if (apart > 0 && apart < LONGEST_WAIT_90) this.#step = apart;
    this.#told = dts;
    this.#next = dts;
  }

  #place(bytes: Buffer, { from, to }: { from: number; to: number }, shownAfter: number, into: Batch): void {
    const kind = this.#kindOf(from, to);
    const sets = this.#setsIn(bytes, from, to);
    // Within a group of pictures a changed set stays where it stands: a new codec header asks for a key frame.
    const inBand = kind === 'key' || sets.length === 0 ? NO_SETS : sets.filter(set => !this.#sets.has(set));
    if (sets.length > 0) this.#sets.learn(sets);
    const dts = this.#next;
    if (kind === undefined || dts === undefined) return;
    this.#next = dts + this.#step;
    this.#pictures++;
    const dtsMs = Math.round(dts / 90);
    if (kind === 'key' && !this.#sets.putHeader(dtsMs, into)) return;
    const packet = into.next();
    packet.reset(kind, dtsMs);
    const ctsMs = Math.round((dts + shownAfter) / 90) - dtsMs;
    const start = this.#cuttings.reserve(VIDEO_HEAD_BYTES + this.#room(from, to));
    const end = this.#write(bytes, { from, to, ctsMs }, { start, key: kind === 'key', inBand });
    packet.addSpan(this.#cuttings.buffer, start, end);
    this.#cuttings.cut(end);
  }

  #write(bytes: Buffer, picture: Picture, how: { start: number; key: boolean; inBand: readonly Buffer[] }): number {
    const out = this.#cuttings.buffer;
    let at = this.#rules.putHead(out, how.start, how.key, picture.ctsMs);
    for (let i = picture.from; i < picture.to; i++) {
      const unit = this.#units[i] as Unit;
      const { kind, start, end } = unit;
      if (kind === 'delimiter' || kind === 'useless') continue;
      if (kind === 'set' && !isAmong(how.inBand, bytes, unit)) continue;
      at = putUint32(out, at, end - start);
      at += bytes.copy(out, at, start, end);
    }
    return at;
  }

  /** Finds the NAL units: annex B, section B.1. */
  #split(bytes: Buffer): void {
    this.#count = 0;
    let start = nextUnit(bytes, 0);
    while (start < bytes.length && this.#count < MOST_UNITS) {
      const next = nextUnit(bytes, start);
      let end = next < bytes.length || endsInStartCode(bytes) ? next - START_CODE.length : bytes.length;
      while (end > start && bytes[end - 1] === 0) end--;
      if (end > start) this.#note(this.#rules.kindOf(bytes, start, end), start, end);
      start = next;
    }
  }

  #note(kind: UnitKind, start: number, end: number): void {
    const unit = this.#units[this.#count++];
    if (unit === undefined) {
      this.#units.push({ kind, start, end });
      return;
    }
    unit.kind = kind;
    unit.start = start;
    unit.end = end;
  }

  #kindOf(from: number, to: number): PacketKind | undefined {
    let kind: PacketKind | undefined;
    let recovery = false;
    for (let i = from; i < to; i++) {
      const unit = (this.#units[i] as Unit).kind;
      if (unit === 'recovery') recovery = true;
      else if (unit === 'key') return 'key';
      else if (kind === undefined && (unit === 'inter' || unit === 'disposable')) kind = unit;
    }
    return recovery && kind === 'inter' ? 'key' : kind;
  }

  #hasSlice(from: number, to: number): boolean {
    for (let i = from; i < to; i++) {
      const { kind } = this.#units[i] as Unit;
      if (kind === 'key' || kind === 'inter' || kind === 'disposable') return true;
    }
    return false;
  }

  #setsIn(bytes: Buffer, from: number, to: number): readonly Buffer[] {
    let sets = NO_SETS;
    for (let i = from; i < to; i++) {
      const { kind, start, end } = this.#units[i] as Unit;
      if (kind === 'set') sets = [...sets, bytes.subarray(start, end)];
    }
    return sets;
  }

  #room(from: number, to: number): number {
    let room = 0;
    for (let i = from; i < to; i++) room += 4 + (this.#units[i] as Unit).end - (this.#units[i] as Unit).start;
    return room;
  }
}

const isAmong = (sets: readonly Buffer[], bytes: Buffer, { start, end }: Unit): boolean =>
  sets.some(set => set.equals(bytes.subarray(start, end)));

function endsInStartCode(bytes: Buffer): boolean {
  const last = bytes.length - 1;
  return bytes[last] === 1 && bytes[last - 1] === 0 && bytes[last - 2] === 0;
}

const NO_SETS: readonly Buffer[] = [];

/** The offset behind the next start code; the end of the bytes without one. */
function nextUnit(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(START_CODE, from);
  return at < 0 ? bytes.length : at + START_CODE.length;
}
