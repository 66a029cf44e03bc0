import { parseAvcConfig } from '../../src/media/codec/h264.ts';
import {
  datagramsOnly,
  type RtspScript,
  type RtspVisit,
  rtp,
  ScriptedRtsp,
  senderReport,
} from '../../src/media/rtsp/scripted-server.ts';
import { type Counted, CountedStream, type Shape } from './counted-stream.ts';
import type { Place } from './place.ts';

/** How the camera behaves to all who pull it; each part may change while it is on air. */
export interface CameraManner {
  /** Keeps its connections and sends nothing; what is not sent meanwhile is lost. */
  readonly silent: boolean;
  /** Added to the RTP times of each track, in ms of its clock. */
  readonly shiftMs: { readonly video: number; readonly audio: number };
  /** So many of the packets to come are not sent. */
  readonly lose: number;
  readonly withoutMarkers: boolean;
  readonly withoutReports: boolean;
  /** Of a hundred packets of RTP, so many are lost on the way, and so many come behind the next few. */
  readonly network: { readonly lost: number; readonly late: number };
}

export interface CameraOptions {
  readonly shape?: Partial<Shape>;
  readonly manner?: Partial<CameraManner>;
  readonly script?: RtspScript;
  /** It sends in datagrams, and refuses to send over the connection. */
  readonly byDatagrams?: boolean;
  /** The longest payload. */
  readonly mtu?: number;
}

const USUAL: CameraManner = {
  silent: false,
  shiftMs: { video: 0, audio: 0 },
  lose: 0,
  withoutMarkers: false,
  withoutReports: false,
  network: { lost: 0, late: 0 },
};
const TICK_MS = 20;
const LONGEST_TICK_MS = 1_000;
const REPORT_EVERY_MS = 1_000;
const VIDEO_RATE = 90;
const AUDIO_RATE = 48;
/** 2026-11-21 on the clock of the camera's wall, as NTP counts. */
const WALL_MS = 4_004_208_000_000;

interface Puller {
  readonly visit: RtspVisit;
  untilMs: number;
  reportMs: number;
  sequences: { video: number; audio: number };
  /** What is late on its way, and behind how many others of its track it will come. */
  late: { readonly packet: Sent; behind: number }[];
}

interface Sent {
  readonly channel: number;
  readonly bytes: Buffer;
}

/** A camera that speaks RTSP and films a counted stream, whether anybody looks or not. */
export class RtspCamera {
  /** Packets that the network lost. */
  lost = 0;
  readonly #stream: CountedStream;
  readonly #options: CameraOptions;
  #manner: CameraManner;
  #server: ScriptedRtsp | undefined;
  #port = 0;
  #pullers: Puller[] = [];
  #headMs = 0;
  #atMs = performance.now();
  #seed = 20_261_121;
  readonly #timer: NodeJS.Timeout;
  /** RTP times begin anywhere. */
  readonly #begins = { video: 0x12345678, audio: 0x9abcdef0 };

  private constructor(options: CameraOptions) {
    this.#options = options;
    this.#stream = new CountedStream(options.shape);
    this.#manner = { ...USUAL, ...options.manner };
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  static async start(place: Place, options: CameraOptions = {}): Promise<RtspCamera> {
    const camera = place.own(new RtspCamera(options), it => it.close());
    await camera.appear();
    return camera;
  }

  get port(): number {
    return this.#port;
  }

  get pullers(): number {
    return this.#pullers.length;
  }

  get visits(): readonly RtspVisit[] {
    return this.#server?.visits ?? [];
  }

  url(userinfo = ''): string {
    return `rtsp://${userinfo === '' ? '' : `${userinfo}@`}127.0.0.1:${this.#port}/live/ch1`;
  }

  behave(manner: Partial<CameraManner>): void {
    this.#manner = { ...this.#manner, ...manner };
  }

  /** The server goes; the camera goes on. */
  async vanish(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
    this.#pullers = [];
  }

  async appear(): Promise<void> {
    const { byDatagrams = false, script = byDatagrams ? datagramsOnly : undefined } = this.#options;
    this.#server = await ScriptedRtsp.listen({
      ...(script === undefined ? {} : { script }),
      port: this.#port,
      sdp: () => this.sdp,
      onPlay: visit => this.#welcome(visit),
    });
    this.#port = this.#server.port;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.vanish();
  }

  get sdp(): string {
    const { sps = [], pps = [] } = parseAvcConfig(this.#stream.videoHeader.subarray(5)) ?? {};
    const sets = [...sps, ...pps].map(set => set.toString('base64')).join(',');
    const config = this.#stream.audioHeader.subarray(2).toString('hex');
    const lines = [
      ...['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=camera', 'c=IN IP4 0.0.0.0', 't=0 0', 'a=control:*'],
      ...['m=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000', 'a=control:trackID=0'],
      `a=fmtp:96 packetization-mode=1;sprop-parameter-sets=${sets}`,
      ...['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 mpeg4-generic/48000/2', 'a=control:trackID=1'],
      `a=fmtp:97 streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=${config}`,
    ];
    return `${lines.join('\r\n')}\r\n`;
  }

  #welcome(visit: RtspVisit): void {
    const untilMs = this.#stream.keyBefore(this.#headMs);
    const sequences = { video: 65_500, audio: 7 };
    const puller: Puller = { visit, untilMs, reportMs: Number.NEGATIVE_INFINITY, sequences, late: [] };
    this.#pullers.push(puller);
    visit.socket.once('close', () => {
      this.#pullers = this.#pullers.filter(other => other !== puller);
    });
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#headMs += Math.min(LONGEST_TICK_MS, nowMs - this.#atMs);
    this.#atMs = nowMs;
    for (const puller of this.#pullers) this.#serve(puller);
  }

  #serve(puller: Puller): void {
    const fromMs = puller.untilMs;
    puller.untilMs = this.#headMs;
    if (this.#manner.silent || !puller.visit.socket.writable) return;
    const parts: Sent[] = [];
    if (!this.#manner.withoutReports && this.#headMs - puller.reportMs >= REPORT_EVERY_MS) {
      puller.reportMs = this.#headMs;
      parts.push(...this.#reports(fromMs));
    }
    for (const frame of this.#stream.between(fromMs, this.#headMs)) parts.push(...this.#packets(puller, frame));
    puller.visit.socket.cork();
    for (const { channel, bytes } of parts.flatMap(part => this.#travel(puller, part)))
      puller.visit.frame(channel, bytes);
    puller.visit.socket.uncork();
  }

  /** What arrives when the packet sets out: it may be lost, or be overtaken. */
  #travel(puller: Puller, packet: Sent): Sent[] {
    const { lost, late } = this.#manner.network;
    if (packet.channel % 2 === 1) return [packet];
    const luck = this.#luck();
    if (luck < lost) {
      this.lost++;
      return [];
    }
    if (luck < lost + late) {
      puller.late.push({ packet, behind: 1 + Math.floor(this.#luck() / 40) });
      return [];
    }
    const others = puller.late.filter(one => one.packet.channel === packet.channel);
    for (const one of others) one.behind--;
    const due = others.filter(({ behind }) => behind <= 0);
    puller.late = puller.late.filter(one => !due.includes(one));
    return [packet, ...due.map(one => one.packet)];
  }

  /** Up to a hundred, the same each time. */
  #luck(): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647;
    return (100 * this.#seed) / 2_147_483_647;
  }

  #reports(atMs: number): Sent[] {
    const wallMs = WALL_MS + atMs;
    const video = senderReport(wallMs, this.#timestamp('video', atMs));
    const audio = senderReport(wallMs, this.#timestamp('audio', atMs));
    return [
      { channel: 1, bytes: video },
      { channel: 3, bytes: audio },
    ];
  }

  #timestamp(track: 'video' | 'audio', ms: number): number {
    const ticks = (ms + this.#manner.shiftMs[track]) * (track === 'video' ? VIDEO_RATE : AUDIO_RATE);
    return (this.#begins[track] + Math.round(ticks)) % 2 ** 32;
  }

  #packets(puller: Puller, { kind, body, dtsMs }: Counted): Sent[] {
    const track = kind === 'audio' ? 'audio' : 'video';
    const payloads =
      track === 'audio' ? [aacPayload(body.subarray(2))] : avcPayloads(body.subarray(5), this.#options.mtu);
    const timestamp = this.#timestamp(track, dtsMs);
    return payloads.flatMap((payload, i) => {
      const sequence = puller.sequences[track]++;
      if (this.#loses()) return [];
      const marker = i === payloads.length - 1 && !this.#manner.withoutMarkers;
      const payloadType = track === 'video' ? 96 : 97;
      const bytes = rtp({ payloadType, sequence, timestamp, marker }, payload);
      return [{ channel: track === 'video' ? 0 : 2, bytes }];
    });
  }

  #loses(): boolean {
    if (this.#manner.lose <= 0) return false;
    this.behave({ lose: this.#manner.lose - 1 });
    return true;
  }
}

/** One access unit behind its header: RFC 3640, section 3.2. */
export function aacPayload(frame: Buffer): Buffer {
  const head = Buffer.of(0, 16, frame.length >> 5, (frame.length & 31) << 3);
  return Buffer.concat([head, frame]);
}

/** Length-prefixed units as payloads of H.264: RFC 6184, section 5.2. */
export function avcPayloads(body: Buffer, mtu = 1_400): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 4 + body.readUInt32BE(at);
    const unit = body.subarray(at + 4, end);
    if (unit.length <= mtu) payloads.push(unit);
    else payloads.push(...fragments(unit, mtu));
    at = end;
  }
  return payloads;
}

function fragments(unit: Buffer, mtu: number): Buffer[] {
  const head = unit.readUInt8(0);
  const parts: Buffer[] = [];
  for (let at = 1; at < unit.length; at += mtu) {
    const flags = (at === 1 ? 0x80 : 0) | (at + mtu >= unit.length ? 0x40 : 0) | (head & 31);
    parts.push(Buffer.concat([Buffer.of((head & 0xe0) | 28, flags), unit.subarray(at, at + mtu)]));
  }
  return parts;
}
