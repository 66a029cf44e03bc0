import { Fault } from '../../src/media/fault.ts';
import { Unwrap } from '../../src/media/flv/unwrap.ts';
import type { Batch, Source } from '../../src/media/packet.ts';
import { beginFrames, FRAME_BYTES, hasRoom, nextOrigin, putFrame, putHeaders } from './frame.ts';

const PICTURE_MS = 40;
const SOUND_MS = 1024 / 48;
const GROUP = 50;
const CLOCKS_KEPT = 32;
const WRAP = 2 ** 32;
/** Frames of different clocks are not of one origin: what was shot around a step of the clock cannot be compared. */
const CLOCKS = 2 ** 16;

/** Of the frames shot from then on. */
interface Clock {
  readonly number: number;
  readonly fromMs: number;
  readonly offsetMs: number;
}

const FIRST: Clock = { number: 0, fromMs: Number.NEGATIVE_INFINITY, offsetMs: 0 };

export interface CameraParts {
  readonly url: string;
  readonly now: () => number;
  /** How much faster than life its clock runs. */
  readonly drift: number;
  /** How much later than a picture of the same moment a sound arrives. */
  readonly soundLateMs: number;
}

/** Where a live stream comes from: it films on whoever looks, on a clock of its own that may be set. */
export class Camera {
  readonly url: string;
  readonly parts: CameraParts;
  readonly open = new Set<CameraSource>();
  away = false;
  silent = false;
  /** Sends no sound. */
  mute = false;
  #clocks: readonly Clock[] = [FIRST];

  constructor(parts: CameraParts) {
    this.parts = parts;
    this.url = parts.url;
  }

  pull(isFast: boolean): CameraSource {
    const source = new CameraSource(this, isFast);
    this.open.add(source);
    return source;
  }

  hangUp(): void {
    for (const source of this.open) source.fault = new Fault('pull', 'closed', 'it hung up');
  }

  /** What was not sent while it was silent is lost; otherwise it comes in one go. */
  speak({ lost }: { readonly lost: boolean }): void {
    this.silent = false;
    if (lost) for (const source of this.open) source.passOver();
  }

  /** Whatever it films from now on has times that begin there. */
  setClock(dtsMs: number): void {
    const fromMs = this.parts.now();
    const number = ((this.#clocks.at(-1) ?? FIRST).number + 1) % CLOCKS;
    const clock = { number, fromMs, offsetMs: dtsMs - fromMs * this.parts.drift };
    this.#clocks = [...this.#clocks, clock].slice(-CLOCKS_KEPT);
  }

  stepClock(ms: number): void {
    this.setClock(this.#exact(this.parts.now()) + ms);
  }

  /** As it goes over the wire: whole milliseconds, 32 bits. */
  stamp(trueMs: number): number {
    const ms = Math.round(this.#exact(trueMs));
    return ((ms % WRAP) + WRAP) % WRAP;
  }

  #exact(trueMs: number): number {
    return trueMs * this.parts.drift + this.clockAt(trueMs).offsetMs;
  }

  clockAt(trueMs: number): Clock {
    return this.#clocks.findLast(({ fromMs }) => fromMs <= trueMs) ?? FIRST;
  }
}

/** One connection to a camera. */
export class CameraSource implements Source {
  bytesIn = 0;
  fault: Fault | undefined;
  readonly #camera: Camera;
  readonly #origin = nextOrigin();
  readonly #unwrap = new Unwrap();
  #pictures: number;
  #sounds: number;
  #said = false;

  /** `isFast`: it begins with the group that is being shot, as servers that keep it do. */
  constructor(camera: Camera, isFast: boolean) {
    this.#camera = camera;
    const number = Math.ceil(camera.parts.now() / PICTURE_MS);
    this.#pictures = isFast ? Math.floor(number / GROUP) * GROUP : number;
    this.#sounds = Math.ceil((this.#pictures * PICTURE_MS) / SOUND_MS);
  }

  passOver(): void {
    const nowMs = this.#camera.parts.now();
    this.#pictures = Math.ceil(nowMs / PICTURE_MS);
    this.#sounds = Math.ceil(nowMs / SOUND_MS);
  }

  read(into: Batch, mostBytes = Number.POSITIVE_INFINITY): void {
    if (this.fault !== undefined) throw this.fault;
    if (this.#camera.silent) return;
    beginFrames();
    if (!this.#said) putHeaders(into, 0);
    this.#said = true;
    const { now, soundLateMs } = this.#camera.parts;
    const nowMs = now();
    for (let left = mostBytes; left >= FRAME_BYTES && hasRoom(); left -= FRAME_BYTES) {
      const pictureAtMs = this.#pictures * PICTURE_MS;
      const soundAtMs = this.#sounds * SOUND_MS + soundLateMs;
      if (Math.min(pictureAtMs, soundAtMs) > nowMs) return;
      if (soundAtMs < pictureAtMs) this.#putSound(into);
      else this.#putPicture(into);
    }
  }

  #putPicture(into: Batch): void {
    const number = this.#pictures++;
    const kind = number % GROUP === 0 ? 'key' : number % 2 === 0 ? 'inter' : 'disposable';
    this.#put(into, kind, number * PICTURE_MS);
  }

  #putSound(into: Batch): void {
    const trueMs = this.#sounds++ * SOUND_MS;
    if (!this.#camera.mute) this.#put(into, 'audio', trueMs);
  }

  #put(into: Batch, kind: 'key' | 'inter' | 'disposable' | 'audio', trueMs: number): void {
    const dtsMs = this.#unwrap.frame(this.#camera.stamp(trueMs));
    const origin = this.#origin * CLOCKS + this.#camera.clockAt(trueMs).number;
    putFrame(into, kind, { origin, trueMs, dtsMs });
    this.bytesIn += FRAME_BYTES;
  }

  close(): void {
    this.#camera.open.delete(this);
  }
}
