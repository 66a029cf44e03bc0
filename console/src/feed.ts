import { effect, signal } from '@preact/signals';
import { API, strangerCount } from './api.ts';
import { isSeen } from './clock.ts';
import type { TaskEvent } from './model.ts';
import { visitor } from './visitor.ts';

/** Whether what is shown is kept up to date, and since when it is not. */
export interface FeedState {
  readonly live: boolean;
  readonly since: number;
}

export const feedState = signal<FeedState>({ live: false, since: Date.now() });
/** The latest events of all tasks, newest first. */
export const latest = signal<readonly TaskEvent[]>([]);

const KEPT = 200;
/** The node says something every 15 s at least. */
const SILENT_MS = 22_000;
const AGAIN_MS = 1_000;

type Listener = (event: TaskEvent) => void;
const listeners = new Set<Listener>();

export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Told when the feed begins, and is back after a break: what was shown before may be old. */
const returns = new Set<() => void>();
export function onReturn(listener: () => void): () => void {
  returns.add(listener);
  return () => returns.delete(listener);
}

let lastId = '';

/** Reads the stream for as long as the page is open; `EventSource` would not say why it was refused. */
export async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await whenWanted();
    // The node ends a stream now and then, to be asked anew who reads: that is no break.
    if (await readOnce(signal).catch(() => false)) continue;
    if (feedState.peek().live) feedState.value = { live: false, since: Date.now() };
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
  }
}

/** A browser has six connections to a node for all its tabs together: those that nobody looks at leave theirs to others. */
const HIDDEN_MS = 30_000;

const isWanted = (): boolean => isSeen.value && visitor.value?.user !== null;

function whenWanted(): Promise<void> {
  return new Promise(resolve => {
    const stop = effect(() => {
      if (!isWanted()) return;
      // Not within its own first run, where there is nothing to stop yet.
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

/** Aborts once nobody has looked for so long. */
function whenHidden(): { readonly signal: AbortSignal; readonly close: () => void } {
  const hidden = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    clearTimeout(timer);
    if (!isSeen.value) timer = setTimeout(() => hidden.abort(), HIDDEN_MS);
  });
  const close = (): void => {
    clearTimeout(timer);
    stop();
  };
  return { signal: hidden.signal, close };
}

/** Answers whether the node has ended it in good order. */
async function readOnce(outer: AbortSignal): Promise<boolean> {
  const silence = new AbortController();
  const hidden = whenHidden();
  const signal = AbortSignal.any([outer, silence.signal, hidden.signal]);
  try {
    return await readFrom(signal, silence);
  } finally {
    hidden.close();
  }
}

async function readFrom(signal: AbortSignal, silence: AbortController): Promise<boolean> {
  const headers = lastId === '' ? {} : { 'last-event-id': lastId };
  const response = await fetch(`${API}/events/stream`, { headers, signal, credentials: 'same-origin' });
  if (response.status === 401) strangerCount.value++;
  if (!response.ok || response.body === null) return false;
  setLive();
  let timer = setTimeout(() => silence.abort(), SILENT_MS);
  try {
    let text = '';
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      const blocks = `${text}${read.value}`.split('\n\n');
      text = blocks.pop() ?? '';
      blocks.forEach(hear);
    }
    return true;
  } finally {
    clearTimeout(timer);
  }
}

function setLive(): void {
  const wasBroken = !feedState.peek().live;
  feedState.value = { live: true, since: Date.now() };
  if (wasBroken) for (const listener of returns) listener();
}

function hear(block: string): void {
  const lines = block.split('\n');
  const fieldOf = (name: string): string =>
    lines.find(line => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
  const data = fieldOf('data');
  if (data === '') return;
  lastId = fieldOf('id');
  const event = JSON.parse(data) as TaskEvent;
  latest.value = [event, ...latest.peek()].slice(0, KEPT);
  for (const listener of listeners) listener(event);
}
