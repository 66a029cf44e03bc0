import { Cuttings } from '../cuttings.ts';
import type { Announced, Demuxer } from '../demuxer.ts';
import { VIDEO_HEAD_BYTES } from '../flv/body.ts';
import { classifyVideo } from '../flv/tag.ts';
import { type Box, boxesIn, broken, childrenOf, MOST_HEAD_BYTES, readHead } from '../mp4/boxes.ts';
import { MOST_SAMPLES, readTfdt, readTfhd, readTrun, type Sample } from '../mp4/fragments.ts';
import type { Movie } from '../mp4/movie.ts';
import type { Track } from '../mp4/track.ts';
import type { Batch } from '../packet.ts';
import type { Piece } from './aside.ts';

const LARGEST_MOOF = 8 * 1024 * 1024;
const LARGEST_SAMPLE = 16 * 1024 * 1024;

/** One track, and where its decode times have come to. */
class Part {
  readonly track: Track;
  nextUnits = 0;
  /** Added to decode times so that none lies behind its composition time; settled by the first fragment. */
  leadUnits: number | undefined;
  begun = false;

  constructor(track: Track) {
    this.track = track;
  }

  msOf(units: number): number {
    return ((units - (this.leadUnits ?? 0)) * 1000) / this.track.timescale + this.track.editMs;
  }
}

interface Due extends Sample {
  readonly part: Part;
}

/** The sample whose bytes are coming in. */
interface Filling {
  readonly sample: Due;
  readonly start: number;
  /** Where its next byte goes. */
  at: number;
  left: number;
}

/** Reads fragments of an MP4 file (ISO/IEC 14496-12, section 8.8) as they come: samples go out when their bytes are in. */
export class FragmentDemuxer implements Demuxer {
  readonly announced: Announced;
  readonly notes: readonly string[];
  readonly #movie: Movie;
  readonly #parts: readonly Part[];
  readonly #cuttings = new Cuttings();
  /** A box head or a moof of which the end has not come yet. */
  #rest: Buffer = Buffer.alloc(0);
  /** Where the next byte lies, counted over everything pushed. */
  #at = 0;
  /** Bytes of a box that are passed over, or of media. */
  #bodyEnd = 0;
  /** By offset. */
  #due: Due[] = [];
  #dueAt = 0;
  #filling: Filling | undefined;
  /** What has come ahead, and by which offset it begins. */
  #piece: Piece | undefined;
  /** Samples that lie in it, in their order. */
  #beside: Due[] = [];
  #besideAt = 0;

  constructor(movie: Movie) {
    this.#movie = movie;
    this.#parts = [movie.video, movie.audio].flatMap(track => (track === undefined ? [] : [new Part(track)]));
    this.announced = { video: movie.video !== undefined, audio: movie.audio !== undefined };
    this.notes = movie.notes;
  }

  /** Of the segment that is pushed next, these bytes are at hand already: what lies in them goes out when it is due. */
  aside({ from, bytes }: Piece): void {
    this.#piece = { from: this.#at + from, bytes };
  }

  push(bytes: Buffer, into: Batch): void {
    let at = 0;
    while (at < bytes.length) {
      at = this.#at < this.#bodyEnd ? this.#body(bytes, at, into) : this.#head(bytes, at);
    }
  }

  end(): void {
    // A sample whose end does not come is left out.
    this.#rest = Buffer.alloc(0);
    this.#due = [];
    this.#dueAt = 0;
    this.#filling = undefined;
    this.#bodyEnd = this.#at;
    this.#piece = undefined;
    this.#beside = [];
    this.#besideAt = 0;
  }

  /** Reads on in the body of a box; answers the offset behind what was used. */
  #body(bytes: Buffer, at: number, into: Batch): number {
    const filling = this.#filling ?? this.#nextFilling();
    const nextAt = filling === undefined ? this.#bodyEnd : filling.sample.offset + filling.sample.size - filling.left;
    const end = Math.min(bytes.length, at + this.#bodyEnd - this.#at);
    const skipped = Math.min(end - at, nextAt - this.#at);
    if (filling === undefined || skipped > 0) {
      this.#at += skipped;
      return at + skipped;
    }
    const taken = Math.min(end - at, filling.left);
    bytes.copy(this.#cuttings.buffer, filling.at, at, at + taken);
    filling.at += taken;
    filling.left -= taken;
    this.#at += taken;
    if (filling.left === 0) this.#emit(filling, into);
    return at + taken;
  }

  /** The next sample that begins in the present body. */
  #nextFilling(): Filling | undefined {
    while (this.#dueAt < this.#due.length) {
      const sample = this.#due[this.#dueAt] as Due;
      if (sample.offset >= this.#bodyEnd) return undefined;
      if (sample.offset < this.#at) throw broken('trun', 'names bytes that are not in the media behind it');
      if (sample.offset + sample.size > this.#bodyEnd) throw broken('trun', 'names bytes beyond the media behind it');
      if (sample.size > 0) return this.#fill(sample);
      this.#dueAt++;
    }
    return undefined;
  }

  #fill(sample: Due): Filling {
    this.#filling = this.#begin(sample);
    return this.#filling;
  }

  #begin(sample: Due): Filling {
    const { track } = sample.part;
    const start = this.#cuttings.reserve(VIDEO_HEAD_BYTES + sample.size);
    const at = track.codec.putHead(this.#cuttings.buffer, start, sample.key, ctsOf(sample));
    return { sample, start, at, left: sample.size };
  }

  #emit(filling: Filling, into: Batch): void {
    this.#filling = undefined;
    this.#dueAt++;
    this.#cut(filling, into);
    const { part, units } = filling.sample;
    this.#giveBeside(this.#dueAt < this.#due.length ? part.msOf(units) : Number.POSITIVE_INFINITY, into);
  }

  /** Gives what has come ahead and is due by then. */
  #giveBeside(untilMs: number, into: Batch): void {
    const piece = this.#piece;
    for (; piece !== undefined && this.#besideAt < this.#beside.length; this.#besideAt++) {
      const sample = this.#beside[this.#besideAt] as Due;
      if (sample.part.msOf(sample.units) > untilMs) return;
      const filling = this.#begin(sample);
      const from = sample.offset - piece.from;
      piece.bytes.copy(this.#cuttings.buffer, filling.at, from, from + sample.size);
      this.#cut({ ...filling, at: filling.at + sample.size }, into);
    }
  }

  #cut({ sample, start, at }: Filling, into: Batch): void {
    this.#cuttings.cut(at);
    const { part } = sample;
    const { kind, codec } = part.track;
    const dtsMs = Math.round(part.msOf(sample.units));
    if (!part.begun && codec.header !== undefined) {
      const header = into.next();
      header.reset(kind === 'video' ? 'videoHeader' : 'audioHeader', dtsMs);
      header.addSpan(codec.header, 0, codec.header.length);
    }
    part.begun = true;
    const packet = into.next();
    packet.reset('audio', dtsMs);
    packet.addSpan(this.#cuttings.buffer, start, at);
    if (kind === 'video') packet.kind = classifyVideo(packet) ?? 'inter';
  }

  /** Reads a box's head, or a whole moof; answers the offset behind what was used. */
  #head(bytes: Buffer, at: number): number {
    const joined = this.#rest.length === 0 ? bytes.subarray(at) : Buffer.concat([this.#rest, bytes.subarray(at)]);
    const head = readHead(joined, 0, joined.length);
    const size = head?.size ?? Number.POSITIVE_INFINITY;
    if (head?.type === 'moof' && size > LARGEST_MOOF) throw broken('moof', `has ${size} bytes`);
    const needed = head === undefined ? MOST_HEAD_BYTES : head.type === 'moof' ? size : head.headBytes;
    if (head === undefined || joined.length < needed) {
      this.#rest = Buffer.from(joined);
      return bytes.length;
    }
    const used = needed - this.#rest.length;
    this.#rest = Buffer.alloc(0);
    if (head.type === 'moof') this.#readMoof(joined.subarray(0, size));
    this.#bodyEnd = this.#at + size;
    this.#at += needed;
    return at + used;
  }

  #readMoof(bytes: Buffer): void {
    const [moof] = boxesIn(bytes, 0, bytes.length);
    const due: Due[] = [];
    for (const traf of moof === undefined ? [] : childrenOf(moof)) {
      if (traf.type === 'traf') this.#readTraf(traf, due);
    }
    const ordered = due.sort((a, b) => a.offset - b.offset);
    this.#beside = ordered.filter(sample => this.#isAtHand(sample));
    this.#besideAt = 0;
    this.#due = this.#beside.length === 0 ? ordered : ordered.filter(sample => !this.#isAtHand(sample));
    this.#dueAt = 0;
    this.#filling = undefined;
  }

  #isAtHand({ offset, size }: Due): boolean {
    const piece = this.#piece;
    return piece !== undefined && offset >= piece.from && offset + size <= piece.from + piece.bytes.length;
  }

  #readTraf(traf: Box, due: Due[]): void {
    const boxes = childrenOf(traf);
    const tfhd = boxes.find(it => it.type === 'tfhd');
    if (tfhd === undefined) throw broken('traf', 'has no "tfhd"');
    // Segments are files of their own or pieces of one: offsets from the fragment's head hold in both.
    const head = { ...readTfhd(tfhd, this.#movie.fragments?.defaults ?? new Map(), this.#at), baseOffset: this.#at };
    const part = this.#parts.find(({ track }) => track.id === head.trackId);
    if (part === undefined) return;
    const tfdt = boxes.find(it => it.type === 'tfdt');
    if (tfdt !== undefined) part.nextUnits = readTfdt(tfdt);
    let [offset, leadUnits] = [head.baseOffset, 0];
    for (const trun of boxes.filter(it => it.type === 'trun')) {
      const read = readTrun(trun, { head, offset, units: part.nextUnits, most: MOST_SAMPLES - due.length });
      part.nextUnits = read.units;
      offset = read.offset;
      for (const sample of read.samples) {
        if (sample.size > LARGEST_SAMPLE) throw broken('trun', 'claims a sample of more than 16 MB');
        leadUnits = Math.max(leadUnits, -sample.offsetUnits);
        due.push({ ...sample, part });
      }
    }
    part.leadUnits ??= leadUnits;
  }
}

/** Composition time over decode time, both rounded as they go out. */
function ctsOf({ part, units, offsetUnits }: Due): number {
  const shownMs = part.msOf(units + offsetUnits + (part.leadUnits ?? 0));
  return Math.max(0, Math.round(shownMs) - Math.round(part.msOf(units)));
}
