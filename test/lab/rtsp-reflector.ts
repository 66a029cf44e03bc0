import { headerOf } from '../../src/media/rtsp/message.ts';
import { type AskedRtsp, datagramsOnly, type RtspVisit, ScriptedRtsp } from '../../src/media/rtsp/scripted-server.ts';
import { channelsOf } from '../../src/media/rtsp/setup.ts';
import { Child } from './child.ts';
import type { Place } from './place.ts';

export interface ReflectorOptions {
  /** Sends in datagrams only, and none for which this says so. */
  readonly loses?: () => boolean;
}

/** Hands what one client publishes on to all who pull it: media that was put into RTP by a program that is not ours. */
export class RtspReflector {
  #server: ScriptedRtsp | undefined;
  #sdp = '';
  #publisher: RtspVisit | undefined;
  readonly #pullers = new Set<RtspVisit>();
  /** The first channel of each track, by the end of its address, as each visit has set it up. */
  readonly #channels = new Map<RtspVisit, Map<string, number>>();

  readonly #loses: (() => boolean) | undefined;

  private constructor({ loses }: ReflectorOptions) {
    this.#loses = loses;
  }

  static async start(place: Place, options: ReflectorOptions = {}): Promise<RtspReflector> {
    const reflector = place.own(new RtspReflector(options), it => it.#server?.close());
    reflector.#server = await ScriptedRtsp.listen({
      sdp: () => reflector.#sdp,
      script: (visit, asked) => reflector.#hear(visit, asked),
      onPlay: visit => reflector.#pullers.add(visit),
      onFrame: (visit, channel, bytes) => reflector.#reflect(visit, channel, bytes),
    });
    return reflector;
  }

  get url(): string {
    return this.#server?.url('live/in') ?? '';
  }

  get isPublished(): boolean {
    return this.#publisher !== undefined;
  }

  get visits(): readonly RtspVisit[] {
    return this.#server?.visits ?? [];
  }

  #hear(visit: RtspVisit, asked: AskedRtsp): boolean {
    const { method, message, uri } = asked;
    if (method === 'ANNOUNCE') this.#sdp = message.body.toString('utf8');
    if (method === 'RECORD') this.#publisher = visit;
    if (method === 'SETUP') this.#note(visit, uri, headerOf(message, 'transport'));
    if (this.#loses !== undefined && visit !== this.#publisher && this.isPublished && datagramsOnly(visit, asked))
      return true;
    if (method !== 'DESCRIBE' || this.isPublished) return false;
    visit.answer(asked, '404 Not Found');
    return true;
  }

  #note(visit: RtspVisit, uri: string, transport: string | undefined): void {
    const channels = this.#channels.get(visit) ?? new Map<string, number>();
    const first = channelsOf(transport, { rtp: 0, rtcp: 1 })?.rtp ?? 2 * visit.setUps.length;
    channels.set(uri.slice(uri.lastIndexOf('/')), first);
    this.#channels.set(visit, channels);
    visit.socket.once('close', () => this.#pullers.delete(visit));
  }

  #reflect(from: RtspVisit, channel: number, bytes: Buffer): void {
    for (const [track, own] of this.#channels.get(from) ?? []) {
      if (channel !== own && channel !== own + 1) continue;
      for (const puller of this.#pullers) {
        const to = this.#channels.get(puller)?.get(track);
        if (to !== undefined && (channel !== own || this.#loses?.() !== true)) puller.frame(to + channel - own, bytes);
      }
    }
  }
}

/** Publishes a file over RTSP at its own pace. */
export function publishRtsp(place: Place, file: string, url: string, more: readonly string[] = []): Child {
  const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-re'];
  const args = [...quiet, '-i', file, '-c', 'copy', ...more, '-f', 'rtsp', '-rtsp_transport', 'tcp', url];
  return place.own(new Child('ffmpeg', args), child => child.stop('SIGKILL'));
}
