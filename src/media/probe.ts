import { setImmediate } from 'node:timers/promises';
import { redactUrl } from './address.ts';
import { readMp3Head } from './codec/mp3.ts';
import { within } from './deadline.ts';
import { openFile } from './file/open-file.ts';
import { audioCodec, videoCodec } from './flv/describe.ts';
import type { Item } from './item.ts';
import { KeyFrameCount } from './key-frames.ts';
import { countKeyFrames } from './mp4/key-frames.ts';
import type { Dialler } from './net.ts';
import { type Container, containerOf, LOOK_BYTES, openItem } from './open-item.ts';
import { Batch, isHeader, isVideo, type Packet } from './packet.ts';
import { headersOf, type ItemHeaders, type ReadyItem, readyItem } from './ready-item.ts';
import { type AmfObject, decodeAmf0 } from './rtmp/amf0.ts';

export interface ProbeOptions {
  readonly dialler: Dialler;
  /** Where `media://` files lie. */
  readonly mediaDir?: string | undefined;
  readonly signal: AbortSignal;
  /** Monotonic. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Media looked through at the most; beyond it what was found so far is the answer. */
  readonly mostBytes?: number;
  /** The same of time, the opening included. */
  readonly mostMs?: number;
}

/** What a file holds; what it does not tell is left out. */
export interface Findings {
  readonly durationMs?: number;
  readonly video?: VideoFindings;
  readonly audio?: AudioFindings;
  /** `longestGapMs` reaches from the last key frame to the end, too. */
  readonly keyFrames: { readonly count: number; readonly longestGapMs: number };
  readonly bytes?: number;
  /** What of the file is not played or was not looked at; sentences for an operator. */
  readonly notes: readonly string[];
}

interface VideoFindings {
  readonly codec: string;
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
}

interface AudioFindings {
  readonly codec: string;
  readonly sampleRate?: number;
  readonly channels?: number;
}

const MOST_MS = 30_000;
const MOST_BYTES = 256 * 1024 * 1024;
/** So much of the head shows whether there is sound. */
const HEAD_MS = 1_000;
const STEP_MS = 1_000;
const STEPS_A_TURN = 32;
const POLL_MS = 20;

/** What a look through a file shows, and what its decoder is told. */
export interface Examined {
  readonly findings: Findings;
  readonly headers: ItemHeaders;
  readonly container: Container;
}

/**
 * Looks a file through as it would be played, within 30 s and 256 MB. What an MP4 tells in its index is not read from
 * its media. A file that cannot be played is a Fault of side `pull`.
 */
export async function examineFile(url: string, options: ProbeOptions): Promise<Examined> {
  const { signal, now, mostMs = MOST_MS } = options;
  const endMs = now() + mostMs;
  const late = `${redactUrl(url)} showed no frame`;
  const opened = await within({ side: 'pull', late, waitMs: mostMs, signal }, own => open(url, own, options));
  try {
    const headers = headersOf(opened);
    return { findings: await look(opened, { ...options, url, endMs }), headers, container: opened.container };
  } finally {
    opened.item.close();
  }
}

/** The same, and no more of it than a person wants to know. */
export const probeFile = async (url: string, options: ProbeOptions): Promise<Findings> =>
  (await examineFile(url, options)).findings;

interface Opened extends ReadyItem, Kind {}

async function open(url: string, signal: AbortSignal, options: ProbeOptions): Promise<Opened> {
  const kind = await kindOf(url, signal, options);
  const item = await openItem(url, { ...options, startMs: 0, signal });
  try {
    return { ...kind, ...(await readyItem(item, { sleep: options.sleep, signal, headMs: HEAD_MS })) };
  } catch (error) {
    item.close();
    throw error;
  }
}

export interface Kind {
  readonly container: Container;
  readonly size: number | undefined;
  /** Of a playlist that is short enough to be seen whole: nothing more will come. */
  readonly isOver: boolean;
}

/** What a file is, by its first bytes. */
export async function kindOf(
  url: string,
  signal: AbortSignal,
  options: Pick<ProbeOptions, 'dialler' | 'mediaDir'>,
): Promise<Kind> {
  const bytes = await openFile(url, { ...options, signal });
  try {
    const head = await bytes.read(0, LOOK_BYTES, signal);
    const isOver = /#EXT-X-ENDLIST|#EXT-X-PLAYLIST-TYPE:\s*VOD/.test(head.toString('latin1'));
    return { container: containerOf(head), size: bytes.size, isOver };
  } finally {
    bytes.close();
  }
}

interface Looking extends ProbeOptions {
  readonly url: string;
  readonly endMs: number;
}

async function look({ item, head, container, size }: Opened, looking: Looking): Promise<Findings> {
  const tracks = tracksOf(head);
  const seen = container === 'mp4' ? await byIndex(looking) : await byReading(item, head, looking);
  const frameMs = tracks.video?.fps === undefined ? 0 : 1000 / tracks.video.fps;
  const lengthMs = item.durationMs ?? (seen.complete ? seen.lastMs + frameMs : undefined);
  return {
    ...(lengthMs === undefined ? {} : { durationMs: Math.round(lengthMs) }),
    ...tracks,
    keyFrames: seen.keyFrames.sum,
    // A playlist's own size says nothing of its media.
    ...(size === undefined || container === 'hls' ? {} : { bytes: size }),
    notes: [...(item.notes ?? []), ...(seen.complete ? [] : [partly(seen.lastMs)])],
  };
}

const partly = (untilMs: number): string => `Only its first ${Math.round(untilMs / 1000)} s were looked at.`;

interface Seen {
  readonly keyFrames: KeyFrameCount;
  readonly lastMs: number;
  readonly complete: boolean;
}

async function byIndex({ url, endMs, now, ...options }: Looking): Promise<Seen> {
  const bytes = await openFile(url, options);
  try {
    const search = { signal: options.signal, goesOn: () => now() < endMs };
    return await countKeyFrames(bytes, search);
  } finally {
    bytes.close();
  }
}

/** Reads the item to its end, or as far as time and bytes allow. */
async function byReading(item: Item, head: Batch, looking: Looking): Promise<Seen> {
  const { now, sleep, signal, endMs, mostBytes = MOST_BYTES } = looking;
  const tally = new Tally();
  tally.add(head);
  const batch = new Batch();
  for (let step = 1, untilMs = item.startMs + HEAD_MS; ; step++) {
    batch.clear();
    const state = item.read(batch, untilMs);
    tally.add(batch);
    const complete = state === 'end';
    if (complete || now() >= endMs || tally.bytes >= mostBytes) return { ...tally, complete };
    if (state === 'starved') await sleep(POLL_MS, signal);
    else untilMs += STEP_MS;
    if (step % STEPS_A_TURN === 0) await setImmediate();
    signal.throwIfAborted();
  }
}

class Tally {
  readonly keyFrames = new KeyFrameCount();
  lastMs = 0;
  bytes = 0;

  add({ packets, count }: Batch): void {
    for (const { kind, dtsMs, size } of packets.slice(0, count)) {
      this.bytes += size;
      if (isHeader(kind)) continue;
      this.lastMs = Math.max(this.lastMs, dtsMs);
      if (kind === 'key') this.keyFrames.add(dtsMs);
      else if (isVideo(kind)) this.keyFrames.reach(dtsMs);
    }
  }
}

/** What the first packets tell of picture and sound. */
function tracksOf({ packets, count }: Batch): Pick<Findings, 'video' | 'audio'> {
  const shown = packets.slice(0, count);
  const first = (...kinds: Packet['kind'][]): Buffer | undefined =>
    shown.find(({ kind }) => kinds.includes(kind))?.copyPayload();
  const video = first('videoHeader') ?? first('key', 'inter', 'disposable');
  const audio = first('audioHeader') ?? first('audio');
  const facts = factsIn(first('metadata'));
  return {
    ...(video === undefined ? {} : { video: videoFindings(video, facts) }),
    ...(audio === undefined ? {} : { audio: audioFindings(audio, facts) }),
  };
}

function factsIn(metadata: Buffer | undefined): AmfObject {
  const [, facts] = metadata === undefined ? [] : decodeAmf0(metadata, 'pull');
  return isFacts(facts) ? facts : {};
}

const isFacts = (value: unknown): value is AmfObject => typeof value === 'object' && value !== null;

/** The fields that are numbers, under our names. */
function numbers<Name extends string>(
  facts: AmfObject,
  names: Readonly<Record<Name, string>>,
): { readonly [name in Name]?: number } {
  const found: { [name in Name]?: number } = {};
  for (const name in names) {
    const value = facts[names[name]];
    if (typeof value === 'number') found[name] = value;
  }
  return found;
}

const videoFindings = (body: Buffer, facts: AmfObject): VideoFindings => ({
  codec: videoCodec(body),
  ...numbers(facts, { width: 'width', height: 'height', fps: 'framerate' }),
});

function audioFindings(body: Buffer, facts: AmfObject): AudioFindings {
  const codec = audioCodec(body);
  const said = numbers(facts, { sampleRate: 'audiosamplerate', channels: 'audiochannels' });
  return { codec, ...said, ...soundOf(codec, body) };
}

/** Of codecs whose frames or heads tell what metadata does not. */
function soundOf(codec: string, body: Buffer): Omit<AudioFindings, 'codec'> {
  if (codec === 'MP3' && body.length > MP3_BODY_BYTES) {
    const head = readMp3Head(body, 1);
    return head === undefined ? {} : { sampleRate: head.sampleRate, channels: head.channels };
  }
  // RFC 7845, section 5.1; what Opus decodes to is always 48 kHz.
  const at = body.indexOf('OpusHead');
  if (codec !== 'Opus' || at < 0 || body.length < at + 10) return {};
  return { sampleRate: 48_000, channels: body.readUInt8(at + 9) };
}

const MP3_BODY_BYTES = 5;
