import { type Batch, isHeader, isVideo, type Packet } from '../../src/media/packet.ts';
import type { AmfValue } from '../../src/media/rtmp/amf0.ts';
import { type Asked, ScriptedServer, type Visit } from '../../src/media/rtmp/scripted-server.ts';
import { readCount, type TrackName } from './counted-stream.ts';
import type { Place } from './place.ts';

/** One publish at the destination, from its acceptance to its end. */
export interface Push {
  readonly visit: Visit;
  readonly openedAtMs: number;
  firstFrameAtMs: number | undefined;
  /** Whether the first picture was one to start at; undefined until there is one. */
  startedAtKey: boolean | undefined;
  endedAtMs: number | undefined;
  /** It said that it was leaving. */
  saidGoodbye: boolean;
}

/** A codec header or metadata, as it came. */
export interface SeenHeader {
  readonly kind: 'metadata' | 'videoHeader' | 'audioHeader';
  readonly atMs: number;
  readonly dtsMs: number;
  readonly body: Buffer;
  /** Which push brought it, from 0. */
  readonly push: number;
}

/** The frames of one track in the order of their arrival, in columns: many relays are watched at once. */
export class SeenTrack {
  /** Monotonic time at which it was here. */
  readonly atMs: number[] = [];
  readonly dtsMs: number[] = [];
  /** Its number in the counted stream; -1 for a frame that has none. */
  readonly numbers: number[] = [];
  readonly isKey: boolean[] = [];
  readonly pushes: number[] = [];

  get length(): number {
    return this.atMs.length;
  }
}

/** Everything that came under one name. */
export class SeenStream {
  readonly pushes: Push[] = [];
  readonly headers: SeenHeader[] = [];
  readonly video = new SeenTrack();
  readonly audio = new SeenTrack();
  /** Tags of the counted streams, in the order in which they first came. */
  readonly tags: { readonly tag: string; readonly atMs: number }[] = [];
  /** How often one began to publish while another did. */
  overlaps = 0;
  bytes = 0;

  get publishers(): number {
    return this.pushes.filter(({ endedAtMs }) => endedAtMs === undefined).length;
  }

  get length(): number {
    return this.video.length + this.audio.length;
  }
}

const HEAD_BYTES = 320;

/**
 * A destination that measures: what a promise says is read here, where the stream arrives, and not off the relay's own
 * counters. It takes whatever comes.
 */
export class Oracle {
  readonly #streams = new Map<string, SeenStream>();
  readonly #publishing = new Map<Visit, { readonly stream: SeenStream; readonly push: Push; readonly index: number }>();
  #server: ScriptedServer | undefined;
  #port = 0;
  /** What becomes of a publish where there is one of that name: both go on, the newer is refused, or the older thrown out. */
  second: 'both' | 'refused' | 'instead' = 'both';
  /** Monotonic times at which somebody connected. */
  readonly connectsAtMs: number[] = [];

  static async start(place: Place): Promise<Oracle> {
    const oracle = place.own(new Oracle(), it => it.vanish());
    await oracle.appear();
    return oracle;
  }

  get port(): number {
    return this.#port;
  }

  url(name: string): string {
    return `rtmp://127.0.0.1:${this.#port}/live/${name}`;
  }

  stream(name: string): SeenStream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new SeenStream();
      this.#streams.set(name, stream);
    }
    return stream;
  }

  /** The destination goes, with all its connections. */
  async vanish(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async appear(): Promise<void> {
    this.#server = await ScriptedServer.listen({
      port: this.#port,
      onVisit: visit => this.#welcome(visit),
      script: (visit, asked) => this.#hear(visit, asked),
      onMedia: (visit, batch) => this.#take(visit, batch),
    });
    this.#port = this.#server.port;
  }

  /** Reads nothing of that name any more, or reads again: to its publishers the window is full. */
  stall(name: string, stalled = true): void {
    for (const { visit } of this.stream(name).pushes) {
      if (stalled) visit.socket.pause();
      else visit.socket.resume();
    }
  }

  /** Asks the publishers of that name to connect anew, to that place or wherever; so many times. */
  refer(name: string, info: { readonly tcUrl?: AmfValue; readonly description?: AmfValue } = {}, times = 1): void {
    for (const { visit, endedAtMs } of this.stream(name).pushes) {
      const status = { level: 'status', code: 'NetConnection.Connect.ReconnectRequest', ...info };
      for (let i = 0; endedAtMs === undefined && i < times; i++) visit.command(['onStatus', 0, null, status]);
    }
  }

  #welcome(visit: Visit): void {
    this.connectsAtMs.push(performance.now());
    visit.socket.setNoDelay(true);
    visit.socket.once('close', () => this.#end(visit));
  }

  #hear(visit: Visit, { name, values }: Asked): boolean {
    if (name === 'publish' && !this.#begin(visit, String(values[1]).split('?')[0] ?? '')) return true;
    const publishing = this.#publishing.get(visit);
    if (name !== 'FCUnpublish' && name !== 'deleteStream') return false;
    if (publishing !== undefined) publishing.push.saidGoodbye = true;
    if (name === 'deleteStream') this.#end(visit);
    return false;
  }

  #begin(visit: Visit, name: string): boolean {
    const stream = this.stream(name);
    const former = stream.pushes.find(({ endedAtMs }) => endedAtMs === undefined);
    if (former !== undefined && this.second === 'refused') {
      visit.status('NetStream.Publish.BadName', { level: 'error', description: 'Already publishing' });
      return false;
    }
    if (former !== undefined) stream.overlaps++;
    if (this.second === 'instead') former?.visit.socket.end();
    const openedAtMs = performance.now();
    const push: Push = {
      ...{ visit, openedAtMs, saidGoodbye: false },
      ...{ firstFrameAtMs: undefined, startedAtKey: undefined, endedAtMs: undefined },
    };
    stream.pushes.push(push);
    this.#publishing.set(visit, { stream, push, index: stream.pushes.length - 1 });
    return true;
  }

  #end(visit: Visit): void {
    const publishing = this.#publishing.get(visit);
    if (publishing === undefined) return;
    this.#publishing.delete(visit);
    publishing.push.endedAtMs = performance.now();
  }

  #take(visit: Visit, batch: Batch): void {
    const publishing = this.#publishing.get(visit);
    if (publishing === undefined) return;
    const { stream, push, index } = publishing;
    const atMs = performance.now();
    for (let i = 0; i < batch.count; i++) {
      const packet = batch.packets[i] as Packet;
      stream.bytes += packet.size;
      if (isHeader(packet.kind)) noteHeader(stream, packet, { atMs, push: index });
      else noteFrame(stream, packet, { atMs, push: index });
    }
    if (batch.count > 0) push.firstFrameAtMs ??= firstFrame(stream, index);
    push.startedAtKey ??= startedAtKey(stream, index);
  }
}

function noteHeader(stream: SeenStream, packet: Packet, at: { atMs: number; push: number }): void {
  const kind = packet.kind as SeenHeader['kind'];
  stream.headers.push({ kind, dtsMs: packet.dtsMs, body: packet.copyPayload(), ...at });
}

function noteFrame(stream: SeenStream, packet: Packet, { atMs, push }: { atMs: number; push: number }): void {
  const name: TrackName = isVideo(packet.kind) ? 'video' : 'audio';
  const track = stream[name];
  const count = readCount(headOf(packet));
  track.atMs.push(atMs);
  track.dtsMs.push(packet.dtsMs);
  track.numbers.push(count?.number ?? -1);
  track.isKey.push(packet.kind === 'key');
  track.pushes.push(push);
  if (count !== undefined && count.tag !== stream.tags.at(-1)?.tag) stream.tags.push({ tag: count.tag, atMs });
}

/** Nearly always a view: a copy of each frame would be most of the oracle's work. */
function headOf(packet: Packet): Buffer {
  const first = (packet.ends[0] ?? 0) - (packet.starts[0] ?? 0);
  const isEnough = first === packet.size || first >= HEAD_BYTES;
  return isEnough ? (packet.buffers[0] as Buffer).subarray(packet.starts[0], packet.ends[0]) : packet.copyPayload();
}

function firstFrame({ video, audio }: SeenStream, push: number): number | undefined {
  const times = [video, audio].flatMap(track => track.atMs[track.pushes.indexOf(push)] ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function startedAtKey({ video }: SeenStream, push: number): boolean | undefined {
  return video.isKey[video.pushes.indexOf(push)];
}
