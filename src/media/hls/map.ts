import { BytesAtHand } from '../file/bytes-at-hand.ts';
import { type Movie, readMovie } from '../mp4/movie.ts';
import type { TrackChoice } from '../tracks.ts';
import type { Place } from './playlist.ts';

/** What the head of a fragmented MP4 file says of its tracks. */
export const movieIn = (map: Buffer, signal: AbortSignal, tracks?: TrackChoice): Promise<Movie> =>
  readMovie(new BytesAtHand(map), signal, tracks);

/** Whether both are the very same piece of the same file. */
export function isSamePlace(a: Place | undefined, b: Place): boolean {
  return a?.url === b.url && a.range?.offset === b.range?.offset && a.range?.length === b.range?.length;
}
