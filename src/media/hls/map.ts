import { BytesAtHand } from '../file/bytes-at-hand.ts';
import { type Movie, readMovie } from '../mp4/movie.ts';

/** What the head of a fragmented MP4 file says of its tracks. */
export const movieIn = (map: Buffer, signal: AbortSignal): Promise<Movie> => readMovie(new BytesAtHand(map), signal);
