import type { Announced } from '../demuxer.ts';
import type { Feed, FeedState } from '../feed.ts';
import { Batch, isVideo, type Packet } from '../packet.ts';
import { isUnsupported, soundLeftOut } from '../tracks.ts';

/** One of the two, and how far it has come. */
class Half {
  readonly feed: Feed;
  readonly #carries: (packet: Packet) => boolean;
  atMs = Number.NEGATIVE_INFINITY;
  state: FeedState = 'more';
  /** Why nothing is read of it any more. */
  problem: string | undefined;

  constructor(feed: Feed, carries: (packet: Packet) => boolean) {
    this.feed = feed;
    this.#carries = carries;
  }

  get goesOn(): boolean {
    return this.state === 'more' || this.state === 'starved';
  }

  more(scratch: Batch, into: Batch): void {
    scratch.clear();
    this.state = this.problem === undefined ? this.feed.more(scratch) : 'end';
    for (let i = 0; i < scratch.count; i++) {
      const packet = scratch.packets[i] as Packet;
      if (!this.#carries(packet)) continue;
      into.next().show(packet, packet.dtsMs);
      this.atMs = Math.max(this.atMs, packet.dtsMs);
    }
  }

  /** The next part has a clock of its own. */
  passJoint(): void {
    this.state = 'more';
    this.atMs = Number.NEGATIVE_INFINITY;
  }
}

/** Video of one feed and sound of another as one feed, in step. */
export class PairFeed implements Feed {
  readonly #video: Half;
  readonly #audio: Half;
  readonly #scratch = new Batch();

  constructor(video: Feed, audio: Feed) {
    this.#video = new Half(video, ({ kind }) => isVideo(kind) || kind === 'videoHeader');
    this.#audio = new Half(audio, ({ kind }) => kind === 'audio' || kind === 'audioHeader');
  }

  get announced(): Announced {
    return { video: true, audio: this.#audio.problem === undefined };
  }

  get notes(): readonly string[] {
    const { problem } = this.#audio;
    return problem === undefined ? [] : [soundLeftOut(problem)];
  }

  more(into: Batch): FeedState {
    const half = this.#behind();
    this.#read(half, into);
    if (half.goesOn) return half.state;
    const other = half === this.#video ? this.#audio : this.#video;
    // A joint or an end of one only counts when the other has come to it too.
    if (other.goesOn) return 'more';
    if (half.state === 'end' && other.state === 'end') return 'end';
    this.#video.passJoint();
    this.#audio.passJoint();
    return 'joint';
  }

  /** Sound that cannot be relayed leaves the picture. */
  #read(half: Half, into: Batch): void {
    try {
      half.more(this.#scratch, into);
    } catch (error) {
      if (half !== this.#audio || !isUnsupported(error)) throw error;
      half.problem = error.message;
      half.state = 'end';
    }
  }

  wait(signal: AbortSignal): Promise<void> {
    return this.#behind().feed.wait(signal);
  }

  close(): void {
    this.#video.feed.close();
    this.#audio.feed.close();
  }

  #behind(): Half {
    if (!this.#video.goesOn) return this.#audio;
    if (!this.#audio.goesOn) return this.#video;
    return this.#audio.atMs < this.#video.atMs ? this.#audio : this.#video;
  }
}
