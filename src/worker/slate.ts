import { asFault } from '../media/fault.ts';
import { Loop } from '../media/loop.ts';
import { differenceOf } from '../media/ready-item.ts';
import type { Relay } from '../media/relay.ts';
import { Silence } from '../media/silence.ts';
import type { Strip } from '../media/strip.ts';
import { onceReached } from './attempts.ts';
import type { RunParts } from './run.ts';
import type { Slates } from './slates.ts';

export interface SlateParts extends Pick<RunParts, 'now' | 'sleep'> {
  readonly slates: Pick<Slates, 'load'> | undefined;
  /** Something is shown: in a few words, what. */
  readonly shown: (what: string) => void;
}

const HELD_PICTURE = 'a held picture';
/** What is shown ends when it is told to, and for nothing else. */
const ENDLESS = {
  silentMs: Number.POSITIVE_INFINITY,
  trackMs: Number.POSITIVE_INFINITY,
  floor: { kbit: 0, ms: Number.POSITIVE_INFINITY },
} as const;

/** What a run shows while it has no source, so that its push stays alive: the last pictures there were, or a file. */
export class Slate {
  readonly #parts: SlateParts;
  #turn = new AbortController();
  #isArmed = false;
  #isShown = false;

  constructor(parts: SlateParts) {
    this.#parts = parts;
  }

  get isShown(): boolean {
    return this.#isShown;
  }

  /** Shows it after so long, once, unless it is ended before. `kind`: `hold`, or where a file lies. */
  arm(relay: Relay, kind: string, afterMs: number): void {
    if (this.#isArmed || !relay.hadMedia) return;
    this.#isArmed = true;
    this.#turn = new AbortController();
    const { signal } = this.#turn;
    onceReached(this.#parts.sleep(afterMs, signal), () => void this.#show(relay, kind, signal));
  }

  end(): void {
    this.#turn.abort();
    this.#isArmed = false;
    this.#isShown = false;
  }

  async #show(relay: Relay, kind: string, signal: AbortSignal): Promise<void> {
    const { now, shown } = this.#parts;
    const silence = silenceIn(relay.splicer.audioHeader);
    const { strip, what } = kind === 'hold' ? held(relay) : await this.#file(relay, kind, silence);
    if (signal.aborted || strip === undefined) return;
    this.#isShown = true;
    relay.patience = ENDLESS;
    const mute = strip.headers.audio === undefined ? silence : undefined;
    void relay.pull(new Loop(strip, { now, silence: mute }), signal, { isAnother: true, isSlate: true });
    shown(what);
  }

  /** The file, or what is held where the file will not do. */
  async #file(relay: Relay, url: string, silence: Silence | undefined): Promise<Shown> {
    try {
      const strip = await this.#parts.slates?.load(url);
      if (strip === undefined) return held(relay);
      const { videoHeader: video, audioHeader: audio } = relay.splicer;
      const said = { ...strip.headers, audio: strip.headers.audio ?? silence?.header };
      const difference = differenceOf({ video, audio }, said);
      return difference === undefined
        ? { strip, what: 'its file' }
        : { ...held(relay), what: `${HELD_PICTURE}: its file has ${difference}` };
    } catch (error) {
      return { ...held(relay), what: `${HELD_PICTURE}: ${asFault('pull', error).message}` };
    }
  }
}

interface Shown {
  readonly strip: Strip | undefined;
  readonly what: string;
}

const held = (relay: Relay): Shown => ({ strip: relay.lastGroup, what: HELD_PICTURE });

/** In the terms of the sound in force; none where silence cannot be said in them. */
function silenceIn(audioHeader: Buffer | undefined): Silence | undefined {
  if (audioHeader === undefined) return undefined;
  const silence = new Silence(audioHeader);
  return silence.header.equals(audioHeader) ? silence : undefined;
}
