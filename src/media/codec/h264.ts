import { BitReader, uint16At } from '../bytes.ts';

/** What a sequence parameter set says of its pictures. */
export interface H264Picture {
  readonly profileIdc: number;
  readonly constraints: number;
  readonly levelIdc: number;
  /** As shown, cropping applied. */
  readonly width: number;
  readonly height: number;
}

/** AVCDecoderConfigurationRecord: ISO/IEC 14496-15, section 5.3.3.1. The views are into the record. */
export interface AvcConfig {
  /** Bytes of the length in front of each NAL unit: 1, 2 or 4. */
  readonly nalLengthBytes: number;
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

const LARGEST_SIDE = 16_384;
/** The profiles whose SPS says more of colour: H.264 section 7.3.2.1.1. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

const PROFILE_NAMES: ReadonlyMap<number, string> = new Map([
  [66, 'Baseline'],
  [77, 'Main'],
  [88, 'Extended'],
  [100, 'High'],
  [110, 'High 10'],
  [122, 'High 4:2:2'],
  [244, 'High 4:4:4'],
]);

/** Undefined for what is no whole configuration record. */
export function parseAvcConfig(record: Buffer): AvcConfig | undefined {
  if (record.length < 7 || record[0] !== 1) return undefined;
  const nalLengthBytes = (record.readUInt8(4) & 3) + 1;
  if (nalLengthBytes === 3) return undefined;
  const sps = unitsAt(record, 6, record.readUInt8(5) & 31);
  if (sps === undefined || sps.end >= record.length) return undefined;
  const pps = unitsAt(record, sps.end + 1, record.readUInt8(sps.end));
  return pps === undefined ? undefined : { nalLengthBytes, sps: sps.units, pps: pps.units };
}

/** `count` units with 16-bit lengths, and the offset behind them. */
function unitsAt(record: Buffer, from: number, count: number): { units: Buffer[]; end: number } | undefined {
  const units: Buffer[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    if (at + 2 > record.length) return undefined;
    const end = at + 2 + uint16At(record, at);
    if (end > record.length) return undefined;
    units.push(record.subarray(at + 2, end));
    at = end;
  }
  return { units, end: at };
}

/** seq_parameter_set_rbsp: H.264 section 7.3.2.1.1. Undefined when it is cut short or says what cannot be. */
export function parseSps(unit: Buffer): H264Picture | undefined {
  if (unit.length < 4 || (unit.readUInt8(0) & 31) !== 7) return undefined;
  const bits = new BitReader(withoutEmulation(unit.subarray(1, 256)));
  const profileIdc = bits.bits(8);
  const constraints = bits.bits(8);
  const levelIdc = bits.bits(8);
  bits.unsigned(); // seq_parameter_set_id
  const chroma = HIGH_PROFILES.has(profileIdc) ? readChroma(bits) : 1;
  skipOrder(bits);
  const size = readSize(bits, chroma);
  return size === undefined ? undefined : { profileIdc, constraints, levelIdc, ...size };
}

/** "High@3.1". */
export function profileAndLevel(picture: H264Picture): string {
  const constrained = picture.profileIdc === 66 && (picture.constraints & 0x40) !== 0 ? 'Constrained ' : '';
  const profile = PROFILE_NAMES.get(picture.profileIdc) ?? `profile ${picture.profileIdc}`;
  return `${constrained}${profile}@${picture.levelIdc / 10}`;
}

/** The unit without its emulation prevention bytes: section 7.4.1.1. */
export function withoutEmulation(unit: Buffer): Uint8Array {
  const plain = new Uint8Array(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}

/** chroma_format_idc; passes over bit depths and scaling lists. */
function readChroma(bits: BitReader): number {
  const chroma = bits.unsigned();
  if (chroma === 3) bits.bit(); // separate_colour_plane_flag
  bits.unsigned(); // bit_depth_luma_minus8
  bits.unsigned(); // bit_depth_chroma_minus8
  bits.bit(); // qpprime_y_zero_transform_bypass_flag
  if (bits.bit() === 1) {
    const lists = chroma === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) if (bits.bit() === 1) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return chroma;
}

/** scaling_list: section 7.3.2.1.1.1. */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && !bits.overrun; i++) {
    if (next !== 0) next = (last + bits.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/** From log2_max_frame_num_minus4 to gaps_in_frame_num_value_allowed_flag. */
function skipOrder(bits: BitReader): void {
  bits.unsigned(); // log2_max_frame_num_minus4
  const type = bits.unsigned(); // pic_order_cnt_type
  if (type === 0) bits.unsigned();
  else if (type === 1) {
    bits.bit();
    bits.signed();
    bits.signed();
    const cycle = bits.unsigned();
    for (let i = 0; i < cycle && i < 256 && !bits.overrun; i++) bits.signed();
  }
  bits.unsigned(); // max_num_ref_frames
  bits.bit(); // gaps_in_frame_num_value_allowed_flag
}

function readSize(bits: BitReader, chroma: number): { width: number; height: number } | undefined {
  const codedWidth = (bits.unsigned() + 1) * 16;
  const mapUnits = bits.unsigned() + 1;
  const fields = bits.bit() === 1 ? 1 : 2; // frame_mbs_only_flag
  if (fields === 2) bits.bit(); // mb_adaptive_frame_field_flag
  bits.bit(); // direct_8x8_inference_flag
  let cropX = 0;
  let cropY = 0;
  if (bits.bit() === 1) {
    cropX = (bits.unsigned() + bits.unsigned()) * (chroma === 1 || chroma === 2 ? 2 : 1);
    cropY = (bits.unsigned() + bits.unsigned()) * (chroma === 1 ? 2 : 1) * fields;
  }
  const width = codedWidth - cropX;
  const height = mapUnits * 16 * fields - cropY;
  const possible = !bits.overrun && width > 0 && height > 0 && width <= LARGEST_SIDE && height <= LARGEST_SIDE;
  return possible ? { width, height } : undefined;
}
