import { avcConfig } from '../codec/avc-config.ts';
import { HevcUnit, hevcConfig, parseHevcSps } from '../codec/h265.ts';
import { avcHeader, hevcHeader, putAvcHead, putHevcHead } from '../flv/body.ts';

/** What a NAL unit is to a muxer. `useless` is what length-prefixed streams leave out. */
export type UnitKind = 'delimiter' | 'set' | 'recovery' | 'key' | 'inter' | 'disposable' | 'other' | 'useless';

/** What differs between the codecs whose streams are made of NAL units. */
export interface UnitRules {
  /** Of the unit bytes[at, end), which is not empty. */
  kindOf(bytes: Buffer, at: number, end: number): UnitKind;
  putHead(out: Buffer, at: number, key: boolean, ctsMs: number): number;
  /** Which sort of parameter set it is, as an index into the lists of `header`. The last sort is that of pictures. */
  sortOf(set: Buffer): number;
  readonly sorts: number;
  /** Where in a set its number begins. */
  readonly numberAt: number;
  /** The codec header for the sets of each sort; undefined while sets are missing or unusable. */
  header(sets: readonly (readonly Buffer[])[]): Buffer | undefined;
}

const AvcUnit = { idr: 5, sei: 6, sps: 7, pps: 8, delimiter: 9, endOfSequence: 10, filler: 12, spsExtension: 13 };
const RECOVERY_POINT = 6;

/** H.264: nal_unit_type of table 7-1. */
export const avcRules: UnitRules = {
  kindOf(bytes, at, end) {
    const head = bytes[at] as number;
    const type = head & 31;
    if (type === AvcUnit.idr) return 'key';
    if (type >= 1 && type < AvcUnit.idr) return (head & 0x60) === 0 ? 'disposable' : 'inter';
    if (type === AvcUnit.sps || type === AvcUnit.pps)
      return end - at >= (type === AvcUnit.sps ? 4 : 2) ? 'set' : 'useless';
    if (type === AvcUnit.delimiter) return 'delimiter';
    if (type === AvcUnit.sei) return beginsRecovery(bytes, at, end) ? 'recovery' : 'other';
    return type === 0 || (type >= AvcUnit.endOfSequence && type <= AvcUnit.spsExtension) ? 'useless' : 'other';
  },
  putHead: putAvcHead,
  sortOf: set => ((set[0] as number) & 31) - AvcUnit.sps,
  sorts: 2,
  numberAt: 1,
  header([sps = [], pps = []]) {
    return sps.length === 0 || pps.length === 0 ? undefined : avcHeader(avcConfig(sps, pps));
  },
};

/**
 * Whether the SEI's first message is a recovery point with no frame in between: broadcasters begin groups of pictures so
 * and send no IDR for hours.
 */
function beginsRecovery(bytes: Buffer, at: number, end: number): boolean {
  return at + 3 < end && bytes[at + 1] === RECOVERY_POINT && ((bytes[at + 3] as number) & 0x80) !== 0;
}

/** H.265: nal_unit_type of table 7-1. */
export const hevcRules: UnitRules = {
  kindOf(bytes, at, end) {
    const type = ((bytes[at] as number) >> 1) & 63;
    // Units of enhancement layers: what we hand on is the base layer.
    if (((bytes[at] as number) & 1) !== 0 || ((bytes[at + 1] ?? 0) & 0xf8) !== 0) return 'useless';
    if (type < 16) return 'inter';
    if (type < HevcUnit.vps) return type < 24 ? 'key' : 'useless';
    if (type <= HevcUnit.pps) return end - at > 3 ? 'set' : 'useless';
    if (type === HevcUnit.delimiter) return 'delimiter';
    return type >= HevcUnit.endOfSequence && type <= HevcUnit.filler ? 'useless' : 'other';
  },
  putHead: putHevcHead,
  sortOf: set => (((set[0] as number) >> 1) & 63) - HevcUnit.vps,
  sorts: 3,
  numberAt: 2,
  header([vps = [], sps = [], pps = []]) {
    const picture = sps[0] === undefined ? undefined : parseHevcSps(sps[0]);
    if (picture === undefined || vps.length === 0 || pps.length === 0) return undefined;
    return hevcHeader(hevcConfig({ vps, sps, pps }, picture));
  },
};
