import { putUint32 } from '../bytes.ts';
import type { Unsent } from '../unsent.ts';
import type { PlayedRtp } from './played-rtp.ts';
import { emptyRtp } from './reception.ts';
import type { RtspStream } from './stream.ts';

/** As often as RFC 3550 has it for few who listen: section 6.2. */
const EVERY_MS = 5_000;
const DOLLAR = 0x24;
const FRAME_HEAD_BYTES = 4;

/** Tells the sender of each track, now and then, what of it has come. */
export class Reports {
  readonly #stream: RtspStream;
  readonly #tracks: readonly PlayedRtp[];
  #nextMs: number;

  constructor(stream: RtspStream, tracks: readonly PlayedRtp[], nowMs: number) {
    this.#stream = stream;
    this.#tracks = tracks;
    this.#nextMs = nowMs + EVERY_MS;
  }

  /** What is due goes out in datagrams, or waits with what else is to be said over the connection. */
  tell(nowMs: number, unsent: Unsent): void {
    // A tunnel is read by web servers, too, and some read only requests there.
    if (nowMs < this.#nextMs || this.#stream.way === 'http') return;
    this.#nextMs = nowMs + EVERY_MS;
    for (const place of this.#stream.tracks.keys()) this.#tellOf(place, nowMs, unsent);
  }

  #tellOf(place: number, nowMs: number, unsent: Unsent): void {
    const [stream, track] = [this.#stream.tracks[place], this.#tracks[place]];
    if (stream === undefined || track === undefined) return;
    const { datagrams, channels } = stream;
    // An address translation forgets who only listens.
    datagrams?.punch(emptyRtp(this.#stream.reporter, track.payloadType));
    if (!track.reception.hasBegun) return;
    const report = track.reception.report(this.#stream.reporter, nowMs);
    if (datagrams === undefined) unsent.add(interleaved(channels.rtcp, report));
    else datagrams.report(report);
  }
}

/** As a frame of the connection: RFC 2326, section 10.12. */
function interleaved(channel: number, report: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  putUint32(head, 0, ((DOLLAR << 24) | (channel << 16) | report.length) >>> 0);
  return Buffer.concat([head, report]);
}
