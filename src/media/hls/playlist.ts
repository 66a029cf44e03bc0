import { Fault } from '../fault.ts';
import { resolveIn } from './address.ts';
import { parseAttributes } from './attributes.ts';

/** Bytes [offset, offset + length) of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A file, or a piece of one. */
export interface Place {
  readonly url: string;
  readonly range: ByteRange | undefined;
}

export interface Key {
  readonly url: string;
  /** 16 bytes; without them, the segment's number says them. */
  readonly iv: Buffer | undefined;
}

export interface Segment extends Place {
  readonly durationMs: number;
  readonly sequence: number;
  readonly key: Key | undefined;
  /** What stands in front of the segment: the codec headers of fragmented MP4. */
  readonly map: Place | undefined;
  /** Its times do not follow on those of the segment before. */
  readonly discontinuity: boolean;
}

export interface MediaPlaylist {
  readonly kind: 'media';
  readonly segments: readonly Segment[];
  /** Whether no segments will be added. */
  readonly complete: boolean;
  /** What no segment is longer than, as the list says; undefined where it does not, or says nonsense. */
  readonly targetMs: number | undefined;
  /** The number of the segment that will be added next. */
  readonly nextSequence: number;
}

export interface Variant {
  readonly url: string;
  readonly bandwidth: number;
  /** The rendition that carries its sound, where the variant itself does not. */
  readonly audioUrl: string | undefined;
  /** All that may carry its sound, as they are listed; undefined for what the variant itself carries. */
  readonly renditions: readonly (string | undefined)[];
}

export interface MasterPlaylist {
  readonly kind: 'master';
  readonly variants: readonly Variant[];
}

export const LARGEST_PLAYLIST = 8 * 1024 * 1024;
const MOST_SEGMENTS = 100_000;
const MOST_RENDITIONS = 4096;
const LONGEST_SEGMENT_MS = 24 * 3_600_000;

/** Reads a playlist: RFC 8216. `url` is where it lies. Throws a Fault that names the line where it is damaged. */
export function parsePlaylist(text: string, url: string): MediaPlaylist | MasterPlaylist {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  if (lines[0]?.trim().startsWith('#EXTM3U') !== true) throw broken(1, 'it does not begin with #EXTM3U');
  const master = lines.some(line => line.startsWith('#EXT-X-STREAM-INF'));
  return master ? parseMaster(lines, url) : new MediaReader(url).read(lines);
}

function broken(line: number, what: string): Fault {
  return new Fault('pull', 'garbage', `line ${line} of the playlist cannot be read: ${what}`);
}

interface Tag {
  readonly name: string;
  readonly value: string;
}

/** "#EXTINF:4.0,title" is the tag EXTINF with the value "4.0,title". */
function tagOf(line: string): Tag {
  const at = line.indexOf(':');
  return at < 0 ? { name: line.slice(1), value: '' } : { name: line.slice(1, at), value: line.slice(at + 1) };
}

function attributesOf(tag: Tag, line: number): ReadonlyMap<string, string> {
  const attributes = parseAttributes(tag.value);
  if (attributes === undefined) throw broken(line, `${tag.name} has no list of attributes`);
  return attributes;
}

interface Rendition {
  readonly group: string;
  readonly url: string | undefined;
  readonly preferred: boolean;
}

function parseMaster(lines: readonly string[], url: string): MasterPlaylist {
  const renditions: Rendition[] = [];
  const listed: { attributes: ReadonlyMap<string, string>; url: string }[] = [];
  let stream: ReadonlyMap<string, string> | undefined;
  for (const [i, raw] of lines.entries()) {
    const line = raw.trim();
    if (listed.length + renditions.length > MOST_RENDITIONS) throw broken(i, 'it lists too many variants');
    if (line.startsWith('#EXT-X-STREAM-INF:')) stream = attributesOf(tagOf(line), i + 1);
    else if (line.startsWith('#EXT-X-MEDIA:'))
      renditions.push(...audioRendition(attributesOf(tagOf(line), i + 1), url));
    else if (line !== '' && !line.startsWith('#') && stream !== undefined) {
      listed.push({ attributes: stream, url: resolveIn(url, line) });
      stream = undefined;
    }
  }
  const variants = listed.map(({ attributes, url: at }) => ({
    url: at,
    bandwidth: Number(attributes.get('BANDWIDTH') ?? 0) || 0,
    ...soundOf(renditions.filter(({ group }) => group === attributes.get('AUDIO'))),
  }));
  return { kind: 'master', variants };
}

function audioRendition(attributes: ReadonlyMap<string, string>, url: string): Rendition[] {
  const group = attributes.get('GROUP-ID');
  if (attributes.get('TYPE') !== 'AUDIO' || group === undefined) return [];
  const line = attributes.get('URI');
  const preferred = attributes.get('DEFAULT') === 'YES';
  return [{ group, url: line === undefined ? undefined : resolveIn(url, line), preferred }];
}

/** The group's default, else its first; a rendition without an address is what the variant itself carries. */
const soundOf = (group: readonly Rendition[]): Pick<Variant, 'audioUrl' | 'renditions'> => ({
  audioUrl: (group.find(({ preferred }) => preferred) ?? group[0])?.url,
  renditions: group.map(({ url }) => url),
});

/** Lists are played that say nonsense here: it matters to live ones only, and their segments tell it too. */
function targetOf(value: string): number | undefined {
  const seconds = Number(value.trim() || Number.NaN);
  return seconds > 0 && Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** Reads the lines of a media playlist; what one tag says holds for the segments behind it. */
class MediaReader {
  readonly #url: string;
  readonly #segments: Segment[] = [];
  #line = 0;
  #sequence = 0;
  #targetMs: number | undefined;
  #durationMs: number | undefined;
  #range: { length: number; offset: number | undefined } | undefined;
  #key: Key | undefined;
  #map: Place | undefined;
  #discontinuity = false;
  #gap = false;
  #complete = false;
  /** Where the last byte range ended, for those that go on there. */
  #rangeEnd = { url: '', offset: 0 };

  constructor(url: string) {
    this.#url = url;
  }

  read(lines: readonly string[]): MediaPlaylist {
    for (const raw of lines) {
      this.#line++;
      const line = raw.trim();
      if (line.startsWith('#EXT')) this.#tag(tagOf(line));
      else if (line !== '' && !line.startsWith('#')) this.#segment(line);
    }
    return {
      kind: 'media',
      segments: this.#segments,
      complete: this.#complete,
      targetMs: this.#targetMs,
      nextSequence: this.#sequence,
    };
  }

  #tag(tag: Tag): void {
    switch (tag.name) {
      case 'EXTINF':
        this.#durationMs = this.#duration(tag.value);
        break;
      case 'EXT-X-TARGETDURATION':
        this.#targetMs = targetOf(tag.value);
        break;
      case 'EXT-X-BYTERANGE':
        this.#range = this.#rangeOf(tag.value);
        break;
      case 'EXT-X-MEDIA-SEQUENCE':
        this.#sequence = this.#integer(tag.value);
        break;
      case 'EXT-X-DISCONTINUITY':
        this.#discontinuity = true;
        break;
      case 'EXT-X-GAP':
        this.#gap = true;
        break;
      case 'EXT-X-KEY':
        this.#key = this.#keyOf(attributesOf(tag, this.#line));
        break;
      case 'EXT-X-MAP':
        this.#map = this.#mapOf(attributesOf(tag, this.#line));
        break;
      case 'EXT-X-ENDLIST':
        this.#complete = true;
        break;
      case 'EXT-X-PLAYLIST-TYPE':
        if (tag.value === 'VOD') this.#complete = true;
        break;
    }
  }

  #segment(line: string): void {
    if (this.#durationMs === undefined) throw broken(this.#line, 'a segment without EXTINF');
    if (this.#segments.length >= MOST_SEGMENTS) throw broken(this.#line, `more than ${MOST_SEGMENTS} segments`);
    const url = resolveIn(this.#url, line);
    const segment = {
      url,
      range: this.#rangeIn(url),
      durationMs: this.#durationMs,
      sequence: this.#sequence++,
      key: this.#key,
      map: this.#map,
      discontinuity: this.#discontinuity,
    };
    this.#durationMs = undefined;
    this.#range = undefined;
    // What is missing there is passed over, so that what follows does not follow on.
    this.#discontinuity = this.#gap;
    if (!this.#gap) this.#segments.push(segment);
    this.#gap = false;
  }

  #rangeIn(url: string): ByteRange | undefined {
    if (this.#range === undefined) return undefined;
    const goesOn = this.#rangeEnd.url === url ? this.#rangeEnd.offset : 0;
    const { length, offset = goesOn } = this.#range;
    if (!Number.isSafeInteger(offset + length)) throw broken(this.#line, 'a byte range beyond the end of any file');
    this.#rangeEnd = { url, offset: offset + length };
    return { offset, length };
  }

  #duration(value: string): number {
    const seconds = Number(value.split(',', 1)[0]);
    const durationMs = Math.round(seconds * 1_000_000) / 1000;
    if (!(durationMs >= 0 && durationMs <= LONGEST_SEGMENT_MS)) throw broken(this.#line, 'EXTINF is no duration');
    return durationMs;
  }

  #integer(value: string): number {
    const number = /^\d{1,16}$/.test(value.trim()) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw broken(this.#line, 'it wants a whole number');
    return number;
  }

  #rangeOf(value: string): { length: number; offset: number | undefined } {
    const [length = '', offset] = value.split('@');
    const range = { length: this.#integer(length), offset: offset === undefined ? undefined : this.#integer(offset) };
    if (range.length === 0) throw broken(this.#line, 'a byte range of no bytes');
    return range;
  }

  #keyOf(attributes: ReadonlyMap<string, string>): Key | undefined {
    const method = attributes.get('METHOD');
    if (method === undefined) throw broken(this.#line, 'EXT-X-KEY names no method');
    if (method === 'NONE') return undefined;
    const format = attributes.get('KEYFORMAT') ?? 'identity';
    if (method !== 'AES-128' || format !== 'identity') {
      throw new Fault('pull', 'unsupported', `the segments are encrypted by ${method.slice(0, 32)}, not by AES-128`);
    }
    const line = attributes.get('URI');
    if (line === undefined) throw broken(this.#line, 'EXT-X-KEY has no address');
    return { url: resolveIn(this.#url, line), iv: this.#ivOf(attributes.get('IV')) };
  }

  #ivOf(text: string | undefined): Buffer | undefined {
    if (text === undefined) return undefined;
    const digits = /^0x([0-9a-f]{1,32})$/i.exec(text)?.[1];
    if (digits === undefined) throw broken(this.#line, 'the IV is no number of 128 bits');
    return Buffer.from(digits.padStart(32, '0'), 'hex');
  }

  #mapOf(attributes: ReadonlyMap<string, string>): Place {
    const line = attributes.get('URI');
    if (line === undefined) throw broken(this.#line, 'EXT-X-MAP has no address');
    const range = attributes.get('BYTERANGE');
    const { length, offset = 0 } = range === undefined ? { length: 0 } : this.#rangeOf(range);
    return { url: resolveIn(this.#url, line), range: range === undefined ? undefined : { offset, length } };
  }
}
