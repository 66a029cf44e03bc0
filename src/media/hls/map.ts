import { BytesAtHand } from '../file/bytes-at-hand.ts';
import { type Movie, readMovie } from '../mp4/movie.ts';
import type { TrackChoice } from '../tracks.ts';

/** What the head of a fragmented MP4 file says of its tracks. */
export const movieIn = (map: Buffer, signal: AbortSignal, tracks?: TrackChoice): Promise<Movie> =>
  readMovie(new BytesAtHand(map), signal, tracks);
