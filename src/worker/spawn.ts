import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PortRange } from '../media/srt/target.ts';
import type { Child, ChildEnd } from './channel.ts';

export interface ProcessSettings {
  /** The channel's path as given to `listenChannel`. */
  readonly channel: string;
  readonly slot: number;
  /** What the process writes to stdout and stderr goes to a file of its own in here. */
  readonly logFolder: string;
  /**
   * Where Node keeps our modules compiled. A process that finds them there starts without the type stripper, which saves
   * it a third of its memory.
   */
  readonly cacheFolder?: string;
  /** How long it goes on without a control process. */
  readonly orphanMs?: number;
}

export interface WorkerSettings extends ProcessSettings {
  readonly network: 'public' | 'lan' | 'lab';
  readonly tickMs?: number;
  /** Where `media://` files lie. */
  readonly mediaFolder?: string | undefined;
  /** A file of certificates to trust besides the system's. */
  readonly ca?: string | undefined;
  /** Ports at which tasks may wait for SRT callers. */
  readonly listens?: PortRange | undefined;
  /** Listeners of this node, as host:port, that no relay may dial. */
  readonly forbidden?: readonly string[];
  /** This worker's share of the dials to a destination host that does not answer. */
  readonly dialsPerSecond?: number;
  /** Its node is one of several: it pushes nothing before it has been told until when it may. */
  readonly leased?: boolean;
}

export interface OriginSettings extends ProcessSettings {
  /** host:port */
  readonly listen: string;
}

export function workerProcess(settings: WorkerSettings): Child {
  return start('main.ts', `worker-${settings.slot}`, settings, {
    MILLRACE_NETWORK: settings.network,
    MILLRACE_TICK_MS: settings.tickMs,
    MILLRACE_MEDIA: settings.mediaFolder,
    MILLRACE_CA: settings.ca,
    MILLRACE_SRT_LISTEN: settings.listens && `${settings.listens.from}-${settings.listens.to}`,
    MILLRACE_FORBIDDEN: settings.forbidden?.join(','),
    MILLRACE_DIALS_PER_SECOND: settings.dialsPerSecond,
    MILLRACE_LEASED: settings.leased ? '1' : undefined,
  });
}

export function originProcess(settings: OriginSettings): Child {
  return start('origin.ts', `origin-${settings.slot}`, settings, { MILLRACE_LISTEN: settings.listen });
}

type Variables = Readonly<Record<string, string | number | undefined>>;

/** The packet path makes next to no garbage: a nursery of 2 MB for it costs no time and saves 8 MB of memory. */
export const NODE_FLAGS = ['--max-semi-space-size=2'];

/**
 * Starts the process apart from us: in a session of its own, so that no hang-up or Ctrl-C of our terminal reaches it,
 * and with a file for its output, so that no pipe that we leave behind, or that nobody reads, can stop its media.
 */
function start(entry: string, name: string, settings: ProcessSettings, own: Variables): Child {
  mkdirSync(settings.logFolder, { recursive: true, mode: 0o700 });
  const log = openSync(join(settings.logFolder, `${name}.log`), 'a', 0o600);
  try {
    const child = spawn(process.execPath, [...NODE_FLAGS, fileURLToPath(new URL(entry, import.meta.url))], {
      detached: true,
      stdio: ['ignore', log, log],
      env: environment({
        MILLRACE_CHANNEL: settings.channel,
        MILLRACE_SLOT: settings.slot,
        MILLRACE_ORPHAN_MS: settings.orphanMs,
        NODE_COMPILE_CACHE: settings.cacheFolder,
        ...own,
      }),
    });
    const exited = new Promise<ChildEnd>(resolve => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve({ code: null, signal: null }));
    });
    child.unref();
    return { pid: child.pid, exited, kill: signal => void child.kill(signal) };
  } finally {
    closeSync(log);
  }
}

/** Ours without what is meant for the control process alone: its settings hold a secret key. */
function environment(own: Variables): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'));
  const given = Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return Object.fromEntries([...kept, ...given]);
}
