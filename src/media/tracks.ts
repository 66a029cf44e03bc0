import { Fault } from './fault.ts';

/** Which of a file's tracks of a kind is played, from 0; where it is not said, the first that can be relayed. */
export interface TrackChoice {
  readonly video?: number | undefined;
  readonly audio?: number | undefined;
}

/** What is told where the picture is played alone: sound that cannot be relayed is no reason to show nothing. */
export const soundLeftOut = (why: string): string => `The sound is left out: ${why}.`;

export const isUnsupported = (error: unknown): error is Fault => error instanceof Fault && error.kind === 'unsupported';

/** Throws where the file does not have the track that is asked for. */
export function requireTrack(kind: 'video' | 'audio', wanted: number | undefined, count: number): void {
  if (wanted === undefined || wanted < count) return;
  const there =
    count === 0 ? 'it has none of that kind' : count === 1 ? 'it has only track 0' : `they end at ${count - 1}`;
  throw new Fault('pull', 'unsupported', `the file has no ${kind} track ${wanted}: ${there}`);
}
