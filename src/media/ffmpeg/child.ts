import { execFile } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { printable } from '../address.ts';
import { Fault } from '../fault.ts';
import { type PipedChild, startPiped } from '../piped-child.ts';
import type { TrackChoice } from '../tracks.ts';
import { Told, type ToldTrack } from './told.ts';

const PROGRAM = 'ffmpeg';
const CHECK_MS = 5_000;
const TOLD_CHARS = 200;

/** Containers that hold everything themselves: none that names other files or addresses. */
const CONTAINERS = [
  ...[
    'matroska,webm',
    'matroska',
    'webm',
    'mov',
    'mp4',
    'm4a',
    '3gp',
    '3g2',
    'mj2',
    'avi',
    'asf',
    'ogg',
    'mpeg',
    'mpegvideo',
  ],
  ...[
    'mpegts',
    'flv',
    'live_flv',
    'nut',
    'mxf',
    'rm',
    'wtv',
    'gxf',
    'dv',
    'ivf',
    'h264',
    'hevc',
    'wav',
    'w64',
    'aiff',
    'flac',
  ],
  ...['mp3', 'aac', 'ac3', 'eac3', 'caf', 'tta', 'ape', 'amr', 'au'],
].join(',');

export type FfmpegInput =
  /** Bytes are written to its standard input. */
  | { readonly from: 'stdin' }
  /** A file of this machine that may be read at any place; it starts at the key frame before `startMs`. */
  | { readonly from: 'file'; readonly path: string; readonly startMs: number };

let isThere = false;

/** Throws a Fault where the program is missing. Once found it is not looked for again; it may be installed meanwhile. */
export async function requireFfmpeg(): Promise<void> {
  isThere ||= await new Promise<boolean>(resolve => {
    execFile(PROGRAM, ['-version'], { timeout: CHECK_MS }, error => resolve(error === null));
  });
  if (isThere) return;
  const advice = 'install ffmpeg on this server to play Matroska, WebM, AVI and other such files';
  throw new Fault('pull', 'unsupported', `only ffmpeg can read this file, and it is not installed: ${advice}`);
}

/**
 * ffmpeg as a reader of what we have no demuxer for: it copies one video and one audio, the first where none is chosen,
 * into a transport stream on its standard output. It gets no network and no file but the one it is given. When we are killed it ends by
 * itself, for its pipes break.
 */
export class FfmpegChild {
  readonly #process: PipedChild;
  readonly exited: Promise<void>;
  /** Resolves when the file's tracks are known, or will not be. */
  readonly described: Promise<void>;
  readonly #told = new Told();
  #failure: Fault | undefined;
  #over = false;

  constructor(input: FfmpegInput, tracks: TrackChoice = {}) {
    this.#process = startPiped('pull', PROGRAM, argumentsFor(input, tracks));
    const described = Promise.withResolvers<void>();
    this.described = described.promise;
    this.#process.stderr.on('data', (data: Buffer) => {
      this.#told.add(data.toString('utf8'));
      if (this.#told.complete) described.resolve();
    });
    // A child that ends breaks its pipes; how it ended says what matters.
    for (const pipe of [this.#process.stdin, this.#process.stdout, this.#process.stderr])
      pipe.on('error', () => undefined);
    this.exited = new Promise(resolve => {
      this.#process.once('error', cause => {
        this.#failure = new Fault('pull', 'unsupported', 'ffmpeg cannot be started', { cause });
        resolve();
      });
      // "close" comes when its pipes have been read to their ends, too.
      this.#process.once('close', code => {
        this.#told.end();
        if (code !== 0) this.#failure ??= this.#faultOf(input);
        resolve();
      });
    });
    this.exited.then(() => {
      this.#over = true;
      described.resolve();
    });
    if (input.from === 'file') this.#process.stdin.end();
  }

  get stdin(): Writable {
    return this.#process.stdin;
  }

  get stdout(): Readable {
    return this.#process.stdout;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** What the file holds; all of it once it is `described`. */
  get tracks(): readonly ToldTrack[] {
    return this.#told.tracks;
  }

  /** Whether it has ended and all its output was read. */
  get over(): boolean {
    return this.#over;
  }

  /** Why it ended, where that was no success. */
  get failure(): Fault | undefined {
    return this.#failure;
  }

  /** Idempotent. */
  kill(): void {
    this.#process.kill('SIGKILL');
    this.#process.stdin.destroy();
    this.#process.stdout.destroy();
    this.#process.stderr.destroy();
  }

  #faultOf(input: FfmpegInput): Fault {
    const errors = this.#told.problems.join(' / ');
    const said = input.from === 'file' ? errors.replaceAll(input.path, 'the file') : errors;
    const told = printable(said).slice(0, TOLD_CHARS);
    return new Fault('pull', 'garbage', `ffmpeg cannot read the file${told === '' ? '' : `: ${told}`}`);
  }
}

function argumentsFor(input: FfmpegInput, { video = 0, audio = 0 }: TrackChoice): string[] {
  const start = input.from === 'file' && input.startMs > 0 ? ['-ss', String(input.startMs / 1000)] : [];
  const given =
    input.from === 'stdin'
      ? ['-protocol_whitelist', 'pipe', '-i', 'pipe:0']
      : ['-protocol_whitelist', 'file', ...start, '-i', `file:${input.path}`];
  return [
    ...['-hide_banner', '-nostats', '-loglevel', 'level+info', ...(input.from === 'stdin' ? [] : ['-nostdin'])],
    ...['-format_whitelist', CONTAINERS, ...given],
    ...['-map', `0:V:${video}?`, '-map', `0:a:${audio}?`, '-sn', '-dn', '-c', 'copy', '-copyts'],
    ...['-f', 'mpegts', '-muxdelay', '0', '-muxpreload', '0', 'pipe:1'],
  ];
}
