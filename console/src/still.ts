/** The one picture of a small FLV stream: its codec header and a key frame. */
export interface StillFrame {
  /** As WebCodecs name it: avc1.64001e. */
  readonly codec: string;
  readonly description: Uint8Array<ArrayBuffer>;
  readonly picture: Uint8Array<ArrayBuffer>;
  /** The tag of the picture, whole. */
  readonly tag: Uint8Array<ArrayBuffer>;
  /** All that stands before it. */
  readonly head: Uint8Array<ArrayBuffer>;
}

const FLV_HEADER = 13;
const TAG_HEADER = 11;
const PREVIOUS_SIZE = 4;
const VIDEO = 9;
const HVC1 = 0x68766331;

interface VideoTag {
  readonly isHeader: boolean;
  readonly isHevc: boolean;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Adobe's FLV, version 10.1, annex E.4.3, and the enhanced form of it for H.265. */
function videoTag(body: Uint8Array<ArrayBuffer>): VideoTag | undefined {
  const [first = 0, second = 0] = body;
  if ((first & 0x80) === 0) {
    return (first & 0x0f) === 7 ? { isHeader: second === 0, isHevc: false, data: body.subarray(5) } : undefined;
  }
  const fourCc = new DataView(body.buffer, body.byteOffset).getUint32(1);
  const type = first & 0x0f;
  if (fourCc !== HVC1) return undefined;
  // Coded frames of type 1 bear a composition time of three bytes.
  return { isHeader: type === 0, isHevc: true, data: body.subarray(type === 1 ? 8 : 5) };
}

export function readStill(bytes: Uint8Array<ArrayBuffer>): StillFrame | undefined {
  let header: VideoTag | undefined;
  for (let at = FLV_HEADER; at + TAG_HEADER <= bytes.length; ) {
    const size = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    const end = at + TAG_HEADER + size + PREVIOUS_SIZE;
    const found = bytes[at] === VIDEO ? videoTag(bytes.subarray(at + TAG_HEADER, at + TAG_HEADER + size)) : undefined;
    if (found?.isHeader === true) header = found;
    else if (found !== undefined && header !== undefined) {
      const { data: description, isHevc } = header;
      const codec = isHevc ? hevcName(description) : avcName(description);
      return { codec, description, picture: found.data, tag: bytes.subarray(at, end), head: bytes.subarray(0, at) };
    }
    at = end;
  }
  return undefined;
}

const hex = (byte = 0): string => byte.toString(16).padStart(2, '0');

const avcName = (avcC: Uint8Array): string => `avc1.${hex(avcC[1])}${hex(avcC[2])}${hex(avcC[3])}`;

/** ISO 14496-15, annex E.3: the profile, its compatibility turned round, the tier and level, and what constrains it. */
function hevcName(hvcC: Uint8Array): string {
  const [, general = 0, a = 0, b = 0, c = 0, d = 0, constraint = 0] = hvcC;
  const flags = Array.from(
    { length: 32 },
    (_, bit) => ((((a << 24) | (b << 16) | (c << 8) | d) >>> bit) & 1) << 0,
  ).join('');
  const compatibility = Number.parseInt(flags, 2).toString(16).toUpperCase();
  const tier = (general & 0x20) === 0 ? 'L' : 'H';
  return `hvc1.${general & 0x1f}.${compatibility}.${tier}${hvcC[12] ?? 93}.${hex(constraint).toUpperCase()}`;
}

/** The same with the picture so many times, for a player that shows nothing of a stream of one. */
export function repeated({ head, tag }: StillFrame, times: number): Blob {
  const tags = Array.from({ length: times }, (_, at) => {
    const copy = tag.slice();
    const ms = at * 40;
    copy.set([(ms >> 16) & 0xff, (ms >> 8) & 0xff, ms & 0xff, 0], 4);
    return copy;
  });
  return new Blob([head, ...tags], { type: 'video/x-flv' });
}
