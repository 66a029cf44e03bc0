import { setTimeout } from 'node:timers/promises';

/** Rejects when the signal aborts. */
export const sleep = (ms: number, signal: AbortSignal): Promise<void> => setTimeout(ms, undefined, { signal });
