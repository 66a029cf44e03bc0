import { putUint32 } from '../bytes.ts';
import { VIDEO_HEAD_BYTES } from '../flv/body.ts';
import type { Batch, PacketKind } from '../packet.ts';
import { ParameterSets } from '../ts/parameter-sets.ts';
import type { UnitRules } from '../ts/units.ts';
import { AccessUnit } from './access-unit.ts';
import type { TrackClock } from './clocks.ts';
import { DecodingTimes } from './decoding-times.ts';
import type { RtpHead } from './rtp.ts';
import type { PayloadFormat, UnitTaker } from './units.ts';

/** What differs between the codecs whose pictures are made of NAL units. */
export interface VideoFormat {
  readonly rules: UnitRules;
  readonly payload: PayloadFormat;
  /** Whether a slice is the first of its picture. */
  isFirstSlice(bytes: Buffer, at: number, end: number): boolean;
  /** How many pictures a decoder must hold back, as a sequence parameter set tells. */
  depthOf(set: Buffer): number | undefined;
}

const MOST_SETS = 32;

/**
 * Makes packets of the pictures that come in RTP payloads. A picture ends with the marker or where the time changes. One
 * that is not whole is left out, and with it what follows up to the next key frame.
 */
export class VideoTrack implements UnitTaker {
  /** Pictures that were left out: damaged, or of no use because one in front of them was. */
  dropped = 0;
  readonly #format: VideoFormat;
  readonly #clock: TrackClock;
  readonly #sets: ParameterSets;
  readonly #times: DecodingTimes;
  readonly #unit = new AccessUnit();
  readonly #head = Buffer.alloc(VIDEO_HEAD_BYTES);
  /** Of the picture that is being put together, or was last. */
  #ticks = Number.NaN;
  #kind: PacketKind | undefined;
  #recovery = false;
  #ownSets: Buffer[] = [];
  #damaged = false;
  #hasFirst = false;
  /** The last picture was closed by its marker. */
  #closed = false;
  /** The marker has stood in the middle of a picture: only times are believed. */
  #markersLie = false;
  #needsKey = false;

  constructor(
    format: VideoFormat,
    clock: TrackClock,
    { sets, frameMs }: { readonly sets: readonly Buffer[]; readonly frameMs: number | undefined },
  ) {
    this.#format = format;
    this.#clock = clock;
    this.#sets = new ParameterSets(format.rules);
    this.#times = new DecodingTimes(0, frameMs);
    this.#learn(sets);
    this.#unit.begin();
  }

  /** `lost`: something is missing in front of the packet. */
  take(bytes: Buffer, head: RtpHead, lost: boolean, into: Batch): void {
    const ticks = this.#clock.ticksOf(head.timestamp);
    if (lost) this.#lose(ticks);
    if (ticks !== this.#ticks) this.#turnTo(ticks, into);
    if (!this.#format.payload(bytes, head.start, head.end, this)) this.#spoil();
    if (head.marker && !this.#markersLie && this.#kind !== undefined) {
      this.#close(into);
      this.#closed = true;
    }
  }

  whole(bytes: Buffer, from: number, to: number): void {
    this.begin([]);
    this.#unit.put(bytes, from, to);
    this.finish();
  }

  begin(head: readonly number[]): void {
    if (this.#unit.isOpen) this.#spoil();
    this.#unit.beginUnit();
    for (const byte of head) this.#unit.putByte(byte);
  }

  piece(bytes: Buffer, from: number, to: number): boolean {
    if (!this.#unit.isOpen) return false;
    this.#unit.put(bytes, from, to);
    return true;
  }

  /** Sorts the unit: sets and what nobody needs are taken out. */
  finish(): void {
    const unit = this.#unit;
    const { buffer, unitStart: start, end } = unit;
    const kind = end > start ? this.#format.rules.kindOf(buffer, start, end) : 'useless';
    if (kind === 'set' && this.#ownSets.length < MOST_SETS)
      this.#ownSets.push(Buffer.from(buffer.subarray(start, end)));
    if (kind === 'set' || kind === 'delimiter' || kind === 'useless') {
      unit.dropUnit();
      return;
    }
    unit.endUnit();
    if (kind === 'recovery') this.#recovery = true;
    else if (kind !== 'other') this.#noteSlice(kind, this.#format.isFirstSlice(buffer, start, end));
  }

  #noteSlice(kind: 'key' | 'inter' | 'disposable', isFirst: boolean): void {
    if (this.#kind === undefined) {
      this.#hasFirst = isFirst;
      // The rest of a picture that its marker had closed: it has gone out without it.
      if (this.#closed && !isFirst) {
        this.#markersLie = true;
        this.#spoil();
      }
    }
    if (kind === 'key' || this.#kind === undefined) this.#kind = kind;
  }

  /** What is missing may be the end of the present picture, pictures behind it, or the beginning of this one. */
  #lose(ticks: number): void {
    const isCut = !this.#closed && ticks === this.#ticks;
    this.#reset();
    this.#ticks = ticks;
    this.#damaged = isCut;
    this.#needsKey = true;
    this.#times.reset();
  }

  /** The present picture is not to be shown. */
  #spoil(): void {
    this.#damaged = true;
    this.#unit.dropUnit();
  }

  #turnTo(ticks: number, into: Batch): void {
    this.#close(into);
    this.#closed = false;
    this.#ticks = ticks;
  }

  #reset(): void {
    this.#unit.drop();
    this.#kind = undefined;
    this.#recovery = false;
    this.#ownSets = [];
    this.#damaged = false;
    this.#closed = false;
  }

  /** Hands the picture over, if it is one and may be shown. */
  #close(into: Batch): void {
    if (this.#unit.isOpen) this.#spoil();
    const kind = this.#recovery && this.#kind === 'inter' ? 'key' : this.#kind;
    const sets = this.#ownSets;
    const known = kind === 'key' ? NO_SETS : sets.filter(set => !this.#sets.has(set));
    if (sets.length > 0) this.#learn(sets);
    if (kind !== undefined || this.#damaged) {
      if (this.#mayPass(kind)) this.#emit(kind, known, into);
      else this.#leaveOut();
    }
    this.#reset();
  }

  #mayPass(kind: PacketKind | undefined): kind is 'key' | 'inter' | 'disposable' {
    if (kind === undefined || this.#damaged) return false;
    if (this.#needsKey && !(kind === 'key' && this.#hasFirst)) return false;
    this.#needsKey = false;
    return true;
  }

  #leaveOut(): void {
    this.dropped++;
    this.#needsKey = true;
    this.#times.reset();
  }

  #learn(sets: readonly Buffer[]): void {
    this.#sets.learn(sets);
    const depth = sets.map(set => this.#format.depthOf(set)).find(it => it !== undefined);
    if (depth !== undefined) this.#times.depth = depth;
  }

  #emit(kind: 'key' | 'inter' | 'disposable', inBand: readonly Buffer[], into: Batch): void {
    const shownMs = this.#clock.msOf(this.#ticks);
    const dtsMs = Math.round(this.#times.of(shownMs));
    if (kind === 'key' && !this.#sets.putHeader(dtsMs, into)) return;
    const { buffer, start, end } = this.#unit;
    const packet = into.next();
    packet.reset(kind, dtsMs);
    const ctsMs = Math.max(0, Math.round(shownMs) - dtsMs);
    const headBytes = this.#format.rules.putHead(this.#head, 0, kind === 'key', ctsMs);
    this.#head.copy(buffer, start - headBytes, 0, headBytes);
    if (inBand.length === 0) packet.addSpan(buffer, start - headBytes, end);
    else {
      // Within a group of pictures a changed set stays where it stands: a new codec header asks for a key frame.
      packet.addSpan(buffer, start - headBytes, start);
      const units = sized(inBand);
      packet.addSpan(units, 0, units.length);
      packet.addSpan(buffer, start, end);
    }
    this.#unit.begin();
  }
}

const NO_SETS: readonly Buffer[] = [];

function sized(units: readonly Buffer[]): Buffer {
  return Buffer.concat(
    units.flatMap(unit => {
      const length = Buffer.alloc(4);
      putUint32(length, 0, unit.length);
      return [length, unit];
    }),
  );
}
