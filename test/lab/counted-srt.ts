import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { Encoded } from '../../src/media/outlet.ts';
import { Batch } from '../../src/media/packet.ts';
import { TsWriter } from '../../src/media/ts/mux.ts';
import { type Counted, CountedStream, type Shape } from './counted-stream.ts';
import { freeUdpPort, type Place } from './place.ts';
import { SRT_LIVE_TRANSMIT } from './programs.ts';

/** How it behaves to whoever calls; each part may change while it is on air. */
export interface SrtManner {
  /** Keeps its connection and sends nothing; what is not sent meanwhile is lost. */
  readonly silent: boolean;
  /** Added to all times. */
  readonly shiftMs: number;
}

const TICK_MS = 20;

/** A camera behind an SRT listener that films a counted stream, whether anybody looks or not; one at a time is served. */
export class CountedSrt {
  readonly stream: CountedStream;
  readonly port: number;
  #manner: SrtManner = { silent: false, shiftMs: 0 };
  #child: ChildProcessByStdio<Writable, null, null> | undefined;
  #writer = new TsWriter();
  readonly #encoded = new Encoded(256 * 1024);
  readonly #beganMs = performance.now();
  #untilMs = 0;
  readonly #timer: NodeJS.Timeout;

  private constructor(port: number, shape: Partial<Shape>) {
    this.port = port;
    this.stream = new CountedStream(shape);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  static async start(place: Place, shape: Partial<Shape> = {}): Promise<CountedSrt> {
    const camera = place.own(new CountedSrt(await freeUdpPort(), shape), it => it.#close());
    camera.appear();
    return camera;
  }

  get url(): string {
    return `srt://127.0.0.1:${this.port}`;
  }

  behave(manner: Partial<SrtManner>): void {
    this.#manner = { ...this.#manner, ...manner };
  }

  appear(): void {
    const args = ['-q', '-chunk', '1316', 'file://con', `${this.url}?mode=listener`];
    const child = spawn(SRT_LIVE_TRANSMIT, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.on('error', () => undefined);
    this.#child = child;
    this.#writer = new TsWriter();
    this.#untilMs = this.stream.keyBefore(this.#headMs);
    this.#send([
      { kind: 'videoHeader', dtsMs: this.#untilMs, body: this.stream.videoHeader },
      { kind: 'audioHeader', dtsMs: this.#untilMs, body: this.stream.audioHeader },
    ]);
  }

  vanish(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  get #headMs(): number {
    return performance.now() - this.#beganMs;
  }

  #tick(): void {
    const headMs = this.#headMs;
    const frames = this.stream.between(this.#untilMs, headMs);
    this.#untilMs = headMs;
    if (!this.#manner.silent) this.#send(frames);
  }

  #send(frames: readonly Counted[]): void {
    const batch = new Batch();
    for (const { kind, dtsMs, body } of frames) {
      const packet = batch.next();
      packet.reset(kind, dtsMs + this.#manner.shiftMs);
      packet.addSpan(body, 0, body.length);
    }
    this.#writer.encode(batch, this.#encoded);
    this.#child?.stdin.write(Buffer.from(this.#encoded.bytes.subarray(0, this.#encoded.length)));
  }

  #close(): void {
    clearInterval(this.#timer);
    this.vanish();
  }
}
