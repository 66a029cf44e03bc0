import { BitReader } from '../bytes.ts';
import { withoutEmulation } from './h264.ts';

/*
 * How many pictures may be decoded before a picture and shown behind it: what a receiver must know that is told when
 * pictures are shown, and not when they are decoded.
 */

const BASELINE = 66;
/** The profiles whose SPS says more of colour: H.264 section 7.3.2.1.1. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** Where nothing is said: pictures between two others, and one of them referred to by others. */
const USUAL_DEPTH = 2;
const DEEPEST = 16;
const LONGEST_SPS = 1024;
const EXTENDED_SHAPE = 255;

/** Of seq_parameter_set_rbsp, H.264 section 7.3.2.1.1; undefined when it is cut short. */
export function avcReorderDepth(sps: Buffer): number | undefined {
  const bits = new BitReader(withoutEmulation(sps.subarray(1, LONGEST_SPS)));
  const profile = bits.bits(8);
  bits.bits(16); // constraint flags and level_idc
  bits.unsigned(); // seq_parameter_set_id
  if (HIGH_PROFILES.has(profile)) skipChroma(bits);
  bits.unsigned(); // log2_max_frame_num_minus4
  const order = skipOrder(bits);
  const references = bits.unsigned();
  bits.bit(); // gaps_in_frame_num_value_allowed_flag
  bits.unsigned(); // pic_width_in_mbs_minus1
  bits.unsigned(); // pic_height_in_map_units_minus1
  if (bits.bit() === 0) bits.bit(); // frame_mbs_only_flag, mb_adaptive_frame_field_flag
  bits.bit(); // direct_8x8_inference_flag
  if (bits.bit() === 1) for (let i = 0; i < 4; i++) bits.unsigned(); // frame cropping
  const hasVui = bits.bit() === 1;
  if (bits.overrun) return undefined;
  const told = hasVui ? depthInVui(bits) : undefined;
  if (told !== undefined && !bits.overrun) return Math.min(told, DEEPEST);
  return profile === BASELINE || order === 2 || references < 2 ? 0 : USUAL_DEPTH;
}

/** From chroma_format_idc to the scaling lists. */
function skipChroma(bits: BitReader): void {
  const chroma = bits.unsigned();
  if (chroma === 3) bits.bit(); // separate_colour_plane_flag
  bits.unsigned(); // bit_depth_luma_minus8
  bits.unsigned(); // bit_depth_chroma_minus8
  bits.bit(); // qpprime_y_zero_transform_bypass_flag
  if (bits.bit() === 0) return;
  for (let i = 0; i < (chroma === 3 ? 12 : 8); i++) if (bits.bit() === 1) skipList(bits, i < 6 ? 16 : 64);
}

/** scaling_list: section 7.3.2.1.1.1. */
function skipList(bits: BitReader, size: number): void {
  let [last, next] = [8, 8];
  for (let i = 0; i < size && !bits.overrun; i++) {
    if (next !== 0) next = (last + bits.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/** Answers pic_order_cnt_type. */
function skipOrder(bits: BitReader): number {
  const type = bits.unsigned();
  if (type === 0) bits.unsigned();
  if (type !== 1) return type;
  bits.bit(); // delta_pic_order_always_zero_flag
  bits.signed(); // offset_for_non_ref_pic
  bits.signed(); // offset_for_top_to_bottom_field
  const cycle = bits.unsigned();
  for (let i = 0; i < cycle && i < 256 && !bits.overrun; i++) bits.signed();
  return type;
}

/** max_num_reorder_frames of vui_parameters, section E.1.1; undefined where that does not say it. */
function depthInVui(bits: BitReader): number | undefined {
  if (bits.bit() === 1 && bits.bits(8) === EXTENDED_SHAPE) bits.bits(32); // aspect ratio
  if (bits.bit() === 1) bits.bit(); // overscan
  if (bits.bit() === 1) {
    bits.bits(4); // video_format, video_full_range_flag
    if (bits.bit() === 1) bits.bits(24); // colour description
  }
  if (bits.bit() === 1) {
    bits.unsigned(); // chroma_sample_loc_type_top_field
    bits.unsigned(); // chroma_sample_loc_type_bottom_field
  }
  if (bits.bit() === 1) {
    bits.bits(32); // num_units_in_tick
    bits.bits(32); // time_scale
    bits.bit(); // fixed_frame_rate_flag
  }
  const hasNal = skipHrd(bits);
  const hasVcl = skipHrd(bits);
  if (hasNal || hasVcl) bits.bit(); // low_delay_hrd_flag
  bits.bit(); // pic_struct_present_flag
  if (bits.bit() === 0) return undefined;
  bits.bit(); // motion_vectors_over_pic_boundaries_flag
  for (let i = 0; i < 4; i++) bits.unsigned(); // up to log2_max_mv_length_vertical
  return bits.unsigned();
}

/** hrd_parameters with the flag in front: section E.1.2. */
function skipHrd(bits: BitReader): boolean {
  if (bits.bit() === 0) return false;
  const count = bits.unsigned() + 1;
  bits.bits(8); // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < count && i < 32 && !bits.overrun; i++) {
    bits.unsigned(); // bit_rate_value_minus1
    bits.unsigned(); // cpb_size_value_minus1
    bits.bit(); // cbr_flag
  }
  bits.bits(20); // lengths of delays and of time_offset
  return true;
}

const PROFILE_BITS = 88;

/** Of seq_parameter_set_rbsp, H.265 section 7.3.2.2.1; undefined when it is cut short. */
export function hevcReorderDepth(sps: Buffer): number | undefined {
  const bits = new BitReader(withoutEmulation(sps.subarray(2, LONGEST_SPS)));
  bits.bits(4); // sps_video_parameter_set_id
  const moreLayers = bits.bits(3);
  bits.bit(); // sps_temporal_id_nesting_flag
  skipProfile(bits, moreLayers);
  bits.unsigned(); // sps_seq_parameter_set_id
  if (bits.unsigned() === 3) bits.bit(); // chroma_format_idc, separate_colour_plane_flag
  bits.unsigned(); // pic_width_in_luma_samples
  bits.unsigned(); // pic_height_in_luma_samples
  if (bits.bit() === 1) for (let i = 0; i < 4; i++) bits.unsigned(); // conformance window
  bits.unsigned(); // bit_depth_luma_minus8
  bits.unsigned(); // bit_depth_chroma_minus8
  bits.unsigned(); // log2_max_pic_order_cnt_lsb_minus4
  let depth = 0;
  for (let layer = bits.bit() === 1 ? 0 : moreLayers; layer <= moreLayers; layer++) {
    bits.unsigned(); // sps_max_dec_pic_buffering_minus1
    depth = bits.unsigned(); // sps_max_num_reorder_pics
    bits.unsigned(); // sps_max_latency_increase_plus1
  }
  return bits.overrun ? undefined : Math.min(depth, DEEPEST);
}

/** profile_tier_level: section 7.3.3. */
function skipProfile(bits: BitReader, moreLayers: number): void {
  for (let i = 0; i < 3; i++) bits.bits(32);
  const told: number[] = [];
  for (let i = 0; i < moreLayers; i++) told.push(bits.bits(2));
  if (moreLayers > 0) for (let i = moreLayers; i < 8; i++) bits.bits(2);
  for (const flags of told) {
    for (let left = (flags & 2) === 0 ? 0 : PROFILE_BITS; left > 0; left -= 8) bits.bits(8);
    if ((flags & 1) !== 0) bits.bits(8); // sub_layer_level_idc
  }
}
