import { parseAvcConfig, parseSps } from './codec/h264.ts';
import { parseHevcConfig } from './codec/h265.ts';
import { videoCodec } from './flv/describe.ts';

const RECORD_AT = 5;

/** What a codec header says of its pictures' size, as they are shown. */
export function pictureSize(header: Buffer): { readonly width?: number; readonly height?: number } {
  const record = header.subarray(RECORD_AT);
  const codec = videoCodec(header);
  if (codec === 'H.264') {
    const sps = parseAvcConfig(record)?.sps[0];
    return sizeOf(sps === undefined ? undefined : parseSps(sps));
  }
  return codec === 'H.265' ? sizeOf(parseHevcConfig(record)) : {};
}

const sizeOf = (picture: { readonly width: number; readonly height: number } | undefined) =>
  picture === undefined ? {} : { width: picture.width, height: picture.height };
