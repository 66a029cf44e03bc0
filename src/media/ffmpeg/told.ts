/** One picture or sound of the file, as ffmpeg lists it. */
export interface ToldTrack {
  readonly kind: 'video' | 'audio';
  readonly codec: string;
}

const LONGEST_LINE = 4_000;
const MOST_TRACKS = 1_000;
const STREAM = /^\[info\] +Stream #0:\d+\S*: (Video|Audio): ([^\s,]+)(.*)/;
const PROBLEM = /\[(?:error|fatal|panic)\] (.*)/;

/** What ffmpeg says on its standard error, with the level in front of every line: the file's tracks, and what fails. */
export class Told {
  readonly tracks: ToldTrack[] = [];
  /** The last two of what it calls errors. */
  problems: readonly string[] = [];
  /** Whether all tracks have been listed. */
  complete = false;
  #rest = '';

  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    for (const line of lines) this.#line(line);
  }

  /** Nothing more is said. */
  end(): void {
    this.#line(this.#rest);
    this.#rest = '';
    this.complete = true;
  }

  #line(line: string): void {
    const problem = PROBLEM.exec(line)?.[1];
    if (problem !== undefined) this.problems = [...this.problems.slice(-1), problem];
    // What it makes of the tracks is listed behind them in the same words.
    else if (/^\[info\] Output #0/.test(line)) this.complete = true;
    else if (!this.complete && this.tracks.length < MOST_TRACKS) this.#track(line);
  }

  #track(line: string): void {
    const [, kind, codec, more = ''] = STREAM.exec(line) ?? [];
    // A cover is a picture, but none that is played.
    if (kind === undefined || codec === undefined || more.includes('(attached pic)')) return;
    this.tracks.push({ kind: kind === 'Video' ? 'video' : 'audio', codec });
  }
}
