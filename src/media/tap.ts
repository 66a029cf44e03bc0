import type { FlvViewer } from './flv/viewer.ts';
import { encodeTags } from './flv/writer.ts';
import { GopCache } from './gop.ts';
import { fillOpening, type InForce } from './opening.ts';
import { Encoded } from './outlet.ts';
import { Batch, type Packet } from './packet.ts';

/** Whoever comes is given the present group of pictures at once, unless it is larger than this. */
const KEPT = { bytes: 6 * 1024 * 1024, ms: 12_000 };
/** It is kept on for so long when nobody looks any more: who asks for a still now and then need not wait for a key frame. */
const REST_MS = 30_000;
const MOST_VIEWERS = 8;

/** The codec headers in force behind a relay's timeline, and whether there is nothing but sound. */
export interface Shown {
  readonly inForce: InForce;
  readonly audioOnly: boolean;
}

/**
 * Those who look at what a relay sends. It costs nothing while there are none: it is made for the first of them, and the
 * group of pictures is copied only while somebody looks.
 */
export class Tap {
  /** One tick's, for all taps of the process: a tick is synchronous. */
  static readonly #encoded = new Encoded(64 * 1024);
  static readonly #opening = new Batch();

  #viewers: FlvViewer[] = [];
  readonly #group = new GopCache(KEPT);
  #restsAtMs = 0;

  /** Takes the viewer in; false where there are too many. */
  add(viewer: FlvViewer, nowMs: number): boolean {
    if (this.#viewers.length >= MOST_VIEWERS) return false;
    this.#viewers.push(viewer);
    this.#restsAtMs = nowMs + REST_MS;
    return true;
  }

  /** Shows what has just been sent; answers false when nobody has looked for a while. */
  tick(out: Batch, shown: Shown, nowMs: number): boolean {
    for (let i = 0; i < out.count; i++) this.#group.append(out.packets[i] as Packet);
    if (this.#viewers.length === 0) return nowMs < this.#restsAtMs;
    this.#restsAtMs = nowMs + REST_MS;
    encodeTags(out, Tap.#encoded);
    for (const viewer of this.#viewers) this.#serve(viewer, out, shown);
    this.#viewers = this.#viewers.filter(({ isGone }) => !isGone);
    return true;
  }

  close(): void {
    for (const viewer of this.#viewers) viewer.close();
    this.#viewers = [];
    this.#group.release();
  }

  /** Whatever becomes of a viewer is no matter of the run. */
  #serve(viewer: FlvViewer, out: Batch, shown: Shown): void {
    try {
      if (!viewer.waits || !this.#begin(viewer, out, shown)) viewer.write(out, Tap.#encoded);
    } catch {
      viewer.close();
    }
  }

  /** With the present group, the last packets of which have just been sent; of sound alone, with those. */
  #begin(viewer: FlvViewer, out: Batch, { inForce, audioOnly }: Shown): boolean {
    const opening = Tap.#opening;
    const group = audioOnly ? out : this.#group.batch;
    if (group.count === 0 || (viewer.look === 'still' && audioOnly)) return false;
    if (viewer.look === 'live') fillOpening(opening, inForce, group);
    else fillStill(opening, inForce, group);
    // As large as a group is, and gone with it.
    const encoded = new Encoded(0);
    encodeTags(opening, encoded);
    viewer.begin(opening, encoded);
    return true;
  }
}

/** The key frame that the group begins with, and what a decoder needs in front of it. */
function fillStill(into: Batch, { videoHeader }: InForce, group: Batch): void {
  const key = group.packets[0] as Packet;
  into.clear();
  if (videoHeader !== undefined) {
    const header = into.next();
    header.reset('videoHeader', key.dtsMs);
    header.addSpan(videoHeader, 0, videoHeader.length);
  }
  into.next().show(key, key.dtsMs);
}
