import { type ChannelListener, type Conversation, listenChannel, type Peer, type ToWorker } from '../worker/channel.ts';
import { birthOf, Survivors } from './survivors.ts';

/** What the supervisor has of the computer it runs on, so that a simulation can stand in for it. */
export interface Machine {
  readonly listen: (path: string, accept: (peer: Peer<ToWorker>) => Conversation) => Promise<ChannelListener>;
  /** Acts over and over, until what it answers is called. */
  readonly every: (ms: number, act: () => void) => () => void;
  /** Tells a process from every later one with its pid; undefined when there is none. */
  readonly birthOf: (pid: number) => string | undefined;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  /** Outlives the control process. */
  readonly survivors: (file: string) => Pick<Survivors, 'read' | 'write' | 'remove'>;
}

export const thisMachine: Machine = {
  listen: listenChannel,
  every: (ms, act) => {
    const timer = setInterval(act, ms);
    return () => clearInterval(timer);
  },
  birthOf,
  kill: sendSignal,
  survivors: file => new Survivors(file),
};

/** The process may be gone by now, which is what was wanted. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
