import { parseAacConfig } from './codec/aac.ts';
import { parseHevcConfig } from './codec/h265.ts';
import { audioCodec, videoCodec } from './flv/describe.ts';

/** Where the record stands behind a tag's head. */
const RECORD_AT = 5;
const AAC_CONFIG_AT = 2;

/** How players and browsers name the codec of a header: RFC 6381 and the codecs' own documents. "" where it cannot be said. */
export function codecString(header: Buffer): string {
  const video = videoCodec(header);
  const record = header.subarray(RECORD_AT);
  if (video === 'H.264' && record.length >= 4) return `avc1.${record.subarray(1, 4).toString('hex')}`;
  if (video === 'H.265') return hevcString(record);
  if (video === 'AV1' && record.length >= 3) return av1String(record);
  return '';
}

/** The same for sound; of codecs without a header, from a frame. */
export function soundString(body: Buffer): string {
  const codec = audioCodec(body);
  if (codec === 'AAC') {
    const config = parseAacConfig(body.subarray(AAC_CONFIG_AT));
    return config === undefined ? '' : `mp4a.40.${config.objectType}`;
  }
  return { MP3: 'mp3', Opus: 'opus', FLAC: 'flac', 'AC-3': 'ac-3', 'E-AC-3': 'ec-3' }[codec] ?? '';
}

const COMPATIBILITY_AT = 1;
const CONSTRAINTS_AT = 5;
const LEVEL_AT = 11;

/** ISO/IEC 14496-15, annex E.3: profile, compatibility in reverse order of bits, tier and level, constraints. */
function hevcString(record: Buffer): string {
  const profile = parseHevcConfig(record)?.profile;
  if (profile === undefined || profile.length <= LEVEL_AT) return '';
  const first = profile.readUInt8(0);
  const space = ['', 'A', 'B', 'C'][first >> 6] ?? '';
  const compatibility = reversed(profile.readUInt32BE(COMPATIBILITY_AT)).toString(16).toUpperCase();
  const tier = (first & 0x20) === 0 ? 'L' : 'H';
  const constraints = [...profile.subarray(CONSTRAINTS_AT, LEVEL_AT)];
  while (constraints.at(-1) === 0) constraints.pop();
  const told = constraints.map(byte => byte.toString(16).toUpperCase());
  return [`hvc1.${space}${first & 31}`, compatibility, `${tier}${profile.readUInt8(LEVEL_AT)}`, ...told].join('.');
}

function reversed(bits: number): number {
  let out = 0;
  for (let i = 0; i < 32; i++) if ((bits & (1 << i)) !== 0) out |= 1 << (31 - i);
  return out >>> 0;
}

/** AV1 in ISO media, section 5: profile, level and tier, bit depth. */
function av1String(record: Buffer): string {
  const second = record.readUInt8(1);
  const third = record.readUInt8(2);
  const level = String(second & 31).padStart(2, '0');
  const depth = (third & 0x40) === 0 ? 8 : (third & 0x20) === 0 ? 10 : 12;
  return `av01.${second >> 5}.${level}${(third & 0x80) === 0 ? 'M' : 'H'}.${String(depth).padStart(2, '0')}`;
}
