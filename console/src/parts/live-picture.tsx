import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { API } from '../api.ts';
import { isSeen } from '../clock.ts';
import { readStill, repeated, type StillFrame } from '../still.ts';
import { t } from '../words.ts';

interface PictureProps {
  readonly taskId: string;
  readonly name: string;
}

type PictureState = 'opening' | 'there' | 'none';

const AGAIN_MS = 8_000;
/** A still is drawn and let go of; what has not come by then will not come. */
const STILL_WITHIN_MS = 6_000;

/** What the task pushes, moving. It is decoded here: the node has no decoder. */
export function LivePicture({ taskId, name }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  const state = useSignal<PictureState>('opening');
  const round = useSignal(0);
  const attempt = round.value;
  const seen = isSeen.value;
  useEffect(() => {
    if (!seen) return;
    const ending = new AbortController();
    const tell = (word: PictureState): void => {
      state.value = word;
    };
    if (video.current !== null)
      void play(video.current, { url: mediaUrl(taskId, 'live.flv'), signal: ending.signal, tell });
    const timer = setInterval(() => {
      if (!document.hidden && state.peek() === 'none') round.value++;
    }, AGAIN_MS);
    return () => {
      clearInterval(timer);
      ending.abort();
    };
  }, [taskId, attempt, seen]);
  return (
    <figure class={`picture picture-${state.value}`}>
      <video ref={video} muted playsInline disablePictureInPicture aria-label={t('picture.of', { name })} />
      {state.value !== 'there' && <figcaption>{t(`picture.${state.value}`)}</figcaption>}
    </figure>
  );
}

/** The last key frame, drawn anew every few seconds. */
export function StillPicture({ taskId, name }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const state = useSignal<PictureState>('opening');
  useEffect(() => {
    const ending = new AbortController();
    const draw = async (): Promise<void> => {
      if (document.hidden || canvas.current === null) return;
      const isDrawn = await drawStill(canvas.current, mediaUrl(taskId, 'still'), ending.signal);
      if (!ending.signal.aborted) state.value = isDrawn ? 'there' : 'none';
    };
    void draw();
    const timer = setInterval(() => void draw(), AGAIN_MS);
    return () => {
      clearInterval(timer);
      ending.abort();
    };
  }, [taskId]);
  return (
    <figure class={`picture picture-${state.value}`}>
      <canvas ref={canvas} role="img" aria-label={t('picture.of', { name })} />
      {state.value !== 'there' && <figcaption>{t(`picture.${state.value}`)}</figcaption>}
    </figure>
  );
}

const mediaUrl = (taskId: string, what: 'live.flv' | 'still'): string =>
  `${location.origin}${API}/tasks/${encodeURIComponent(taskId)}/${what}`;

interface Showing {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly tell: (word: PictureState) => void;
}

async function play(video: HTMLVideoElement, { url, signal, tell }: Showing): Promise<void> {
  const { default: mpegts } = await import('mpegts.js');
  if (signal.aborted || !mpegts.isSupported()) return;
  mpegts.LoggingControl.enableAll = false;
  const player = mpegts.createPlayer({ type: 'flv', isLive: true, url, withCredentials: true }, LIVE);
  const shown = (): void => tell('there');
  video.addEventListener('loadeddata', shown, { signal });
  signal.addEventListener('abort', () => player.destroy());
  for (const event of [mpegts.Events.ERROR, mpegts.Events.LOADING_COMPLETE]) {
    player.on(event, () => {
      if (!signal.aborted) tell('none');
    });
  }
  player.attachMediaElement(video);
  player.load();
  void Promise.resolve(player.play()).catch(() => undefined);
}

/** Close to the live edge: a preview is for looking at now, not for smoothness. */
const LIVE = {
  isLive: true,
  enableStashBuffer: false,
  liveBufferLatencyChasing: true,
  liveBufferLatencyMaxLatency: 2,
  liveBufferLatencyMinRemain: 0.4,
  autoCleanupSourceBuffer: true,
} as const;

/** Answers whether there was something to draw. */
async function drawStill(canvas: HTMLCanvasElement, url: string, outer: AbortSignal): Promise<boolean> {
  const signal = AbortSignal.any([outer, AbortSignal.timeout(STILL_WITHIN_MS)]);
  try {
    const response = await fetch(url, { signal, credentials: 'same-origin' });
    const still = response.ok ? readStill(new Uint8Array(await response.arrayBuffer())) : undefined;
    if (still === undefined) return false;
    // Browsers have the decoder only for pages that came by https or from this machine.
    return typeof VideoDecoder === 'function' ? await decodeOnto(canvas, still) : await playOnto(canvas, still, signal);
  } catch {
    return false;
  }
}

async function decodeOnto(canvas: HTMLCanvasElement, { codec, description, picture }: StillFrame): Promise<boolean> {
  let isDrawn = false;
  const decoder = new VideoDecoder({
    output: frame => {
      isDrawn = copyFrame(frame, { canvas, width: frame.displayWidth, height: frame.displayHeight });
      frame.close();
    },
    // Told by the flush, too.
    error: () => undefined,
  });
  decoder.configure({ codec, description, optimizeForLatency: true });
  decoder.decode(new EncodedVideoChunk({ type: 'key', timestamp: 0, data: picture }));
  await decoder.flush();
  decoder.close();
  return isDrawn;
}

async function playOnto(canvas: HTMLCanvasElement, still: StillFrame, signal: AbortSignal): Promise<boolean> {
  const { default: mpegts } = await import('mpegts.js');
  if (signal.aborted || !mpegts.isSupported()) return false;
  mpegts.LoggingControl.enableAll = false;
  const video = document.createElement('video');
  video.muted = true;
  const url = URL.createObjectURL(repeated(still, FRAMES_TO_PLAY));
  const player = mpegts.createPlayer({ type: 'flv', isLive: false, hasAudio: false, url });
  try {
    return await new Promise<boolean>(resolve => {
      const draw = (): boolean => copyFrame(video, { canvas, width: video.videoWidth, height: video.videoHeight });
      video.addEventListener('loadeddata', () => resolve(draw()));
      player.on(mpegts.Events.ERROR, () => resolve(false));
      signal.addEventListener('abort', () => resolve(false));
      player.attachMediaElement(video);
      player.load();
    });
  } finally {
    player.destroy();
    URL.revokeObjectURL(url);
  }
}

const FRAMES_TO_PLAY = 5;

interface Surface {
  readonly canvas: HTMLCanvasElement;
  readonly width: number;
  readonly height: number;
}

function copyFrame(frame: CanvasImageSource, { canvas, width, height }: Surface): boolean {
  canvas.width = width;
  canvas.height = height;
  const surface = canvas.getContext('2d');
  surface?.drawImage(frame, 0, 0);
  return surface !== null && width > 0;
}
