import type { Batch } from '../packet.ts';
import type { AudioTrack } from './audio.ts';
import type { TrackClock } from './clocks.ts';
import { Reception } from './reception.ts';
import { RtpHead, readRtcp, readRtp, Sequence } from './rtp.ts';
import type { VideoTrack } from './video.ts';

/** The RTP and RTCP packets of one track. */
export class PlayedRtp {
  /** How often something was missing. */
  gaps = 0;
  hasLeft = false;
  /** When what is taken came. */
  cameMs = 0;
  readonly payloadType: number;
  readonly reception: Reception;
  readonly #clock: TrackClock;
  readonly #track: VideoTrack | AudioTrack;
  readonly #sequence = new Sequence();
  readonly #head = new RtpHead();
  /** Something is missing in front of the next packet. */
  #lost = false;

  constructor(payloadType: number, clock: TrackClock, track: VideoTrack | AudioTrack) {
    this.payloadType = payloadType;
    this.#clock = clock;
    this.#track = track;
    this.reception = new Reception(clock.rate);
  }

  /** Pictures that were left out for what was missing. */
  get dropped(): number {
    return this.#track.dropped;
  }

  takeRtp(bytes: Buffer, from: number, to: number, into: Batch): void {
    const head = this.#head;
    if (!readRtp(bytes, from, to, head)) return;
    this.reception.take(head, this.cameMs);
    const place = this.#sequence.judge(head);
    if (place === 'old') return;
    if (place === 'gap') {
      this.gaps++;
      this.#lost = true;
    }
    // What is of another type, or without a payload, is not what we play; what was missing in front of it may be.
    if (head.payloadType !== this.payloadType || head.start === head.end) return;
    const lost = this.#lost;
    this.#lost = false;
    this.#track.take(bytes, head, lost, into);
  }

  takeRtcp(bytes: Buffer, from: number, to: number): void {
    const { report, bye } = readRtcp(bytes, from, to);
    if (report !== undefined) {
      this.#clock.hear(report);
      this.reception.hear(report, this.cameMs);
    }
    if (bye) this.hasLeft = true;
  }
}
