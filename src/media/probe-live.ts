import { redactUrl } from './address.ts';
import { parseAacConfig } from './codec/aac.ts';
import { readMp3Head } from './codec/mp3.ts';
import { codecString, soundString } from './codec-string.ts';
import { within } from './deadline.ts';
import { Fault } from './fault.ts';
import { audioCodec, videoCodec } from './flv/describe.ts';
import { compositionMs } from './flv/tag.ts';
import { KeyFrameCount } from './key-frames.ts';
import { Batch, isVideo, type Packet, type Source } from './packet.ts';
import { pictureSize } from './picture-size.ts';
import { type DestinationKind, type Verdict, verdicts } from './verdict.ts';

export interface LiveProbeOptions {
  readonly open: (url: string, signal: AbortSignal) => Promise<Source>;
  readonly signal: AbortSignal;
  /** Monotonic. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What a live stream is, seen for some seconds; what it does not tell is left out. */
export interface LiveFindings {
  readonly protocol: string;
  readonly video?: LiveVideo;
  readonly audio?: LiveAudio;
  readonly bitrateKbit: number;
  /** How much later the sound begins than the picture, by their times. */
  readonly audioOffsetMs?: number;
  readonly verdicts: Readonly<Record<DestinationKind, Verdict>>;
  /** Sentences for an operator. */
  readonly notes: readonly string[];
  readonly openedInMs: number;
  /** Media that was seen. */
  readonly seenMs: number;
}

export interface LiveVideo {
  readonly codec: string;
  readonly codecString: string;
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  readonly bitrateKbit: number;
  readonly keyFrames: { readonly count: number; readonly longestGapMs: number };
  readonly bFrames: boolean;
}

export interface LiveAudio {
  readonly codec: string;
  readonly codecString: string;
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly bitrateKbit: number;
}

/** In all, the opening included. */
const MOST_MS = 4_800;
/** What a stream that comes in time has shown by then is enough. */
const ENOUGH_MS = 4_000;
const LEAST_GROUPS = 2;
const TICK_MS = 50;
const LONG_GROUP_MS = 4_500;

/** Watches a live stream for some seconds. One that cannot be pulled, or shows nothing, is a Fault of side `pull`. */
export async function probeLive(url: string, options: LiveProbeOptions): Promise<LiveFindings> {
  const { open, signal, now, sleep } = options;
  const startedAtMs = now();
  const late = `${redactUrl(url)} was not opened`;
  const opening = { side: 'pull', late, waitMs: MOST_MS, signal } as const;
  const source = await within(opening, own => open(url, own));
  const openedInMs = Math.round(now() - startedAtMs);
  const tally = new Tally();
  try {
    await watch(source, tally, { endMs: startedAtMs + MOST_MS, now, sleep, signal });
  } finally {
    source.close();
  }
  if (tally.isEmpty) throw new Fault('pull', 'silent', `${redactUrl(url)} showed no frame within ${MOST_MS / 1000} s`);
  const findings = tally.findings();
  const notes = [...(source.notes ?? []), ...findings.notes];
  return { protocol: url.slice(0, url.indexOf(':')).toLowerCase(), ...findings, notes, openedInMs };
}

interface Watching extends Pick<LiveProbeOptions, 'now' | 'sleep' | 'signal'> {
  readonly endMs: number;
}

async function watch(source: Source, tally: Tally, { endMs, now, sleep, signal }: Watching): Promise<void> {
  const batch = new Batch();
  while (now() < endMs && !tally.hasEnough) {
    batch.clear();
    try {
      source.read(batch);
    } catch (error) {
      // What has been seen of a stream that ends is worth telling.
      if (tally.isEmpty && batch.count === 0) throw error;
      tally.add(batch);
      return;
    }
    tally.add(batch);
    await sleep(TICK_MS, signal);
  }
}

/** One track as it comes. */
class Track {
  frames = 0;
  bytes = 0;
  firstMs = Number.NaN;
  lastMs = Number.NaN;

  get spanMs(): number {
    return this.frames < 2 ? 0 : this.lastMs - this.firstMs;
  }

  /** The last frame's own time is not known: the others' mean stands for it. */
  get bitrateKbit(): number {
    const wholeMs = this.spanMs * (this.frames / (this.frames - 1));
    return wholeMs > 0 ? Math.round((this.bytes * 8) / wholeMs) : 0;
  }

  get perSecond(): number | undefined {
    return this.spanMs > 0 ? ((this.frames - 1) * 1000) / this.spanMs : undefined;
  }

  add({ dtsMs, size }: Packet): void {
    if (this.frames++ === 0) this.firstMs = dtsMs;
    this.lastMs = dtsMs;
    this.bytes += size;
  }
}

class Tally {
  readonly #video = new Track();
  readonly #audio = new Track();
  /** Whole groups of pictures: their mean is fair, whatever the last one was cut at. */
  readonly #groups = new Track();
  #groupBytes = 0;
  #groupFrames = 0;
  readonly #keyFrames = new KeyFrameCount();
  #videoHeader: Buffer | undefined;
  #audioHeader: Buffer | undefined;
  #headers = 0;
  readonly #offsets = new Set<number>();

  get isEmpty(): boolean {
    return this.#video.frames + this.#audio.frames === 0;
  }

  get hasEnough(): boolean {
    const { spanMs } = this.#video.frames > 0 ? this.#video : this.#audio;
    return spanMs >= ENOUGH_MS && (this.#video.frames === 0 || this.#keyFrames.sum.count > LEAST_GROUPS);
  }

  add({ packets, count }: Batch): void {
    for (const packet of packets.slice(0, count)) this.#take(packet);
  }

  #take(packet: Packet): void {
    const { kind } = packet;
    if (kind === 'videoHeader') {
      this.#videoHeader = packet.copyPayload();
      this.#headers++;
    } else if (kind === 'audioHeader') this.#audioHeader = packet.copyPayload();
    else if (isVideo(kind)) this.#picture(packet);
    else if (kind === 'audio') this.#sound(packet);
  }

  #picture(packet: Packet): void {
    const isKey = packet.kind === 'key';
    if (isKey) this.#endGroup(packet.dtsMs);
    if (isKey) this.#keyFrames.add(packet.dtsMs);
    else this.#keyFrames.reach(packet.dtsMs);
    this.#videoHeader ??= packet.copyPayload();
    this.#offsets.add(compositionMs(packet));
    this.#groupBytes += packet.size;
    this.#groupFrames++;
    this.#video.add(packet);
  }

  #endGroup(atMs: number): void {
    if (this.#keyFrames.sum.count > 0) {
      this.#groups.bytes += this.#groupBytes;
      this.#groups.frames += this.#groupFrames;
      this.#groups.lastMs = atMs;
    } else this.#groups.firstMs = atMs;
    this.#groupBytes = 0;
    this.#groupFrames = 0;
  }

  #sound(packet: Packet): void {
    this.#audioHeader ??= packet.copyPayload();
    this.#audio.add(packet);
  }

  findings(): Omit<LiveFindings, 'protocol' | 'openedInMs'> {
    const [video, audio] = [this.#videoFindings(), this.#audioFindings()];
    const hasBoth = video !== undefined && audio !== undefined;
    return {
      ...(video === undefined ? {} : { video }),
      ...(audio === undefined ? {} : { audio }),
      bitrateKbit: (video?.bitrateKbit ?? 0) + (audio?.bitrateKbit ?? 0),
      ...(hasBoth ? { audioOffsetMs: Math.round(this.#audio.firstMs - this.#video.firstMs) } : {}),
      verdicts: verdicts({ video: video?.codec, audio: audio?.codec }),
      notes: this.#notes(video, audio),
      seenMs: Math.round(Math.max(this.#video.spanMs, this.#audio.spanMs)),
    };
  }

  #videoFindings(): LiveVideo | undefined {
    const header = this.#videoHeader;
    if (header === undefined || this.#video.frames === 0) return undefined;
    const { perSecond } = this.#video;
    return {
      codec: videoCodec(header),
      codecString: codecString(header),
      ...pictureSize(header),
      ...(perSecond === undefined ? {} : { fps: Math.round(perSecond * 100) / 100 }),
      bitrateKbit: this.#videoKbit(),
      keyFrames: this.#keyFrames.sum,
      bFrames: this.#offsets.size > 1,
    };
  }

  #videoKbit(): number {
    const { firstMs, lastMs, bytes } = this.#groups;
    return lastMs > firstMs ? Math.round((bytes * 8) / (lastMs - firstMs)) : this.#video.bitrateKbit;
  }

  #audioFindings(): LiveAudio | undefined {
    const body = this.#audioHeader;
    if (body === undefined || this.#audio.frames === 0) return undefined;
    const { bitrateKbit } = this.#audio;
    return { codec: audioCodec(body), codecString: soundString(body), ...soundFacts(body), bitrateKbit };
  }

  #notes(video: LiveVideo | undefined, audio: LiveAudio | undefined): readonly string[] {
    const notes: string[] = [];
    if (video === undefined) notes.push('There is no picture.');
    if (audio === undefined) notes.push('There is no sound.');
    if (video !== undefined && video.keyFrames.count === 0) notes.push('No key frame came: nothing can start from it.');
    if (video !== undefined && video.keyFrames.longestGapMs >= LONG_GROUP_MS) {
      notes.push('Key frames are far apart: viewers and switches between sources have to wait for them.');
    }
    if (this.#headers > 1) notes.push('The picture changed its parameters while it was looked at.');
    return notes;
  }
}

function soundFacts(body: Buffer): Pick<LiveAudio, 'sampleRate' | 'channels'> {
  const codec = audioCodec(body);
  if (codec === 'AAC') {
    const config = parseAacConfig(body.subarray(2));
    return config === undefined ? {} : { sampleRate: config.sampleRate, channels: config.channels };
  }
  if (codec === 'MP3') {
    const head = body.length < 5 ? undefined : readMp3Head(body, 1);
    return head === undefined ? {} : { sampleRate: head.sampleRate, channels: head.channels };
  }
  const at = body.indexOf('OpusHead');
  return at < 0 || body.length < at + 10 ? {} : { sampleRate: 48_000, channels: body.readUInt8(at + 9) };
}
