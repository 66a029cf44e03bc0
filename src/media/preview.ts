import { openFile } from './file/open-file.ts';
import type { FileBytes } from './item.ts';
import { isIndexLast } from './mp4/movie.ts';
import { openItem } from './open-item.ts';
import { examineFile, type Findings, type ProbeOptions } from './probe.ts';
import { differenceOf, type ItemHeaders } from './ready-item.ts';
import { type DestinationKind, type Verdict, verdicts } from './verdict.ts';

export interface PreviewOptions extends ProbeOptions {
  /** Where in the file it is to be entered. */
  readonly offsetsMs: readonly number[];
}

/** What is known of a file before it is on air. */
export interface Preview extends Findings {
  readonly verdicts: Readonly<Record<DestinationKind, Verdict>>;
  readonly headers: ItemHeaders;
  /** An MP4 whose index lies behind its media. */
  readonly isIndexLast: boolean;
  /** How fast its bytes came; undefined of our own disk, and of what is too small to tell. */
  readonly readKbit?: number;
  /** Where it begins, by where it is entered. */
  readonly starts: ReadonlyMap<number, number>;
}

/** Read to see how fast it comes: no more, and no longer. */
const PACED_BYTES = 4 * 1024 * 1024;
const PACED_MS = 1_500;
const STEP_BYTES = 256 * 1024;
/** Below that, a connection has not shown what it can do. */
const LEAST_TELLING_BYTES = 256 * 1024;

/** A plan waits for many of them. */
const MOST_LOOK_MS = 4_000;

/** Looks at a file as a plan needs it. What cannot be played is a Fault of side `pull`. */
export async function previewFile(url: string, options: PreviewOptions): Promise<Preview> {
  const { findings, headers, container } = await examineFile(url, { mostMs: MOST_LOOK_MS, ...options });
  const starts = await startsOf(url, options);
  const indexLast = container === 'mp4' && (await withBytes(url, options, isIndexLast));
  const readKbit = await paceOf(url, options);
  const codecs = { video: findings.video?.codec, audio: findings.audio?.codec };
  const pace = readKbit === undefined ? {} : { readKbit };
  return { ...findings, ...pace, verdicts: verdicts(codecs), headers, starts, isIndexLast: indexLast };
}

async function startsOf(url: string, options: PreviewOptions): Promise<Preview['starts']> {
  const starts = new Map<number, number>();
  for (const startMs of new Set(options.offsetsMs)) {
    const item = await openItem(url, { ...options, startMs });
    starts.set(startMs, item.startMs);
    item.close();
  }
  return starts;
}

async function paceOf(url: string, options: PreviewOptions): Promise<number | undefined> {
  if (!/^https?:/i.test(url)) return undefined;
  const { now } = options;
  return withBytes(url, options, async (bytes, signal) => {
    const startedAtMs = now();
    let read = 0;
    while (read < PACED_BYTES && now() - startedAtMs < PACED_MS) {
      const came = await bytes.read(read, STEP_BYTES, signal);
      read += came.length;
      if (came.length < STEP_BYTES) break;
    }
    const tookMs = Math.max(1, now() - startedAtMs);
    return read < LEAST_TELLING_BYTES && tookMs < PACED_MS ? undefined : Math.round((read * 8) / tookMs);
  });
}

async function withBytes<Answer>(
  url: string,
  options: PreviewOptions,
  ask: (bytes: FileBytes, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const bytes = await openFile(url, options);
  try {
    return await ask(bytes, options.signal);
  } finally {
    bytes.close();
  }
}

/** What a decoder is told between two files. */
export interface Joint {
  /** Nothing; another header of the same codecs; or what only some decoders take. */
  readonly kind: 'copy' | 'headerUpdate' | 'incompatible';
  /** In words; "" where nothing changes. */
  readonly because: string;
}

type Told = Pick<Preview, 'headers' | 'video' | 'audio'>;

export function jointOf(before: Told, after: Told): Joint {
  const because = differenceOf(before.headers, after.headers) ?? '';
  if (because === '') return { kind: 'copy', because };
  const same = before.video?.codec === after.video?.codec && before.audio?.codec === after.audio?.codec;
  return { kind: same ? 'headerUpdate' : 'incompatible', because };
}
