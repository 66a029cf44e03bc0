import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import { KeyFrameCount } from '../key-frames.ts';
import { Fragments } from './fragments.ts';
import { type Movie, readMovie } from './movie.ts';
import { samplesOf } from './reel.ts';
import type { Samples } from './samples.ts';

export interface KeyFrameSearch {
  readonly signal: AbortSignal;
  /** Whether there is time for another fragment. */
  readonly goesOn: () => boolean;
}

export interface FoundKeyFrames {
  readonly keyFrames: KeyFrameCount;
  /** Of the last frame behind the first. */
  readonly lastMs: number;
  /** False where there was no time for all fragments. */
  readonly complete: boolean;
}

/**
 * The key frames of an MP4 file by its own tables and the heads of its fragments; no media is read. Throws a Fault where
 * the tables point behind the end of the file.
 */
export async function countKeyFrames(bytes: FileBytes, { signal, goesOn }: KeyFrameSearch): Promise<FoundKeyFrames> {
  const movie = await readMovie(bytes, signal);
  const tally = new Tally();
  for (const track of [movie.video, movie.audio]) {
    if (track !== undefined) tally.take(samplesOf(track), bytes.size);
  }
  const complete =
    !hasFragments(movie) || (await takeFragments(tally, new Fragments(bytes, movie), { signal, goesOn }));
  return { ...tally.sum, complete };
}

const hasFragments = (movie: Movie): movie is Movie & { readonly fragments: NonNullable<Movie['fragments']> } =>
  movie.fragments !== undefined;

async function takeFragments(tally: Tally, fragments: Fragments, { signal, goesOn }: KeyFrameSearch): Promise<boolean> {
  for (let more = true; more; ) {
    if (!goesOn()) return false;
    more = await fragments.fillOne(signal);
    for (const samples of fragments.tracks) tally.take(samples);
  }
  return true;
}

class Tally {
  readonly #keyFrames = new KeyFrameCount();
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  get sum(): Pick<FoundKeyFrames, 'keyFrames' | 'lastMs'> {
    return { keyFrames: this.#keyFrames, lastMs: Math.max(0, this.#lastMs - this.#firstMs) };
  }

  /** Passes over what is at hand of a track; `size` is that of the file, where it can be held against the tables. */
  take(samples: Samples, size = Number.POSITIVE_INFINITY): void {
    const isPicture = samples.track.kind === 'video';
    for (; samples.state === 'sample'; samples.next()) {
      if (samples.offset + samples.size > size) throw cutShort(samples, size);
      this.#firstMs = Math.min(this.#firstMs, samples.dtsMs);
      this.#lastMs = Math.max(this.#lastMs, samples.dtsMs);
      if (!isPicture) continue;
      if (samples.key) this.#keyFrames.add(samples.dtsMs);
      else this.#keyFrames.reach(samples.dtsMs);
    }
  }
}

const cutShort = ({ track, offset }: Samples, size: number): Fault =>
  new Fault('pull', 'garbage', `the MP4 file is cut short: a ${track.kind} frame lies at byte ${offset} of ${size}`);
