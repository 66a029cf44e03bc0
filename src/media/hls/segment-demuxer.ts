import type { Demuxer } from '../demuxer.ts';
import { Fault } from '../fault.ts';
import type { TrackChoice } from '../tracks.ts';
import { TsDemuxer } from '../ts/demux.ts';
import { SYNC_BYTE } from '../ts/packets.ts';

/** Of segments without a map, by the first bytes of one. */
export function demuxerFor(bytes: Buffer, tracks: TrackChoice | undefined): Demuxer {
  if (bytes[0] === SYNC_BYTE) return new TsDemuxer({ tracks });
  const packed = bytes[0] === 0xff || bytes.toString('latin1', 0, 3) === 'ID3';
  const what = packed ? 'bare audio frames' : 'neither MPEG-TS nor fragmented MP4 with a map';
  throw new Fault('pull', 'unsupported', `the segments of the playlist cannot be relayed: ${what}`);
}
